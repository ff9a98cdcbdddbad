import EventLoop
import Foundation
import Glibc
import Primitives
import RedisClient
import TestKit
import Testing

@testable import onsale

/// Processes, Redis and status as a run deals with them.
@Suite struct RunPartsTests {
    /// A folder that is gone with its test.
    final class Folder: Sendable {
        let path: String
        init() throws { self.path = try Machine.makeTemporaryFolder() }
        deinit { try? FileManager.default.removeItem(atPath: self.path) }
        /// A program of that text. Another process copies it into place: whoever is forked here while it is written holds it
        /// open, and what is open for writing cannot be run.
        func program(_ text: String) throws -> String {
            let draft = "\(self.path)/draft"
            let program = "\(self.path)/program"
            try Data(text.utf8).write(to: URL(fileURLWithPath: draft))
            let copy = Process()
            copy.executableURL = URL(fileURLWithPath: "/bin/sh")
            copy.arguments = ["-c", #"cp "$1" "$2" && chmod 755 "$2""#, "copy", draft, program]
            try copy.run()
            copy.waitUntilExit()
            try #require(copy.terminationStatus == 0)
            return program
        }

        func text(_ name: String) -> String {
            (FileManager.default.contents(atPath: "\(self.path)/\(name)")).map { String(decoding: $0, as: UTF8.self) }
                ?? ""
        }
    }

    @Test func child_standardErrorGoesToTheLogAndOutputComesByLine() throws {
        let folder = try Folder()
        let fixture = try LoopFixture()
        let loop = fixture.loop
        let lines = Record<[String]>([])
        let endedWithSeven = Record<Bool?>(nil)
        let children = try fixture.run {
            let children = Children(loop: loop)
            _ = try children.start(
                "/bin/sh",
                ["-c", "echo one two; echo \"$0 it is\" >&2; exit 7", "bad"],
                logFile: "\(folder.path)/log",
                onLine: { line in lines.update { $0.append(line) } },
                onExit: { status in endedWithSeven.update { $0 = status == .exited(7) } }
            )
            return LoopBound(children, loop: loop)
        }
        try fixture.waitUntil { endedWithSeven.value != nil && !lines.value.isEmpty }
        #expect(endedWithSeven.value == true && lines.value == ["one two"] && folder.text("log") == "bad it is\n")
        #expect(try fixture.run { children.open().isEmpty })
        try fixture.end()
    }

    /// A grandchild outlives a child that is killed: it is known, seen alive, and killed by its number.
    @Test func grandchildren_areFoundAndKilled() throws {
        let folder = try Folder()
        let fixture = try LoopFixture()
        let loop = fixture.loop
        let grandchild = Record<Int32>(0)
        let children = try fixture.run {
            let children = Children(loop: loop)
            _ = try children.start(
                "/bin/sh",
                ["-c", "tail -f /dev/null & echo $!; wait"],
                logFile: "\(folder.path)/log",
                onLine: { line in grandchild.update { $0 = Int32(line) ?? -1 } }
            )
            return LoopBound(children, loop: loop)
        }
        try fixture.waitUntil { grandchild.value > 0 }
        let found = try fixture.run {
            children.open().lookAround()
            return children.open().leftovers.map(\.pid)
        }
        #expect(found == [grandchild.value])
        try fixture.run { children.open().killAll() }
        try fixture.waitUntil { try fixture.run { children.open().isEmpty && children.open().leftovers.isEmpty } }
        try fixture.end()
    }

