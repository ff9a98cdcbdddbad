import Foundation
import Glibc
import Testing

/// Several rooms, pools and gateways before one controller, as real processes.
@Suite(.onOwnThread) struct SharedPoolTests {
    /// One worker carries 7.5 visitors a second.
    private static func configuration() -> Configuration {
        var configuration = Configuration()
        configuration.room = ["slots": "1000", "inflow": "1000/s", "burst": "1"]
        configuration.pool = ["min_workers": "1", "max_workers": "1"]
        configuration.worker = ["slots": "1", "service_time": "100ms", "spread": "0", "queue": "100"]
        configuration.scaling = ["requests_per_visitor": "1", "drain_goal": "5s", "scale_down_after": "1s"]
        return configuration
    }

    /// So many who join a room's line, and of whom nobody comes back.
    private static func join(_ count: Int, _ path: String, port: UInt16) throws {
        let peer = try HTTPPeer(port: port)
        for _ in 0..<count { _ = try peer.request("GET", path) }
    }

    /// Looks again and again for so long, and expects to find it so each time.
    private static func expect(milliseconds: Int64, _ isSo: () throws -> Bool) throws {
        let start = Patience.nowMilliseconds
        try Patience.wait(for: "the time to pass") {
            guard try isSo() else { throw Disappointment("it was so, and is no more") }
            return Patience.nowMilliseconds - start >= milliseconds
        }
    }

    /// Seen before: the room that opens tomorrow was given the pool's whole line, and the open one asked for no worker.
    @Test func line_besideARoomThatOpensTomorrow_getsItsWorkers() throws {
        try Scene.play { scene in
            var configuration = Self.configuration()
            configuration.pool["max_workers"] = "3"
            configuration.otherRoutes = ["{path: /later, pool: workers, room: later}"]
            let text = configuration.text.replacingOccurrences(
                of: "rooms:\n",
                with: "rooms:\n  later: {slots: 1000, inflow: 1000/s, opens_at: 2200-01-01T00:00:00Z}\n"
            )
            let sluice = try scene.start(text: text)
            try sluice.waitUntilListening(hasGateway: true)
            try Self.join(300, "/", port: sluice.port)
            try Patience.wait(for: "workers for the line") { try sluice.status().pool?.ready == 3 }
        }
    }

    /// Seen before: a fifth of the rate.
    @Test func line_besideIdleRooms_getsNearlyAllOfTheRate() throws {
        try Scene.play { scene in
            var configuration = Self.configuration()
            configuration.otherRooms = ["a", "b", "c", "d"].map { ($0, "/\($0)") }
            let sluice = try scene.start(configuration)
            try Self.join(400, "/", port: sluice.port)
            try Patience.wait(for: "the rate") {
                let status = try sluice.status()
                let rate = status.pool?.admission_rate_milli ?? .max
                return (status.room?.rate_milli ?? 0) * 10 >= rate * 9
            }
        }
    }

    /// Seen before: the wide pool's word was the last one, and the narrow one was overrun.
    @Test func roomBehindTwoPools_isLentWhatTheNarrowerBears() throws {
        try Scene.play { scene in
            var configuration = Self.configuration()
            configuration.otherPools = [("wide", ["max_workers": "1", "worker": "{slots: 50, service_time: 1ms}"])]
            configuration.otherRoutes = ["{path: /wide, pool: wide, room: sale}"]
            let sluice = try scene.start(configuration)
            let isBounded = { try (sluice.status().room?.rate_milli ?? .max) <= 7_500 }
            try Patience.wait(for: "the rate to be lent") { try isBounded() }
            // Over three renewals by either pool.
            try Self.expect(milliseconds: 3_500) { try isBounded() }
        }
    }

    /// Seen before: the running workers had their 4 slots, and 16 were reckoned with at once.
    @Test func slots_afterAReload_areThoseOfTheRunningWorkers() throws {
        try Scene.play { scene in
            var configuration = Self.configuration()
            configuration.worker["slots"] = "4"
            let sluice = try scene.start(configuration)
            let rate = { try sluice.status().pool?.admission_rate_milli ?? 0 }
            try Patience.wait(for: "a rate") { try rate() > 0 }
            let before = try rate()
            configuration.worker["slots"] = "16"
            try scene.reload(sluice, with: configuration.text)
            try Self.expect(milliseconds: 2_500) { try rate() == before }
            let worker = try #require(sluice.children.first)
            kill(worker, SIGKILL)
            try Patience.wait(for: "a worker of the new shape") { try rate() == 4 * before }
        }
    }

    /// Seen before: half of two gateways fell silent, the pool shrank under their visitors, and their requests failed.
    /// Not under sanitizers: a gateway ten times slower asks for so little that nothing has to grow.
    @Test(.enabled(if: Patience.slowness == 1)) func silentGateway_keepsItsWorkers() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            _ = try scene.startRedis(socket: socket)
            var configuration = Self.configuration()
            configuration.room = nil
            configuration.redis = "unix:\(socket)"
            configuration.pool = ["min_workers": "1", "max_workers": "3"]
            // So long that the workers have all they can do, however slowly this test asks.
            configuration.worker = ["slots": "4", "service_time": "500ms", "spread": "0", "queue": "100"]
            configuration.scaling["latency_objective"] = "10s"
            // Longer than it takes until a silence is seen.
            configuration.scaling["scale_down_after"] = "5s"
            configuration.signingKeys = [(1, String(repeating: "k", count: 40))]
            let controller = try scene.start(configuration, command: "controller", name: "controller")
            let gateways = try ["one", "two"].map { try scene.start(configuration, command: "gateway", name: $0) }
            let peers = try (0..<24).map { _ in try HTTPPeer(port: gateways[1].port) }
            try Patience.wait(for: "the pool to grow") {
                for peer in peers { try peer.send("GET", "/") }
                for peer in peers { _ = try peer.readAnswer() }
                return try controller.status().pool?.ready == 3
            }
            gateways[1].process.signal(SIGSTOP)
            defer { gateways[1].process.signal(SIGCONT) }
            try Patience.wait(for: "its silence to be seen") {
                try controller.status().silent_gateways?.isEmpty == false
            }
            // Longer than a pool waits that may shrink.
            try Self.expect(milliseconds: 8_000) { try controller.status().pool?.desired == 3 }
            gateways[1].process.signal(SIGCONT)
            try Patience.wait(for: "the pool to shrink when all gateways are heard") {
                let status = try controller.status()
                return status.silent_gateways?.isEmpty == true && status.pool?.ready == 1
            }
        }
    }
}
