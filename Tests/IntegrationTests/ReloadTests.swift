import Foundation
import Synchronization
import Testing

@Suite(.onOwnThread) struct ReloadTests {
    @Test(arguments: [true, false])
    func good_fileReplacedOrSignalled_limitsAreInForceAtOnce(signals: Bool) throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.room = ["slots": "100", "inflow": "10/s", "burst": "10"]
            let sluice = try scene.start(configuration)
            #expect(try sluice.status().room?.slots == 100)
            configuration.room = ["slots": "77", "inflow": "33/s", "burst": "22"]
            try scene.write(configuration.text, to: sluice.configurationFile)
            if signals { sluice.process.signal(SIGHUP) }
            try Patience.wait(for: "the new limits") { try sluice.status().room?.slots == 77 }
            let room = try #require(try sluice.status().room)
            #expect(room.rate_milli == 33_000 && room.burst == 22)
            #expect(sluice.process.errors.contains("rooms.sale.slots"))
        }
    }

    /// Between the reload and the limits in force lies one tick, a tenth of a second. By the ticks of a room in which
    /// nobody waits it would be anything up to a second, a hundred looks and more: that eight of ten came within forty
    /// is then a chance of less than one in eighty. Counted are looks, each answered by the gateway itself and at least
    /// 5 ms after the one before, not time: on a slow machine there are fewer of them, never more.
    @Test func good_reloadApplied_nextTickHasTheLimits() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            let sluice = try scene.start(configuration)
            var looks: [Int] = []
            for slots in 51...60 {
                configuration.room?["slots"] = "\(slots)"
                try scene.reload(sluice, with: configuration.text)
                var count = 0
                try Patience.wait(for: "the new limit") {
                    count += 1
                    return try sluice.status().room?.slots == slots
                }
                looks.append(count)
            }
            #expect(looks.count { $0 <= 40 } >= 8, "looks until the limit was in force: \(looks)")
        }
    }

    @Test func bad_file_changesNothingAndSaysWhere() throws {
        try Scene.play { scene in
            let configuration = Configuration()
            let sluice = try scene.start(configuration)
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            let bad: [(text: String, line: Int, words: [String])] = [
                (
                    configuration.text.replacingOccurrences(of: "slots: 1000", with: "slotz: 1000"), 10,
                    ["slotz", "slots"]
                ),
                (configuration.text.replacingOccurrences(of: "redis: memory", with: "redis: [memory]"), 5, ["redis"]),
                (configuration.text + "routes: []\n", 14, ["routes"]),
            ]
            for file in bad {
                try scene.write(file.text, to: sluice.configurationFile)
                sluice.process.signal(SIGHUP)
                // The signal and the change of the file may both be answered: what counts is the last word.
                let place = "\(sluice.configurationFile):"
                let line = Self.line(of: file.words[0], in: file.text, default: file.line)
                var last = ""
                try Patience.wait(for: "the refusal of line \(line)") {
                    last = sluice.process.errors.components(separatedBy: place).dropFirst().last ?? ""
                    return last.hasPrefix("\(line):")
                }
                #expect(try sluice.status().reloads_refused > 0)
                for word in file.words { #expect(last.contains(word), "\(last)") }
                #expect(try sluice.status().room?.slots == 1_000)
            }
            #expect(try visitor.get().field("sluice-state") == "admitted")
            #expect(try sluice.status().reloads_applied == 0)
            // And the way back to a good one is open.
            var good = configuration
            good.room?["slots"] = "12"
            try scene.reload(sluice, with: good.text)
            try Patience.wait(for: "the new limit") { try sluice.status().room?.slots == 12 }
        }
    }

    /// The last line that holds `word`, counted from one.
    private static func line(of word: String, in text: String, default other: Int) -> Int {
        let lines = text.components(separatedBy: "\n")
        return lines.lastIndex { $0.contains(word) }.map { $0 + 1 } ?? other
    }

    @Test func good_twentyReloadsUnderLoad_noConnectionIsDropped() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.loops = "2"
            let sluice = try scene.start(configuration)
            let load = KeepAliveLoad(port: sluice.port, connections: 4)
            load.start()
            for round in 1...20 {
                configuration.room?["slots"] = "\(1_000 + round)"
                configuration.limits = ["idle_timeout": "\(30 + round)s", "fields": "\(50 + round)"]
                configuration.pool["waiting_requests"] = "\(500 + round)"
                try scene.reload(sluice, with: configuration.text)
                try load.waitForMore(40)
            }
            let outcome = load.stop()
            #expect(outcome.failures.isEmpty, "\(outcome.failures.prefix(3))")
            #expect(outcome.answers >= 800)
            #expect(try sluice.metric("sluice_config_reloads_total{outcome=\"applied\"}") >= 20)
            #expect(try sluice.metric("sluice_responses_total{class=\"5xx\"}") == 0)
        }
    }

    /// Seen before: requests went to the new pool at once, and waited there for workers that were still to start.
    @Test func good_poolRenamed_requestsAreServedUntilTheNewOneHasWorkers() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.pool["waiting_timeout"] = "100ms"
            configuration.worker["start_time"] = "2s"
            let sluice = try scene.start(configuration)
            let load = KeepAliveLoad(port: sluice.port, connections: 2)
            load.start()
            try load.waitForMore(20)
            let renamed = configuration.text.replacingOccurrences(of: "  workers:", with: "  shows:")
            try scene.reload(sluice, with: renamed.replacingOccurrences(of: "pool: workers", with: "pool: shows"))
            try Patience.wait(for: "the new pool's worker, and the old one's end") {
                let pools = try sluice.status().pools
                return pools?.count == 1 && pools?.first?.name == "shows" && pools?.first?.ready == 1
            }
            try load.waitForMore(20)
            let outcome = load.stop()
            #expect(outcome.failures.isEmpty, "\(outcome.failures.prefix(3))")
        }
    }

    @Test func good_roomAndPoolAddedAndRemoved_visitorsInLineAskTheRoutesAgain() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.room = ["slots": "1", "inflow": "1000/s", "burst": "10"]
            let sluice = try scene.start(configuration)
            let (inside, waiting) = (Visitor(port: sluice.port), Visitor(port: sluice.port))
            try inside.get()
            try waiting.get()
            #expect(!waiting.isIn)
            configuration.otherRooms = [("vip", "/vip")]
            try scene.reload(sluice, with: configuration.text)
            let vip = Visitor(port: sluice.port)
            try Patience.wait(for: "the new room") { try vip.get("/vip").field("sluice-state") == "admitted" }
            configuration.room = nil
            try scene.reload(sluice, with: configuration.text.replacingOccurrences(of: ", room: vip", with: ""))
            #expect(try waiting.get().field("sluice-state") == nil)
            #expect(waiting.last?.status == 200)
        }
    }

    @Test func good_logLevel_isLive() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.logLevel = "error"
            let sluice = try scene.start(configuration)
            #expect(!sluice.process.errors.contains("worker ready"))
            configuration.logLevel = "info"
            try scene.reload(sluice, with: configuration.text)
            configuration.room?["slots"] = "5"
            try scene.reload(sluice, with: configuration.text)
            try sluice.waitForLog("rooms.sale.slots")
        }
    }

    @Test func change_thatNeedsARestart_isSaidAndNotMade() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            let sluice = try scene.start(configuration)
            configuration.loops = "2"
            configuration.listeners.append(("127.0.0.1:0", nil))
            try scene.reload(sluice, with: configuration.text)
            try sluice.waitForLog("loops")
            #expect(sluice.process.errors.contains("restart"))
            #expect(try HTTPPeer(port: sluice.port).request("GET", "/").status == 200)
        }
    }
}

