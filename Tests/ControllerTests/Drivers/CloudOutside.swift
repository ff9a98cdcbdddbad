import EventLoop
import Primitives
import Settings
import TestKit
import Transport

@testable import Controller

/// A cloud with a command line: it has a size, brings instances up to it, and replaces those that die.
final class CloudOutside: DriverOutside {
    private struct Instance {
        let address: SocketAddress
        var isRunning = false
        var isWell = false
        var isLeaving = false
    }

    private let world: VirtualWorld
    private let loop: VirtualLoop
    private let canRetire: Bool
    private var instances: [String: Instance] = [:]
    private var count = 0
    private(set) var size = 0
    private var fault: OutsideFault?
    /// The one command that fails, `scale` or `retire`, while the others work.
    var refused: String?
    /// The command to retire says that it does, and does nothing.
    var keepsThoseItEnds = false
    /// Nothing is started, whatever the size.
    var startsNone = false
    /// Commands that have had an effect.
    private(set) var acts = 0
    /// Of each kind, those under way.
    private var underWay: [String: Int] = [:]
    /// Never more than one.
    private(set) var mostAtOnce = 0
    var onEnding: (String) -> Void = { _ in }
    private(set) var ownEndings: [(id: String, at: Instant)] = []

    init(_ world: VirtualWorld, _ loop: VirtualLoop, canRetire: Bool) {
        self.world = world
        self.loop = loop
        self.canRetire = canRetire
    }

    func prepare(_ pool: inout PoolSettings) {
        pool.driver = .command
        pool.cloud.scale = ["cloud", "scale", "--to={desired}"]
        pool.cloud.list = ["cloud", "list"]
        if self.canRetire { pool.cloud.retire = ["cloud", "retire", "{id}"] }
        pool.cloud.everyNanoseconds = 2 * Nanoseconds.perSecond
        pool.cloud.timeoutNanoseconds = 5 * Nanoseconds.perSecond
    }

    var access: WorkerAccess {
        .invented(
            run: { [weak self] words, timeout, completion in
                guard let self else { throw CommandFailure(what: "the test is over") }
                return self.run(words, timeout, completion)
            },
            probe: { [weak self] settings, onAnswer in
                FakeProbe(settings, self?.loop) {
                    self?.isWell(at: $0) ?? false
                } onAnswer: {
                    onAnswer($0)
                }
            }
        )
    }

    // MARK: The commands

    private func run(
        _ words: [String],
        _ timeout: Int64,
        _ completion: @escaping (Result<[UInt8], CommandFailure>) -> Void
    ) -> any RunningCommand {
        let kind = words[1] == "list" ? "list" : "act"
        self.underWay[kind, default: 0] += 1
        self.mostAtOnce = max(self.mostAtOnce, self.underWay[kind] ?? 0)
        let command = FakeCommand()
        let hangs = self.fault == .hangs
        let takes = hangs ? timeout : self.world.random(50...600) * Nanoseconds.perMillisecond
        command.onCancel = { self.underWay[kind, default: 1] -= 1 }
        self.loop.after(nanoseconds: takes) {
            guard !command.isOver else { return }
            command.isOver = true
            self.underWay[kind, default: 1] -= 1
            completion(hangs ? .failure(CommandFailure(what: "it took too long")) : self.answer(words))
        }
        return command
    }

    private func answer(_ words: [String]) -> Result<[UInt8], CommandFailure> {
        if self.refused == words[1] { return .failure(CommandFailure(what: "it ended with exit code 1; quota")) }
        switch (self.fault, words[1]) {
        case (.refuses?, _): return .failure(CommandFailure(what: "it ended with exit code 255; ExpiredToken"))
        case (.talksNonsense?, "list"): return .success(Array("<html>504 Gateway Time-out</html>\n".utf8))
        case (.forgets?, "list"): return .success([])
        case (_, "list"): return .success(Array(self.listing.utf8))
        case (_, "scale"):
            self.acts += 1
            self.size = Int(words[2].dropFirst("--to=".count)) ?? -1
            self.converge()
            return .success([])
        default:
            self.acts += 1
            if self.keepsThoseItEnds { return .success([]) }
            guard self.instances[words[2]] != nil else { return .failure(CommandFailure(what: "no such instance")) }
            self.size -= 1
            self.end(words[2])
            return .success([])
        }
    }

