/// The highest numbers that a gateway has seen of a room: a shared state that lost its last second goes on from them.
public struct KnownMarks: Equatable, Sendable {
    /// 0: the gateway has not seen the room yet, and the other two are not looked at.
    public var epoch: Int64
    public var issued: Int64
    public var serving: Int64

    public init(epoch: Int64, issued: Int64, serving: Int64) {
        self.epoch = epoch
        self.issued = issued
        self.serving = serving
    }

    public static let nothing = KnownMarks(epoch: 0, issued: 0, serving: 0)

    /// Takes in what an answer of the shared state, or a visitor's verified place, tells.
    public mutating func raise(epoch: Int64, issued: Int64, serving: Int64) {
        if epoch > self.epoch { self = KnownMarks(epoch: epoch, issued: 0, serving: 0) }
        guard epoch == self.epoch else { return }
        self.issued = max(self.issued, issued)
        self.serving = max(self.serving, serving)
    }
}