/// Clients that keep asking on their connections from a thread of their own.
private final class KeepAliveLoad: Sendable {
    struct Outcome {
        var answers = 0
        var failures: [String] = []
    }
    private let port: UInt16
    private let connections: Int
    private let outcome = Mutex(Outcome())
    private let mustStop = Mutex(false)
    private let hasEnded = DispatchSemaphore(value: 0)

    init(port: UInt16, connections: Int) {
        self.port = port
        self.connections = connections
    }

    func start() { Thread.detachNewThread { self.run() } }

    private func run() {
        defer { self.hasEnded.signal() }
        do {
            let peers = try (0..<self.connections).map { _ in try HTTPPeer(port: self.port) }
            while !self.mustStop.withLock({ $0 }) {
                for peer in peers { try peer.send("GET", "/open/x") }
                for peer in peers {
                    let answer = try peer.readAnswer()
                    self.outcome.withLock {
                        $0.answers += 1
                        if answer.status != 200 { $0.failures.append("status \(answer.status)") }
                    }
                }
            }
        } catch {
            self.outcome.withLock { $0.failures.append("\(error)") }
        }
    }

    /// Waits until so many more answers have come, or one has failed.
    func waitForMore(_ count: Int) throws {
        let goal = self.outcome.withLock { $0.answers } + count
        try Patience.wait(for: "\(count) more answers") {
            self.outcome.withLock { $0.answers >= goal || !$0.failures.isEmpty }
        }
    }

    func stop() -> Outcome {
        self.mustStop.withLock { $0 = true }
        self.hasEnded.wait()
        return self.outcome.withLock { $0 }
    }
}
