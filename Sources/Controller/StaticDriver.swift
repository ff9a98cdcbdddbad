import Primitives
import Scaling
import Settings
import SharedState

/// A fixed list of addresses that others look after. Gateways have it from their settings, and find out by themselves
/// who is well: there is nothing to do.
final class StaticDriver: WorkerDriver {
    private var pool: PoolSettings
    private(set) var term: Int64?
    var onEvent: ((WorkerDriverEvent) -> Void)?

    init(_ context: DriverContext) { self.pool = context.pool }

    var state: PoolState { PoolState(ready: self.pool.workers.count) }
    /// Nothing is told that gateways do not know.
    var directory: [WorkerRecord] { [] }
    var problem: String? { nil }
    var crashes: Int { 0 }
    var hasWorkers: Bool { false }

    func apply(_ pool: PoolSettings) { self.pool = pool }

    func takeOver(fence: Int64, _ completion: @escaping () -> Void) {
        self.term = fence
        completion()
    }

    func reconcile(desired: Int, inFlight: ByName<Int>?) {}
    func hold(inFlight: ByName<Int>?) {}
    func retire(_ id: String) -> Retirement {
        .impossible("its workers are looked after by others (driver static): take the address out of workers")
    }
    func standBy() { self.term = nil }
    func follow() {}
    func leave() { self.term = nil }

    func stop(inHurry: Bool, _ completion: @escaping () -> Void) {
        self.term = nil
        completion()
    }
}
