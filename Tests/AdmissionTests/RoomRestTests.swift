import Testing

@testable import Admission

/// One gateway, `sick`, sees no healthy worker for a time, while another one does: who stands at the door by the first
/// holds up nobody, and loses nothing.
@Suite struct RoomRestTests {
    /// A room of both gateways, in which nobody is inside and the bucket is empty.
    struct Scene {
        var room = RoomModel()
        var now = RoomModelTests.start
        let limits: RoomLimits
        private var returned: [String: Int64] = [:]

        init(inflowMilli: Int64, burst: Int64, joined: Int) throws {
            self.limits = RoomLimits(
                inflowMilli: inflowMilli,
                burst: burst,
                slots: 100_000,
                sessionMicros: 600_000_000,
                claimMicros: 5_000_000,
                horizonMicros: 2_000_000,
                opensAtMicros: 0
            )
            try self.pass(1)
            self.room.record.tokens = 0
            var left = joined
            while left > 0 {
                let count = min(left, RoomRules.largestBatch)
                _ = try self.room.join(count: count, known: .nothing, nowMicros: self.now)
                left -= count
            }
        }

        @discardableResult
        mutating func tick(_ gateway: String, healthy: Int64 = 3) throws -> TickAnswer {
            let tick = RoomTick(
                gateway: gateway,
                limits: self.limits,
                healthy: healthy,
                eventsSeen: self.room.record.events,
                returnedMicros: self.returned[gateway] ?? 0
            )
            let answer = try self.room.tick(tick, known: .nothing, nowMicros: self.now)
            self.returned[gateway] = answer.returnedMicros
            return answer
        }

        /// A tenth of a second for each of `count`, with a tick of both.
        mutating func pass(_ count: Int, sick: Int64 = 3) throws {
            for _ in 0..<count {
                self.now += 100_000
                try self.tick("sick", healthy: sick)
                try self.tick("well")
            }
        }

        @discardableResult
        mutating func exchange(_ ids: ClosedRange<Int64>, by gateway: String) throws -> [ExchangeOutcome] {
            var outcomes: [ExchangeOutcome] = []
            for first in stride(from: ids.lowerBound, through: ids.upperBound, by: RoomRules.largestBatch) {
                let batch = Array(first...min(ids.upperBound, first + Int64(RoomRules.largestBatch) - 1))
                outcomes += try self.room.exchange(gateway: gateway, ids: batch, known: .nothing, nowMicros: self.now)
                    .outcomes
            }
            return outcomes
        }
    }

    /// At least as many stand at the door of the sick one as would be called: its workers went, and the controller
    /// lowered the rate.
    @Test func tick_doorFullOfTheSickOnes_callsAtTheRateForTheOthers() throws {
        var scene = try Scene(inflowMilli: 20_000, burst: 10, joined: 2_000)
        try scene.pass(1)
        #expect(scene.room.record.serving >= 30)
        scene.room.record.tokens = 0
        try scene.exchange(1...30, by: "sick")
        #expect(scene.room.door.count == 30)
        var seen: Int64 = scene.room.record.serving
        let before = scene.room.record.admitted
        for _ in 0..<600 {
            try scene.pass(1, sick: 0)
            guard scene.room.record.serving > seen else { continue }
            try scene.exchange(seen + 1...min(seen + 500, scene.room.record.serving), by: "well")
            seen = min(seen + 500, scene.room.record.serving)
        }
        let admitted = scene.room.record.admitted - before
        #expect((1_150...1_210).contains(admitted), "60 s at 20 a second, not \(admitted)")
        #expect((1...30 as ClosedRange<Int64>).allSatisfy { !scene.room.exchanged.contains($0) })
    }

    /// More than one look at the door takes in stand there, before all of the others.
    @Test func settle_moreThanABatchOfTheSickOnes_letsTheOthersInAtTheRate() throws {
        var scene = try Scene(inflowMilli: 1_000_000, burst: 1_000, joined: 2_000)
        try scene.pass(1)
        #expect(scene.room.record.serving >= 1_400)
        scene.room.record.tokens = 0
        try scene.exchange(1...1_200, by: "sick")
        try scene.exchange(1_201...1_400, by: "well")
        #expect(scene.room.door.count == 1_400)
        try scene.pass(4, sick: 0)
        #expect((1_201...1_400 as ClosedRange<Int64>).allSatisfy { scene.room.exchanged.contains($0) })
        #expect(scene.room.record.admitted == 200 && scene.room.door.count == 0)
    }

    /// They are told anew as soon as it is well, go in in their order, and their claims have not lapsed meanwhile.
    @Test func tick_sickOneIsWellAgain_hearsThatItsDoorIsUnknown() throws {
        var scene = try Scene(inflowMilli: 1_000_000, burst: 1_000, joined: 2_000)
        try scene.pass(1)
        scene.room.record.tokens = 0
        try scene.exchange(1...600, by: "sick")
        try scene.pass(40, sick: 0)
        #expect(scene.room.door.count == 0 && scene.room.record.admitted == 0)
        // Who has come since asks before the tick that says that it is well: those before are not known here yet.
        #expect(try scene.exchange(601...601, by: "sick") == [.atDoor])
        try scene.pass(20, sick: 0)
        #expect(try scene.tick("sick", healthy: 2).eventsLost)
        #expect(try !scene.tick("sick", healthy: 2).eventsLost, "once")
        #expect(scene.room.record.admitted == 0)
        let outcomes = try scene.exchange(1...601, by: "sick")
        let expected = ExchangeOutcome.admitted(expiresMicros: scene.now + 600_000_000)
        #expect(outcomes == Array(repeating: expected, count: 601))
    }

    /// A gateway that no longer knows how many it sees asks for its visitors, too.
    @Test func tick_sickOneKnowsNothingOfItsWorkers_hearsIt() throws {
        var scene = try Scene(inflowMilli: 1_000, burst: 1, joined: 1)
        #expect(try !scene.tick("sick", healthy: 0).eventsLost)
        #expect(try !scene.tick("sick", healthy: 0).eventsLost)
        let tick = RoomTick(gateway: "sick", limits: scene.limits, healthy: nil, eventsSeen: 0)
        #expect(try scene.room.tick(tick, known: .nothing, nowMicros: scene.now).eventsLost)
    }
}
