import Foundation
import Testing

/// Two gateways whose files say different things, as during any rolling reload.
@Suite(.onOwnThread, .underSanitizersWhenLong) struct LimitsTests {
    /// Without a controller, whose own rate might hide the files'.
    private func start(
        _ scene: Scene,
        rooms: [[String: String]],
        generations: [Int]? = nil
    ) throws -> (RedisShell, [SluiceProcess]) {
        let socket = "\(scene.folder)/r.sock"
        let redis = try scene.startForgetfulRedis(socket: socket).shell
        let gateways = try rooms.enumerated().map { index, room in
            var configuration = try Contract.configuration(scene, socket: socket, room: room)
            if let generations { configuration.otherKeys = ["generation: \(generations[index])"] }
            return try Contract.start(scene, configuration, name: "gateway\(index)", command: "gateway")
        }
        return (redis, gateways)
    }

    /// Seen before: the limits rode on every tick and the last one won: 97 changes of the rate in 5 s.
    @Test func twoGateways_differentRates_oneOfThemHolds() throws {
        try Scene.play { scene in
            let rooms = ["40/s", "20/s"].map { ["slots": "1", "inflow": $0, "burst": "10", "horizon": "1s"] }
            let (redis, gateways) = try self.start(scene, rooms: rooms)
            // Somebody waits, so both of them tick ten times a second.
            var crowd = Crowd(ports: gateways.map(\.port), count: 4)
            try crowd.round()
            try Patience.pass(milliseconds: 500)
            let before = try redis.journalKinds().filter { $0 == "limits" }.count
            var rates: Set<Int64> = []
            let start = Patience.nowMilliseconds
            try Patience.wait(for: "two seconds") {
                if let rate = try redis.field("rate") { rates.insert(rate) }
                return Patience.nowMilliseconds - start > 2_000
            }
            let changes = try redis.journalKinds().filter { $0 == "limits" }.count - before
            #expect(changes == 0, "the rate changed \(changes) times in 2 s")
            #expect(rates == [40_000] || rates == [20_000], "\(rates)")
            // Both of them say what is in force.
            try Patience.wait(for: "both to say \(rates)") {
                let said = try gateways.map { try $0.status().room?.rate_milli }
                return Set(said.map { $0.map(Int64.init) }) == Set(rates.map { Optional($0) })
            }
        }
    }

    /// Seen before: the gateway whose file had no `opens_at` let people in an hour early. The newer file has it, whether
    /// its gateway started first or last.
    @Test(arguments: [0, 1])
    func opening_inTheNewerFileOnly_nobodyIsEarly(newer: Int) throws {
        try Scene.play { scene in
            let plain = ["slots": "100", "inflow": "1000/s", "burst": "100", "horizon": "1s"]
            let opens = ISO8601DateFormatter().string(from: Date().addingTimeInterval(3_600))
            var rooms = [plain, plain]
            rooms[newer]["opens_at"] = opens
            // The one that is started last is also saved last.
            let (_, gateways) = try self.start(scene, rooms: rooms, generations: newer == 0 ? [2, 1] : nil)
            var crowd = Crowd(ports: gateways.map(\.port), count: 20)
            let start = Patience.nowMilliseconds
            try Patience.wait(for: "a second and a half") {
                try crowd.round()
                return Patience.nowMilliseconds - start > 1_500
            }
            #expect(crowd.insideCount == 0, "\(crowd.insideCount) are in an hour early")
            #expect(crowd.places.count == 20, "and all stand in line")
        }
    }

    /// The newer file, whose opening is far away, is lost with the state, and the gateway that has the older one ticks
    /// first. Seen before: that one tick called the front of the line, and 100 of 100 were inside 4 s later.
    @Test func opening_stateLost_olderFileTicksFirst_nobodyIsEarly() throws {
        try Scene.play { scene in
            let older = ["slots": "500", "inflow": "50/s", "burst": "20", "horizon": "2s"]
            var newer = older
            newer["opens_at"] = ISO8601DateFormatter().string(from: Date().addingTimeInterval(3_600))
            let (redis, gateways) = try self.start(scene, rooms: [older, newer], generations: [1, 2])
            try Patience.wait(for: "the newer file to be in force") { try redis.field("opens") ?? 0 > 0 }
            var crowd = Crowd(ports: gateways.map(\.port), count: 40)
            try crowd.round()
            try Patience.wait(for: "the older gateway to say so") {
                try gateways[0].admin("/status").text.contains("are ignored")
            }
            // Stands still for the moment in which the other one makes the room again.
            gateways[1].process.signal(SIGSTOP)
            try redis("FLUSHALL")
            try Patience.wait(for: "the room to be made again") { try redis.field("generation") != nil }
            gateways[1].process.signal(SIGCONT)
            let start = Patience.nowMilliseconds
            try Patience.wait(for: "two seconds") {
                try crowd.round()
                return Patience.nowMilliseconds - start > 2_000
            }
            #expect(crowd.insideCount == 0, "\(crowd.insideCount) are in an hour early")
            #expect(crowd.moved.isEmpty && crowd.failures.isEmpty, "\(crowd.moved) \(crowd.failures)")
            #expect(try redis.field("opens") ?? 0 > 0)
        }
    }

    /// Two files of one generation that differ are somebody's mistake: what came first stays, and both say so.
    @Test func sameGeneration_differentLimits_isAConflictThatStatusShows() throws {
        try Scene.play { scene in
            let rooms = ["40/s", "20/s"].map { ["slots": "1", "inflow": $0, "burst": "10", "horizon": "1s"] }
            let (redis, gateways) = try self.start(scene, rooms: rooms, generations: [7, 7])
            var crowd = Crowd(ports: gateways.map(\.port), count: 4)
            try crowd.round()
            try Patience.wait(for: "the conflict to be counted") { try redis.field("conflicts") ?? 0 > 0 }
            #expect(try redis.field("rate") == 40_000)
            for (index, gateway) in gateways.enumerated() {
                try Patience.wait(for: "the status of gateway \(index) to show it") {
                    let text = try gateway.admin("/status").text
                    return text.contains("\"limits_conflict\":true") && text.contains("the one generation 7;")
                }
                try Patience.wait(for: "its metric") {
                    try gateway.metric("sluice_room_limits_conflict{room=\"sale\"}") == 1
                }
            }
        }
    }

    /// Seen before: cut to an hour without a word, while the check and the page promised two.
    @Test func claimWindow_twoHours_isWhatHolds() throws {
        try Scene.play { scene in
            let room = ["slots": "1", "inflow": "1000/s", "burst": "10", "claim_window": "2h"]
            let (redis, _) = try self.start(scene, rooms: [room])
            try Patience.wait(for: "the room") { try redis.field("claim") != nil }
            #expect(try redis.field("claim") == 7_200_000_000)
        }
    }
}
