import Glibc
import Testing

/// Two gateways and a controller, three processes on one Redis, are one waiting room.
@Suite(.onOwnThread) struct ClusterTests {
    private func configuration(socket: String, room: [String: String]) -> Configuration {
        var configuration = Configuration()
        configuration.redis = "unix:\(socket)"
        configuration.room = room
        // Both gateways honour each other's cookies.
        configuration.signingKeys = [(1, String(repeating: "k", count: 40))]
        configuration.limits = ["door_timeout": "300ms"]
        return configuration
    }

    @Test func twoGateways_crowdOverBoth_entersInOrderAndWithinTheLimit() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            _ = try scene.startRedis(socket: socket)
            let (rate, burst, count): (Int64, Int64, Int) = (40, 10, 140)
            let configuration = self.configuration(
                socket: socket,
                room: ["slots": "10000", "inflow": "\(rate)/s", "burst": "\(burst)", "horizon": "1s"]
            )
            try scene.start(configuration, command: "controller", name: "controller")
            let gateways = try ["one", "two"].map { try scene.start(configuration, command: "gateway", name: $0) }
            let visitors = (0..<count).map { Visitor(port: gateways[$0 % 2].port) }
            for visitor in visitors { try visitor.ask() }
            for visitor in visitors { try visitor.readAnswer() }
            #expect(Set(visitors.compactMap(\.number)).count == count, "two visitors have one number")
            try Patience.wait(for: "everybody to be let in") {
                let outside = visitors.filter { !$0.isIn }
                for visitor in outside { try visitor.ask() }
                for visitor in outside { try visitor.readAnswer() }
                return outside.allSatisfy(\.isIn)
            }
            let journal = try Journal(scene, socket: socket)
            #expect(journal.doubles.isEmpty)
            #expect(journal.numbers.sorted() == (1...Int64(count)).map { $0 })
            #expect(journal.inversions().isEmpty, "\(journal.inversions())")
            #expect(
                journal.exchanges.contains { $0.grants.contains { $0.doorWaitMicros > 0 } },
                "nobody stood at the door, so nothing was shown"
            )
            #expect(journal.worstExcess(rateMilli: rate * 1_000, burst: burst) <= 0.001)
        }
    }

    @Test func twoGateways_visitorChangesBetweenThem_keepsPlaceAndPass() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            _ = try scene.startRedis(socket: socket)
            let configuration = self.configuration(
                socket: socket,
                room: ["slots": "1", "inflow": "1000/s", "burst": "100"]
            )
            try scene.start(configuration, command: "controller", name: "controller")
            let gateways = try ["one", "two"].map { try scene.start(configuration, command: "gateway", name: $0) }
            let (inside, waiting) = (Visitor(port: gateways[0].port), Visitor(port: gateways[0].port))
            try inside.get()
            try waiting.get()
            #expect(inside.isIn && waiting.number == 2)
            let (insideThere, waitingThere) = (Visitor(port: gateways[1].port), Visitor(port: gateways[1].port))
            for (name, value) in inside.cookies { insideThere.setCookie(name, value) }
            for (name, value) in waiting.cookies { waitingThere.setCookie(name, value) }
            #expect(try insideThere.get().field("sluice-state") == "admitted")
            #expect(try waitingThere.get().position().number == 2)
            // Left at the one, the slot is free at the other.
            try insideThere.get("/leave")
            try Patience.wait(for: "the next to be let in") { try waiting.get().field("sluice-state") == "admitted" }
            #expect(waiting.number == 2)
        }
    }

    @Test func twoControllers_oneDies_theOtherLeads() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            _ = try scene.startRedis(socket: socket)
            let configuration = self.configuration(
                socket: socket,
                room: ["slots": "1", "inflow": "1000/s", "burst": "100"]
            )
            let first = try scene.start(configuration, command: "controller", name: "first")
            try first.waitForLog("this controller leads")
            let gateway = try scene.start(configuration, command: "gateway", name: "gateway")
            let second = try scene.start(configuration, command: "controller", name: "second")
            #expect(try second.metric("sluice_controller_leads") == 0)
            #expect(second.children.isEmpty)
            first.mayEnd = true
            let lead = try LeadWatch(RedisShell(scene: scene, socket: socket))
            first.process.kill()
            try lead.expectLead(of: second)
            try Patience.wait(for: "a worker of the second") {
                try HTTPPeer(port: gateway.port).request("GET", "/open").status == 200
            }
        }
    }
}
