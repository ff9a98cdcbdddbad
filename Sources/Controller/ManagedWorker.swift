import EventLoop
import Glibc
import HTTPService
import Primitives
import Transport

/// One worker's process: started, read for its address, asked until it is ready, told to end. What it is to do and when
/// is decided by `Reconciliation`.
final class ManagedWorker: WorkerProcess {
    private static let probeIntervalNanoseconds = 50 * Nanoseconds.perMillisecond
    private static let probeTimeoutNanoseconds = Nanoseconds.perSecond

    private(set) var address: SocketAddress?
    private let loop: EventLoop
    private let onEvent: (WorkerEvent) -> Void
    private var process: ChildProcess?
    private var output: WorkerOutput?
    private var probeTimer: LoopTimer?
    /// Until it is ready or told to end.
    private var isAsked = true

    /// `onEvent` is called on the loop, and never before this has returned.
    init(_ plan: WorkerPlan, on loop: EventLoop, onEvent: @escaping (WorkerEvent) -> Void) throws {
        self.loop = loop
        self.onEvent = onEvent
        let process = try ChildProcess.spawn(plan.executable, arguments: plan.arguments, on: loop) {
            [weak self] status in
            self?.processEnded("\(status)")
        }
        self.process = process
        self.probeTimer = LoopTimer(loop: loop) { [weak self] in self?.probe() }
        guard let pipe = process.takeOutput() else { return }
        do {
            self.output = try WorkerOutput(loop: loop, fd: pipe) { [weak self] address in self?.announced(address) }
        } catch {
            // Nobody would look after it.
            process.signal(SIGKILL)
            throw error
        }
    }

    var pid: Int32? { self.process?.pid }

    // MARK: Start

    private func announced(_ address: String) {
        guard self.isAsked else { return }
        do {
            self.address = try SocketAddress(parsing: address)
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

    // MARK: End

    func stop() {
        self.isAsked = false
        self.process?.signal(SIGTERM)
    }

    func kill() { self.process?.signal(SIGKILL) }

    private func processEnded(_ reason: String) {
        self.isAsked = false
        self.process = nil
        self.output?.deregisterAndClose()
        self.output = nil
        self.onEvent(.ended(reason))
    }
}
