/// A point on the monotonic clock, in nanoseconds since an arbitrary start (on Linux: boot).
///
/// The pure ring never asks for the time: it is handed an `Instant`, so that tests and the simulator own the clock.
public struct Instant: Comparable, Hashable, Sendable {
    public var nanoseconds: UInt64

    @inlinable
    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// Saturates at zero and at the end of time instead of trapping: a deadline of "never" plus a second is "never".
    @inlinable
    public func advanced(byNanoseconds distance: Int64) -> Instant {
        if distance >= 0 {
            let (sum, overflow) = self.nanoseconds.addingReportingOverflow(UInt64(distance))
            return Instant(nanoseconds: overflow ? .max : sum)
        }
        let back = distance.magnitude
        return Instant(nanoseconds: back > self.nanoseconds ? 0 : self.nanoseconds - back)
    }

    /// Nanoseconds from `earlier` to `self`; negative when `self` is the earlier one. Saturates: "never" lies ahead of
    /// every other instant.
    @inlinable
    public func nanoseconds(since earlier: Instant) -> Int64 {
        self.nanoseconds >= earlier.nanoseconds
            ? Int64(clamping: self.nanoseconds &- earlier.nanoseconds)
            : -Int64(clamping: earlier.nanoseconds &- self.nanoseconds)
    }

    @inlinable
    public static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

    public static let distantFuture = Instant(nanoseconds: .max)
}

/// A bare number of nanoseconds.
extension Instant: Codable {
    public init(from decoder: any Decoder) throws {
        self.init(nanoseconds: try decoder.singleValueContainer().decode(UInt64.self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.nanoseconds)
    }
}

/// Lengths of time in nanoseconds, spelled where they are used: `250 * Nanoseconds.perMillisecond`.
public enum Nanoseconds {
    public static let perMicrosecond: Int64 = 1_000
    public static let perMillisecond: Int64 = 1_000_000
    public static let perSecond: Int64 = 1_000_000_000
}
