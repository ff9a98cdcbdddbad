import Glibc
import Testing

/// The shared state dies, is away, and comes back, while a crowd stands in line.
@Suite(.onOwnThread) struct RedisOutageTests {
    private static let visitorCount = 300

    /// The embedded server is killed twice while the crowd polls: it is started again with its data, at most the last
    /// second of it lost. Whoever had a place keeps it, whoever had a pass goes on, and nobody is let in twice.
    @Test func killed_underLoad_nobodyLosesAPlaceOrEntersTwice() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.redis = "embedded"
            configuration.loops = "2"
            configuration.room = ["slots": "10000", "inflow": "40/s", "burst": "20", "horizon": "1s"]
            configuration.limits = ["door_timeout": "500ms"]
            let sluice = try scene.start(configuration)
            var crowd = Crowd(ports: [sluice.port], count: Self.visitorCount)
            try Patience.wait(for: "a place for everybody") {
                try crowd.roundWithoutPlace()
                return crowd.places.count == Self.visitorCount
            }

            for kill in 1...2 {
                let before = crowd.insideCount
                try Patience.wait(for: "some to be let in") {
                    try crowd.round()
                    // All of them where a round takes so long.
                    return crowd.insideCount >= min(before + 40, Self.visitorCount)
                }
                let dead = try #require(scene.embeddedRedisPID)
                #expect(Glibc.kill(dead, SIGKILL) == 0)
                // Those inside go on while it is away, and those in line see their places.
                let guest = try #require(crowd.visitors.first { $0.isIn })
                #expect(try guest.get("/seats").field("sluice-state") == "admitted")
                try Patience.wait(for: "restart \(kill)") {
                    try crowd.round()
                    return scene.embeddedRedisPID.map { $0 != dead } == true
                }
            }
            try Patience.wait(for: "everybody to be let in") {
                try crowd.round()
                return crowd.insideCount == Self.visitorCount
            }
            #expect(crowd.moved.isEmpty, "visitors who lost their places: \(crowd.moved)")
            #expect(crowd.failures.isEmpty, "\(crowd.failures.prefix(5))")
            #expect(crowd.expelled.isEmpty, "visitors who were in and were sent back: \(crowd.expelled)")
            let journal = try Journal(scene, socket: "\(scene.folder)/state/redis/redis.sock")
            #expect(journal.doubles.isEmpty, "let in twice: \(journal.doubles)")
            #expect(try sluice.admin("/healthz").status == 200)
        }
    }

    /// A server of one's own goes away for a good while, and nothing but being let in has to wait for it: newcomers get
    /// places that were set aside.
    @Test func away_forAWhile_passesWorkPlacesShowNewcomersGetPlaces() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startRedis(socket: socket)
            var configuration = Configuration()
            configuration.redis = "unix:\(socket)"
            configuration.room = ["slots": "1", "inflow": "1000/s", "burst": "100"]
            let sluice = try scene.start(configuration)
            let (inside, waiting) = (Visitor(port: sluice.port), Visitor(port: sluice.port))
            try inside.get()
            // Nobody is called, so that whoever waits is ahead of those who come later.
            configuration.room?["inflow"] = "0/s"
            try scene.reload(sluice, with: configuration.text)
            try Patience.wait(for: "the rate to be in force") { try sluice.status().room?.rate_milli == 0 }
            try waiting.get()
            #expect(inside.isIn && waiting.number == 2)
            try RedisShell(scene: scene, socket: socket).waitUntilPlacesAreSetAside()
            redis.kill()
            try Patience.wait(for: "the gateway to notice") { try sluice.admin("/healthz").text.contains("degraded") }
            #expect(try sluice.admin("/healthz").text.contains("sale"))
            #expect(try inside.get().field("sluice-state") == "admitted")
            #expect(try waiting.get().position().number == 2)
            try Patience.wait(for: "the loop to be told") {
                try waiting.get().field("sluice-mode")?.hasPrefix("degraded") == true
            }
            let newcomer = Visitor(port: sluice.port)
            let held = try newcomer.get()
            #expect(held.status == 200 && held.field("sluice-state") == "waiting")
            #expect(held.field("sluice-mode")?.hasPrefix("degraded") == true)
            #expect((3...10).contains(try #require(held.field("retry-after").flatMap { Int($0) })))
            let shown = try held.position()
            #expect(shown.position == 2, "behind the one who waited already: \(shown)")
            let place = try #require(newcomer.number)
            // Nothing that only the shared state can do is lost meanwhile, or done twice.
            _ = try scene.startRedis(socket: socket)
            try Patience.wait(for: "the gateway to find it") { try sluice.admin("/healthz").text.contains("normal") }
            try newcomer.get()
            #expect(newcomer.number == place, "a place that was set aside stays good")
            #expect(try waiting.get().position().number == 2)
            configuration.room?["inflow"] = "1000/s"
            try scene.reload(sluice, with: configuration.text)
            try inside.get("/leave")
            try Patience.wait(for: "the next to be let in") { try waiting.get().field("sluice-state") == "admitted" }
            #expect(waiting.number == 2)
        }
    }

    /// A Redis that has forgotten everything goes on from what the gateway knows.
    @Test func emptied_stateIsGone_numbersGoOnFromWhatIsKnown() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            _ = try scene.startRedis(socket: socket)
            var configuration = Configuration()
            configuration.redis = "unix:\(socket)"
            configuration.room = ["slots": "1000", "inflow": "1000/s", "burst": "100"]
            let sluice = try scene.start(configuration)
            let visitors = (0..<10).map { _ in Visitor(port: sluice.port) }
            for visitor in visitors.prefix(3) { try visitor.get() }
            configuration.room?["inflow"] = "0/s"
            try scene.reload(sluice, with: configuration.text)
            try Patience.wait(for: "the doors to close") { try sluice.status().room?.rate_milli == 0 }
            for visitor in visitors.dropFirst(3) { try visitor.get() }
            #expect(try scene.run("redis-cli", ["-s", socket, "FLUSHALL"]).output.hasPrefix("OK"))
            try Patience.wait(for: "the room to be back") {
                try scene.run("redis-cli", ["-s", socket, "EXISTS", "sluice:{sale}:state"]).output.hasPrefix("1")
            }
            let late = Visitor(port: sluice.port)
            try late.get()
            #expect((late.number ?? 0) > 10, "behind all that may have been handed out")
            for (index, visitor) in visitors.enumerated() {
                try visitor.get()
                #expect(visitor.number == Int64(index + 1))
                #expect(visitor.isIn == (index < 3))
            }
        }
    }

    // MARK: No Redis at the start

    @Test func absent_atTheStart_saysSoAndServesWhenItIsThere() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/late.sock"
            var configuration = Configuration()
            configuration.redis = "unix:\(socket)"
            // The controller cannot lead without it, so the worker is one that is there already.
            configuration.use([try scene.startWorker(RawWorker.answering())])
            let sluice = try scene.start(configuration)
            try sluice.waitForLog("Redis cannot be reached")
            #expect(sluice.process.errors.contains(socket))
            try Patience.wait(for: "the health check to fail") { try sluice.admin("/healthz").status == 503 }
            let early = Visitor(port: sluice.port)
            #expect(try early.get().field("sluice-state") == "joining")
            // Where there is no room, there is nothing to wait for.
            #expect(try HTTPPeer(port: sluice.port).request("GET", "/open").status == 200)
            _ = try scene.startRedis(socket: socket)
            try Patience.wait(for: "the health check to pass") { try sluice.admin("/healthz").status == 200 }
            try early.get()
            #expect(early.isIn && early.number == 1)
        }
    }

    @Test func embedded_noRedisServerInstalled_saysWhatToInstall() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.redis = "embedded"
            let file = "\(scene.folder)/s.yaml"
            try scene.write(configuration.text, to: file)
            let result = try scene.run("env", ["PATH=/nowhere", try SluiceProcess.program, "run", file])
            #expect(result.end == .exited(1))
            #expect(result.errors.contains("apt-get install redis-server"))
        }
    }
}
