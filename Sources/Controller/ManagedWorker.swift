import EventLoop
import Glibc
import Settings
import Transport

/// One worker's process: started, read for its address, asked how it does, told to end. What it is to do and when
/// is decided by `Reconciliation`.
final class ManagedWorker: WorkerProcess {
    private(set) var address: SocketAddress?
    private let loop: EventLoop
    private let onEvent: (WorkerEvent) -> Void
    private var process: ChildProcess?
    private var output: WorkerOutput?
    private var probe: WorkerProbe?
    private var isReady = false
    /// It tells where it listens, once, and unless it is told to end before.
    private var isAwaited = true

    /// `onEvent` is called on the loop, and never before this has returned.
    init(_ plan: WorkerPlan, on loop: EventLoop, onEvent: @escaping (WorkerEvent) -> Void) throws {
        self.loop = loop
        self.onEvent = onEvent
        let process = try ChildProcess.spawn(plan.executable, arguments: plan.arguments, on: loop) {
            [weak self] status in
            self?.processEnded("\(status)")
        }
        self.process = process
        self.probe = WorkerProbe(ProbeSettings(), on: loop) { [weak self] in self?.answered($0) }
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
        guard self.isAwaited else { return }
        self.isAwaited = false
        do {
            let parsed = try SocketAddress(parsing: address)
            self.address = parsed
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

    // MARK: End

    func stop() {
        self.endProbe()
        self.process?.signal(SIGTERM)
    }

    func kill() { self.process?.signal(SIGKILL) }

    private func endProbe() {
        self.isAwaited = false
        self.probe?.end()
    }

    private func processEnded(_ reason: String) {
        self.endProbe()
        self.process = nil
        self.output?.deregisterAndClose()
        self.output = nil
        self.onEvent(.ended(reason))
    }
}
