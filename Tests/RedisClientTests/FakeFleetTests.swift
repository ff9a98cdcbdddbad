import Addresses
import EventLoop
import Primitives
import RedisClient
import Testing

/// Faults of a fleet that real servers show too seldom, by servers that a test makes up.
@Suite(.serialized, .timeLimit(.minutes(30))) struct FakeFleetTests {
    private func withRig(_ body: (RedisRig) async throws -> Void) async throws {
        let rig = try RedisRig.make()
        do {
            try await body(rig)
        } catch {
            await rig.finish()
            throw error
        }
        await rig.finish()
    }

    /// Seen before: each refused connection to the master set one more timer for good, and the sentinels were asked
    /// 21, 84, 314, 919 times in the seconds of an outage.
    @Test func sentinel_masterAwayTwice_isAskedFewTimesASecond() async throws {
        try await self.withRig { rig in
            let port = try await rig.freePort()
            try await rig.followFakeSentinel(masterPort: port)
            await rig.startClient()
            for _ in 0..<2 {
                #expect(try await rig.asksASecond(of: 8) < 10)
                try await rig.startServer(["--port", String(port)])
                try await rig.wait("the master") { $0.isConnected }
                // One question may be set from before.
                #expect(try await rig.asksASecond(of: 3) < 3)
                await rig.killServer()
                try await rig.wait("the outage") { !$0.isConnected }
            }
        }
    }

    /// A proxy whose Redis is gone takes connections and ends them. Seen before: "if that port speaks TLS, write rediss",
    /// after days of plain answers.
    @Test func connectionsThatEnd_afterOneThatWorked_giveNoAdviceAboutTLS() async throws {
        try await self.withRig { rig in
            try await rig.followFakeServer()
            try await rig.connect()
            await rig.hangUp()
            _ = await rig.send("GET", "a")
            try await rig.wait("attempts that fail") { !$0.isConnected && $0.client.counters.attempts >= 4 }
            let reasons = await rig.states.compactMap { state in
                if case .disconnected(let reason) = state { reason } else { nil }
            }
            #expect(!reasons.isEmpty && reasons.allSatisfy { !$0.contains("rediss") }, "\(reasons)")
            #expect(reasons.contains { $0.contains("closed by") || $0.contains("reset by") }, "\(reasons)")
        }
    }

    /// A slot went to a node that had none: neither that node's connection nor a refused question makes the map new.
    /// Seen before: either ended the asking.
    @Test func cluster_moved_mapIsAskedForUntilItIsRead() async throws {
        try await self.withRig { rig in
            try await rig.followFakeCluster { asked in asked == 2 ? "-ERR not now\r\n" : nil }
            try await rig.connect()
            #expect(await rig.send("GET", "a").map(\.text) == .success("from the second"))
            try await rig.wait("the map to be read anew") { $0.fakeMapsAsked >= 3 }
        }
    }

    /// A node that was reset, or that the others have forgotten, knows of no slots. Seen before: that was taken for the
    /// map, every node was let go of, and all commands failed until a seed had answered.
    @Test func cluster_aNodeWithoutAMap_takesNobodyElsesAway() async throws {
        try await self.withRig { rig in
            try await rig.followFakeCluster { asked in (2...4).contains(asked) ? FakeRedis.list([]) : nil }
            try await rig.connect()
            #expect(await rig.send("GET", "a").map(\.text) == .success("from the second"))
            try await rig.wait("the empty maps and a good one") { $0.fakeMapsAsked >= 5 }
            #expect(await rig.send("GET", "a").map(\.text) == .success("from the second"))
            let states = await rig.states
            #expect(states.drop { $0 != .connected }.allSatisfy { $0 == .connected }, "\(states)")
        }
    }
}

