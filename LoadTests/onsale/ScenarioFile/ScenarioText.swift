import Settings

/// A scenario file as it stands: one property for each section at the top. Each section is a type in a file of its own;
/// what a new one has to do is a line in `fields`, and one in `scenario`.
struct ScenarioText: SettingsSection {
    var name: String?
    var lengthSeconds = 60.0
    var openingSeconds: Double?
    var visitors: Int?
    var seed = 1
    var arrivals: [ArrivalsText] = []
    var manners = MannersText()
    var classes: [ClassText] = []
    var asked: [Objective] = []
    var pages: [PageText] = []
    var faults: [TimedFault] = []

    static var fields: [SettingsField<Self>] {
        [
            .value("name", \.name, .either("null", or: .text("a text", maxBytes: 100)), .live),
            .value("length", \.lengthSeconds, .seconds(5...86_400), .live),
            .value("opening", \.openingSeconds, .either("auto", or: .seconds(0...86_400)), .live),
            .value("visitors", \.visitors, .either("auto", or: .count(1...Scenario.mostVisitors)), .live),
            .value("seed", \.seed, .count(0...Int.max), .live),
            .list("arrivals", \.arrivals, count: 0...ArrivalPlan.mostWaves, .live),
            .section("manners", \.manners),
            .named("classes", \.classes, count: 0...VisitorClass.mostClasses),
            .value("objectives", \.asked, .list(of: .objective, count: 0...Objective.mostInAFile), .live),
            .list("pages", \.pages, count: 0...PagePlan.mostSteps, .live),
            .value("faults", \.faults, .list(of: .fault, count: 0...FaultSchedule.mostFaults), .live),
        ]
    }

    /// Where nothing is said the sale opens at this share of the run, as in `ArrivalCurve.typical`.
    private static let openingShare = 0.22

    /// What the sections come to together. nil after reporting what does not go together.
    func scenario(
        in folder: String,
        _ overrides: ScenarioFile.Overrides,
        _ findings: inout Findings
    ) -> Scenario? {
        let length = self.lengthSeconds
        var scenario = Scenario(visitors: 1, durationSeconds: length, seed: overrides.seed ?? UInt64(self.seed))
        scenario.name = self.name
        scenario.asked = self.asked
        let opening = self.openingSeconds ?? length * Self.openingShare
        guard opening < length else {
            findings.reportContradiction("opening", with: ["length"], "the sale must open within the run")
            return nil
        }
        scenario.curve.openingSeconds = opening
        let waves = self.arrivals.isEmpty ? [ArrivalsText()] : self.arrivals
        let times = WaveTimes(lengthSeconds: length, openingSeconds: opening, folder: folder, tell: overrides.tell)
        scenario.curve.waves = waves.enumerated().compactMap { index, wave in
            wave.wave(times, at: "arrivals[\(index)]", &findings)
        }
        scenario.manners = self.manners.applied(to: Manners().stretched(toSeconds: length))
        scenario.classes = self.classes.map { $0.group(scenario.manners, lengthSeconds: length, &findings) }
        scenario.pages = PageText.plan(self.pages, &findings)?.steps ?? []
        scenario.faults = self.faults
        self.checkFaults(&findings)
        guard findings.problems.isEmpty else { return nil }

        scenario.visitors = self.visitors ?? scenario.curve.visitors
        if let visitors = overrides.visitors { scenario.visitors = visitors }
        if let seconds = overrides.durationSeconds { scenario = scenario.stretched(toSeconds: seconds) }
        scenario.curve = scenario.curve.scaled(toVisitors: scenario.visitors)
        do throws(ScenarioProblem) {
            try scenario.check()
        } catch {
            findings.report(nil, "", error.description)
        }
        return scenario
    }
}

extension ScenarioText {
    /// Each at its own place. Where one could not even be read, the others have no certain place any more.
    private func checkFaults(_ findings: inout Findings) {
        guard !findings.hasProblem(at: "faults") else { return }
        for problem in FaultSchedule.problems(of: self.faults, durationSeconds: self.lengthSeconds) {
            let path = problem.index.map { "faults[\($0)]" } ?? "faults"
            findings.report(findings.positions[path], path, "\(problem)")
        }
    }
}

/// What the waves of a file are placed by.
struct WaveTimes {
    var lengthSeconds: Double
    var openingSeconds: Double
    /// Relative paths are meant from here.
    var folder: String
    var tell: (String) -> Void
}
