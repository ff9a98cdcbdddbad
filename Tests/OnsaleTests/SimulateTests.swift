import ArgumentParser
import Foundation
import Settings
import SettingsFile
import Testing

@testable import onsale

/// The same sale in virtual time: production's parts, the visitors of `play`, its books and its judge.
@Suite struct SimulateTests {
    private func run(
        _ scenario: Scenario,
        set: [String] = [],
        steady: Bool = false,
        isCounted: Bool = false
    ) throws -> SimulatedRun {
        var plan = SitePlan(scenario)
        if steady { plan.changes = [] }
        let overrides = try set.map { try #require(SettingsOverride(parsing: $0)) }
        let rehearsal = try SimulationPlan(plan: plan, scenario: scenario, overrides: overrides)
        return rehearsal.play(try Crowd(scenario), isCounted: isCounted)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func sale_ofAnySeed_keepsEveryPromise(seed: UInt64) throws {
        let scenario = Scenario(visitors: 1_000, durationSeconds: 40, seed: seed)
        let run = try self.run(scenario)
        let verdict = Judge(objectives: scenario.objectives, evidence: run.evidence).verdict()
        let failed = verdict.broken.map { "\($0.title): \($0.measured), \($0.detail)" }
        #expect(failed == [], "seed \(seed)")
        #expect(run.counts.arrivals == 1_000 && run.counts.left == 1_000)
        #expect(run.counts.exchanges == run.evidence.journal.exchanges.count)
        #expect(run.counts.requests == run.counts.answered)
        #expect(run.evidence.timeline.samples.reduce(0) { $0 + $1.counts.arrivals } == 1_000)
        #expect(run.workerSeconds > 40 && run.mostWorkers > 1)
    }

    /// The last to be let in may leave at once, before the room has told of it with its next tick.
    @Test(arguments: [5, 6] as [UInt64])
    func sale_ofEveryKindOfPeople_isCountedToTheEnd(seed: UInt64) throws {
        let run = try self.run(Scenario(visitors: 600, durationSeconds: 60, seed: seed).withEveryKind())
        #expect(run.evidence.roomCount == .told(run.evidence.journal.exchanges.count))
    }

    @Test func sale_sameSeed_isTheSameToTheLastDigit() throws {
        let scenario = Scenario(visitors: 500, durationSeconds: 25, seed: 9)
        let results = try (0..<2).map { _ in
            let run = try self.run(scenario)
            return try ReportFiles.encoded(
                RunReport(
                    startedAt: "",
                    command: "",
                    scenario: scenario,
                    environment: [],
                    settings: [],
                    verdict: Judge(objectives: scenario.objectives, evidence: run.evidence).verdict(),
                    gateway: RunResult(run.evidence)
                )
            )
        }
        #expect(results[0] == results[1])
    }

    @Test func result_secondsOfTheJournal_areThoseOfTheRun() throws {
        let scenario = Scenario(visitors: 500, durationSeconds: 30, seed: 2)
        let plan = SitePlan(scenario)
        let run = try self.run(scenario)
        let result = RunResult(run.evidence)
        #expect(result.inflow.reduce(0, +) == run.evidence.journal.exchanges.count)
        #expect(result.changeSeconds.map { ($0 * 1e3).rounded() } == plan.changes.map { ($0.seconds * 1e3).rounded() })
        let limits = [plan.before] + plan.changes.map(\.limits)
        #expect(result.configured.map(\.ratePerSecond) == limits.map { Double($0.inflowPerSecond) })
        #expect(result.order.allSatisfy { $0.low <= $0.median && $0.median <= $0.high })
    }

    /// Counted, not played: who is far back sleeps. What comes of it is nearly the same.
    @Test(arguments: [4, 5] as [UInt64])
    func crowd_thatIsCounted_waitsAsLongAsOneThatIsPlayed(seed: UInt64) throws {
        let scenario = Scenario(visitors: 3_000, durationSeconds: 60, seed: seed)
        let played = try self.run(scenario)
        let counted = try self.run(scenario, isCounted: true)
        #expect(counted.isCounted && !played.isCounted)
        let comparison = PlayedComparison(played: RunResult(played.evidence), simulated: RunResult(counted.evidence))
        #expect(comparison.isClose, "seed \(seed)\n\(comparison.render())")
        let looks = Double(counted.counts.waitingPages) / Double(played.counts.waitingPages)
        #expect((0.6...1.6).contains(looks), "seed \(seed): \(looks) of the looks that were played")
    }

    /// Slots fill up on the way, so that a line which was short becomes long: who is told so far back leaves at once.
    @Test(arguments: [1, 2] as [UInt64])
    func crowd_thatIsCounted_losesPatienceAsOneThatIsPlayed(seed: UInt64) throws {
        let scenario = Scenario(visitors: 4_000, durationSeconds: 120, seed: seed)
        let set = ["rooms.onsale.slots=60"]
        let played = try self.run(scenario, set: set, steady: true).counts
        let counted = try self.run(scenario, set: set, steady: true, isCounted: true).counts
        #expect(played.abandoned > 600, "seed \(seed): a sale that tries patience, \(played.abandoned)")
        let apart = [played.abandoned - counted.abandoned, played.unfinished - counted.unfinished].map(\.magnitude)
        #expect(apart.allSatisfy { $0 <= 120 }, "seed \(seed): \(apart) of 4,000 apart")
    }

    @Test func limit_thatIsSet_isTheOneThatCounts() throws {
        let scenario = Scenario(visitors: 600, durationSeconds: 40, seed: 2)
        let usual = try self.run(scenario, steady: true)
        let slower = try self.run(scenario, set: ["rooms.onsale.inflow=12/s"], steady: true)
        let (first, second) = (try #require(usual.lastLetInSeconds), try #require(slower.lastLetInSeconds))
        #expect(second > first + 5, "\(first) s, and \(second) s at a lower rate")
        #expect(slower.evidence.schedule?.written.map(\.rateMilli) == [12_000])
        let few = try self.run(scenario, set: ["rooms.onsale.slots=20"], steady: true)
        #expect(few.counts.exchanges < usual.counts.exchanges)
    }

    /// Workers that serve a lower inflow need not grow, and what they were not made for they need not let in.
    @Test(arguments: ["12/s", "200/s"])
    func inflowThatIsSet_isTheOneThatIsJudged(inflow: String) throws {
        let scenario = Scenario(visitors: 1_000, durationSeconds: 39.6, seed: 1)
        var site = SitePlan(scenario)
        #expect(site.needsMoreWorkers && site.before.inflowPerSecond == 42)
        let override = try #require(SettingsOverride(parsing: "rooms.onsale.inflow=\(inflow)"))
        let changed = try SimulationPlan(plan: site, scenario: scenario, overrides: [override])
        #expect(changed.facts.contains { $0.name == "after the changes" && $0.value.hasPrefix("\(inflow), burst ") })
        site.changes = []
        let plan = try SimulationPlan(plan: site, scenario: scenario, overrides: [override])
        #expect(plan.facts.contains { $0.name == "inflow" && $0.value == "\(inflow), burst 5" })
        let evidence = plan.play(try Crowd(scenario)).evidence
        let broken = Judge(objectives: scenario.objectives, evidence: evidence).verdict().broken
        let blamed = broken.filter { [.workers, .shortfall].contains($0.name) }
        #expect(blamed.map { "\($0.title): \($0.measured), \($0.detail)" } == [])
    }

    // MARK: What was asked for

    @Test func objective_thatCannotBeMet_isMissed() throws {
        var scenario = Scenario(visitors: 300, durationSeconds: 25, seed: 1)
        scenario.asked = try Objective.parse(["served>=10%", "wait.max<1us"])
        let outcome = SimulatedOutcome(try self.run(scenario), scenario)
        #expect(outcome.verdict?.passed == true && outcome.objectives.map(\.isReached) == [true, false])
        #expect(outcome.exitCode == .objectiveMissed && outcome.complaints.count == 1)
        // Of any seed, and of a crowd that is only counted.
        scenario.asked.removeLast()
        let good = SimulatedOutcome(try self.run(scenario), scenario)
        #expect(good.exitCode == .good)
        #expect(Verdict.ExitCode([good, outcome]) == .objectiveMissed && Verdict.ExitCode([good, good]) == .good)
        scenario.asked = try Objective.parse(["wait.max<1us"])
        let counted = SimulatedOutcome(try self.run(scenario, isCounted: true), scenario)
        #expect(counted.verdict == nil && counted.exitCode == .objectiveMissed)
    }

    // MARK: The operator's file

    /// What the workers cannot carry is no shortfall of the room; without an opening none is judged.
    @Test func file_whoseWorkersCarryLess_isHeldToWhatTheyCarry() throws {
        let slow = "max_workers: 1, worker: { slots: 8, service_time: 200ms }"
        let text = Self.file(rooms: ["sale"]).replacing("max_workers: 3", with: slow)
        let plan = try self.rehearsal(text, set: ["rooms.sale.inflow=100/s"])
        let scenario = Scenario(visitors: 600, durationSeconds: 60, seed: 1)
        let evidence = plan.play(try Crowd(scenario)).evidence
        let due = try #require(evidence.schedule?.carriedMilli)
        #expect((1_000..<20_000).contains(due))
        let checks = Judge(objectives: scenario.objectives, evidence: evidence).verdict().checks
        let failed = checks.filter { $0.name == .shortfall && $0.outcome == .failed }
        #expect(failed.map { "\($0.title): \($0.measured)" } == [])
        #expect(!checks.contains { $0.name == .opening })
        #expect(plan.facts.contains { $0.name == "note" && $0.value.contains("carry about") })
        #expect(plan.facts.contains { $0.value == "the room has no opening" })
    }

    /// Nobody counts down to the opening that the crowd believes in.
    @Test func file_withoutAnOpening_showsNoCountdown() throws {
        let scenario = Scenario(visitors: 900, durationSeconds: 40, seed: 1)
        let evidence = try self.rehearsal(Self.file(rooms: ["sale"])).play(try Crowd(scenario)).evidence
        let checks = Judge(objectives: scenario.objectives, evidence: evidence).verdict().checks
        let pages = try #require(checks.first { $0.name == .pages })
        #expect(pages.outcome == .passed, "\(pages.measured) \(pages.detail)")
    }

    @Test func nameThatIsNotThere_isNotPutIn() throws {
        let override = try #require(SettingsOverride(parsing: "rooms.nope.inflow=5/s"))
        let scenario = Scenario(visitors: 100, durationSeconds: 20, seed: 1)
        let start = "--set rooms.nope.inflow=5/s: rooms.nope.inflow: there is no room nope; there are: "
        let problem = try #require(throws: SettingsError.self) {
            try SimulationPlan(plan: SitePlan(scenario), scenario: scenario, overrides: [override])
        }
        #expect(problem.description == start + "onsale")
        let ofFile = try #require(throws: SettingsError.self) {
            try self.rehearsal(Self.file(rooms: ["sale"]), set: ["rooms.nope.inflow=5/s"])
        }
        #expect(ofFile.description == start + "sale")
    }

    @Test func wholeRoom_isPutIn() throws {
        let plan = try self.rehearsal(
            Self.file(rooms: ["sale"]),
            room: "vip",
            set: ["rooms.vip={slots: 40, inflow: 5/s}", "rooms.vip.burst=9", "routes[0].room=vip"]
        )
        #expect(plan.room.slots == 40 && plan.room.inflowMilli == 5_000 && plan.room.burst == 9)
    }

    /// As `play` refuses it.
    @Test func roomThatLetsNobodyIn_isRefused() throws {
        let problem = try #require(throws: PlayProblem.self) {
            try self.rehearsal(Self.file(rooms: ["sale"]), set: ["rooms.sale.inflow=0/s"])
        }
        #expect(problem.description.hasPrefix("rooms.sale.inflow is 0/s, which lets nobody in: "))
    }

