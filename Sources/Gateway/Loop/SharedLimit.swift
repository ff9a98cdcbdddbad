import Synchronization

/// A limit that all loops of a gateway share: one number counted together, so that a small limit is neither lost nor
/// multiplied when it is divided by the loops. Touched when somebody begins or ceases to wait, not on the way of a
/// request that does not.
final class SharedLimit: Sendable {
    private let taken = Atomic<Int>(0)

    /// False when `limit` are taken already. Each success is given back once.
    func take(limit: Int) -> Bool {
        if self.taken.add(1, ordering: .relaxed).newValue <= limit { return true }
        self.taken.subtract(1, ordering: .relaxed)
        return false
    }

    func giveBack(_ count: Int = 1) {
        let left = self.taken.subtract(count, ordering: .relaxed).newValue
        precondition(left >= 0, "more was given back than was taken")
    }

    var count: Int { self.taken.load(ordering: .relaxed) }
}

/// Said once to all loops of a gateway at the same time: no new work.
final class DrainFlag: Sendable {
    private let isRaised = Atomic(false)

    func raise() { self.isRaised.store(true, ordering: .relaxed) }
    var isUp: Bool { self.isRaised.load(ordering: .relaxed) }
}

/// Limits by name, made when they are first asked for.
final class SharedLimits: Sendable {
    private let limits = Mutex<[String: SharedLimit]>([:])

    subscript(name: String) -> SharedLimit {
        self.limits.withLock { limits in
            if let known = limits[name] { return known }
            let made = SharedLimit()
            limits[name] = made
            return made
        }
    }
}
