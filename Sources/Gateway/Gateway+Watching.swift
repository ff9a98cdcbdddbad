import Reports
import Rooms

/// What a gateway says of itself.
extension Gateway {
    /// All counters, gathered from the loops.
    public func report(_ completion: @escaping (GatewayReport) -> Void) {
        self.home.preconditionOnLoop()
        self.collect {
            LoopReport($0)
        } completion: { reports in
            completion(
                GatewayReport(
                    reports,
                    settings: self.settings,
                    problems: self.problems,
                    pulses: self.rooms,
                    tickets: self.tickets?.report,
                    now: self.home.now
                )
            )
        }
    }

    /// Whether this gateway is fit to take traffic. While the shared state is away it is: passes work, places are kept
    /// and shown. One that has never reached it since its start has nothing to show.
    public var readiness: Readiness {
        self.home.preconditionOnLoop()
        var problems = self.problems
        if self.loops.isEmpty { problems.append("starting") }
        if self.isStopping { problems.append("shutting down") }
        let pulses = self.settings.rooms.map { self.rooms[$0.name, default: RoomPulse()] }
        let modes = pulses.map(\.toldMode.text)
        return Readiness(
            ready: pulses.allSatisfy { $0.snapshot != nil } && !self.loops.isEmpty && !self.isStopping,
            mode: ["degraded", "held"].first { modes.contains($0) } ?? "normal",
            problems: problems
        )
    }

    private var accessLogProblem: String? { self.shares.accessLog.problem(now: self.home.now) }

    private var problems: [String] {
        self.hosts.problems
            + self.settings.rooms.map(\.name).sorted().flatMap { room in
                self.rooms[room, default: RoomPulse()]
                    .problems(of: room, generation: self.settings.generation, now: self.home.now)
            }
            + (self.accessLogProblem.map { [$0] } ?? [])
    }
}