    /// Seen before: `kill -9` of a run left the site that it had started.
    @Test func runThatIsKilled_takesItsSiteAlong() throws {
        let folder = try Folder()
        let fixture = try LoopFixture()
        // It ends in order when it is told to; its worker has no parent any more, and hears nothing. `tail` would end by
        // itself when nobody reads its output any more.
        let program = try folder.program(
            """
            #!/bin/sh
            folder="${0%/*}"
            trap 'echo > "$folder/ended"; exit 0' TERM
            echo "${2%/*}" > "$folder/temporary"
            (SLUICE_WORKER=w setsid sh -c 'trap "" TERM; tail -f /dev/null >/dev/null & wait' & echo $! > "$folder/worker")
            echo $$ > "$folder/draft"
            mv "$folder/draft" "$folder/started"
            tail -f /dev/null >/dev/null & wait
            """
        )
        let arguments = [
            "play", "--sluice", program, "--no-direct", "--visitors", "100", "--seconds", "10", "--report",
            "\(folder.path)/report",
        ]
        let loop = fixture.loop
        let ended = Record(false)
        let onsale = try fixture.run {
            let child = try ChildProcess.spawn(try AgentRunTests.program(), arguments: arguments, on: loop) { _ in
                ended.update { $0 = true }
            }
            return LoopBound(child, loop: loop)
        }
        try fixture.waitUntil { !folder.text("started").isEmpty || ended.value }
        let pids = ["started", "worker"].compactMap { Int32(folder.text($0).trimmingCharacters(in: .newlines)) }
        #expect(pids.count == 2 && !ended.value)
        try fixture.run { onsale.open().signal(SIGKILL) }
        defer { for pid in pids where FaultPlayerTests.runs(pid) { kill(pid, SIGKILL) } }
        try fixture.waitUntil { !pids.contains(where: FaultPlayerTests.runs) }
        #expect(!folder.text("ended").isEmpty, "it was told to end, not killed")
        let temporary = folder.text("temporary").trimmingCharacters(in: .newlines)
        #expect(temporary.contains("/onsale-"))
        defer { if temporary.contains("/onsale-") { try? FileManager.default.removeItem(atPath: temporary) } }
        try fixture.waitUntil { access(temporary, F_OK) == -1 }
        // What was given by an option stays.
        #expect(access("\(folder.path)/report", F_OK) == 0)
        try fixture.end()
    }

