import Admission

/// One number of one line of a room, comparable over all lines that the room has had: those of an older epoch come
/// first, as they are called first.
///
/// The shared state counts in *ids*: the number itself in the line of now, and 2^32 less for every second that an older
/// line's epoch lies before it. An id changes its meaning with the epoch, this key does not, so that books which outlive
/// a change of the line are kept by it.
public struct LineKey: Hashable, Comparable, Sendable {
    @usableFromInline let packed: UInt64

    public init(epoch: UInt32, number: Int64) {
        precondition((1...RoomRules.lastNumber).contains(number), "a number of a line")
        self.packed = UInt64(epoch) << 32 | UInt64(number)
    }

    public init(_ token: AdmissionToken) { self.init(epoch: token.epoch, number: token.number) }

    /// Nil when `id` means no number in a line of that epoch or of one before it.
    public init?(id: Int64, inEpoch epoch: Int64) {
        guard let line = UInt32(exactly: epoch) else { return nil }
        let first = UInt64(line) << 32
        let (packed, overflow) =
            id < 0 ? first.subtractingReportingOverflow(id.magnitude) : first.addingReportingOverflow(id.magnitude)
        guard !overflow, packed & 0xFFFF_FFFF != 0 else { return nil }
        self.packed = packed
    }

    @inlinable public var epoch: UInt32 { UInt32(self.packed >> 32) }
    /// Names the visitor in books that know nothing of lines.
    @inlinable public var seat: Int64 { Int64(bitPattern: self.packed) }
    @inlinable public var number: Int64 { Int64(self.packed & 0xFFFF_FFFF) }

    /// What the shared state calls it while its line is that of `epoch`; the caller has seen to it that this line
    /// `isReachable` from there.
    public func id(inEpoch epoch: Int64) -> Int64 { self.number - (epoch - Int64(self.epoch)) << 32 }

    /// Lines that are older than this have no ids any more.
    public func isReachable(fromEpoch epoch: Int64) -> Bool { epoch - Int64(self.epoch) <= PlaceID.oldestSeconds }

    @inlinable public static func < (left: Self, right: Self) -> Bool { left.packed < right.packed }
}