    /// Nobody but one gets in while that one's session lasts: what came of it would say nothing of the site.
    @Test func roomOfOneSlot_isRefused_inTheWordsOfPlay() throws {
        let scenario = Scenario(visitors: 200, durationSeconds: 40, seed: 1)
        let text = RehearsalTests.text().replacing("slots: 500", with: "slots: 1")
        let played = try #require(throws: RehearsalProblem.self) {
            try RehearsalTests.rehearse(text, scenario: scenario)
        }
        let problem = try #require(throws: PlayProblem.self) {
            try self.rehearsal(text).checkSlots(for: scenario)
        }
        #expect(problem.description == played.description)
        #expect(problem.description.contains("rooms.sale.slots is 1. Use --visitors 9 or fewer, more slots, or "))
        try self.rehearsal(text).checkSlots(for: Scenario(visitors: 9, durationSeconds: 40, seed: 1))
        try self.rehearsal(text, set: ["rooms.sale.session_length=39s"]).checkSlots(for: scenario)
        try self.rehearsal(text, set: ["rooms.sale.slots=25"]).checkSlots(for: scenario)
        let (folder, path) = try RehearsalTests.write(text)
        try withExtendedLifetime(folder) {
            let command = try SimulateCommand.parse([path, "--visitors", "200", "--seconds", "60"])
            let code = try #require(throws: ExitCode.self) { try command.run() }
            #expect(code.rawValue == Verdict.ExitCode.notPlayed.rawValue)
        }
    }

    @Test func seedsBeyondTheHighest_areRefused() throws {
        let most = UInt64(Int.max)
        #expect(throws: (any Error).self) { try SimulationOptions.checkSeeds(from: most, count: 2) }
        try SimulationOptions.checkSeeds(from: most, count: 1)
        try SimulationOptions.checkSeeds(from: most - 1, count: 2)
    }

    static func file(rooms: [String], opensAt: String = "null") -> String {
        var text = "listen: [{ address: 127.0.0.1:0 }]\npools: { tickets: { max_workers: 3 } }\nrooms:\n"
        for room in rooms { text += "  \(room): { slots: 500, inflow: 30/s, opens_at: \(opensAt) }\n" }
        text += "routes:\n"
        for room in rooms { text += "  - { path: /\(room), pool: tickets, room: \(room) }\n" }
        return text
    }

    private func rehearsal(_ text: String, room: String? = nil, set: [String] = []) throws -> SimulationPlan {
        let folder = try Machine.makeTemporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = "\(folder)/sluice.yaml"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return try SimulationPlan(
            file: path,
            room: room,
            scenario: Scenario(visitors: 300, durationSeconds: 30, seed: 1),
            overrides: try set.map { try #require(SettingsOverride(parsing: $0)) }
        )
    }

    @Test func file_thatPlansWorkersForTheOpening_keepsThePlansDistanceFromIt() throws {
        let text = Self.file(rooms: ["sale"], opensAt: "2031-01-01T10:00:00Z").replacing(
            "max_workers: 3",
            with: "max_workers: 3, scaling: { prewarm: [3 workers from 2031-01-01T09:59:57Z for 1m] }"
        )
        let rehearsal = try self.rehearsal(text)
        let opening = try #require(rehearsal.room.opensAtMicros)
        #expect(rehearsal.pool.scaling.prewarm.map(\.fromMicros) == [opening - 3_000_000])
        let run = rehearsal.play(try Crowd(Scenario(visitors: 300, durationSeconds: 30, seed: 1)))
        let second = Int((opening - SimulationPlan.startedMicros) / 1_000_000) - 2
        #expect(run.evidence.timeline.samples[second].gauges.workersReady == 3)
    }

    @Test func file_withAnOpening_opensWhenTheScenarioSays() throws {
        let rehearsal = try self.rehearsal(Self.file(rooms: ["sale"], opensAt: "2031-01-01T10:00:00Z"))
        let run = rehearsal.play(try Crowd(Scenario(visitors: 300, durationSeconds: 30, seed: 1)))
        let opening = try #require(run.evidence.schedule?.openingMicros)
        #expect(opening == 6_600_000)
        let first = try #require(run.evidence.books?.visits.compactMap { $0.letIn?.answeredMicros }.min())
        #expect(first >= opening && first < opening + 1_000_000)
    }

    @Test func file_withSeveralRooms_needsToBeToldWhich() throws {
        let text = Self.file(rooms: ["sale", "other"])
        #expect(throws: PlayProblem.self) { try self.rehearsal(text) }
        #expect(throws: PlayProblem.self) { try self.rehearsal(text, room: "third") }
        #expect(try self.rehearsal(text, room: "other").room.name == "other")
    }

    @Test func file_withABadValueSet_isRefusedInTheGatewaysWords() throws {
        do {
            _ = try self.rehearsal(Self.file(rooms: ["sale"]), set: ["rooms.sale.inflow=fast"])
            Issue.record("it was taken")
        } catch let error as SettingsError {
            #expect(error.description.hasPrefix("--set rooms.sale.inflow=fast: rooms.sale.inflow: "))
        }
    }

    /// No port is opened, so nobody asks for the certificates and keys of another machine.
    @Test func file_whoseKeysAreElsewhere_isSimulated() throws {
        let text =
            Self.file(rooms: ["sale"])
            .replacing(
                "address: 127.0.0.1:0",
                with: "address: 0.0.0.0:443, tls: {certificate: /no/c.pem, key: /no/k.pem}"
            )
            + "signing_keys: [{id: 3, file: /no/key}]\nredis: rediss://redis.example:6380\n"
            + "redis_access: {authority: /no/ca.pem}\n"
        let plan = try self.rehearsal(text, set: ["rooms.sale.inflow=40/s"])
        #expect(plan.room.inflowMilli == 40_000)
        // What is wrong with the file itself is refused all the same.
        #expect(throws: SettingsError.self) { try self.rehearsal(text + "rooms_: {}\n") }
    }

    // MARK: Comparison

    @Test func comparison_tellsWhatIsOff() throws {
        let scenario = Scenario(visitors: 400, durationSeconds: 25, seed: 3)
        let usual = RunResult(try self.run(scenario).evidence)
        #expect(PlayedComparison(played: usual, simulated: usual).isClose)
        let slower = RunResult(try self.run(scenario, set: ["rooms.onsale.inflow=15/s"]).evidence)
        let comparison = PlayedComparison(played: usual, simulated: slower)
        #expect(!comparison.isClose)
        #expect(comparison.rows.filter { !$0.isClose }.map(\.name).contains("median wait, s"))
        #expect(comparison.render().contains("OFF"))
    }
}
