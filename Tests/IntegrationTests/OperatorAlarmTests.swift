import Foundation
import TestKit
import Testing

/// What an operator is told of a bad night, without asking for each thing.
@Suite(.onOwnThread) struct OperatorAlarmTests {
    /// Seen before: "reset by the peer", and OpenSSL's number for an authority that is unknown here.
    @Test(arguments: [
        ("redis://", ["write rediss in place of redis"]), ("redis+cluster://", ["write rediss in place of redis"]),
        ("rediss://", ["certificate verify failed", "`authority` under redis_access"]),
    ])
    func redisWithTLS_askedInAnotherWay_readyzAndLogSayWhatToDo_once(scheme: String, words: [String]) throws {
        let fleet = try RedisFleet.start(.standalone, .init(tls: true))
        defer { fleet.finish() }
        try Scene.play { scene in
            let place = "127.0.0.1:\(fleet.servers[0].port)"
            var configuration = Configuration()
            configuration.redis = "\"\(scheme)\(place)\""
            configuration.pool = ["driver": "static", "workers": "[127.0.0.1:9]"]
            configuration.loops = "3"
            let sluice = try scene.start(configuration)
            try Operator.expectProblem(words + [place], at: sluice)
            let told = sluice.process.errors.split(separator: "\n").filter { $0.contains("Redis cannot be reached") }
            #expect(told.count == 1 && words.allSatisfy { told.first?.contains($0) == true }, "\(told)")
        }
    }

    /// An attempt ends with an alert, or with the connection alone when that is faster. Seen before: what to do stood in the
    /// log once, and "reset by the peer" everywhere else.
    @Test func redisThatAsksForACertificate_everyAttemptSaysWhatToDo() throws {
        let fleet = try RedisFleet.start(.standalone, .init(tls: true))
        defer { fleet.finish() }
        try Scene.play { scene in
            let place = "127.0.0.1:\(fleet.servers[0].port)"
            var configuration = Configuration()
            configuration.redis = "\"rediss://\(place)\""
            configuration.otherKeys = ["redis_access: {authority: \(fleet.authorityFile)}"]
            configuration.pool = ["driver": "static", "workers": "[127.0.0.1:9]"]
            let sluice = try scene.start(configuration)
            let advice = "name one as `certificate` and `key`"
            try Operator.expectProblem([advice, place], at: sluice)
            for _ in 1...300 {
                let told = try Operator.readiness(sluice).problems.filter { $0.contains(place) }
                #expect(told.allSatisfy { $0.contains(advice) }, "\(told)")
            }
        }
    }

    /// Seen before: all was well, as long as the process ran.
    @Test func controller_redisNeverThere_isNotReady_thenReady_thenDegraded() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            var configuration = Configuration()
            configuration.redis = "unix:\(socket)"
            configuration.pool = ["driver": "static", "workers": "[127.0.0.1:9]"]
            let controller = try scene.start(configuration, command: "controller")
            try Operator.expectProblem([socket, "Look after Redis"], at: controller)
            #expect(try controller.admin("/readyz").status == 503)
            #expect(try controller.admin("/livez").status == 200)
            let redis = try scene.startRedis(socket: socket)
            try Patience.wait(for: "the controller to be ready") { try controller.admin("/readyz").status == 200 }
            try Patience.wait(for: "no problem") { try Operator.readiness(controller).problems.isEmpty }
            redis.kill()
            try Patience.wait(for: "the controller to notice") { try Operator.readiness(controller).mode == "degraded" }
            #expect(try controller.admin("/readyz").status == 200)
            let text = try Operator.command(scene, controller, ["status"]).output
            #expect(text.contains("! the controller has had no answer from the shared state since 2"), "\(text)")
        }
    }

    // MARK: What is told

    /// Seen before: refused in the log alone, its lines joined by `\\x0a`.
    @Test func reloadRefused_isInTheStatusUntilAGoodOneComes_andOneLineInTheLog() throws {
        try Scene.play { scene in
            let configuration = Configuration()
            let sluice = try scene.start(configuration)
            let bad = configuration.text.replacingOccurrences(of: "loops: 1", with: "loop: 1\nadmim: 2")
            try scene.write(bad, to: sluice.configurationFile)
            sluice.process.signal(SIGHUP)
            let status = { try Operator.command(scene, sluice, ["status"]).output }
            try Patience.wait(for: "the status to tell") { try status().contains("! the reload of 2") }
            // Seen before: not where the health checks look.
            try Operator.expectProblem(["the reload of 2", "loop: unknown key"], at: sluice)
            #expect(try status().contains("loop: unknown key") && status().contains("are in force\n"))
            let lines = sluice.process.errors.split(separator: "\n").filter { $0.contains("configuration is refused") }
            #expect(lines.first?.contains("loop: unknown key") == true && lines.first?.contains("admim") == true)
            #expect(!sluice.process.errors.contains("\\x0a"))
            try scene.write(configuration.text, to: sluice.configurationFile)
            sluice.process.signal(SIGHUP)
            try Patience.wait(for: "the status to be clean") { try !status().contains("! the reload") }
        }
    }

    /// Seen before: no line in any log, and figures of before the outage as if they were of now.
    @Test func stateLost_isWarnedOfOnce_andAnOutageDatesTheFigures() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let (server, redis) = try scene.startForgetfulRedis(socket: socket)
            var configuration = Configuration()
            configuration.redis = "unix:\(socket)"
            configuration.use([try scene.startWorker(RawWorker.answering())])
            let sluice = try scene.start(configuration)
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            try Patience.wait(for: "the gateway to hear of it") { try sluice.status().room?.issued ?? 0 > 0 }
            try redis("FLUSHALL")
            let warning = "the shared state has lost something of the line"
            try sluice.waitForLog(warning)
            let lines = sluice.process.errors.split(separator: "\n").filter { $0.contains(warning) }
            #expect(lines.count == 1 && lines[0].contains("warning") && lines[0].contains("room=sale"))
            #expect(lines[0].contains(/Numbers from \d+ to \d+ are skipped/), "\(lines[0])")
            #expect(try !Operator.command(scene, sluice, ["status"]).output.contains("these figures are as of"))
            server.signal(SIGSTOP)
            defer { server.signal(SIGCONT) }
            try Patience.wait(for: "the status to say since when") {
                try Operator.command(scene, sluice, ["status"]).output.contains("room sale: these figures are as of 2")
            }
            #expect(try sluice.admin("/status").text.contains("\"as_of\":\"2"))
        }
    }
}
