import EventLoop
import Glibc
import HTTPService
import Pools
import Primitives
import Transport

/// One worker's process: started or found, read for its address, asked until it is ready, told to end. What it is to do
/// and when is decided by `Reconciliation`.
final class ManagedWorker: WorkerProcess {
    private static let probeIntervalNanoseconds = 50 * Nanoseconds.perMillisecond
    private static let probeTimeoutNanoseconds = Nanoseconds.perSecond

    private(set) var address: SocketAddress?
    let identity: ProcessIdentity
    private let loop: EventLoop
    private let onEvent: (WorkerEvent) -> Void
    private let process: DetachedProcess
    private let log: WorkerLog
    private var probeTimer: LoopTimer?
    /// Until it is ready or told to end.
    private var isAsked = true
    private var isToldToEnd = false

    /// `onEvent` is called on the loop, and never before this has returned.
    init(_ plan: WorkerPlan, on loop: EventLoop, onEvent: @escaping (WorkerEvent) -> Void) throws {
        self.loop = loop
        self.onEvent = onEvent
        self.log = WorkerLog(path: plan.log, loop: loop)
        let output = try self.log.openForWriting()
        defer { close(output) }
        let end = EndOfProcess()
        do {
            self.process = try DetachedProcess.spawn(
                plan.executable,
                arguments: plan.arguments,
                environment: [WorkerMark.variable: WorkerMark(plan).text],
                output: output,
                on: loop
            ) { end.tell("\($0)") }
        } catch {
            self.log.remove()
            throw error
        }
        self.identity = self.process.identity
        end.worker = self
        self.probeTimer = LoopTimer(loop: loop) { [weak self] in self?.probe() }
        self.log.watch { [weak self] in self?.announced($0) }
    }

    /// Goes on with a worker that another controller started; nil when it does not run any more.
    init?(adopting entry: RegisteredWorker, on loop: EventLoop, onEvent: @escaping (WorkerEvent) -> Void) {
        let end = EndOfProcess()
        guard let process = DetachedProcess.find(entry.process, on: loop, onExit: { _ in end.tell(Self.strangersEnd) })
        else {
            // It died while nobody looked; what it had started may still be there.
            ProcessTable.endRest(ofGroup: entry.process.pid, withVariable: WorkerMark.variable) {
                WorkerMark(text: $0)?.id == entry.id
            }
            return nil
        }
        self.loop = loop
        self.onEvent = onEvent
        self.log = WorkerLog(path: entry.log, loop: loop)
        self.process = process
        self.identity = entry.process
        self.address = entry.address.flatMap { try? SocketAddress(parsing: $0) }
        self.isAsked = entry.state == .starting
        end.worker = self
        guard self.isAsked else { return }
        let timer = LoopTimer(loop: loop) { [weak self] in self?.probe() }
        self.probeTimer = timer
        if self.address != nil {
            timer.arm(afterNanoseconds: 0)
        } else {
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

    private func announced(_ address: String) {
        guard self.isAsked else { return }
        do {
            self.address = try SocketAddress(parsing: address)
            self.onEvent(.announced)
            self.probe()
        } catch {
            self.isAsked = false
            self.onEvent(.useless("\(error)"))
        }
    }

    private func probe() {
        guard self.isAsked, let address = self.address else { return }
        HTTPProbe.get(
            address: address,
            path: "/healthz",
            on: self.loop,
            timeoutNanoseconds: Self.probeTimeoutNanoseconds
        ) { [weak self] result in
            guard let self, self.isAsked else { return }
            guard case .success(let answer) = result, answer.status == 200 else {
                self.probeTimer?.arm(afterNanoseconds: Self.probeIntervalNanoseconds)
                return
            }
            self.isAsked = false
            self.onEvent(.ready)
        }
    }

    func tidy() { self.log.tidy() }

    // MARK: End

    func stop() {
        self.isAsked = false
        self.isToldToEnd = true
        self.process.signal(SIGTERM)
    }

    func kill() { self.process.signal(SIGKILL) }

    func letGo() {
        self.isAsked = false
        self.log.ignore()
        self.process.letGo()
    }

    private func processEnded(_ reason: String) {
        self.isAsked = false
        self.log.ignore()
        guard !self.isToldToEnd else {
            self.log.remove()
            return self.onEvent(.ended(reason))
        }
        let lines = WorkerLog.lastLines(of: self.log.path)
        self.onEvent(.ended(lines.isEmpty ? reason : "\(reason); the last that it said: \(lines)"))
    }
}