extension RedisRig {
    /// A sentinel that names one master whatever becomes of it.
    fileprivate func followFakeSentinel(masterPort: UInt16) throws {
        let fake = try FakeRedis(loop: self.loop) { words, _ in
            switch words.prefix(2).joined(separator: " ") {
            case "PING": "+PONG\r\n"
            case "SENTINEL GET-MASTER-ADDR-BY-NAME":
                FakeRedis.list([FakeRedis.bulk("127.0.0.1"), FakeRedis.bulk(String(masterPort))])
            case "SENTINEL MASTER": FakeRedis.list([FakeRedis.bulk("config-epoch"), FakeRedis.bulk("1")])
            default: FakeRedis.list([])
            }
        }
        self.fakes.append(fake)
        self.use(try RedisEndpoint(parsing: "redis+sentinel://127.0.0.1:\(fake.port)/tickets"))
    }

    /// One server alone, which answers in plain text.
    fileprivate func followFakeServer() throws {
        let fake = try FakeRedis(loop: self.loop) { words, _ in
            switch words.prefix(2).joined(separator: " ") {
            case "PING": "+PONG\r\n"
            case "INFO server": FakeRedis.bulk("run_id:1\r\nredis_mode:standalone\r\n")
            case "ROLE": FakeRedis.list([FakeRedis.bulk("master")])
            default: "+OK\r\n"
            }
        }
        self.fakes.append(fake)
        self.use(try RedisEndpoint(parsing: "redis://127.0.0.1:\(fake.port)"))
    }

    fileprivate func hangUp() { self.fakes[0].hangsUp = true }

    private var fakeAsks: Int { self.fakes[0].heard["SENTINEL GET-MASTER-ADDR-BY-NAME"] ?? 0 }

    /// How fast the next `count` questions come.
    fileprivate func asksASecond(of count: Int) async throws -> Double {
        let (begin, asks) = (self.now, self.fakeAsks)
        try await self.wait("\(count) questions") { $0.fakeAsks >= asks + count }
        let seconds = Double(self.now.nanoseconds(since: begin)) / Double(Nanoseconds.perSecond)
        return Double(self.fakeAsks - asks) / seconds
    }

    /// Two nodes. The first has all slots by the first map, and says by every refusal that they are the second's. Later
    /// maps name the second node; a question for the map that `instead` knows, by its number, is answered with that.
    fileprivate func followFakeCluster(instead: @escaping @Sendable (Int) -> String?) throws {
        let greeting = ["INFO server": FakeRedis.bulk("run_id:1\r\nredis_mode:cluster\r\n"), "PING": "+PONG\r\n"]
        let second = try FakeRedis(loop: self.loop) { [weak self] words, _ in
            let name = words.prefix(2).joined(separator: " ")
            if name == "CLUSTER SLOTS" { return self?.assumeIsolated { $0.fakeMap(instead) } ?? "" }
            return greeting[name] ?? "+from the second\r\n"
        }
        let secondPort = second.port
        let first = try FakeRedis(loop: self.loop) { [weak self] words, _ in
            let name = words.prefix(2).joined(separator: " ")
            if name == "CLUSTER SLOTS" { return self?.assumeIsolated { $0.fakeMap(instead) } ?? "" }
            return greeting[name] ?? "-MOVED 15495 127.0.0.1:\(secondPort)\r\n"
        }
        self.fakes = [first, second]
        self.use(try RedisEndpoint(parsing: "redis+cluster://127.0.0.1:\(first.port)"))
    }

    fileprivate var fakeMapsAsked: Int { self.fakes.reduce(0) { $0 + ($1.heard["CLUSTER SLOTS"] ?? 0) } }

    private func fakeMap(_ instead: (Int) -> String?) -> String {
        let asked = self.fakeMapsAsked
        if let answer = instead(asked) { return answer }
        let port = self.fakes[asked == 1 ? 0 : 1].port
        let node = FakeRedis.list([FakeRedis.bulk("127.0.0.1"), ":\(port)\r\n", FakeRedis.bulk("id")])
        return FakeRedis.list([FakeRedis.list([":0\r\n", ":16383\r\n", node])])
    }
}
