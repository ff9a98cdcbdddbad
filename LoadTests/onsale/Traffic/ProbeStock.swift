import Primitives

/// Tokens of visitors who have gone, to be shown again, and how many probes were sent.
struct ProbeStock {
    /// The latest are kept, so many of them, each from another second.
    static let mostUsed = 4
    /// By then the exit page has been served, and every loop and gateway has heard of it.
    static let settlingNanoseconds = 2 * Nanoseconds.perSecond

    private var used: [(cookies: CookieJar, index: Int, askedAt: Instant)] = []
    /// Of visitors who gave nothing back. The first are kept, since their passes run out first.
    private var left: [(cookies: CookieJar, index: Int, leftAt: Instant)] = []
    private var sent: UInt32 = 0

    /// A visitor asks for the exit page with these.
    mutating func keep(_ cookies: CookieJar, of index: Int, now: Instant) {
        if let last = self.used.last, now.nanoseconds(since: last.askedAt) < Nanoseconds.perSecond { return }
        if self.used.count == Self.mostUsed { self.used.removeFirst() }
        self.used.append((cookies, index, now))
    }

    /// A gateway that was started since has not heard who gave the slot back: until it asks for a renewal, a sixth of a
    /// session later, such a pass is good there.
    mutating func forget() {
        self.used = []
        self.left = []
    }

    /// What came of that visitor's exit page nobody knows: the tokens may still be good.
    mutating func forget(_ index: Int) { self.used.removeAll { $0.index == index } }

    /// Somebody who is inside goes away with these, and asks for nothing any more.
    mutating func keepLeft(_ cookies: CookieJar, of index: Int, now: Instant) {
        guard self.left.count < Self.mostUsed else { return }
        if let last = self.left.last, now.nanoseconds(since: last.leftAt) < Nanoseconds.perSecond { return }
        self.left.append((cookies, index, now))
    }

    /// Tokens whose pass has surely run out, where a session lasts so long from the last request.
    func expired(sessionNanoseconds: Int64, now: Instant) -> (cookies: CookieJar, index: Int)? {
        self.left.first { now.nanoseconds(since: $0.leftAt) >= sessionNanoseconds + Self.settlingNanoseconds }
            .map { ($0.cookies, $0.index) }
    }

    /// Tokens that are surely used up, and whose they were.
    func settled(now: Instant) -> (cookies: CookieJar, index: Int)? {
        self.used.first { now.nanoseconds(since: $0.askedAt) >= Self.settlingNanoseconds }.map {
            ($0.cookies, $0.index)
        }
    }

    /// The ordinal of the next probe.
    mutating func next() -> UInt32 {
        self.sent += 1
        return self.sent
    }
}
