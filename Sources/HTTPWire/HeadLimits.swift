/// Bounds of one head. What exceeds them gets 414 (target) or 431 (the rest).
public struct HeadLimits: Sendable, Equatable {
    /// From the first byte of the start line to the end of the blank line; also what a caller must buffer at most.
    public var maxHeadBytes: Int
    public var maxTargetBytes: Int
    public var maxFields: Int

    /// - Parameters:
    ///   - maxHeadBytes: 64...1_048_576.
    ///   - maxTargetBytes: 1 or more.
    ///   - maxFields: 1...1_000.
    public init(maxHeadBytes: Int = 16_384, maxTargetBytes: Int = 8_192, maxFields: Int = 100) {
        precondition((64...1_048_576).contains(maxHeadBytes), "maxHeadBytes lies in 64...1_048_576")
        precondition(maxTargetBytes >= 1, "maxTargetBytes is at least 1")
        precondition((1...1_000).contains(maxFields), "maxFields lies in 1...1_000")
        self.maxHeadBytes = maxHeadBytes
        self.maxTargetBytes = maxTargetBytes
        self.maxFields = maxFields
    }
}
