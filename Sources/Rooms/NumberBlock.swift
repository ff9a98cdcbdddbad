import Admission

/// Numbers of a room's line that the shared state has set aside for this gateway: while it is away, newcomers get them,
/// in the order in which they come.
///
/// Limits: `RoomRules.largestBlock` numbers; when they are used up, newcomers have to come back.
public struct NumberBlock: Equatable, Sendable {
    private var epoch: Int64 = 0
    private var range: ClosedRange<Int64>?
    /// The last number of it that was handed out; 0: none.
    private var used: Int64 = 0
    /// What the tick that is on the way tells of it.
    private var reported: Int64 = 0

    public init() {}

    /// A tick has answered which numbers are this gateway's. Those it had before are given up, once the shared state
    /// has heard that they were used: it goes on behind them then.
    public mutating func lease(_ range: ClosedRange<Int64>?, epoch: Int64) {
        guard range != self.range || epoch != self.epoch else { return }
        if epoch == self.epoch, self.used > 0, self.reported == 0 { return }
        self.epoch = epoch
        self.range = range
        self.used = 0
        self.reported = 0
    }

    /// The next one; nil when there is none left.
    public mutating func take() -> LineKey? {
        guard let range = self.range, let epoch = UInt32(exactly: self.epoch) else { return nil }
        let next = max(self.used + 1, range.lowerBound)
        guard next <= range.upperBound else { return nil }
        self.used = next
        return LineKey(epoch: epoch, number: next)
    }

    /// What the next tick tells. A block of another line is none.
    public mutating func report(epoch: Int64, size: Int64 = RoomRules.largestBlock) -> BlockReport {
        guard let range = self.range, epoch == self.epoch else { return BlockReport(start: 0, used: 0, size: size) }
        self.reported = self.used
        return BlockReport(start: range.lowerBound, used: self.used, size: size)
    }
}
