import EventLoop
import Glibc
import Primitives
import Transport

/// A process that is a sample worker and nothing else: what `sluice worker` runs.
///
/// It says `listening on ADDRESS` on standard output once, drains on SIGTERM and SIGINT and, if the shape says so, when
/// its parent is gone, and then ends with code 0; with code 1 when draining takes too long. Where its environment names a
/// file for a `FailureOrder`, it does what that says.
public enum WorkerProcess {
    /// After this time of draining the process ends though connections are left.
    public static let maxDrainNanoseconds = 30 * Nanoseconds.perSecond

    /// Starts the worker on `loop`. Whoever calls keeps the main thread from ending, as with `dispatchMain()`.
    /// - Parameter onFailure: called on the loop when the worker cannot start; says why.
    public static func start(
        on loop: EventLoop,
        address: SocketAddress,
        shape: WorkerShape,
        onFailure: @escaping @Sendable (any Error) -> Void
    ) {
        SignalSource.ignoreBrokenPipe()
        loop.submit {
            do {
                try Self.begin(loop, address, shape)
            } catch {
                onFailure(error)
            }
        }
    }

    private static func begin(_ loop: EventLoop, _ address: SocketAddress, _ shape: WorkerShape) throws {
        let worker = try SampleWorker(loop: loop, address: address, shape: shape)
        let ending = Ending(worker: worker)
        if shape.exitsWithParent { _ = try ParentWatch(loop: loop) { ending.begin() } }
        ending.watchSignals()
        if let path = getenv(FailureOrder.variable) {
            FailureOrder(path: String(cString: path), for: worker).watch()
        }
        Self.say("listening on \(worker.boundAddress)\n")
    }

    private static func say(_ line: String) {
        _ = line.utf8.withContiguousStorageIfAvailable { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }
}

/// The one way in which the process ends, whatever asks for it first.
// Unchecked because all of it happens on the worker's loop, which `begin` checks.
private final class Ending: @unchecked Sendable {
    private let worker: SampleWorker
    private var signals: SignalSource?
    private var hasBegun = false

    init(worker: SampleWorker) { self.worker = worker }

    /// Keeps itself alive through the handler.
    func watchSignals() {
        self.signals = SignalSource([SIGTERM, SIGINT], on: self.worker.loop) { _ in self.begin() }
    }

    func begin() {
        self.worker.loop.preconditionOnLoop()
        guard !self.hasBegun else { return }
        self.hasBegun = true
        self.worker.loop.after(nanoseconds: WorkerProcess.maxDrainNanoseconds) { exit(1) }
        self.worker.drain { exit(0) }
    }
}
