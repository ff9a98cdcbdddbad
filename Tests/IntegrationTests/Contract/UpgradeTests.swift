import Foundation
import Testing

/// Binaries of two versions on one Redis.
@Suite(.onOwnThread, .underSanitizersWhenLong) struct UpgradeTests {
    /// All that the record of the first version holds, but what says which line it is.
    private static let fields = [
        "admitted", "direct", "tokens", "refilled", "rate", "burst", "slots", "inflow", "allowed", "fence", "session",
        "claim", "horizon", "opens", "show_up", "floor", "sampled", "sampled_direct", "mark", "mark_serving",
        "mark_direct", "issued", "serving",
    ]

    /// Seen before: BADROOM, and a room that stood still until somebody deleted its key.
    @Test func record_anyFieldMissing_roomGoesOn() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startForgetfulRedis(socket: socket).shell
            let configuration = try Contract.configuration(
                scene,
                socket: socket,
                room: ["slots": "1", "inflow": "1000/s", "burst": "10"]
            )
            let sluice = try Contract.start(scene, configuration)
            var crowd = Crowd(ports: [sluice.port], count: 3)
            try crowd.round()
            for field in Self.fields {
                #expect(try redis.number("HDEL", RedisShell.key("state"), field) == 1, "\(field)")
                let visitor = Visitor(port: sluice.port)
                try Patience.wait(for: "a place without \(field): \(visitor.state)") {
                    try visitor.get()
                    return visitor.place != nil
                }
                crowd.add(1, ports: [sluice.port])
            }
            try crowd.round()
            #expect(crowd.doubles.isEmpty && crowd.moved.isEmpty, "\(crowd.doubles) \(crowd.moved)")
        }
    }

    /// What a later version adds is not ours to take away.
    @Test func record_unknownField_isLeftAlone() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startForgetfulRedis(socket: socket).shell
            let configuration = try Contract.configuration(
                scene,
                socket: socket,
                room: ["slots": "1", "inflow": "1000/s", "burst": "10"]
            )
            let sluice = try Contract.start(scene, configuration)
            var crowd = Crowd(ports: [sluice.port], count: 3)
            try crowd.round()
            try redis("HSET", RedisShell.key("state"), "lanes", "4711")
            crowd.add(3, ports: [sluice.port])
            try crowd.round()
            #expect(crowd.places.count == 6)
            #expect(try redis.field("lanes") == 4711)
        }
    }

    // MARK: The first version's own script

    private static let limits = (inflow: "40/s", burst: 5, slots: 1_000)

    private func start(_ scene: Scene, socket: String) throws -> SluiceProcess {
        let room = [
            "slots": "\(Self.limits.slots)", "inflow": Self.limits.inflow, "burst": "\(Self.limits.burst)",
            "horizon": "1s",
        ]
        let configuration = try Contract.configuration(scene, socket: socket, room: room)
        return try Contract.start(scene, configuration, command: "gateway")
    }

    /// A record of the first version is taken over as it is: nobody's place changes.
    @Test func recordOfTheFirstVersion_isTakenOver_lineGoesOn() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startForgetfulRedis(socket: socket).shell
            var old = OldGateway(redis: redis)
            try old.tick()
            try old.join(20)
            try old.exchangeAll()
            let inside = old.inside
            #expect(old.places.count == 20 && inside.count >= 5)
            let sluice = try self.start(scene, socket: socket)
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            #expect(visitor.place == Place(epoch: 1, number: 21), "\(String(describing: visitor.place))")
            try Patience.wait(for: "the old gateway's visitors to be let in") {
                try old.tick()
                try old.exchangeAll()
                return old.inside.count == 20
            }
            #expect(try redis.sessions() >= 20)
            try Patience.wait(for: "the new one's") { try visitor.get().field("sluice-state") == "admitted" }
        }
    }

    /// Gateways of both versions on one room, as during an upgrade: one line.
    @Test func bothVersions_sideBySide_areOneLine() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startForgetfulRedis(socket: socket).shell
            let sluice = try self.start(scene, socket: socket)
            var old = OldGateway(redis: redis)
            var crowd = Crowd(ports: [sluice.port], count: 0)
            for _ in 0..<12 {
                crowd.add(2, ports: [sluice.port])
                try crowd.roundOutside()
                try old.tick()
                try old.join(2)
                try old.exchangeAll()
            }
            try Patience.wait(for: "everybody to be let in: \(crowd.insideCount) and \(old.inside.count)") {
                try crowd.roundOutside()
                try old.tick()
                try old.exchangeAll()
                return crowd.insideCount == 24 && old.inside.count == 24
            }
            #expect(crowd.moved.isEmpty && crowd.failures.isEmpty, "\(crowd.moved) \(crowd.failures.prefix(3))")
            #expect(Set(crowd.places.values).union(old.places).count == 48, "no number twice")
            let journal = try Journal(scene, socket: socket)
            #expect(journal.doubles.isEmpty && journal.numbers.count == 48)
            #expect(journal.inversions().isEmpty, "\(journal.inversions().prefix(3))")
            #expect(journal.worstExcess(rateMilli: 40_000, burst: 5) <= 0.001)
            #expect(journal.limits.count == 1, "one set of limits: \(journal.limits)")
        }
    }
}

/// A gateway of the first version, as Redis sees one: its script, called as it was.
private struct OldGateway {
    let redis: RedisShell
    private(set) var places: Set<Place> = []
    private(set) var inside: Set<Int64> = []
    private var epoch: Int64 = 0
    private var issued: Int64 = 0
    private var serving: Int64 = 0

    init(redis: RedisShell) { self.redis = redis }

    mutating func tick() throws {
        let limits: [Int64] = [40_000, 5, 1_000, 600_000_000, 300_000_000, 1_000_000, 0]
        let answer = try self.call("tick", limits + [self.epoch, self.issued, self.serving])
        (self.epoch, self.issued, self.serving) = (answer[1], answer[2], answer[3])
        self.inside.formUnion(answer.dropFirst(14).filter { self.isOurs($0) })
    }

    mutating func join(_ count: Int64) throws {
        let answer = try self.call("join", [count])
        let (first, admitted) = (answer[1], answer[3])
        for number in first..<first + count { self.places.insert(Place(epoch: UInt32(answer[0]), number: number)) }
        self.inside.formUnion(first..<first + admitted)
    }

    /// Everybody who has been called asks.
    mutating func exchangeAll() throws {
        let called = self.places.map(\.number).filter { $0 <= self.serving && !self.inside.contains($0) }.sorted()
        guard !called.isEmpty else { return }
        let answer = try self.call("exchange", called)
        for (number, outcome) in zip(called, answer) where outcome > 0 { self.inside.insert(number) }
        self.inside.formUnion(answer.dropFirst(called.count + 1).filter { self.isOurs($0) })
    }

    private func isOurs(_ number: Int64) -> Bool { self.places.contains { $0.number == number } }

    private func call(_ operation: String, _ arguments: [Int64]) throws -> [Int64] {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("RoomScriptTests/room-v1.lua").path
        let names = ["state", "sessions", "arrived", "exchanged", "door", "since", "seen", "marks", "journal"]
        let words =
            ["--eval", script] + names.map(RedisShell.key) + [",", operation] + arguments.map(String.init) + [""]
        let answer = try self.redis.run(words)
        let numbers = answer.compactMap { Int64($0) }
        guard numbers.count == answer.count else { throw Disappointment("\(operation): \(answer)") }
        return numbers
    }
}
