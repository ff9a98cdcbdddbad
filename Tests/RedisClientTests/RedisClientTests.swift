import EventLoop
import Glibc
import Primitives
import Testing
import Transport

@testable import RedisClient

/// One at a time: the machine may have two cores, and each test has a server.
@Suite(.serialized) struct RedisClientTests {
    private static let add = RedisScript(
        name: "add",
        source: Array("return redis.call('INCRBY', KEYS[1], ARGV[1])".utf8)
    )

    private func withRig(
        options: RedisOptions = RedisRig.patient,
        scripts: [RedisScript] = [],
        _ body: @Sendable (RedisRig) async throws -> Void
    ) async throws {
        let rig = try RedisRig.make(options: options, scripts: scripts)
        do {
            try await body(rig)
            await rig.finish()
        } catch {
            await rig.finish()
            throw error
        }
    }

    @Test func send_eachKindOfAnswer_arrives() async throws {
        try await self.withRig { rig async throws in
            try await rig.startServer()
            try await rig.connect()
            #expect(await rig.send("SET", "k", .bytes([0, 255, 13, 10])) == .success(.status("OK")))
            #expect(await rig.send("GET", "k") == .success(.bytes([0, 255, 13, 10])))
            #expect(await rig.send("GET", "absent") == .success(.null))
            #expect(await rig.send("RPUSH", "l", "a", 7) == .success(.integer(2)))
            #expect(await rig.send("LRANGE", "l", 0, -1).map(\.texts) == .success(["a", "7"]))
            let refused = await rig.send("INCR", "l")
            guard case .failure(.refused("WRONGTYPE", _)) = refused else {
                Issue.record("got \(refused)")
                return
            }
            let counters = await rig.counters
            #expect(counters.errors == 1 && counters.replies == counters.commands && counters.reconnects == 0)
            #expect(counters.roundTrips.count == counters.replies)
        }
    }

    /// Thousands of commands of one turn are answered in the order in which they were sent.
    @Test func send_pipelined_isAnsweredInOrder() async throws {
        try await self.withRig { rig async throws in
            try await rig.startServer()
            try await rig.connect()
            let answers = await rig.pipeline(count: 4_000)
            #expect(answers == (1...4_000).map { .success(.integer($0)) })
        }
    }

    @Test func send_overTheLimitInFlight_isOverloadedAndNotSent() async throws {
        var options = RedisOptions()
        options.maxInFlight = 10
        try await self.withRig(options: options) { rig async throws in
            try await rig.startServer()
            try await rig.connect()
            let answers = await rig.pipeline(count: 15)
            #expect(answers.prefix(10) == (1...10).map { .success(.integer($0)) }[...])
            for answer in answers.suffix(5) {
                guard case .failure(.overloaded) = answer else {
                    Issue.record("got \(answer)")
                    continue
                }
            }
            #expect(await rig.send("GET", "counter").map(\.text) == .success("10"))
            #expect(await rig.counters.overloaded == 5)
        }
    }

    @Test func send_tooManyBytesUnsent_isOverloaded() async throws {
        var options = RedisOptions()
        options.maxPendingBytes = 100_000
        try await self.withRig(options: options) { rig async throws in
            try await rig.startServer()
            try await rig.connect()
            let results = await rig.sendAll(
                [RedisArgument](repeating: .bytes([UInt8](repeating: 0, count: 60_000)), count: 4)
            )
            #expect(results.prefix(2).allSatisfy { $0 == .success(.status("OK")) })
            #expect(results.suffix(2).allSatisfy { if case .failure(.overloaded) = $0 { true } else { false } })
        }
    }

    @Test func send_noServer_failsAtOnceAndSaysWhere() async throws {
        try await self.withRig { rig async throws in
            await rig.startClient()
            try await rig.wait("an attempt") { $0.states.count >= 2 }
            let answer = await rig.send("PING")
            guard case .failure(.unavailable(let reason)) = answer else {
                Issue.record("got \(answer)")
                return
            }
            #expect(reason.contains("redis.sock") && reason.contains("No such file"))
            #expect(await rig.counters.unavailable == 1)
        }
    }

    @Test func send_serverComesLater_connectsByItself() async throws {
        try await self.withRig { rig async throws in
            await rig.startClient()
            try await rig.wait("three attempts") { $0.client.counters.attempts >= 3 }
            try await rig.startServer()
            try await rig.wait("connected") { $0.client.isConnected }
            #expect(await rig.send("PING") == .success(.status("PONG")))
        }
    }

