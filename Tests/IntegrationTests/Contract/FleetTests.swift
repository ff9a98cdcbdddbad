import Testing
import TestKit

/// Three gateways on a Redis that is several servers, one of which dies, or hands its rooms on, in the middle of a sale.
/// Not under sanitizers: the servers' own deadlines know nothing of gateways that are ten times slower.
@Suite(.onOwnThread, .enabled(if: Patience.slowness == 1)) struct FleetTests {
    private static let room = ["slots": "10000", "inflow": "50/s", "burst": "5", "horizon": "1s"]

    /// A sale of three gateways; `disaster` comes when some are inside, and people keep coming.
    private func sell(
        _ fleet: RedisFleet,
        disaster: (inout Crowd) throws -> Void
    ) throws {
        defer { fleet.finish() }
        try Scene.play { scene in
            var configuration = try Contract.configuration(scene, socket: "", room: Self.room)
            configuration.use(fleet)
            let gateways = try ["one", "two", "three"].map { try scene.start(configuration, name: $0) }
            let ports = gateways.map(\.port)
            var crowd = Crowd(ports: ports, count: 90)
            try crowd.round()
            try Patience.wait(for: "the sale to run") {
                try crowd.roundOutside()
                return crowd.insideCount >= 25
            }
            try disaster(&crowd)
            crowd.add(30, ports: ports)
            try Patience.wait(for: "a place for everybody: \(crowd.withoutPlace)") {
                try crowd.round()
                return crowd.places.count == crowd.visitors.count
            }
            do {
                try crowd.enterAll()
            } catch {
                let record = try fleet.roomMaster()?.order("HGETALL", RedisShell.key("state"))
                throw Disappointment("\(error); record: \(String(describing: record))")
            }
            try crowd.round()
            #expect(crowd.doubles.isEmpty, "given twice: \(crowd.doubles)")
            #expect(crowd.moved.isEmpty, "who lost their places: \(crowd.moved)")
            #expect(crowd.expelled.isEmpty, "who were in and were sent back: \(crowd.expelled)")
            #expect(crowd.failures.isEmpty, "error pages: \(crowd.failures.prefix(3))")
            let master = try #require(try fleet.roomMaster())
            let journal = try Journal(master)
            #expect(journal.doubles.isEmpty, "let in twice: \(journal.doubles)")
            #expect(journal.inversions().isEmpty, "order: \(journal.inversions().prefix(5))")
        }
    }

    /// Returns when another server than `old` has the room.
    private func awaitMaster(_ fleet: RedisFleet, insteadOf old: RedisFleetNode, _ crowd: inout Crowd) throws {
        try Patience.wait(for: "another master") {
            try crowd.round()
            return try fleet.roomMaster().map { $0 !== old } == true
        }
    }

    @Test func sentinel_masterKilled_nothingIsLost() throws {
        let fleet = try RedisFleet.start(.sentinel)
        try self.sell(fleet) { crowd in
            let old = try #require(try fleet.roomMaster())
            old.kill()
            try self.awaitMaster(fleet, insteadOf: old, &crowd)
        }
    }

    @Test func cluster_masterOfTheRoomKilled_nothingIsLost() throws {
        let fleet = try RedisFleet.start(.cluster, .init(tls: true, acl: true))
        try self.sell(fleet) { crowd in
            let old = try #require(try fleet.roomMaster())
            old.kill()
            try self.awaitMaster(fleet, insteadOf: old, &crowd)
        }
    }

    @Test func cluster_slotOfTheRoomMoved_nothingIsLost() throws {
        let fleet = try RedisFleet.start(.cluster, .init(tls: true, acl: true))
        let key = RedisShell.key("state")
        try self.sell(fleet) { crowd in
            let old = try #require(try fleet.master(ofKey: key))
            let target = try #require(fleet.servers.first { $0 !== old && $0.role == "master" })
            try fleet.beginMove(slotOf: key, to: target)
            try crowd.round()
            // A part of the room's keys is there and a part here: scripts cannot run on either side for a moment.
            try fleet.moveKeys([RedisShell.key("sessions")], slotOf: key, to: target)
            for _ in 0..<3 { try crowd.round() }
            try fleet.finishMove(slotOf: key, to: target)
            #expect(try fleet.master(ofKey: key) === target)
        }
    }
}

extension RedisFleet {
    /// The server that has the room `sale`.
    fileprivate func roomMaster() throws -> RedisFleetNode? {
        self.shape == .cluster ? try self.master(ofKey: RedisShell.key("state")) : self.master
    }
}

extension Configuration {
    fileprivate mutating func use(_ fleet: RedisFleet) {
        self.redis = fleet.url()
        var access: [String] = []
        if fleet.options.tls {
            access += [
                "authority: \(fleet.authorityFile)", "certificate: \(fleet.certificateFile)",
                "key: \(fleet.keyFile)",
            ]
        }
        if fleet.options.acl, fleet.shape == .sentinel {
            access.append("sentinel_password: \(RedisFleet.sentinelPassword)")
        }
        if !access.isEmpty { self.otherKeys.append("redis_access: {\(access.joined(separator: ", "))}") }
    }
}
