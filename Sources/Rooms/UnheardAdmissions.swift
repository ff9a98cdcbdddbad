import DequeModule
import Primitives

/// Visitors whom the room let in and who have not heard of it yet: a tick tells of them before anybody who waits is told.
/// Whoever is told first counts; the next one, in another tab or with a lost answer, has been in before. Who was sent
/// round just then, and asks again, is new inside all the same.
///
/// Remembers the latest `most`, for `remembered` nanoseconds: whoever is sent round comes again within a second or two. A
/// shared state tells every gateway of everybody, and so most of those who are remembered here hear of it elsewhere.
public struct UnheardAdmissions: Sendable {
    public static let remembered = 30 * Nanoseconds.perSecond
    private let most: Int
    private var since: [LineKey: Instant] = [:]
    /// In the order of their coming; those who have heard meanwhile are passed over.
    private var order = Deque<(key: LineKey, since: Instant)>()

    /// `most`: at least 1.
    public init(most: Int = 16_384) {
        precondition(most > 0, "somebody is remembered")
        self.most = most
    }

    public mutating func add(_ key: LineKey, now: Instant) {
        self.forgetOld(now: now)
        guard self.since[key] == nil else { return }
        self.since[key] = now
        self.order.append((key, now))
        while self.since.count > self.most, self.forgetFirst() {}
        if self.order.count > 2 * self.most { self.order.removeAll { self.since[$0.key] != $0.since } }
    }

    /// Whether the visitor had not heard; from now on they have.
    public mutating func hears(_ key: LineKey, now: Instant) -> Bool {
        self.forgetOld(now: now)
        return self.since.removeValue(forKey: key) != nil
    }

    public var count: Int { self.since.count }

    private mutating func forgetOld(now: Instant) {
        while let first = self.order.first, now.nanoseconds(since: first.since) > Self.remembered { self.forgetFirst() }
    }

    @discardableResult
    private mutating func forgetFirst() -> Bool {
        guard let first = self.order.popFirst() else { return false }
        if self.since[first.key] == first.since { self.since[first.key] = nil }
        return true
    }
}
