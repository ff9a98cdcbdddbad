import EventLoop
import Pools
import Primitives
import Settings
import TestKit
import Transport

@testable import Controller

/// Nothing to act on.
final class NoOutside: DriverOutside {
    static let addresses = [SocketAddress.loopback(port: 9_001), .loopback(port: 9_002)]
    var serving: Set<String> { Set(Self.addresses.map(\.description)) }
    var running: Set<String> { self.serving }
    var acts: Int { 0 }
    var onEnding: (String) -> Void = { _ in }
    func prepare(_ pool: inout PoolSettings) {
        pool.driver = .static
        pool.workers = Self.addresses.map { .init($0) }
    }
    func kill(_ id: String) {}
    func hang(_ id: String) {}
    func fail(_ fault: OutsideFault?) {}
    var access: WorkerAccess { .invented() }
}

extension WorkerAccess {
    /// Where nothing works but what a test gives.
    static func invented(
        controller: String = "controller",
        launch: @escaping WorkerLauncher = { _, _ in throw CommandFailure(what: "no processes here") },
        run: @escaping CommandRunner = { _, _, _ in throw CommandFailure(what: "no cloud here") },
        probe: @escaping ProbeMaker = { settings, _ in NobodysProbe(settings) }
    ) -> WorkerAccess {
        WorkerAccess(
            controller: controller,
            place: "here/1.1",
            book: MemoryBook(),
            launch: launch,
            adopt: { _, _ in .ended },
            isGone: { _ in false },
            freePort: { 9_999 },
            run: run,
            probe: probe
        )
    }
}

private final class NobodysProbe: AddressProbe {
    var settings: ProbeSettings
    init(_ settings: ProbeSettings) { self.settings = settings }
    func begin(at address: SocketAddress, isReady: Bool) {}
    func end() {}
}

/// Processes that are none.
final class ProcessOutside: DriverOutside {
    private let loop: VirtualLoop
    private var processes: [String: FakeProcess] = [:]
    private var fault: OutsideFault?
    fileprivate(set) var acts = 0
    var onEnding: (String) -> Void = { _ in }
    private var ports: UInt16 = 10_000

    init(_ loop: VirtualLoop) { self.loop = loop }

    func prepare(_ pool: inout PoolSettings) { pool.driver = .process }

    var access: WorkerAccess {
        .invented(launch: { [weak self] plan, onEvent in
            guard let self else { throw CommandFailure(what: "the test is over") }
            self.acts += 1
            if self.fault == .refuses { throw CommandFailure(what: "no such program") }
            self.ports += 1
            let process = FakeProcess(
                id: plan.id,
                port: self.ports,
                loop: self.loop,
                outside: self,
                fault: self.fault,
                onEvent: onEvent
            )
            self.processes[plan.id] = process
            return process
        })
    }

    fileprivate func ended(_ id: String) { self.processes[id] = nil }
    fileprivate func told(toEnd id: String) {
        self.acts += 1
        self.onEnding(id)
    }

    var serving: Set<String> {
        Set(self.processes.values.filter { $0.isWell && !$0.isToldToEnd }.map(\.id))
    }
    var running: Set<String> { Set(self.processes.keys) }
    func kill(_ id: String) { self.loop.onNextTurn { self.processes[id]?.end("killed by a test") } }
    func hang(_ id: String) { self.processes[id]?.hangs = true }
    func fail(_ fault: OutsideFault?) { self.fault = fault }
}

private final class FakeProcess: WorkerProcess {
    let id: String
    let identity: ProcessIdentity
    private(set) var address: SocketAddress?
    private let loop: VirtualLoop
    private let outside: ProcessOutside
    private var onEvent: ((WorkerEvent) -> Void)?
    private(set) var isToldToEnd = false
    private var hasEnded = false
    var hangs = false
    private var settings = ProbeSettings()

    init(
        id: String,
        port: UInt16,
        loop: VirtualLoop,
        outside: ProcessOutside,
        fault: OutsideFault?,
        onEvent: @escaping (WorkerEvent) -> Void
    ) {
        self.id = id
        self.identity = ProcessIdentity(place: "here/1.1", pid: Int32(port), startTicks: 1)
        self.loop = loop
        self.outside = outside
        self.onEvent = onEvent
        loop.after(nanoseconds: 300 * Nanoseconds.perMillisecond) { [self] in
            switch fault {
            case nil:
                self.address = .loopback(port: port)
                self.onEvent?(.announced)
                loop.after(nanoseconds: 200 * Nanoseconds.perMillisecond) { self.getReady() }
            case .talksNonsense: self.onEvent?(.useless("nowhere"))
            case .forgets: self.end("forgot what it was for")
            case .refuses, .hangs: break
            }
        }
    }

    var isWell: Bool { self.address != nil && !self.hangs && !self.hasEnded }

    private func getReady() {
        guard !self.isToldToEnd, !self.hasEnded else { return }
        self.onEvent?(.ready)
        self.askLater()
    }

    private func askLater() {
        self.loop.after(nanoseconds: self.settings.intervalNanoseconds) { [self] in
            guard !self.hasEnded, !self.isToldToEnd else { return }
            self.onEvent?(.probed(isWell: !self.hangs))
            self.askLater()
        }
    }

    func ask(_ settings: ProbeSettings) { self.settings = settings }
    func letGo() { self.onEvent = nil }
    func tidy() {}

    func stop(keepsOutput: Bool) {
        self.isToldToEnd = true
        self.outside.told(toEnd: self.id)
        guard !self.hangs else { return }
        self.loop.after(nanoseconds: 100 * Nanoseconds.perMillisecond) { self.end("told to") }
    }

    func kill() {
        self.outside.told(toEnd: self.id)
        self.loop.onNextTurn { self.end("killed") }
    }

    func end(_ reason: String) {
        guard !self.hasEnded else { return }
        self.hasEnded = true
        self.outside.ended(self.id)
        self.onEvent?(.ended(reason))
    }
}
