import Primitives

/// A run that agents play: the coordinator has the site, the clock and the verdict, and no visitors of its own.
extension Director {
    /// For all agents to take their seats.
    private static let gatheringSeconds = 120.0
    /// For Redis, before anything else is prepared.
    private static let redisSeconds = 10.0
    /// For their books to come in.
    private static let handOverSeconds = 120.0

    /// Before the gateway is started: what cannot be reached is told of at once.
    func connectToAgents() async throws {
        guard let options = self.agentOptions else { return }
        let team = AgentTeam(options, on: self.loop)
        self.team = team
        team.start()
        guard try await self.waits(seconds: Self.redisSeconds, until: { team.isConnected }) else {
            throw PlayProblem(
                "Redis did not answer within \(Format.decimal(Self.redisSeconds)) s (\(team.connection)): start it, or "
                    + "name another one with --redis"
            )
        }
    }

    /// Comes back when all agents are there; without any, at once.
    func gatherAgents(_ crowd: Crowd) async throws {
        guard let options = self.agentOptions, let team = self.team else { return }
        guard let site = self.site, let gateway = site.address(of: site.gatewayPart) else {
            throw PlayProblem("the gateway told no address")
        }
        let plan = AgentPlan(
            run: String(UInt64.random(in: 0 ... .max), radix: 16),
            agents: options.count,
            scenario: crowd.scenario,
            site: AgentPlan.Site(
                addresses: [gateway.description],
                hasRoom: true,
                probeSeconds: self.plan.probeSeconds
            )
        )
        // Books count from the start of the run, whenever that is.
        let start = Instant(nanoseconds: 0)
        let opening = start.advanced(byNanoseconds: Int64(crowd.scenario.curve.openingSeconds * 1e9))
        try team.publish(plan, startedAt: start, openingAt: opening)
        self.printer.say(
            "waiting for \(options.count) agents: onsale agent --redis \(options.endpoint) --run \(options.keys.name)"
        )
        try await self.wait("the coming of \(options.count) agents", seconds: Self.gatheringSeconds) {
            team.isReady || team.problem != nil || team.board.isOver
        }
        if let problem = team.problem { throw problem }
        guard team.isReady else {
            let missing = team.board.missing(of: crowd.count)
            throw PlayProblem("the run cannot begin: \(missing.joined(separator: "; "))")
        }
    }

    /// Closes the books of the crowd, wherever it was played.
    func closeBooks(_ player: CrowdPlayer) async throws {
        if let team = self.team {
            team.askForBooks()
            _ = try await self.waits(seconds: Self.handOverSeconds) { team.board.isOver }
        }
        player.finish()
    }

    func noteAgents(in evidence: inout Evidence) {
        guard let team = self.team else { return }
        evidence.agentCount = team.options.count
        evidence.missingShares = team.missing(of: self.options.scenario.visitors)
        team.end()
        self.team = nil
    }
}
