/// Which process is meant, so that another one that got its number later is not taken for it.
///
/// As text `PLACE:PID:TICKS`, such as `shop-1/9f0c.4026531836:4711:88123`.
public struct ProcessIdentity: Hashable, Sendable, CustomStringConvertible {
    /// Where the number means something: `HOST/BOOT.NAMESPACE`.
    public var place: String
    public var pid: Int32
    /// When it began, in clock ticks since the machine did.
    public var startTicks: UInt64

    public init(place: String, pid: Int32, startTicks: UInt64) {
        self.place = place
        self.pid = pid
        self.startTicks = startTicks
    }

    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 3, let pid = Int32(parts[parts.count - 2]), pid > 0,
            let ticks = UInt64(parts[parts.count - 1])
        else { return nil }
        let place = parts.dropLast(2).joined(separator: ":")
        guard !place.isEmpty else { return nil }
        self.init(place: place, pid: pid, startTicks: ticks)
    }

    public var description: String { "\(self.place):\(self.pid):\(self.startTicks)" }

    /// How a place looks from another one.
    public enum Whereabouts: Equatable, Sendable {
        /// The same numbers mean the same processes.
        case here
        /// That host has been started again since, or that container: none of its processes is left.
        case gone
        /// A host whose processes cannot be seen from here.
        case elsewhere
    }

    public func whereabouts(seenFrom place: String) -> Whereabouts {
        if self.place == place { return .here }
        let (own, other) = (place.prefix { $0 != "/" }, self.place.prefix { $0 != "/" })
        return own == other ? .gone : .elsewhere
    }

    /// What the kernel says of a process in `/proc/PID/stat`; nil when it is no such text. The name in parentheses may
    /// hold anything, so fields are counted from its end.
    public static func status(
        _ stat: some StringProtocol
    ) -> (isZombie: Bool, group: Int32, session: Int32, startTicks: UInt64)? {
        guard let end = stat.lastIndex(of: ")") else { return nil }
        // State is the third field of the whole, the group the fifth, the session the sixth, the start the 22nd.
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let group = Int32(fields[2]), let session = Int32(fields[3]),
            let ticks = UInt64(fields[19])
        else { return nil }
        return (fields[0] == "Z" || fields[0] == "X", group, session, ticks)
    }
}
