import EventLoop
// Testing has a type of that name too.
import enum EventLoop.ExitStatus
import Foundation
import Glibc
import Primitives
import RedisClient
import TestKit
import Testing
import Transport

@testable import onsale

/// Real agents, each a process of its own, a real Redis, and a coordinator in the test.
@Suite(.serialized) struct AgentRunTests {
    /// The program that the build put beside the tests.
    static func program() throws -> String {
        let tests = try #require(realpath("/proc/self/exe", nil))
        defer { free(tests) }
        for candidate in [String(cString: tests)] + CommandLine.arguments {
            var folder = candidate.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            while !folder.isEmpty {
                let path = (folder + ["onsale"]).joined(separator: "/")
                var status = stat()
                if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, access(path, X_OK) == 0 { return path }
                folder = folder.dropLast()
            }
        }
        throw PlayProblem("the program `onsale` is not beside the tests: build it")
    }

    /// All that lives on the test's loop.
    final class World {
        let site: ScriptedSite
        var team: AgentTeam?
        var player: CrowdPlayer?
        var agents: [ChildProcess] = []
        var ends: [Int: ExitStatus] = [:]

        init(on loop: EventLoop) throws {
            self.site = try ScriptedSite(loop: loop, reply: CrowdPlayerTests.room())
        }

        /// - Parameter visitors: those who come, over three seconds.
        func begin(agents: Int, redis: String, on loop: EventLoop) throws {
            let options = AgentTeam.Options(
                count: agents,
                endpoint: try RedisEndpoint(parsing: redis),
                keys: try #require(AgentKeys(name: "test")),
                advertised: ""
            )
            let team = AgentTeam(options, on: loop)
            self.team = team
            team.start()
            for number in 0..<agents {
                let arguments = ["agent", "--redis", redis, "--run", "test", "--threads", "2", "--name", "m\(number)"]
                let child = try ChildProcess.spawn(try AgentRunTests.program(), arguments: arguments, on: loop) {
                    [weak self] status in self?.ends[number] = status
                }
                self.agents.append(child)
            }
        }

        func publish(_ scenario: Scenario) throws {
            let start = Instant(nanoseconds: 0)
            let addresses = [self.site.address.description]
            let plan = AgentPlan(
                run: "1",
                agents: self.team?.options.count ?? 0,
                scenario: scenario,
                site: .init(addresses: addresses, hasRoom: true)
            )
            try self.team?.publish(plan, startedAt: start, openingAt: start.advanced(byNanoseconds: 1_000_000_000))
        }

        func play(_ scenario: Scenario, on loop: EventLoop) throws {
            let player = CrowdPlayer(
                try Crowd(scenario),
                target: Target([self.site.address]),
                startedAt: MonotonicClock.now().advanced(byNanoseconds: AgentTeam.leadNanoseconds),
                team: try #require(self.team),
                on: loop
            )
            self.player = player
            player.start()
        }
    }

    struct Rig {
        let fixture: LoopFixture
        let redis: RedisFleet
        let world: LoopBound<World>

        func run<Result: Sendable>(_ body: @escaping @Sendable (World) throws -> Result) throws -> Result {
            try self.fixture.run { try body(self.world.open()) }
        }

        func wait(_ condition: @escaping @Sendable (World) throws -> Bool) throws {
            try self.fixture.waitUntil { try self.run(condition) }
        }

        /// Whatever came of the test, nothing that it started goes on.
        func end() throws {
            try self.run { world in
                world.team?.end()
                for agent in world.agents { agent.signal(SIGKILL) }
            }
            try self.wait { $0.ends.count == $0.agents.count }
            self.redis.finish()
            try self.fixture.end()
        }
    }

    static func scenario(visitors: Int) -> Scenario {
        var scenario = CrowdPlayerTests.scenario(visitors: visitors)
        scenario.durationSeconds = 6
        scenario.curve = .typical(visitors: visitors, durationSeconds: 6)
        return scenario
    }

    /// With agents that have taken their seats, before the start.
    static func rig(agents: Int, _ scenario: Scenario, _ body: (Rig) throws -> Void) throws {
        let redis = try RedisFleet.start(.standalone)
        let fixture = try LoopFixture()
        let loop = fixture.loop
        let world = try fixture.run { LoopBound(try World(on: loop), loop: loop) }
        let rig = Rig(fixture: fixture, redis: redis, world: world)
        let url = redis.url()
        do {
            try rig.run { try $0.begin(agents: agents, redis: url, on: loop) }
            try rig.wait { $0.team?.isConnected ?? false }
            try rig.run { try $0.publish(scenario) }
            try rig.wait { world in
                if let problem = world.team?.problem { throw problem }
                return world.team?.isReady ?? false
            }
            try body(rig)
        } catch {
            try rig.end()
            throw error
        }
        try rig.end()
    }

