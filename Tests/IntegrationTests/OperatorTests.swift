import Foundation
import TestKit
import Testing

/// What an operator asks of a running Sluice: is it fit, what has happened, begin anew.
@Suite(.onOwnThread) struct OperatorTests {
    // MARK: Fit or not

    /// Seen before: while Redis was away every gateway answered 503, so that a balancer took all of them out, though
    /// passes worked on each.
    @Test func redisAway_isLive_isReady_andSaysThatItIsDegraded() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startRedis(socket: socket)
            var configuration = Configuration()
            configuration.redis = "unix:\(socket)"
            configuration.room = ["slots": "1", "inflow": "1000/s", "burst": "100"]
            let sluice = try scene.start(configuration)
            try Patience.wait(for: "the first tick") { try Operator.readiness(sluice).ready }
            #expect(try Operator.readiness(sluice).mode == "normal")
            let (inside, waiting) = (Visitor(port: sluice.port), Visitor(port: sluice.port))
            try inside.get()
            #expect(inside.isIn)
            try Patience.wait(for: "the loop to be told") { try waiting.get().field("sluice-mode") == nil }
            redis.kill()
            try Patience.wait(for: "the gateway to notice") { try Operator.readiness(sluice).mode == "degraded" }
            #expect(try sluice.admin("/readyz").status == 200)
            #expect(try sluice.admin("/healthz").status == 200)
            #expect(try sluice.admin("/livez").status == 200)
            #expect(try Operator.readiness(sluice).problems.first?.contains("sale") == true)
            #expect(try inside.get().status == 200)
            // Whoever waits is told so, as is whoever watches.
            try Patience.wait(for: "the loop to be told") {
                try waiting.get().field("sluice-mode") == "degraded; redis-away"
            }
            let position = try waiting.get()
            #expect(
                position.text.contains("\"mode\":\"degraded\"") && position.text.contains("\"estimate_is_frozen\":true")
            )
            #expect(try position.position().number == 2)
            #expect(try sluice.metric("sluice_room_mode{room=\"sale\",mode=\"degraded\"}") == 1)
            #expect(
                try Operator.command(scene, sluice, ["status"]).output.contains(
                    "! room sale: the shared state has not answered"
                )
            )
            _ = try scene.startRedis(socket: socket)
            try Patience.wait(for: "the gateway to find it") { try Operator.readiness(sluice).mode == "normal" }
        }
    }

    @Test func redisNeverThere_isLive_isNotReady() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.redis = "unix:\(scene.folder)/none.sock"
            configuration.pool = ["driver": "static", "workers": "[127.0.0.1:9]"]
            let sluice = try scene.start(configuration, waits: false)
            try sluice.waitUntilListening(hasGateway: true)
            #expect(try sluice.admin("/livez").status == 200)
            let answer = try sluice.admin("/readyz")
            #expect(answer.status == 503 && answer.text.contains("sale"))
        }
    }

    /// Seen before: "the shared state does not answer", whatever the cause.
    @Test func redisRefuses_readyzSaysWhatIsWrongAndWhatToDo() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startForgetfulRedis(socket: socket).shell
            var configuration = Configuration()
            configuration.redis = "unix:\(socket)"
            let sluice = try scene.start(configuration)
            try Patience.wait(for: "the first tick") { try Operator.readiness(sluice).ready }
            try redis("HSET", RedisShell.key("state"), "issued", "many")
            try Operator.expectProblem(["BADROOM", "Redis answers", "delete that key"], at: sluice)
            try redis("DEL", RedisShell.key("state"))
            try Patience.wait(for: "the room to move on") { try Operator.readiness(sluice).problems.isEmpty }
            try redis("HSET", RedisShell.key("state"), "needs", "99")
            try Operator.expectProblem(["UPGRADE", "Redis answers", "install that version"], at: sluice)
            #expect(try Operator.command(scene, sluice, ["status"]).output.contains("install that version"))
        }
    }

    @Test(arguments: [
        ("", ["NOAUTH", "asks for a password"]), ("sluice:wrong@", ["WRONGPASS", "check user and password"]),
    ])
    func redisRefusesUs_readyzSaysWhatIsWrongAndWhatToDo(access: String, words: [String]) throws {
        let fleet = try RedisFleet.start(.standalone, .init(tls: false, acl: true))
        defer { fleet.finish() }
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.redis = "\"redis://\(access)127.0.0.1:\(fleet.servers[0].port)\""
            configuration.pool = ["driver": "static", "workers": "[127.0.0.1:9]"]
            let sluice = try scene.start(configuration)
            try Operator.expectProblem(words, at: sluice)
            #expect(try sluice.admin("/readyz").status == 503)
        }
    }

    /// Seen before: "connect timed out", as if nobody were there.
    @Test func redisWithoutTLS_readyzSaysThatTLSWasNotAnswered() throws {
        try Scene.play { scene in
            // Takes what comes for the beginning of a command, as Redis does.
            let server = try scene.startWorker { connection in _ = try connection.readToEnd() }
            var configuration = Configuration()
            configuration.redis = "rediss://127.0.0.1:\(server.port)"
            configuration.pool = ["driver": "static", "workers": "[127.0.0.1:9]"]
            let sluice = try scene.start(configuration)
            try Operator.expectProblem(["does that port speak TLS?"], at: sluice)
        }
    }

    // MARK: The journal

    @Test(arguments: ["memory", "embedded"])
    func journal_printsWhatHappened_asJSONLines(redis: String) throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.redis = redis
            let sluice = try scene.start(configuration)
            var crowd = Crowd(ports: [sluice.port], count: 5)
            try crowd.enterAll()
            struct Entry: Decodable {
                let id, kind: String
                let t: Int64
                let g: String?
            }
            let result = try Operator.command(scene, sluice, ["journal", "sale"])
            #expect(result.end == .exited(0), "\(result.errors)")
            let entries = try result.output.split(separator: "\n").map {
                try JSONDecoder().decode(Entry.self, from: Data($0.utf8))
            }
            #expect(entries.first?.kind == "limits")
            let granted = entries.compactMap(\.g).joined(separator: ",").split(separator: ",").map {
                String($0.split(separator: ":")[0])
            }
            #expect(Set(granted) == Set(crowd.places.values.map { "\($0.number)" }))
            // From the middle on, and one that does not exist.
            let rest = try Operator.command(scene, sluice, ["journal", "sale", "--after", entries[0].id])
            // More may have happened meanwhile.
            let lines = result.output.split(separator: "\n")
            #expect(rest.output.split(separator: "\n").starts(with: lines.dropFirst()))
            let none = try Operator.command(scene, sluice, ["journal", "sail"])
            #expect(none.end == .exited(1) && none.errors.contains("known: sale"))
        }
    }

    /// Journals that nobody exported were trimmed without a word.
    @Test func journal_isExported_andStatusSaysHowFar() throws {
        try Scene.play { scene in
            let spool = "\(scene.folder)/spool"
            try FileManager.default.createDirectory(atPath: spool, withIntermediateDirectories: true)
            var configuration = Configuration()
            configuration.redis = "embedded"
            configuration.room?["journal_export"] = spool
            let sluice = try scene.start(configuration)
            var crowd = Crowd(ports: [sluice.port], count: 5)
            try crowd.enterAll()
            let lines: () throws -> [Substring] = {
                try FileManager.default.contentsOfDirectory(atPath: spool).sorted()
                    .flatMap { RunningProcess.text("\(spool)/\($0)").split(separator: "\n") }
            }
            try Patience.wait(for: "the five in the files") {
                let granted = try lines().flatMap { $0.matches(of: /(\d+):\d+/).compactMap { Int64($0.1) } }
                return Set(granted).isSuperset(of: crowd.places.values.map(\.number))
            }
            let exported = try lines().map { String($0).replacing(/"n":\d+,/, with: "") }
            let printed = try Operator.command(scene, sluice, ["journal", "sale"]).output.split(separator: "\n")
            // The same entries, numbered; more may have happened meanwhile.
            #expect(printed.map(String.init).starts(with: exported))
            let text = try Operator.command(scene, sluice, ["status"]).output
            #expect(text.contains("journal exported to \(spool)") && text.contains("0 lost"))
            #expect(try sluice.metric("sluice_journal_lost_total{room=\"sale\"}") == 0)
        }
    }

    /// Seen before: without news in the room, `status` went on to say how far the export was.
    @Test func exportFolder_gone_isSaidAtOnce_andTheExportGoesOnWhenItIsBack() throws {
        try Scene.play { scene in
            let spool = "\(scene.folder)/spool"
            let folders = FileManager.default
            try folders.createDirectory(atPath: spool, withIntermediateDirectories: true)
            var configuration = Configuration()
            configuration.redis = "embedded"
            configuration.room?["journal_export"] = spool
            let sluice = try scene.start(configuration)
            try Visitor(port: sluice.port).get()
            let isExported = { try folders.contentsOfDirectory(atPath: spool).count == 1 }
            try Patience.wait(for: "the first in a file", until: isExported)
            try folders.removeItem(atPath: spool)
            let words = "the journal cannot be exported to \(spool): there is no folder \(spool)"
            try Patience.wait(for: "the status to say so") {
                let text = try Operator.command(scene, sluice, ["status"]).output
                return text.contains(words) && text.contains("journal NOT exported to \(spool)")
            }
            #expect(sluice.process.errors.contains("the journal cannot be exported"))
            // A reload meanwhile is taken over.
            try scene.reload(sluice, with: configuration.text + "\n# touched")
            try folders.createDirectory(atPath: spool, withIntermediateDirectories: true)
            try Patience.wait(for: "the first in a file again", until: isExported)
            try sluice.waitForLog("the journal is exported again")
            #expect(!(try Operator.command(scene, sluice, ["status"]).output.contains("cannot be exported")))
        }
    }

    // MARK: A new line

    @Test func reset_asksFirst_thenEverybodyBeginsAnew() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.redis = "embedded"
            configuration.room = ["slots": "2", "inflow": "1000/s", "burst": "100"]
            let sluice = try scene.start(configuration)
            let visitors = (0..<4).map { _ in Visitor(port: sluice.port) }
            for visitor in visitors { try visitor.get() }
            #expect(visitors.map(\.isIn) == [true, true, false, false])
            // Nobody answers the question: nothing is done.
            let asked = try Operator.command(scene, sluice, ["room", "reset", "sale"])
            #expect(asked.end == .exited(1) && asked.output.contains("cannot be undone"))
            #expect(try visitors[2].get().position().number == 3)

            let done = try Operator.command(scene, sluice, ["room", "reset", "sale", "--yes"])
            #expect(done.end == .exited(0) && done.output.contains("new line"), "\(done.errors)")
            try Patience.wait(for: "the old pass to be void") {
                try visitors[3].get().field("sluice-state") == "admitted"
            }
            #expect(visitors[3].number ?? 9 <= 4)
            let journal = try Operator.command(scene, sluice, ["journal", "sale"]).output
            #expect(journal.contains("\"kind\":\"reset\""))
        }
    }

    /// Redis stands still between the question and its answer: the reset comes when it goes on.
    @Test func reset_withoutAnAnswer_saysThatItMayHaveHappened_andHowToSee() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let (server, redis) = try scene.startForgetfulRedis(socket: socket)
            var configuration = Configuration()
            configuration.redis = "unix:\(socket)"
            let sluice = try scene.start(configuration)
            try Patience.wait(for: "the first tick") { try Operator.readiness(sluice).ready }
            let epoch = try #require(try redis.field("epoch"))
            server.signal(SIGSTOP)
            let asked = try Operator.command(scene, sluice, ["room", "reset", "sale", "--yes"])
            server.signal(SIGCONT)
            #expect(asked.end == .exited(1))
            #expect(asked.errors.contains("may have happened all the same") && asked.errors.contains("room's line in"))
            try Patience.wait(for: "the reset") { try redis.field("epoch") ?? 0 > epoch }
        }
    }

    @Test func reset_unknownRoom_saysWhichThereAre() throws {
        try Scene.play { scene in
            let sluice = try scene.start(Configuration())
            let result = try Operator.command(scene, sluice, ["room", "reset", "sail", "--yes"])
            #expect(result.end == .exited(1) && result.errors.contains("there is no room sail; known: sale"))
            // Seen before: the question came first.
            let asked = try Operator.command(scene, sluice, ["room", "reset", "sail"])
            #expect(asked.end == .exited(1) && asked.errors.contains("there is no room sail; known: sale"))
            #expect(!asked.output.contains("Write the room's name"))
            // Nobody is there to answer.
            let known = try Operator.command(scene, sluice, ["room", "reset", "sale"])
            #expect(known.end == .exited(1) && known.errors.contains("nothing was done"))
            #expect(known.output.contains("Write the room's name"))
            let bad = try Operator.command(scene, sluice, ["room", "reset", "Sale!", "--yes"])
            #expect(bad.end != .exited(0) && bad.errors.contains("no name of a room"))
        }
    }

    // MARK: Who sets the rate

    /// Seen before: the rate of a controller that had died stayed for ever, 0 as well as any other.
    @Test func controllerKilled_theLeaseLapses_andStatusSaysSo() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            let socket = "\(scene.folder)/r.sock"
            _ = try scene.startRedis(socket: socket)
            var configuration = Configuration()
            configuration.redis = "unix:\(socket)"
            configuration.use([worker])
            let gateway = try scene.start(configuration, command: "gateway", name: "gateway")
            let controller = try scene.start(configuration, command: "controller", name: "controller")
            try Patience.wait(for: "the rate to be lent") {
                try Operator.command(scene, gateway, ["status"]).output.contains("leased for")
            }
            try Patience.wait(for: "the controller to say so, and who reports to it") {
                let own = try Operator.command(scene, controller, ["status"]).output
                return own.contains("room sale: lent") && own.contains("gateways that report: 1")
            }
            controller.mayEnd = true
            controller.process.kill()
            try Patience.wait(for: "the lease to lapse") {
                let text = try Operator.command(scene, gateway, ["status"]).output
                return text.contains("at the fallback") && text.contains("! room sale: no controller renews the rate")
            }
        }
    }

    // MARK: Different files

    /// Seen before: the last tick won, so that two files flipped a room's rate ten times a second.
    @Test func twoGateways_differentFiles_theLaterOneHolds_andTheOtherSaysSo() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            _ = try scene.startRedis(socket: socket)
            var configuration = Configuration()
            configuration.redis = "unix:\(socket)"
            configuration.pool = ["driver": "static", "workers": "[127.0.0.1:9]"]
            configuration.room?["inflow"] = "100/s"
            let text = { (generation: Int, inflow: String) -> String in
                configuration.room?["inflow"] = inflow
                return "generation: \(generation)\n" + configuration.text
            }
            let one = try scene.start(text: text(2, "100/s"), command: "gateway", name: "one")
            try one.waitUntilListening(hasGateway: false)
            let two = try scene.start(text: text(1, "50/s"), command: "gateway", name: "two")
            try two.waitUntilListening(hasGateway: false)
            try Patience.wait(for: "the second to see the first's limits") {
                try two.status().room?.rate_milli == 100_000
            }
            let problem = "the limits of this gateway's file are ignored"
            try Patience.wait(for: "the second to say so") {
                try Operator.command(scene, two, ["status"]).output.contains(problem)
            }
            #expect(!(try Operator.command(scene, one, ["status"]).output.contains(problem)))
            // With one generation and other limits, it is a contradiction.
            try scene.reload(two, with: text(2, "50/s"))
            try Patience.wait(for: "the contradiction") {
                try Operator.command(scene, two, ["status"]).output.contains("Give both the same file")
            }
            #expect(try one.status().room?.rate_milli == 100_000)
            // The newer file is in force at both, within a tick or two.
            try scene.reload(two, with: text(3, "50/s"))
            for sluice in [one, two] {
                try Patience.wait(for: "the newer limits") { try sluice.status().room?.rate_milli == 50_000 }
            }
            let journal = try Operator.command(scene, one, ["journal", "sale"]).output.split(separator: "\n")
            #expect(journal.filter { $0.contains("\"kind\":\"limits\"") }.count == 2)
        }
    }
}
