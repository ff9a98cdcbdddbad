import Primitives

/// One key that session tickets are sealed with, and when. Times are microseconds since 1970 by the clock that all who
/// have the key go by.
public struct TicketKey: Equatable, Sendable {
    public static let nameBytes = 16
    /// 32 for HMAC-SHA256, and 32 for AES-256.
    public static let secretBytes = 64
    /// How many more of its periods a key is accepted for once it seals no more.
    public static let acceptedPeriods: Int64 = 2

    /// Stands in each ticket, unsealed.
    public let name: [UInt8]
    public let secret: Secret
    /// It seals new tickets from here on, up to, but without, `untilMicros`.
    public let fromMicros: Int64
    public let untilMicros: Int64

    public init(name: [UInt8], secret: Secret, fromMicros: Int64, untilMicros: Int64) {
        precondition(name.count == Self.nameBytes && secret.bytes.count == Self.secretBytes)
        precondition(fromMicros < untilMicros, "a key has a time")
        self.name = name
        self.secret = secret
        self.fromMicros = fromMicros
        self.untilMicros = untilMicros
    }

    /// A key out of the system's randomness.
    public static func random(fromMicros: Int64, untilMicros: Int64) -> TicketKey {
        TicketKey(
            name: (0..<Self.nameBytes).map { _ in .random(in: 0...255) },
            secret: Secret((0..<Self.secretBytes).map { _ in .random(in: 0...255) }),
            fromMicros: fromMicros,
            untilMicros: untilMicros
        )
    }

    public var periodMicros: Int64 { self.untilMicros - self.fromMicros }
    /// The last ticket under it may be shown for so long.
    public var acceptedUntilMicros: Int64 { self.untilMicros + Self.acceptedPeriods * self.periodMicros }
}

/// The keys of session tickets, by time: one seals, those before it are still accepted, and the one that seals next is
/// known half a period ahead, so that no gateway is shown a ticket under a key that it has not heard of.
public struct TicketKeyRing: Equatable, Sendable {
    /// Four are usual; more are there for a while after the period was made shorter.
    public static let maxKeys = 8
    /// Of a key, so that sums of times stay far from the end of the numbers.
    public static let maxPeriodMicros: Int64 = 366 * 86_400 * 1_000_000
    private static let maxMicros: Int64 = 1 << 60
    private static let version: UInt8 = 1
    private static let keyBytes = TicketKey.nameBytes + TicketKey.secretBytes + 16

    /// In order of the times at which they begin to seal.
    public private(set) var keys: [TicketKey] = []

    public init() {}

    /// What seals at `nowMicros`: where times overlap, after a clock was set back, the key that began last.
    public func sealing(atMicros nowMicros: Int64) -> TicketKey? {
        self.keys.last { $0.fromMicros <= nowMicros && nowMicros < $0.untilMicros }
    }

    /// Those whose tickets are taken, the one to come included.
    public func accepted(atMicros nowMicros: Int64) -> [TicketKey] {
        self.keys.filter { nowMicros < $0.acceptedUntilMicros }
    }

    /// The ring as it has to be at `nowMicros`: without keys that nobody needs, with one that seals, and with the next
    /// one from half of the last one's period on. Nil when it is so already.
    public func renewed(
        atMicros nowMicros: Int64,
        periodMicros: Int64,
        makeKey: (_ fromMicros: Int64, _ untilMicros: Int64) -> TicketKey
    ) -> TicketKeyRing? {
        precondition(0 < periodMicros && periodMicros <= Self.maxPeriodMicros)
        var ring = self
        let accepted = self.accepted(atMicros: nowMicros)
        // Only after a clock was set back there are more to come than one, or is one further away than its own period.
        let next = accepted.first { $0.fromMicros > nowMicros && $0.fromMicros - nowMicros <= $0.periodMicros }
        ring.keys = accepted.filter { $0.fromMicros <= nowMicros } + (next.map { [$0] } ?? [])
        if ring.sealing(atMicros: nowMicros) == nil {
            ring.insert(makeKey(nowMicros, nowMicros + periodMicros))
        }
        if let last = ring.keys.last, last.fromMicros <= nowMicros,
            last.untilMicros - nowMicros <= last.periodMicros / 2
        {
            let fromMicros = max(last.untilMicros, nowMicros)
            ring.insert(makeKey(fromMicros, fromMicros + periodMicros))
        }
        let sealing = ring.sealing(atMicros: nowMicros)
        while ring.keys.count > Self.maxKeys, let oldest = ring.keys.firstIndex(where: { $0 != sealing }) {
            ring.keys.remove(at: oldest)
        }
        return ring == self ? nil : ring
    }

    private mutating func insert(_ key: TicketKey) {
        let index = self.keys.firstIndex { $0.fromMicros > key.fromMicros } ?? self.keys.endIndex
        self.keys.insert(key, at: index)
    }

    // MARK: As bytes

    /// To be sealed before anybody else sees it.
    public var encoded: Secret {
        var bytes = [Self.version]
        for key in self.keys {
            bytes += key.name + key.secret.bytes
            for time in [key.fromMicros, key.untilMicros] {
                withUnsafeBytes(of: time.bigEndian) { bytes += $0 }
            }
        }
        return Secret(bytes)
    }

    /// Nil for what another version wrote.
    public init?(encoded: Secret) {
        let bytes = encoded.bytes
        guard bytes.first == Self.version, (bytes.count - 1).isMultiple(of: Self.keyBytes),
            (bytes.count - 1) / Self.keyBytes <= Self.maxKeys
        else { return nil }
        for start in stride(from: 1, to: bytes.count, by: Self.keyBytes) {
            let secretStart = start + TicketKey.nameBytes
            let timesStart = secretStart + TicketKey.secretBytes
            let times = [timesStart, timesStart + 8].map { place in
                bytes[place..<(place + 8)].reduce(Int64(0)) { $0 << 8 | Int64($1) }
            }
            guard 0 <= times[0], times[0] < times[1], times[1] < Self.maxMicros,
                times[1] - times[0] <= Self.maxPeriodMicros, self.keys.last.map({ $0.fromMicros <= times[0] }) ?? true
            else { return nil }
            self.keys.append(
                TicketKey(
                    name: Array(bytes[start..<secretStart]),
                    secret: Secret(Array(bytes[secretStart..<timesStart])),
                    fromMicros: times[0],
                    untilMicros: times[1]
                )
            )
        }
    }
}
