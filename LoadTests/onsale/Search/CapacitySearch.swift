/// Finds the largest crowd for which objectives hold: doubles while they do, then halves the gap.
///
/// Takes for granted that a larger crowd is harder. Where that is not so, the result is one of the sizes at which it
/// turns, and the list of runs shows it.
struct CapacitySearch: Equatable, Sendable {
    /// What the search may do.
    struct Bounds: Equatable, Sendable {
        /// The first crowd.
        var first: Int
        var least: Int
        var most: Int
        /// The search ends when the gap is at most this share of the larger crowd that holds.
        var tolerance: Double
        var mostRuns: Int

        /// In words for the person who set it; nil when the search can begin.
        var problem: String? {
            guard (1...Scenario.mostVisitors).contains(self.least) else {
                return "least is \(self.least): must be between 1 and \(Scenario.mostVisitors)"
            }
            guard (self.least...Scenario.mostVisitors).contains(self.most) else {
                return "most is \(self.most): must be between least (\(self.least)) and \(Scenario.mostVisitors)"
            }
            guard (self.least...self.most).contains(self.first) else {
                return "from is \(self.first): must be between least (\(self.least)) and most (\(self.most))"
            }
            guard (0.001...1).contains(self.tolerance) else {
                return "tolerance is \(self.tolerance): must be between 0.1% and 100%"
            }
            guard (1...100).contains(self.mostRuns) else {
                return "runs is \(self.mostRuns): must be between 1 and 100"
            }
            return nil
        }
    }

    enum End: Equatable, Sendable {
        /// Holds up to the one; is missed from the other on.
        case found(holds: Int, misses: Int)
        /// Not even the least crowd.
        case nothingHolds
        /// Even the most.
        case everythingHolds
        case outOfRuns
        /// The load tool could not keep up with its own plan: its figures say nothing.
        case invalid(visitors: Int, reason: String)
        /// A run could not be played.
        case notPlayed(visitors: Int, reason: String)
    }

    enum Step: Equatable, Sendable {
        case play(visitors: Int)
        case end(End)
    }

    enum Outcome: Equatable, Sendable {
        case holds
        case misses
        case invalid(reason: String)
        case notPlayed(reason: String)
    }

    struct Run: Equatable, Sendable {
        var visitors: Int
        var outcome: Outcome
    }

    let bounds: Bounds
    private(set) var runs: [Run] = []

    init(_ bounds: Bounds) {
        precondition(bounds.problem == nil, "bounds are checked before")
        self.bounds = bounds
    }

    /// The largest crowd for which all held, and the smallest above it for which something was missed.
    var holds: Int? {
        let misses = self.misses ?? .max
        return self.runs.filter { $0.outcome == .holds && $0.visitors < misses }.map(\.visitors).max()
    }

    var misses: Int? { self.runs.filter { $0.outcome == .misses }.map(\.visitors).min() }

    var next: Step {
        switch self.runs.last?.outcome {
        case nil: return .play(visitors: self.bounds.first)
        case .invalid(let reason): return .end(.invalid(visitors: self.runs.last?.visitors ?? 0, reason: reason))
        case .notPlayed(let reason): return .end(.notPlayed(visitors: self.runs.last?.visitors ?? 0, reason: reason))
        case .holds, .misses: break
        }
        if let end = self.end { return .end(end) }
        guard self.runs.count < self.bounds.mostRuns else { return .end(.outOfRuns) }
        switch (self.holds, self.misses) {
        case (let holds?, nil): return .play(visitors: min(holds * 2, self.bounds.most))
        case (nil, let misses?): return .play(visitors: max(misses / 2, self.bounds.least))
        case (let holds?, let misses?): return .play(visitors: holds + (misses - holds) / 2)
        case (nil, nil): preconditionFailure("a run that was played holds or misses")
        }
    }

    private var end: End? {
        switch (self.holds, self.misses) {
        case (let holds?, nil): return holds == self.bounds.most ? .everythingHolds : nil
        case (nil, let misses?): return misses == self.bounds.least ? .nothingHolds : nil
        case (let holds?, let misses?):
            let gap = misses - holds
            return gap == 1 || Double(gap) <= self.bounds.tolerance * Double(holds)
                ? .found(holds: holds, misses: misses) : nil
        case (nil, nil): return nil
        }
    }

    /// Takes what became of the run that `next` asked for.
    mutating func played(_ outcome: Outcome) {
        guard case .play(let visitors) = self.next else { preconditionFailure("the search has ended") }
        self.runs.append(Run(visitors: visitors, outcome: outcome))
    }
}
