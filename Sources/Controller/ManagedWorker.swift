import EventLoop
import Glibc
import Pools
import Primitives
import Settings
import Transport

/// One worker's process: started or found, read for its address, asked how it does, told to end. What it is to do and
/// when is decided by `Reconciliation`.
final class ManagedWorker: WorkerProcess {
    private(set) var address: SocketAddress?
    let identity: ProcessIdentity
    private let loop: EventLoop
    private let onEvent: (WorkerEvent) -> Void
    private let process: DetachedProcess
    private let log: WorkerLog
    private var probe: WorkerProbe?
    private var isReady = false
    /// It tells where it listens, once, unless it was told where to, or is told to end before.
    private var isAwaited = true
    /// Its end was not asked for, or is that of one that failed: what it has said tells why.
    private var isWanted = true

    /// `onEvent` is called on the loop, and never before this has returned.
    init(_ plan: WorkerPlan, on loop: EventLoop, onEvent: @escaping (WorkerEvent) -> Void) throws {
        self.loop = loop
        self.onEvent = onEvent
        self.log = WorkerLog(path: plan.log, loop: loop)
        let output = try self.log.openForWriting()
        defer { close(output) }
        let end = EndOfProcess()
        let mark = WorkerMark(plan).text
        do {
            self.process = try DetachedProcess.spawn(
                plan.executable,
                arguments: plan.arguments,
                environment: [WorkerMark.variable: mark],
                mark: ProcessMark(variable: WorkerMark.variable) { $0 == mark },
                output: output,
                on: loop
            ) { end.tell("\($0)") }
        } catch {
            self.log.remove()
            throw error
        }
        self.identity = self.process.identity
        end.worker = self
        let probe = WorkerProbe(ProbeSettings(), on: loop) { [weak self] in self?.answered($0) }
        self.probe = probe
        self.address = plan.address
        if let address = plan.address {
            self.isAwaited = false
            probe.begin(at: address)
        } else {
            self.log.watch { [weak self] in self?.announced($0) }
        }
    }

    /// Goes on with a worker that another controller started.
    static func adopt(
        _ entry: RegisteredWorker,
        on loop: EventLoop,
        onEvent: @escaping (WorkerEvent) -> Void
    ) -> FoundWorker {
        let end = EndOfProcess()
        let mark = ProcessMark(variable: WorkerMark.variable) { WorkerMark(text: $0)?.id == entry.id }
        let found = DetachedProcess.find(entry.process, mark: mark, on: loop) { _ in end.tell(Self.strangersEnd) }
        switch found {
        case .runs(let process): return .runs(ManagedWorker(entry, process, end, on: loop, onEvent: onEvent))
        case .unseen: return .unseen
        case .ended:
            // It died while nobody looked; what it had started may still be there.
            ProcessTable.endRest(of: entry.process, mark: mark)
            return .ended
        }
    }

    private init(
        _ entry: RegisteredWorker,
        _ process: DetachedProcess,
        _ end: EndOfProcess,
        on loop: EventLoop,
        onEvent: @escaping (WorkerEvent) -> Void
    ) {
        self.loop = loop
        self.onEvent = onEvent
        self.log = WorkerLog(path: entry.log, process: entry.process.pid, loop: loop)
        self.process = process
        self.identity = entry.process
        self.address = entry.address.flatMap { try? SocketAddress(parsing: $0) }
        self.isReady = entry.state != .starting
        end.worker = self
        let probe = WorkerProbe(ProbeSettings(), on: loop) { [weak self] in self?.answered($0) }
        self.probe = probe
        if let address = self.address {
            self.isAwaited = false
            probe.begin(at: address, isReady: self.isReady)
        } else if !self.isReady {
            self.log.watch { [weak self] in self?.announced($0) }
        }
    }

    private static let strangersEnd =
        "how it ended is told to its parent only, which was an earlier controller"

    /// The process tells of its end to whoever has it by then: it is there before the worker is.
    private final class EndOfProcess {
        weak var worker: ManagedWorker?
        func tell(_ reason: String) { self.worker?.processEnded(reason) }
    }

    // MARK: Start

    /// Why what it writes is not on the disk; nil when it is.
    var outputTrouble: String? { self.log.trouble }

    private func announced(_ address: String) {
        guard self.isAwaited else { return }
        self.isAwaited = false
        do {
            let parsed = try SocketAddress(parsing: address)
            self.address = parsed
            self.onEvent(.announced)
            self.probe?.begin(at: parsed)
        } catch {
            self.onEvent(.useless("\(error)"))
        }
    }

    // MARK: How it does

    func ask(_ settings: ProbeSettings) { self.probe?.settings = settings }

    private func answered(_ isWell: Bool) {
        if self.isReady { return self.onEvent(.probed(isWell: isWell)) }
        self.isReady = true
        self.onEvent(.ready)
    }

    func tidy() { self.log.tidy() }

    // MARK: End

    func stop(keepsOutput: Bool) {
        self.endProbe()
        self.isWanted = keepsOutput
        self.process.signal(SIGTERM)
    }

    func kill() { self.process.signal(SIGKILL) }

    func letGo() {
        self.endProbe()
        self.log.ignore()
        self.process.letGo()
    }

    private func endProbe() {
        self.isAwaited = false
        self.probe?.end()
    }

    private func processEnded(_ reason: String) {
        self.endProbe()
        self.log.ignore()
        guard self.isWanted else {
            self.log.remove()
            return self.onEvent(.ended(reason))
        }
        self.log.keep()
        let lines = self.log.lastLines()
        self.onEvent(.ended(lines.isEmpty ? reason : "\(reason); the last that it said: \(lines)"))
    }
}
