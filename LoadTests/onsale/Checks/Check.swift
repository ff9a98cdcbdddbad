/// One line of the verdict: what was promised, what was measured, and whether it held.
struct Check: Codable, Equatable, Sendable {
    enum Outcome: String, Codable, Sendable {
        case passed, failed
        /// Nothing to judge by; a verdict with such a line is not a good one.
        case notMeasured
    }

    enum Name: String, CaseIterable, Codable, Sendable {
        case order, pace, admittedTwice, placeKept, serverErrors, otherErrors, latency, workers, reload, books,
            accounted, ending, tool
    }

    var name: Name
    /// The promise, in words.
    var title: String
    var outcome: Outcome
    var measured: String
    /// What `measured` is held against.
    var limit: String
    /// Where the figure comes from, or what to look at.
    var detail: String
    /// Measured as a share of the limit, where that makes sense; 1 is the limit.
    var used: Double?
}

/// All lines of a verdict, and what they come to.
struct Verdict: Codable, Equatable, Sendable {
    var checks: [Check]

    var passed: Bool { !self.checks.isEmpty && self.checks.allSatisfy { $0.outcome == .passed } }
    var passedCount: Int { self.checks.count { $0.outcome == .passed } }

    /// The load tool was the bottleneck: the other figures say nothing about what was tested.
    var isInvalid: Bool { self.checks.contains { $0.name == .tool && $0.outcome != .passed } }

    /// 0 good, 1 not good, 2 the load tool could not keep up.
    var exitCode: Int32 { self.isInvalid ? 2 : self.passed ? 0 : 1 }
}
