import Primitives

/// Arrivals as they came: how many in each step of time, such as the seconds of an access log. Within a step they come
/// at any moment.
struct ArrivalCounts: Codable, Equatable, Sendable {
    static let mostSteps = 7 * 86_400

    /// From the start of the run.
    var startSeconds: Double
    var stepSeconds: Double
    var counts: [Int]

    var total: Int { self.counts.reduce(0, +) }
    var endSeconds: Double { self.startSeconds + self.stepSeconds * Double(self.counts.count) }

    func check() throws(ScenarioProblem) {
        guard (1...Self.mostSteps).contains(self.counts.count) else {
            throw ScenarioProblem(
                "length of the counts",
                "\(self.counts.count)",
                allowed: "must be 1 to \(Self.mostSteps) steps"
            )
        }
        guard self.startSeconds >= 0, self.startSeconds.isFinite, self.stepSeconds > 0, self.stepSeconds.isFinite else {
            throw ScenarioProblem("times of the counts", "\(self.startSeconds)", allowed: "must be 0 s or later")
        }
        guard self.counts.allSatisfy({ $0 >= 0 && $0 <= PieceReader.mostTimes }), self.total > 0 else {
            throw ScenarioProblem("counts", "\(self.total)", allowed: "must let somebody come")
        }
    }

    /// The moments in order. With more or fewer people than were counted each step has its share of them, to the nearest
    /// person over all steps so far.
    struct Walk: Sendable {
        private let counts: ArrivalCounts
        private let total: Int
        private let visitors: Int
        private var draw: SplitMix64
        private var step = 0
        /// Counted in all steps before, and people who have come in them.
        private var counted = 0
        private var given = 0
        private var within: SortedDraws

        init(_ counts: ArrivalCounts, visitors: Int, seed: UInt64) {
            self.counts = counts
            self.total = counts.total
            self.visitors = visitors
            self.draw = SplitMix64(seed: seed)
            self.within = SortedDraws(count: 0, seed: 0)
            self.begin()
        }

        private mutating func begin() {
            guard self.step < self.counts.counts.count else { return }
            self.counted += self.counts.counts[self.step]
            let upTo = Int((Double(self.counted) / Double(self.total) * Double(self.visitors)).rounded())
            self.within = SortedDraws(count: upTo - self.given, seed: self.draw.next())
            self.given = upTo
        }

        mutating func next() -> Double? {
            while self.step < self.counts.counts.count {
                if let part = self.within.next() {
                    return self.counts.startSeconds + (Double(self.step) + part) * self.counts.stepSeconds
                }
                self.step += 1
                self.begin()
            }
            return nil
        }
    }
}
