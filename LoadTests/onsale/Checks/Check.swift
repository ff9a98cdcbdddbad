/// One line of the verdict: what was promised, what was measured, and whether it held.
struct Check: Codable, Equatable, Sendable {
    enum Outcome: String, Codable, Sendable {
        case passed, failed
        /// Nothing to judge by where there should be; a verdict with such a line is not a good one.
        case notMeasured
        /// The run was too small for this promise, or had no such thing; `detail` says why.
        case notJudged
    }

    enum Name: String, CaseIterable, Codable, Sendable {
        // The line.
        case order, positions, numbers, placeKept, letInOnce, estimates, pages
        // The pace.
        case opening, pace, shortfall, slots, reload
        // The answers.
        case identity, content, serverErrors, blame, otherErrors, latency, lineLatency, doorLatency
        // The rest.
        case passes, books, workers, accounted, ending, agents, tool

        /// What a run through a gateway of the tool's own is judged by; `agents` where there are any. Its pages are known
        /// by their marks, so that there is no content to check.
        static let ofOwnGateway = Set(Self.allCases).subtracting([.content])

        /// A load tool that runs late may break it all by itself.
        var dependsOnTool: Bool {
            switch self {
            case .latency, .lineLatency, .doorLatency, .pace, .shortfall, .reload, .estimates, .pages, .accounted: true
            case .order, .positions, .numbers, .placeKept, .letInOnce, .opening, .slots, .identity, .content,
                .serverErrors, .blame, .otherErrors, .passes, .books, .workers, .ending, .agents, .tool:
                false
            }
        }

        /// Drawn from every answer to visitors outside.
        var needsAllLooks: Bool {
            switch self {
            case .order, .positions, .numbers, .estimates, .pages, .shortfall: true
            case .placeKept, .letInOnce, .opening, .pace, .slots, .reload, .identity, .content, .serverErrors, .blame,
                .otherErrors, .latency, .lineLatency, .doorLatency, .passes, .books, .workers, .accounted, .ending,
                .agents, .tool:
                false
            }
        }
    }

    enum Unit: String, Codable, Sendable {
        case count, nanoseconds
        /// 0 to 1.
        case share
    }

    /// The same as `measured` and `limit` for programs.
    struct Figure: Codable, Equatable, Sendable {
        var unit: Unit
        var measured: Double
        var limit: Double
        /// The measured value must not be below the limit; else not above it.
        var isLeast = false
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
    /// nil where nothing was measured, and where there is no one figure.
    var figure: Figure?
    /// Of the load tool's own line: it was within its limits, but what was missed it may have missed itself.
    var isDoubt: Bool?

    /// Measured as a share of the limit, where that makes sense; 1 is the limit.
    var used: Double? {
        guard let figure = self.figure, !figure.isLeast, figure.limit > 0 else { return nil }
        return max(0, figure.measured / figure.limit)
    }
}

/// All lines of a verdict, and what they come to.
struct Verdict: Codable, Equatable, Sendable {
    var checks: [Check]

    /// All that could be judged held, and something could.
    var passed: Bool {
        self.passedCount > 0 && self.checks.allSatisfy { $0.outcome == .passed || $0.outcome == .notJudged }
    }
    /// What did not hold, or could not be measured though it should.
    var broken: [Check] { self.checks.filter { $0.outcome == .failed || $0.outcome == .notMeasured } }
    var passedCount: Int { self.checks.count { $0.outcome == .passed } }
    var notJudgedCount: Int { self.checks.count { $0.outcome == .notJudged } }

    /// The load tool could not keep up, and nothing went wrong but what may come of that: the figures say nothing about
    /// what was tested.
    var isInvalid: Bool {
        if self.isIncomplete { return true }
        guard self.checks.contains(where: { $0.name == .tool && $0.outcome != .passed }) else { return false }
        return self.checks.allSatisfy { $0.name == .tool || $0.name.dependsOnTool || $0.outcome != .failed }
    }

    /// An agent was lost on the way: with visitors missing, no figure says anything.
    var isIncomplete: Bool { self.checks.contains { $0.name == .agents && $0.outcome != .passed } }

    /// What became of a run, for whoever started it. A run that could not be played has no verdict.
    enum ExitCode: Int32 {
        case good = 0
        case broken = 1
        case toolTooSlow = 2
        case notPlayed = 3
        /// Every promise held, but not every objective that was asked for; 99 as other load tools have it.
        case objectiveMissed = 99
        /// Stopped by Ctrl-C; 130 as shells have it.
        case interrupted = 130
    }

    var exitCode: ExitCode { self.isInvalid ? .toolTooSlow : self.passed ? .good : .broken }
}