    @Test func programThatDoesNotStart_isSaidNotToHaveStarted_causeFirst() throws {
        typealias End = SiteProcesses.UnexpectedEnd
        func end(_ part: SiteProcesses.Part, _ program: String, _ code: Int32, hadStarted: Bool = false) -> End {
            End(part: part, program: program, status: .exited(code), hadStarted: hadStarted)
        }
        #expect(
            end(.redis, "redis-server", 127).words(log: "x")
                == "redis-server (redis) could not start: there is no such program; install it, or set PATH"
        )
        let silent = end(.site, "/bin/true", 0).words(log: nil)
        #expect(silent.hasPrefix("/bin/true (site) could not start: it said nothing"))
        #expect(
            end(.site, "sluice", 1).words(log: "no redis-server in PATH")
                == "sluice (site) could not start: no redis-server in PATH (it ended with exit code 1)"
        )
        #expect(
            end(.gateway, "sluice", 1, hadStarted: true).words(log: "x")
                == "sluice (gateway) ended in the middle of the run, with exit code 1"
        )
    }

    /// As the whole program says it.
    @Test func siteThatEndsAtOnce_couldNotStart() throws {
        let folder = try Folder()
        let fixture = try LoopFixture()
        let loop = fixture.loop
        let hasEndedWithThree = Record<Bool?>(nil)
        let program = try AgentRunTests.program()
        let arguments = [
            "play", "--sluice", "/bin/true", "--no-direct", "--visitors", "100", "--seconds", "10", "--report",
            "\(folder.path)/report",
        ]
        let children = try fixture.run {
            let children = Children(loop: loop)
            _ = try children.start(
                program,
                arguments,
                logFile: "\(folder.path)/log",
                onLine: { _ in },
                onExit: { status in hasEndedWithThree.update { $0 = status == .exited(3) } }
            )
            return LoopBound(children, loop: loop)
        }
        try fixture.waitUntil { hasEndedWithThree.value != nil }
        let words = folder.text("log")
        #expect(words.contains("/bin/true (site) could not start") && !words.contains("in the middle"), "\(words)")
        #expect(hasEndedWithThree.value == true)
        #expect(try fixture.run { children.open().isEmpty })
        try fixture.end()
    }

    @Test func process_thatIsAnother_isNotTheOldOne() throws {
        let me = try #require(ProcessTable().descendants(of: getppid()).first { $0.pid == getpid() })
        #expect(ProcessTable.isAlive(me))
        #expect(!ProcessTable.isAlive(.init(pid: me.pid, startedTicks: me.startedTicks + 1)))
    }

    @Test func status_ofTheGateway_isRead() throws {
        let json = #"""
            {"process":"a-1","reloads_applied":2,"reloads_refused":0,"connections":3,
             "rooms":[{"name":"onsale","open":true,"issued":9,"waiting":4,"admitted":5,"sessions":2,"slots":10,
                       "rate_milli":430000,"burst":43},{"name":"other"}],
             "leads":true,"pools":[{"name":"tickets","ready":3,"pending":1,"draining":0,"crashes":0,"desired":4,
                       "requests_per_visitor":5.0}]}
            """#
        let status = try SiteStatus(json: Array(json.utf8))
        #expect(status.reloadsApplied == 2 && status.reloadsRefused == 0)
        let room = status.room(named: "onsale")
        #expect(room?.rateMilli == 430_000 && room?.waiting == 4)
        let pool = status.pool(named: "tickets")
        #expect(pool?.ready == 3 && pool?.desired == 4 && status.pool(named: "other") == nil)
    }

    /// More entries than fit on a page, read from a real Redis.
    @Test func journal_ofManyPages_isReadWhole() throws {
        let folder = try Folder()
        let fixture = try LoopFixture()
        let loop = fixture.loop
        try FileManager.default.createDirectory(atPath: "\(folder.path)/redis", withIntermediateDirectories: true)
        let socket = "\(folder.path)/redis/redis.sock"
        let (children, redis) = try fixture.run {
            let children = Children(loop: loop)
            let arguments = ["--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder.path]
            _ = try children.start("redis-server", arguments, logFile: "\(folder.path)/log", onLine: { _ in })
            let redis = try RoomRedis(stateFolder: folder.path, on: loop)
            redis.start()
            return (LoopBound(children, loop: loop), LoopBound(redis, loop: loop))
        }
        try fixture.waitUntil { try fixture.run { redis.open().isConnected } }
        let pages = 2 * RoomRedis.pageEntries + 500
        let script = """
            for i = 1, \(pages) do
              redis.call('XADD', KEYS[1], '*', 'kind', 'exchange', 't', 1000 + i, 'g', (2 * i) .. ':0,' .. (2 * i + 1) .. ':7')
            end
            redis.call('XADD', KEYS[1], '*', 'kind', 'limits', 't', 5, 'rate_milli', 9, 'burst', 8, 'slots', 7)
            redis.call('HSET', KEYS[2], 'admitted', \(2 * pages))
            """
        let keys: [RedisArgument] = ["sluice:{onsale}:journal", "sluice:{onsale}:state"]
        let journal = Handover<Result<AdmissionJournal, PlayProblem>>()
        let admitted = Handover<Int?>()
        let clock = Handover<PlayProblem?>()
        try fixture.run {
            redis.open().send(["EVAL", .text(script), "2"] + keys) { _ in }
            redis.open().readJournal { journal.put($0) }
            redis.open().readAdmitted { admitted.put($0) }
            redis.open().readClock { clock.put($0) }
        }
        let read = try journal.take().get()
        #expect(
            read.exchanges.count == 2 * pages && read.limits == [.init(micros: 5, rateMilli: 9, burst: 8, slots: 7)]
        )
        #expect(read.exchanges.map(\.number) == Array(2...Int64(2 * pages + 1)))
        #expect(try admitted.take() == 2 * pages)
        #expect(try clock.take() == nil)
        let micros = try fixture.run { redis.open().micros(at: MonotonicClock.now()) }
        // Another clock, or one read wrongly, is years away; an answer that was slow to come is not.
        #expect(abs(Double(micros) / 1e6 - Date().timeIntervalSince1970) < 30)
        try fixture.run {
            redis.open().close()
            children.open().signalAll(SIGTERM)
        }
        try fixture.waitUntil { try fixture.run { children.open().isEmpty } }
        try fixture.end()
    }

    @Test func entryOfAnotherShape_isRefused() {
        var journal = AdmissionJournal()
        for entry in [RedisValue.null, .array([.status("1-1")]), .array([.status("1-1"), .array([.status("kind")])])] {
            #expect(throws: PlayProblem.self) { try RoomRedis.take(entry, into: &journal) }
        }
    }

    @Test(arguments: [
        ["kind", "exchange", "t", "9223372036854775807", "g", "1:0"], ["kind", "exchange", "t", "-1", "g", "1:0"],
        ["kind", "exchange", "t", "5", "g", "-9223372036854775808:0"], ["kind", "exchange", "t", "5", "g", "1:-3"],
        ["kind", "limits", "t", "5", "rate_milli", "9223372036854775807", "burst", "1", "slots", "1"],
        ["kind", "limits", "t", "5", "rate_milli", "1", "burst", "-1", "slots", "1"],
    ])
    func entryWithAnAbsurdFigure_isRefused(words: [String]) throws {
        var journal = AdmissionJournal()
        let entry = RedisValue.array([.status("7-1"), .array(words.map { .status($0) })])
        let problem = #expect(throws: PlayProblem.self) { try RoomRedis.take(entry, into: &journal) }
        #expect(problem?.description.contains("7-1") == true)
    }

    /// A program that ends instead of listening: the run fails, nothing is left, and its last words are at hand.
    @Test func run_ofAProgramThatEnds_fails() async throws {
        let folder = try Folder()
        let program = try folder.program("#!/bin/sh\necho cannot do it >&2\nexit 3\n")
        let options = PlayOptions(
            sluice: program,
            scenario: Scenario(visitors: 10, durationSeconds: 10, seed: 1),
            reportFolder: "\(folder.path)/report",
            withDirect: true,
            keepsFolder: false,
            command: ""
        )
        let director = Director(options, on: try EventLoop(label: "test"))
        #expect(await director.play() == Verdict.ExitCode.notPlayed.rawValue)
        #expect(await director.folder == nil)
        #expect(folder.text("report/sluice.log") == "cannot do it\n")
        #expect(folder.text("report/report.json").isEmpty)
    }

    /// Redis is asked for first: without it nothing is started.
    @Test func run_withAgentsAndNoRedis_startsNothing() async throws {
        let folder = try Folder()
        let program = try folder.program("#!/bin/sh\necho started >&2\nexit 3\n")
        let options = PlayOptions(
            sluice: program,
            scenario: Scenario(visitors: 10, durationSeconds: 10, seed: 1),
            reportFolder: "\(folder.path)/report",
            withDirect: false,
            keepsFolder: false,
            command: ""
        )
        let agents = AgentTeam.Options(
            count: 2,
            endpoint: try RedisEndpoint(parsing: "redis://127.0.0.1:1"),
            keys: try #require(AgentKeys(name: "test")),
            advertised: "127.0.0.1:0"
        )
        let director = Director(options, on: try EventLoop(label: "test"), agents: agents)
        let problem = await #expect(throws: PlayProblem.self) { try await director.perform() }
        let words = problem?.description ?? ""
        #expect(
            words.contains("redis://127.0.0.1:1") && words.contains("refused") && words.contains("--redis"),
            "\(words)"
        )
        #expect(!words.contains("\n") && folder.text("report/sluice.log").isEmpty)
        #expect(await director.play() == Verdict.ExitCode.notPlayed.rawValue)
        #expect(await !director.hasChildren)
    }

    /// Seen before: what failed after the crowd had gone, as the reading of a journal, took the whole run along.
    @Test func run_thatFailsAfterTheCrowdHasGone_leavesWhatThereWas() async throws {
        let folder = try Folder()
        var scenario = Scenario(visitors: 3, durationSeconds: 10, seed: 1)
        scenario.manners.noShowShare = 0
        let options = PlayOptions(
            sluice: "none",
            scenario: scenario,
            reportFolder: "\(folder.path)/report",
            withDirect: false,
            keepsFolder: false,
            command: ""
        )
        let director = Director(options, on: try EventLoop(label: "test"))
        try await director.failsAfterTheCrowdHasGone()
        let report = try ReportFiles.read("\(folder.path)/report/report.json")
        #expect(report.partial?.reason == "the room's journal could not be read")
        #expect(!report.gateway.samples.isEmpty && report.verdict.checks.isEmpty)
    }

    /// Interrupted while it waits for the program to listen.
    @Test func run_interrupted_endsWhatItStarted() async throws {
        let folder = try Folder()
        let program = try folder.program("#!/bin/sh\nexec tail -f /dev/null\n")
        let options = PlayOptions(
            sluice: program,
            scenario: Scenario(visitors: 10, durationSeconds: 10, seed: 1),
            reportFolder: "\(folder.path)/report",
            withDirect: true,
            keepsFolder: false,
            command: ""
        )
        let director = Director(options, on: try EventLoop(label: "test"))
        async let code = director.play()
        let deadline = ContinuousClock.now + .seconds(60)
        while await !director.hasChildren, ContinuousClock.now < deadline {
            await director.sleep(nanoseconds: 1_000_000)
        }
        #expect(await director.hasChildren, "nothing was started within a minute")
        await director.interrupt()
        #expect(await code == 130)
        #expect(await !director.hasChildren)
    }
}

extension Director {
    /// A crowd that came and went, and then a failure before its evidence was whole.
    fileprivate func failsAfterTheCrowdHasGone() async throws {
        try ReportFiles.prepare(self.options.reportFolder)
        let scenario = self.options.scenario
        self.soFar = RunSoFar(startedAt: Date(), environment: [], scenario: scenario)
        // Nobody listens there, and the crowd is sent away at once.
        let player = try CrowdPlayerTests.makePlayer(
            scenario,
            .loopback(port: 1),
            descriptorLimit: 1_000,
            on: self.loop
        )
        self.player = player
        player.start()
        player.finish()
        self.crowdIsOver(player)
        #expect(self.player == nil)
        self.leavePartialReport("the room's journal could not be read")
    }
}
