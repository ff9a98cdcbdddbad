import Primitives
import Scaling

extension CloudFleet {
    public var state: PoolState {
        var pending = self.orders
        var (ready, leaving) = (0, 0)
        for member in self.members.values {
            switch member.state {
            case .starting(let deadline):
                // Of one that is back it counts from there.
                let back = deadline.advanced(byNanoseconds: -self.limits.startTimeoutNanoseconds)
                pending.append(member.isTimed ? member.startedAt : back)
            case .ready: ready += 1
            case .draining, .retiring, .retired, .leaving: leaving += 1
            case .failed: break
            }
        }
        return PoolState(ready: ready, pending: pending.sorted(), draining: leaving)
    }

    /// Those to be asked how they do: they have an address, and may get requests some time.
    public var probed: [Member] {
        self.sorted { member in
            guard member.address != nil else { return false }
            switch member.state {
            case .starting, .ready, .failed: return true
            case .retiring: return member.lingersSince != nil
            case .draining, .retired, .leaving: return false
            }
        }
    }

    public var failed: [Member] { self.sorted { $0.state == .failed } }

    /// Those that the cloud was told to end, and that it lists as running long after.
    public var lingering: [Member] { self.sorted { $0.lingersSince != nil } }

    /// The cloud has taken the size, and has not come to it in the time that a start may take; nil: that is not so.
    public func shortfall(now: Instant) -> Shortfall? {
        guard let desired = self.desired, let told = self.told, told >= desired, self.kept < desired,
            let since = self.orders.first, now.nanoseconds(since: since) >= self.limits.startTimeoutNanoseconds
        else { return nil }
        return Shortfall(wanted: desired, told: told, listed: self.kept, since: since)
    }

    /// The cloud has said who exists, and each of them has been asked how it does, or has had the time to answer.
    public func isKnown(now: Instant) -> Bool {
        guard let firstListAt = self.firstListAt else { return false }
        if now.nanoseconds(since: firstListAt) >= Self.askNanoseconds { return true }
        return self.members.values.allSatisfy { member in
            guard case .starting = member.state else { return true }
            return member.address == nil || member.hasBeenAsked
        }
    }
}