    private var listing: String {
        self.instances.sorted { $0.key < $1.key }.map { id, instance in
            let state = instance.isLeaving ? "shutting-down" : instance.isRunning ? "running" : "pending"
            return "\(id)\t\(instance.isRunning ? instance.address.description : "None")\t\(state)\n"
        }.joined()
    }

    // MARK: Its own doing

    private var kept: [String] { self.instances.filter { !$0.value.isLeaving }.keys.sorted() }

    /// By somebody else.
    func scaleByHand(to size: Int) {
        self.size = size
        self.converge()
    }

    private func converge() {
        while !self.startsNone, self.kept.count < self.size { self.boot() }
        // The oldest goes, whatever it has under way.
        while self.kept.count > max(0, self.size), let victim = self.kept.first { self.end(victim) }
    }

    private func boot() {
        self.count += 1
        let id = "i-\(10_000 + self.count)"
        self.instances[id] = Instance(address: .ipv4(0x0A00_0000 + UInt32(self.count), port: 8_080))
        self.loop.after(nanoseconds: self.world.random(1...4) * Nanoseconds.perSecond) {
            self.instances[id]?.isRunning = true
        }
        self.loop.after(nanoseconds: self.world.random(5...9) * Nanoseconds.perSecond) {
            self.instances[id]?.isWell = true
        }
    }

    private func end(_ id: String) {
        guard self.instances[id]?.isLeaving == false else { return }
        self.onEnding(id)
        self.ownEndings.append((id, self.loop.now))
        self.instances[id]?.isLeaving = true
        self.loop.after(nanoseconds: 3 * Nanoseconds.perSecond) { self.instances[id] = nil }
    }

    private func isWell(at address: SocketAddress) -> Bool {
        self.instances.values.contains { $0.address == address && $0.isWell }
    }

    var serving: Set<String> { Set(self.instances.filter { $0.value.isWell && !$0.value.isLeaving }.keys) }
    var running: Set<String> { Set(self.kept) }

    func kill(_ id: String) {
        self.instances[id] = nil
        self.loop.onNextTurn { self.converge() }
    }

    func hang(_ id: String) { self.instances[id]?.isWell = false }
    func fail(_ fault: OutsideFault?) { self.fault = fault }
}

private final class FakeCommand: RunningCommand {
    var isOver = false
    var onCancel: () -> Void = {}
    func cancel() {
        guard !self.isOver else { return }
        self.isOver = true
        self.onCancel()
    }
}

/// As a cloud's `WorkerProbe`: tells the first answer, a first good one, and from then on all.
private final class FakeProbe: AddressProbe {
    var settings: ProbeSettings
    private let loop: VirtualLoop?
    private let ask: (SocketAddress) -> Bool
    private let onAnswer: (Bool) -> Void
    private var isOver = false
    private var wasWell = false
    private var hasAnswered = false

    init(
        _ settings: ProbeSettings,
        _ loop: VirtualLoop?,
        ask: @escaping (SocketAddress) -> Bool,
        onAnswer: @escaping (Bool) -> Void
    ) {
        self.settings = settings
        self.loop = loop
        self.ask = ask
        self.onAnswer = onAnswer
    }

    func begin(at address: SocketAddress, isReady: Bool) {
        self.wasWell = isReady
        self.askLater(address)
    }

    private func askLater(_ address: SocketAddress) {
        self.loop?.after(nanoseconds: 500 * Nanoseconds.perMillisecond) {
            guard !self.isOver else { return }
            let isWell = self.ask(address)
            if isWell { self.wasWell = true }
            if self.wasWell || !self.hasAnswered { self.onAnswer(isWell) }
            self.hasAnswered = true
            self.askLater(address)
        }
    }

    func end() { self.isOver = true }
}
