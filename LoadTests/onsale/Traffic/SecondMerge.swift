/// What one part of a crowd tells of one second.
struct HeldSecond: Sendable {
    var second: Int
    var tally: Tally
    var gauges: Gauges
}

/// Puts the seconds of several loops or machines together, so that the run has one timeline. A value without clock.
///
/// A second is whole when every part has told of it, or has been given up. Limit: the parts may be `mostAhead` seconds
/// apart; a second that one of them tells of later still goes into the sum of the run and into no second of its own.
struct SecondMerge: Sendable {
    static let mostAhead = 30
    /// Nobody is so far ahead of the run: what is told of such a second goes into the sum, and holds up nobody.
    static let mostJump = 600

    private var rows: [Int: HeldSecond] = [:]
    /// By part: all seconds before this one have been told.
    private var reached: [Int]
    private var isGivenUp: [Bool]
    private var nextSecond: Int
    private(set) var late: [Tally] = []

    init(parts: Int, firstSecond: Int) {
        self.reached = Array(repeating: firstSecond, count: parts)
        self.isGivenUp = Array(repeating: false, count: parts)
        self.nextSecond = firstSecond
    }

    mutating func take(_ held: HeldSecond, of part: Int) {
        guard held.second < self.nextSecond + Self.mostJump else { return self.late.append(held.tally) }
        self.reached[part] = max(self.reached[part], held.second + 1)
        guard held.second >= self.nextSecond else { return self.late.append(held.tally) }
        guard var row = self.rows.removeValue(forKey: held.second) else {
            return self.rows[held.second] = held
        }
        row.tally.merge(held.tally)
        row.gauges.add(held.gauges)
        self.rows[held.second] = row
    }

    /// Nothing more comes from that part; what it has told counts.
    mutating func giveUp(_ part: Int) { self.isGivenUp[part] = true }

    /// The next whole second; nil when there is none yet. `isEnd`: nothing more comes from anybody.
    mutating func next(isEnd: Bool = false) -> HeldSecond? {
        let furthest = self.reached.max() ?? 0
        let live = self.reached.indices.filter { !self.isGivenUp[$0] }.map { self.reached[$0] }
        let told = isEnd ? furthest : max(live.min() ?? furthest, furthest - Self.mostAhead)
        guard self.nextSecond < told else { return nil }
        let second = self.nextSecond
        self.nextSecond += 1
        return self.rows.removeValue(forKey: second) ?? HeldSecond(second: second, tally: Tally(), gauges: Gauges())
    }

    /// What came too late for its second, once.
    mutating func takeLate() -> [Tally] {
        defer { self.late = [] }
        return self.late
    }
}

extension Gauges {
    /// What the parts of a crowd count is added up.
    mutating func add(_ other: Gauges) {
        self.waiting += other.waiting
        self.inside += other.inside
        self.openConnections += other.openConnections
    }
}
