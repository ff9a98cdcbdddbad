/// What a room allows. Set by the configuration, carried to the shared state by every `tick`.
///
/// The bounds keep every product of the rules below 2^53, where Lua's numbers end. Settings refuses values outside
/// them with file and line; here such a value is brought to the nearest bound, so the rules never meet it.
public struct RoomLimits: Equatable, Sendable {
    public static let inflowMilliRange: ClosedRange<Int64> = 0...100_000_000
    public static let burstRange: ClosedRange<Int64> = 1...1_000_000
    public static let slotsRange: ClosedRange<Int64> = 0...100_000_000
    public static let sessionMicrosRange: ClosedRange<Int64> = 1_000_000...604_800_000_000
    public static let claimMicrosRange: ClosedRange<Int64> = 1_000_000...86_400_000_000
    public static let horizonMicrosRange: ClosedRange<Int64> = 100_000...60_000_000
    public static let opensAtMicrosRange: ClosedRange<Int64> = 0...4_102_444_800_000_000

    /// Nobody is let in.
    static let none = RoomLimits(
        inflowMilli: 0,
        burst: 1,
        slots: 0,
        sessionMicros: 1_000_000,
        claimMicros: 1_000_000,
        horizonMicros: 100_000
    )

    /// Admissions a second, in thousandths; 0 holds everybody.
    public let inflowMilli: Int64
    /// Admissions that may come at once after a quiet time: the size of the token bucket, in tokens.
    public let burst: Int64
    /// Live sessions at most; 0 holds everybody.
    public let slots: Int64
    /// Length of a session from its exchange or its last renewal.
    public let sessionMicros: Int64
    /// How long a called visitor who does not ask keeps the right to come in.
    public let claimMicros: Int64
    /// How far ahead calling looks: the time within which visitors near the front ask again.
    public let horizonMicros: Int64
    /// Wall time before which nobody is called; 0: open.
    public let opensAtMicros: Int64

    public init(
        inflowMilli: Int64,
        burst: Int64,
        slots: Int64,
        sessionMicros: Int64,
        claimMicros: Int64,
        horizonMicros: Int64,
        opensAtMicros: Int64 = 0
    ) {
        self.inflowMilli = inflowMilli.clamped(to: Self.inflowMilliRange)
        self.burst = burst.clamped(to: Self.burstRange)
        self.slots = slots.clamped(to: Self.slotsRange)
        self.sessionMicros = sessionMicros.clamped(to: Self.sessionMicrosRange)
        self.claimMicros = claimMicros.clamped(to: Self.claimMicrosRange)
        self.horizonMicros = horizonMicros.clamped(to: Self.horizonMicrosRange)
        self.opensAtMicros = opensAtMicros.clamped(to: Self.opensAtMicrosRange)
    }
}

extension Int64 {
    func clamped(to range: ClosedRange<Int64>) -> Int64 {
        Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
    }
}
