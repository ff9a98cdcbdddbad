import Glibc
import Testing

/// The shared state stands still, and people keep coming.
@Suite(.onOwnThread) struct OutageTests {
    private func start(_ scene: Scene) throws -> (server: RunningProcess, redis: RedisShell, sluice: SluiceProcess) {
        let socket = "\(scene.folder)/r.sock"
        let (server, redis) = try scene.startForgetfulRedis(socket: socket)
        let room = ["slots": "10000", "inflow": "100/s", "burst": "5", "horizon": "1s"]
        let configuration = try Contract.configuration(scene, socket: socket, room: room)
        return (server, redis, try Contract.start(scene, configuration))
    }

    /// Seen before: people got "joining" with a promise that was not true, came back all at once every three seconds, and
    /// of their pairs 39 % were in the wrong order.
    @Test func stopped_newcomers_getPlacesInOrder() throws {
        try Scene.play { scene in
            let (server, redis, sluice) = try self.start(scene)
            var crowd = Crowd(ports: [sluice.port], count: 20)
            try crowd.round()
            // The gateway has leased what it may hand out by itself.
            try redis.waitUntilPlacesAreSetAside()
            server.signal(SIGSTOP)
            defer { server.signal(SIGCONT) }
            let newcomers = (0..<60).map { _ in Visitor(port: sluice.port) }
            let start = Patience.nowMilliseconds
            for (index, visitor) in newcomers.enumerated() {
                try Patience.wait(for: "the next to come") { Patience.nowMilliseconds - start >= Int64(50 * index) }
                try visitor.ask()
            }
            for visitor in newcomers { try visitor.readAnswer() }
            #expect(server.endIfEnded == nil)
            let given = newcomers.compactMap(\.place)
            #expect(given.count == newcomers.count, "\(given.count) got a place while it stood still")
            #expect(given == given.sorted(), "the order of arrival is the order of places")
            #expect(newcomers.allSatisfy { $0.last?.status == 200 && $0.state == "waiting" }, "\(newcomers[0].state)")
            server.signal(SIGCONT)
            try Patience.wait(for: "everybody to be let in") {
                let outside = newcomers.filter { !$0.isIn }
                for visitor in outside { try visitor.ask() }
                for visitor in outside { try visitor.readAnswer() }
                try crowd.roundOutside()
                return outside.allSatisfy(\.isIn) && crowd.insideCount == 20
            }
            #expect(newcomers.compactMap(\.place) == given, "and they keep them")
            #expect(Set(given + crowd.places.values).count == 80, "no place is given twice")
            #expect(crowd.moved.isEmpty && crowd.failures.isEmpty)
            #expect(try redis("PING") == ["PONG"])
        }
    }

    /// A wait that is the same for all brings them back all at once.
    @Test func away_retries_areSpread() throws {
        try Scene.play { scene in
            let (server, _, sluice) = try self.start(scene)
            server.kill()
            try Patience.wait(for: "the gateway to notice") { try Visitor(port: sluice.port).get().status == 200 }
            var seconds: Set<String> = []
            for _ in 0..<60 {
                let answer = try Visitor(port: sluice.port).get()
                seconds.insert(try #require(answer.field("retry-after")))
            }
            #expect(seconds.count > 1, "everybody is told to come back in \(seconds) seconds")
        }
    }

    /// Seen before: every gateway said 503 at once, so that a balancer took all of them out, though passes work.
    @Test func away_probes_gatewayIsAliveAndReady() throws {
        try Scene.play { scene in
            let (server, _, sluice) = try self.start(scene)
            #expect(try sluice.admin("/livez").status == 200)
            #expect(try sluice.admin("/readyz").status == 200)
            server.kill()
            try Patience.wait(for: "the gateway to say so") { try sluice.admin("/readyz").text.contains("degraded") }
            #expect(try sluice.admin("/readyz").status == 200)
            #expect(try sluice.admin("/livez").status == 200)
        }
    }
}
