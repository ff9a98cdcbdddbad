/// Everything that decides a run: two runs of one scenario send the same people at the same moments.
struct Scenario: Codable, Equatable, Sendable {
    /// The most visitors that a run may have. A crowd makes them one at a time; what plays them keeps what it needs of each.
    static let mostVisitors = 10_000_000
    static let durationSeconds = 5.0...86_400

    /// What the run is called in its report; nil for one that was described by options alone.
    var name: String?
    /// Tabs and devices count one each.
    var visitors: Int
    var durationSeconds: Double
    var seed: UInt64
    /// Its waves are scaled to `visitors`.
    var curve: ArrivalPlan
    /// Of everybody, where there are no classes.
    var manners = Manners()
    /// Empty: all are alike.
    var classes: [VisitorClass] = []
    var objectives = Objectives()
    /// What this run is to reach beside that.
    var asked: [Objective] = []
    /// Of a visit to a site of the operator's own; empty: one page, again and again.
    var pages: [PageStep] = []
    /// What is done to the site on the way. Where a scenario is stretched it comes earlier or later, and lasts as long.
    var faults: [TimedFault] = []

    /// A typical sale of the given size.
    init(visitors: Int, durationSeconds: Double, seed: UInt64) {
        self.visitors = visitors
        self.durationSeconds = durationSeconds
        self.seed = seed
        self.curve = .typical(visitors: visitors, durationSeconds: durationSeconds)
        self.manners = Manners().stretched(toSeconds: durationSeconds)
    }

    /// At least one: who is who in a crowd, by `Visitor.group`.
    var everyClass: [VisitorClass] {
        self.classes.isEmpty
            ? [VisitorClass(name: "visitor", weight: 1, manners: self.manners)] : self.classes
    }

    /// Throws the first setting that cannot be played, in words for the person who set it.
    func check() throws(ScenarioProblem) {
        guard (1...Self.mostVisitors).contains(self.visitors) else {
            throw ScenarioProblem(
                "visitors",
                "\(self.visitors)",
                allowed: "must be between 1 and \(Self.mostVisitors)"
            )
        }
        guard Self.durationSeconds.contains(self.durationSeconds) else {
            throw ScenarioProblem("seconds", "\(self.durationSeconds)", allowed: "must be between 5 and 86400")
        }
        try self.curve.check()
        // A hair is left to what stretching rounds.
        guard self.curve.endSeconds <= self.durationSeconds * (1 + 1e-9) else {
            throw ScenarioProblem(
                "end of arrivals",
                "\(self.curve.endSeconds)",
                allowed: "must not be later than the end of the run"
            )
        }
        try self.manners.check()
        guard self.classes.count <= VisitorClass.mostClasses else {
            throw ScenarioProblem(
                "classes",
                "\(self.classes.count)",
                allowed: "must be at most \(VisitorClass.mostClasses)"
            )
        }
        for group in self.classes { try group.check() }
    }

    /// The same sale in another time: whoever comes, waits and thinks does so that many times as late or long.
    func stretched(toSeconds seconds: Double) -> Scenario {
        let factor = seconds / self.durationSeconds
        var scenario = self
        scenario.durationSeconds = seconds
        scenario.curve = self.curve.stretched(by: factor)
        scenario.manners = self.manners.stretched(by: factor)
        for index in scenario.faults.indices { scenario.faults[index].seconds *= factor }
        for index in scenario.classes.indices {
            scenario.classes[index].manners = self.classes[index].manners.stretched(by: factor)
        }
        return scenario
    }

    /// A figure of the manners, over all people of the crowd who keep their place.
    func mean(_ figure: (Manners) -> Double) -> Double {
        let all = self.everyClass
        let keeping = all.filter(\.manners.keepsPlace)
        let counted = keeping.isEmpty ? all : keeping
        // A person with several tabs is as many visitors.
        func visitors(_ group: VisitorClass) -> Double {
            group.weight * Double(group.manners.fewestPlaces + group.manners.mostPlaces) / 2
        }
        let total = counted.reduce(0) { $0 + visitors($1) }
        return counted.reduce(0) { $0 + visitors($1) * figure($1.manners) } / total
    }

    /// Tabs of one person share what the room gave to one of them.
    var sharesCookies: Bool { self.everyClass.contains { $0.manners.cookies == .shared } }
}