    @Test func send_serverKilled_isUnansweredThenReconnects() async throws {
        try await self.withRig { rig async throws in
            try await rig.startServer()
            try await rig.connect()
            await rig.freezeServer()
            async let answer = rig.send("INCR", "n")
            try await rig.wait("sent") { $0.client.inFlight == 1 }
            await rig.killServer()
            let lost = await answer
            guard case .failure(.unanswered) = lost else {
                Issue.record("got \(lost)")
                return
            }
            try await rig.wait("disconnected") { !$0.client.isConnected }
            try await rig.wait("exit seen") { $0.server.exits == 1 }
            try await rig.startServer()
            try await rig.wait("connected") { $0.client.isConnected }
            #expect(await rig.send("PING") == .success(.status("PONG")))
            #expect(await rig.counters.reconnects == 1)
            #expect(await rig.counters.unanswered >= 1)
        }
    }

    @Test func send_serverFrozen_timesOutAndEndsTheConnection() async throws {
        var options = RedisOptions()
        options.commandTimeoutNanoseconds = 2_000 * Nanoseconds.perMillisecond
        try await self.withRig(options: options) { rig async throws in
            try await rig.startServer()
            try await rig.connect()
            await rig.freezeServer()
            let before = await rig.now
            async let first = rig.send("INCR", "n")
            async let second = rig.send("INCR", "n")
            for answer in await [first, second] {
                guard case .failure(.unanswered(let reason)) = answer else {
                    Issue.record("got \(answer)")
                    continue
                }
                #expect(reason.contains("2000 ms"))
            }
            #expect(await rig.now.nanoseconds(since: before) >= 2_000 * Nanoseconds.perMillisecond)
            #expect(await rig.counters.timeouts == 1)
            // It takes connections still, and must not pass for a living one.
            try await rig.wait("a greeting that timed out") { $0.client.counters.timeouts >= 2 }
            #expect(await rig.isConnected == false)
            await rig.thawServer()
            try await rig.wait("connected") { $0.client.isConnected }
        }
    }

