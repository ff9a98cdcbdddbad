import Pools
import Primitives
import Scaling
import Settings
import SharedState
import Transport

/// A fixed list of addresses and names that others look after. Gateways have it from their settings, look the names up
/// themselves, and find out who is well: all there is to do is to count the workers behind the names.
final class StaticDriver: WorkerDriver {
    private var pool: PoolSettings
    private(set) var term: Int64?
    var onEvent: ((WorkerDriverEvent) -> Void)?
    private let hosts: HostWatch
    /// In this term every name has been answered for, if only by a failure.
    private(set) var isComplete = false

    init(_ context: DriverContext) {
        self.pool = context.pool
        self.hosts = HostWatch(loop: context.loop, ask: context.workers.lookUp)
        self.hosts.onChange = { [weak self] _, _ in self?.countChanged() }
    }

    private func countChanged() {
        self.lookAround()
        if self.term != nil { self.onEvent?(.directoryChanged) }
    }

    private func lookAround() {
        // A name that a reload brings later on does not make what was known unknown.
        if StaticWorkers(self.pool, self.hosts.addresses).isComplete { self.isComplete = true }
    }

    private var size: Int { StaticWorkers(self.pool, self.hosts.addresses).workers.count }
    var state: PoolState { PoolState(ready: self.size) }
    var fixedSize: Int? { self.pool.hostNames.isEmpty ? nil : self.size }
    /// Nothing is told that gateways do not know.
    var directory: [WorkerRecord] { [] }
    var problem: String? {
        guard !self.hosts.problems.isEmpty else { return nil }
        let words = self.hosts.problems.joined(separator: "; ")
        return "pool \(self.pool.name), as the controller counts its workers: \(words)"
    }
    var crashes: Int { 0 }
    var hasWorkers: Bool { false }

    func apply(_ pool: PoolSettings) {
        self.pool = pool
        if self.term != nil { self.hosts.follow(pool.lookups) }
    }

    func takeOver(fence: Int64, _ completion: @escaping () -> Void) {
        self.term = fence
        self.isComplete = false
        self.hosts.follow(self.pool.lookups)
        self.lookAround()
        completion()
    }

    func reconcile(desired: Int, inFlight: ByName<Int>?) {}
    func hold(inFlight: ByName<Int>?) {}
    func retire(_ id: String) -> Retirement {
        .impossible("its workers are looked after by others (driver static): take the address out of workers")
    }
    func standBy() { self.end() }
    func follow() {}
    func leave() { self.end() }

    /// Who does not lead needs not know.
    private func end() {
        self.term = nil
        self.hosts.stop()
    }

    func stop(inHurry: Bool, _ completion: @escaping () -> Void) {
        self.end()
        completion()
    }
}
