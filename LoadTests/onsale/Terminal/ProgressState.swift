/// What the terminal shows of a run under way.
struct ProgressState: Sendable {
    /// Which run it is: "through Sluice", "direct".
    var label: String
    var elapsedSeconds: Double
    var durationSeconds: Double
    var openingSeconds: Double
    var visitors: Int
    var counts: Counts
    var gauges: Gauges
    /// The seconds so far; the last few are drawn.
    var samples: [Sample]

    init(label: String, scenario: Scenario, elapsedSeconds: Double, timeline: Timeline, gauges: Gauges) {
        self.label = label
        self.elapsedSeconds = elapsedSeconds
        self.durationSeconds = scenario.durationSeconds
        self.openingSeconds = scenario.curve.openingSeconds
        self.visitors = scenario.visitors
        self.counts = timeline.total.counts
        self.gauges = gauges
        self.samples = timeline.samples
    }
}