    @Test func twoAgents_playOneRun() throws {
        let scenario = Self.scenario(visitors: 41)
        try Self.rig(agents: 2, scenario) { rig in
            let loop = rig.fixture.loop
            try rig.run { try $0.play(scenario, on: loop) }
            try rig.wait { $0.player?.isEverybodyGone ?? false }
            try rig.run { $0.team?.askForBooks() }
            try rig.wait { ($0.team?.board.isOver ?? false) && $0.ends.count == 2 }
            try rig.run { world in
                let player = try #require(world.player)
                player.finish()
                #expect(world.ends == [0: .exited(0), 1: .exited(0)])
                #expect(world.team?.missing(of: 41) == [])
                let counts = player.counts
                #expect(counts.arrivals == 41 && counts.served == 41 && counts.errors.total == 0)
                let visits = player.books.visits
                #expect(visits.count == 41 && Set(visits.map(\.number)) == Set(1...41))
                #expect(visits.allSatisfy { $0.letIn != nil && $0.exit != nil })
                let looks = player.books.looks.all
                #expect(looks.count == 82 && Set(looks.map(\.visitor)) == Set(0..<41))
                #expect(zip(looks, looks.dropFirst()).allSatisfy { $0.answeredMicros <= $1.answeredMicros })
                // The same people at the same moments as in one process: nobody asks before the time that the plan says.
                let crowd = try Crowd(scenario).visitors
                for look in looks { #expect(look.sentMicros >= crowd[Int(look.visitor)].arrivalNanoseconds / 1_000) }
                #expect(player.timeline.samples.map(\.counts.arrivals).reduce(0, +) == 41)
            }
        }
    }

    @Test func agentThatDies_isNamed_andTheRunIsInvalid() throws {
        let scenario = Self.scenario(visitors: 30)
        try Self.rig(agents: 2, scenario) { rig in
            let loop = rig.fixture.loop
            try rig.run { try $0.play(scenario, on: loop) }
            // The silent one does not hold up the seconds for ever.
            try rig.wait { $0.player?.timeline.samples.isEmpty == false }
            try rig.run { $0.agents[0].signal(SIGKILL) }
            try rig.wait { world in (0..<2).contains { world.team?.board.isLost($0) ?? false } }
            try rig.wait { $0.player?.isEverybodyGone ?? false }
            try rig.run { $0.team?.askForBooks() }
            try rig.wait { ($0.team?.board.isOver ?? false) && $0.ends.count == 2 }
            try rig.run { world in
                let player = try #require(world.player)
                player.finish()
                #expect(world.ends[1] == .exited(0))
                var evidence = Evidence(startedMicros: 0, timeline: player.timeline)
                evidence.books = player.books
                evidence.agentCount = 2
                evidence.missingShares = world.team?.missing(of: 30) ?? []
                let verdict = Judge(objectives: scenario.objectives, evidence: evidence).verdict()
                #expect(verdict.isInvalid && verdict.exitCode == .toolTooSlow)
                let detail = verdict.checks.first { $0.name == .agents }?.detail ?? ""
                #expect(detail.contains("(m0) was lost after second") && detail.contains("15 visitors, is missing"))
            }
        }
    }

    @Test func runThatIsBrokenOff_endsItsAgents() throws {
        let scenario = Self.scenario(visitors: 30)
        try Self.rig(agents: 2, scenario) { rig in
            try rig.run { $0.team?.end() }
            try rig.wait { $0.ends.count == 2 }
            try rig.run { #expect($0.ends == [0: .exited(3), 1: .exited(3)]) }
        }
    }

    @Test func coordinatorThatIsGone_endsItsAgents() throws {
        let scenario = Self.scenario(visitors: 30)
        try Self.rig(agents: 1, scenario) { rig in
            // Without a word: as if the process had been killed.
            try rig.run { $0.team = nil }
            try rig.wait { $0.ends.count == 1 }
            try rig.run { #expect($0.ends == [0: .exited(3)]) }
        }
    }

    /// The books lie in Redis, and nobody takes them: they are not handed over.
    @Test func coordinatorThatIsGone_beforeItTookTheBooks_isTold() throws {
        let scenario = Self.scenario(visitors: 3)
        try Self.rig(agents: 1, scenario) { rig in
            let loop = rig.fixture.loop
            try rig.run { try $0.play(scenario, on: loop) }
            try rig.wait { $0.player?.isEverybodyGone ?? false }
            try rig.run {
                $0.player?.finish()
                $0.player = nil
                $0.team = nil
            }
            let keys = try #require(AgentKeys(name: "test"))
            let seconds = "\(AgentKeys.wordSeconds)"
            _ = try rig.redis.servers[0].order("SET", keys.word("1"), AgentWord.finish.text, "EX", seconds)
            try rig.wait { $0.ends.count == 1 }
            try rig.run { #expect($0.ends == [0: .exited(3)]) }
        }
    }

    /// Why, and where: in a line when it happens, and in the last one.
    @Test func redisThatCannotBeReached_isToldInALine() throws {
        let agent = Process()
        agent.executableURL = URL(fileURLWithPath: try Self.program())
        agent.arguments = ["agent", "--redis", "redis://127.0.0.1:1", "--patience", "1"]
        let (output, errors) = (Pipe(), Pipe())
        agent.standardOutput = output
        agent.standardError = errors
        try agent.run()
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        agent.waitUntilExit()
        #expect(agent.terminationStatus == 3)
        let lines = text.split(separator: "\n")
        try #require(lines.count == 2, "\(text)")
        #expect(lines.allSatisfy { $0.contains("127.0.0.1:1") && $0.lowercased().contains("refused") }, "\(text)")
        #expect(lines[0].contains("trying again") && lines[1].contains("--redis"), "\(text)")
    }

    @Test func agentThatIsInterrupted_saysSo() throws {
        let scenario = Self.scenario(visitors: 30)
        try Self.rig(agents: 1, scenario) { rig in
            try rig.run { $0.agents[0].signal(SIGINT) }
            try rig.wait { $0.ends.count == 1 && $0.team?.board.isLost(0) == true }
            try rig.run { world in
                #expect(world.ends == [0: .exited(130)])
                #expect(world.team?.missing(of: 30).first?.contains("it was interrupted") == true)
            }
        }
    }
}
