import Pools
import Primitives

/// What an operator is told of a cloud that does not do as it was told.
struct CloudProblem {
    let fleet: CloudFleet
    let now: Instant
    /// Microseconds since 1970, at `now`.
    let wallMicros: Int64

    /// The command to `key` fails. It is tried again no sooner than `dueMicros`, in microseconds since 1970.
    func failing(_ key: String, _ trouble: CommandLane.Trouble, isRunning: Bool, dueMicros: Int64) -> String {
        let since = Self.time(trouble.sinceMicros)
        let isDue = isRunning || dueMicros <= self.wallMicros
        let next = isDue ? "It is tried again now" : "It is tried again at \(Self.time(dueMicros))"
        return "the command to \(key) has failed since \(since), the last time so: \(trouble.what). \(next)"
    }

    /// The instances themselves.
    var ofInstances: [String] {
        [self.failed, self.lingering, self.shortfall].compactMap { $0 }
    }

    private var failed: String? {
        let failed = self.fleet.failed
        guard let first = failed.first else { return nil }
        let what = failed.count == 1 ? "instance \(first.id) does" : "\(failed.count) instances, as \(first.id), do"
        return "\(what) not answer the probe at \(first.address?.description ?? "an address that is not listed")"
    }

    private var lingering: String? {
        let lingering = self.fleet.lingering
        guard let first = lingering.first, let since = first.lingersSince else { return nil }
        guard lingering.count > 1 else {
            return "\(first.id) was told to end at \(self.time(since)) and is still listed as running"
        }
        return "\(lingering.count) instances, as \(first.id) at \(self.time(since)), were told to end and are still "
            + "listed as running"
    }

    private var shortfall: String? {
        guard let shortfall = self.fleet.shortfall(now: self.now) else { return nil }
        let wanted = shortfall.wanted == 1 ? "1 instance is" : "\(shortfall.wanted) instances are"
        return "\(wanted) wanted since \(self.time(shortfall.since)); the cloud was told \(shortfall.told), "
            + "took that, and lists \(shortfall.listed)"
    }

    private func time(_ instant: Instant) -> String {
        Self.time(self.wallMicros - self.now.nanoseconds(since: instant) / Nanoseconds.perMicrosecond)
    }

    private static func time(_ wallMicros: Int64) -> String { RFC3339.text(wallMicros: wallMicros, fraction: .millis) }
}
