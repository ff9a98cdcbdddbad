/// Reads response heads of workers, as strictly as `RequestParser` reads requests; every failure is a 502.
public struct ResponseParser: Sendable {
    public let limits: HeadLimits
    private(set) var progress = HeadProgress()

    public init(limits: HeadLimits = HeadLimits()) { self.limits = limits }

    /// Reads the head at the start of `bytes`, the response to a request with `method`.
    ///
    /// After `.incomplete`, call again with the same bytes and more behind them. After an interim head (1xx), which is
    /// `.complete` too, the next call reads the head that follows. `head` must have been made with the same limits, or
    /// wider ones.
    public mutating func parse(
        _ bytes: UnsafeRawBufferPointer,
        respondingTo method: Method,
        into head: inout ResponseHead
    ) -> ParseStep {
        precondition(head.section.capacity >= self.limits.maxFields, "the head was made with narrower limits")
        head.requestMethod = method
        return self.progress.parse(bytes, limits: self.limits, into: &head)
    }
}
