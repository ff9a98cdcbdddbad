import DequeModule

/// Visitors whom the room let in while nobody of theirs waited for it: the request at the door had just been sent round.
/// When they are told, on asking again, they are new inside all the same.
///
/// Remembers the latest `most`; the oldest is forgotten for another. Most come again within a second or two.
public struct UnheardAdmissions: Sendable {
    private let most: Int
    private var keys: Set<LineKey> = []
    /// In the order of their coming; those who have heard meanwhile are passed over.
    private var order = Deque<LineKey>()

    /// `most`: at least 1.
    public init(most: Int = 16_384) {
        precondition(most > 0, "somebody is remembered")
        self.most = most
    }

    public mutating func add(_ key: LineKey) {
        guard self.keys.insert(key).inserted else { return }
        self.order.append(key)
        if self.keys.count > self.most { self.forgetOldest() }
        if self.order.count > 2 * self.most { self.order.removeAll { !self.keys.contains($0) } }
    }

    /// Whether the visitor had not heard; from now on they have.
    public mutating func hears(_ key: LineKey) -> Bool { self.keys.remove(key) != nil }

    public var count: Int { self.keys.count }

    private mutating func forgetOldest() {
        while let oldest = self.order.popFirst() {
            if self.keys.remove(oldest) != nil { return }
        }
    }
}
