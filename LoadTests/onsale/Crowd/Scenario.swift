/// Everything that decides a run: two runs of one scenario send the same people at the same moments.
struct Scenario: Codable, Equatable, Sendable {
    /// The most visitors that a plan holds; each takes about 100 bytes here and one connection when played.
    static let mostVisitors = 2_000_000

    var visitors: Int
    var durationSeconds: Double
    var seed: UInt64
    var curve: ArrivalCurve
    var manners = Manners()
    var objectives = Objectives()

    /// A typical sale of the given size.
    init(visitors: Int, durationSeconds: Double, seed: UInt64) {
        self.visitors = visitors
        self.durationSeconds = durationSeconds
        self.seed = seed
        self.curve = .typical(durationSeconds: durationSeconds)
        self.manners = Manners().stretched(toSeconds: durationSeconds)
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
        guard self.durationSeconds >= 5, self.durationSeconds <= 86_400 else {
            throw ScenarioProblem("seconds", "\(self.durationSeconds)", allowed: "must be between 5 and 86400")
        }
        try self.curve.check()
        guard self.curve.endSeconds <= self.durationSeconds else {
            throw ScenarioProblem(
                "end of arrivals",
                "\(self.curve.endSeconds)",
                allowed: "must not be later than the end of the run"
            )
        }
        try self.manners.check()
    }
}