    @Test func send_answersJustInTime_areNotGivenUp() async throws {
        var options = RedisOptions()
        options.commandTimeoutNanoseconds = 4_000 * Nanoseconds.perMillisecond
        try await self.withRig(options: options) { rig async throws in
            try await rig.startServer()
            try await rig.connect()
            // Longer than one timeout altogether, each within it.
            for _ in 0..<4 { #expect(await rig.send("DEBUG", "SLEEP", "1.2") == .success(.status("OK"))) }
            #expect(await rig.counters.timeouts == 0)
        }
    }

    @Test func send_ownProcessStoodStill_isNotATimeout() async throws {
        var options = RedisOptions()
        options.commandTimeoutNanoseconds = 1_500 * Nanoseconds.perMillisecond
        try await self.withRig(options: options) { rig async throws in
            try await rig.startServer()
            try await rig.connect()
            let answer = await rig.sendThenStandStill(milliseconds: 3_000)
            #expect(answer == .success(.status("PONG")))
            #expect(await rig.isConnected)
        }
    }

    @Test func eval_scriptFlushed_isLoadedAgainOnceForAll() async throws {
        try await self.withRig(scripts: [Self.add]) { rig async throws in
            try await rig.startServer()
            try await rig.connect()
            #expect(await rig.eval(Self.add, keys: ["n"], ["5"]) == .success(.integer(5)))
            #expect(await rig.send("SCRIPT", "FLUSH") == .success(.status("OK")))
            let answers = await rig.evalAll(Self.add, key: "n", count: 50)
            #expect(Set(answers.compactMap { try? $0.get().integer }) == Set(6...55))
            #expect(await rig.counters.scriptReloads == 1)
            #expect(await rig.send("SCRIPT", "FLUSH") == .success(.status("OK")))
            #expect(await rig.eval(Self.add, keys: ["n"], ["5"]) == .success(.integer(60)))
            #expect(await rig.counters.scriptReloads == 2)
        }
    }

    @Test func eval_restartedServer_hasTheScriptAgain() async throws {
        try await self.withRig(scripts: [Self.add]) { rig async throws in
            try await rig.startServer()
            try await rig.connect()
            await rig.killServer()
            try await rig.wait("exit seen") { $0.server.exits == 1 }
            try await rig.startServer()
            try await rig.wait("connected again") { $0.client.counters.connects == 2 && $0.client.isConnected }
            #expect(await rig.eval(Self.add, keys: ["n"], ["2"]) == .success(.integer(2)))
            #expect(await rig.counters.scriptReloads == 0)
        }
    }

    @Test func eval_scriptFails_isRefusedWithItsText() async throws {
        let bad = RedisScript(name: "bad", source: Array("return redis.error_reply('NOROOM make one')".utf8))
        try await self.withRig(scripts: [bad]) { rig async throws in
            try await rig.startServer()
            try await rig.connect()
            #expect(await rig.eval(bad, []) == .failure(.refused(code: "NOROOM", message: "NOROOM make one")))
        }
    }

    @Test func start_scriptThatDoesNotCompile_saysSo() async throws {
        let broken = RedisScript(name: "broken", source: Array("this is not Lua".utf8))
        try await self.withRig(scripts: [broken]) { rig async throws in
            try await rig.startServer()
            await rig.startClient()
            try await rig.wait("a reason") { $0.states.contains { "\($0)".contains("SCRIPT LOAD of broken") } }
            #expect(await rig.isConnected == false)
        }
    }

    @Test func start_passwordAndDatabase_areUsed() async throws {
        try await self.withRig { rig async throws in
            try await rig.startServer(["--requirepass", "s3cret", "--user", "tom", "on", ">pw", "~*", "+@all"])
            var endpoint = rig.endpoint
            endpoint.password = Secret("s3cret")
            endpoint.database = 3
            await rig.use(endpoint)
            try await rig.connect()
            #expect(await rig.send("SET", "k", "v") == .success(.status("OK")))
            #expect(await rig.send("CLIENT", "INFO").map { $0.text?.contains(" db=3 ") } == .success(true))
            endpoint.user = "tom"
            endpoint.password = Secret("pw")
            await rig.use(endpoint)
            try await rig.connect()
            #expect(await rig.send("ACL", "WHOAMI").map(\.text) == .success("tom"))
        }
    }

    @Test(arguments: [nil, "wrong"])
    func start_badPassword_saysSoAndNeverConnects(password: String?) async throws {
        try await self.withRig { rig async throws in
            try await rig.startServer(["--requirepass", "s3cret"])
            var endpoint = rig.endpoint
            endpoint.password = password.map { Secret($0) }
            await rig.use(endpoint)
            await rig.startClient()
            let code = password == nil ? "NOAUTH" : "WRONGPASS"
            try await rig.wait(code) { $0.states.contains { "\($0)".contains(code) } }
            #expect(await rig.states.contains(.connected) == false)
            #expect(await rig.states.contains { "\($0)".contains("s3cret") || "\($0)".contains("wrong pass") } == false)
        }
    }

    @Test func start_overTCPByName_connects() async throws {
        try await self.withRig { rig async throws in
            let port = try await rig.freePort()
            try await rig.startServer(["--port", String(port), "--bind", "127.0.0.1"])
            await rig.use(RedisEndpoint(.address(.loopback(port: port))))
            try await rig.connect()
            #expect(await rig.send("PING") == .success(.status("PONG")))
            await rig.use(RedisEndpoint(.name("localhost", port: port)))
            // The name may lead to ::1 first, where nobody listens: the next attempt takes the next address.
            try await rig.connect()
            #expect(await rig.send("PING") == .success(.status("PONG")))
        }
    }

    @Test func start_unknownName_saysSo() async throws {
        try await self.withRig { rig async throws in
            await rig.use(RedisEndpoint(.name("no-such-host.invalid", port: 6_379)))
            await rig.startClient()
            try await rig.wait("a reason") { $0.states.contains { "\($0)".contains("lookup of no-such-host.invalid") } }
        }
    }

    @Test func start_overTLS_connectsWhenTheCertificateIsTrusted() async throws {
        try await self.withRig { rig async throws in
            let port = try await rig.freePort()
            let folder = rig.folder
            try SelfSignedCertificate.make(certificateFile: folder + "/tls.crt", keyFile: folder + "/tls.key")
            try await rig.startServer([
                "--tls-port", String(port), "--bind", "127.0.0.1", "--tls-cert-file", folder + "/tls.crt",
                "--tls-key-file", folder + "/tls.key", "--tls-ca-cert-file", folder + "/tls.crt", "--tls-auth-clients",
                "no",
            ])
            var options = RedisOptions()
            options.tls = try TLSContext(clientAuthorityFile: folder + "/tls.crt")
            let endpoint = RedisEndpoint(.address(.loopback(port: port)), usesTLS: true)
            await rig.use(endpoint, options: options)
            try await rig.connect()
            #expect(await rig.pipeline(count: 1_000).last == .success(.integer(1_000)))
            await rig.use(endpoint)
            await rig.startClient()
            try await rig.wait("a refusal") { $0.states.contains { "\($0)".contains("TLS") } }
        }
    }

    @Test(arguments: ["HTTP/1.1 400 Bad Request\r\n\r\n", "+PONG\r\n+PONG\r\n+PONG\r\n", "*1000001\r\n"])
    func start_somethingElseAnswers_isRefusedNotTrusted(text: String) async throws {
        try await self.withRig { rig async throws in
            await rig.use(try rig.listen(saying: text))
            await rig.startClient()
            try await rig.wait("a reason") {
                $0.states.contains { if case .disconnected = $0 { true } else { false } }
            }
        }
    }

    @Test func start_serverStillLoading_isNotConnected() async throws {
        try await self.withRig { rig async throws in
            await rig.use(try rig.listen(saying: "-LOADING Redis is loading the dataset in memory\r\n"))
            await rig.startClient()
            try await rig.wait("a reason") { $0.states.contains { "\($0)".contains("LOADING") } }
            #expect(await rig.states.contains(.connected) == false)
        }
    }

    @Test func send_becomesReadOnly_isGivenUpForItsMaster() async throws {
        try await self.withRig { rig async throws in
            try await rig.startServer()
            try await rig.connect()
            #expect(await rig.send("REPLICAOF", "127.0.0.1", "1") == .success(.status("OK")))
            let answer = await rig.send("SET", "k", "v")
            guard case .failure(.refused("READONLY", _)) = answer else {
                Issue.record("got \(answer)")
                return
            }
            // Nobody writes to a replica, and nobody waits for each write to be refused.
            try await rig.wait("a reason") {
                $0.states.contains { "\($0)".contains("this is a replica of 127.0.0.1:1") }
            }
            #expect(await rig.counters.connects == 1)
        }
    }

    @Test func close_commandsUnderWay_failOnceAndNothingFollows() async throws {
        try await self.withRig { rig async throws in
            try await rig.startServer()
            try await rig.connect()
            let results = await rig.pipelineThenClose(count: 100)
            #expect(results.count == 100)
            #expect(results.allSatisfy { $0 == .failure(.unanswered("the client was closed")) })
            #expect(await rig.states.last == .closed)
            #expect(await rig.send("PING") == .failure(.unavailable("closed")))
        }
    }

    @Test func client_letGoWithoutClose_endsItsConnection() async throws {
        try await self.withRig { rig async throws in
            try await rig.startServer()
            try await rig.connect()
            #expect(await rig.sendAndLetGo() == .failure(.unanswered("the client is gone")))
            #expect(await rig.send("PING") == .success(.status("PONG")))
        }
    }

    @Test func close_inACompletion_stopsDelivery() async throws {
        try await self.withRig { rig async throws in
            try await rig.startServer()
            try await rig.connect()
            let results = await rig.closeInFirstCompletion(count: 10)
            #expect(results.first == .success(.integer(1)))
            #expect(results.dropFirst().allSatisfy { if case .failure(.unanswered) = $0 { true } else { false } })
        }
    }

    /// Kills and restarts at random moments under load: every command is answered once, and no increment that was
    /// answered is missing from the order.
    @Test(arguments: [21, 22] as [UInt64])
    func send_serverDiesAtRandomMoments_everyCommandIsToldOnce(seed: UInt64) async throws {
        try await self.withRig { rig async throws in
            try await rig.startServer()
            try await rig.connect()
            var random = SplitMix64(seed: seed)
            for round in 1...5 {
                let load = try await rig.killDuringLoad(after: Int.random(in: 1...2_000, using: &random), count: 3_000)
                #expect(load.answers == 3_000, "seed \(seed), round \(round)")
                #expect(load.values == (0..<Int64(load.values.count)).map { $0 + 1 }, "seed \(seed), round \(round)")
                try await rig.startServer()
                try await rig.wait("connected") { $0.client.isConnected }
            }
        }
    }
}
