import Primitives
import Synchronization

/// When a worker was last reached, and when last not: as one loop has it, or all loops of a gateway together.
struct WorkerHealth: Equatable, Sendable {
    var reached = Instant(nanoseconds: 0)
    var missed = Instant(nanoseconds: 0)

    /// Nobody has tried it yet, or it was there when it was last tried.
    var isHealthy: Bool { self.reached >= self.missed }

    mutating func add(_ other: WorkerHealth) {
        self.reached = max(self.reached, other.reached)
        self.missed = max(self.missed, other.missed)
    }
}

/// What the loops of a gateway know of the workers that take requests: a worker that one loop cannot reach may be one
/// that another loop has just reached.
final class PoolHealths: Sendable {
    typealias Workers = [String: WorkerHealth]
    private let pools = Mutex<[String: [Int: Workers]]>([:])

    /// `workers`: by id, those that the loop sends requests to; nil: the loop has not been told of any directory yet.
    func note(pool: String, loop: Int, workers: Workers?) {
        self.pools.withLock { $0[pool, default: [:]][loop] = workers }
    }

    /// Workers that can be reached; nil while nobody knows.
    func healthy(pool: String) -> Int64? {
        self.pools.withLock { pools in
            guard let loops = pools[pool]?.values, !loops.isEmpty else { return nil }
            return Int64(Self.countHealthy(Array(loops)))
        }
    }

    /// What loops know of the same workers, put together.
    static func countHealthy(_ loops: [Workers]) -> Int {
        var merged = Workers()
        for workers in loops { merged.merge(workers) { $0.merged(with: $1) } }
        return merged.values.count(where: \.isHealthy)
    }

    /// Forgets pools that are configured no more.
    func keep(_ names: Set<String>) { self.pools.withLock { $0 = $0.filter { names.contains($0.key) } } }
}

extension WorkerHealth {
    fileprivate func merged(with other: WorkerHealth) -> WorkerHealth {
        var sum = self
        sum.add(other)
        return sum
    }
}
