/// Reads request heads, strictly by RFC 9112: what two servers could understand differently is refused.
///
/// The value itself is a few words for one connection; the head that it fills may be shared (see `RequestHead`).
public struct RequestParser: Sendable {
    public let limits: HeadLimits
    private(set) var progress = HeadProgress()

    public init(limits: HeadLimits = HeadLimits()) { self.limits = limits }

    /// Reads the head at the start of `bytes`.
    ///
    /// After `.incomplete`, call again with the same bytes and more behind them. After `.complete`, the next call reads
    /// the next head. `head` must have been made with the same limits, or wider ones.
    public mutating func parse(_ bytes: UnsafeRawBufferPointer, into head: inout RequestHead) -> ParseStep {
        precondition(head.section.capacity >= self.limits.maxFields, "the head was made with narrower limits")
        return self.progress.parse(bytes, limits: self.limits, into: &head)
    }
}
