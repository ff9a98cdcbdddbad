import Testing

@testable import Admission

/// What a room does when a gateway, a script of another version, or another server comes back to it.
@Suite struct RoomReturnTests {
    static let start = RoomModelTests.start
    static let epoch = RoomLossTests.epoch

    /// A room of two inside, 3 and 4 called, and 3 at the door of `g`.
    static func roomWithDoor() throws -> RoomModel {
        var room = try RoomModelTests.room(joined: 4)
        let tick = RoomTick(gateway: "g", limits: RoomLossTests.limits())
        _ = try room.tick(tick, known: .nothing, nowMicros: Self.start + 1)
        #expect(try room.exchange([3], nowMicros: Self.start + 2).outcomes == [.atDoor])
        return room
    }

    // MARK: Numbers

    /// Joins 101 to 110, then a used block took the line to 12,288; a copy from before comes back, in which that block
    /// is leased still.
    @Test func join_staleReturnBelowALeasedBlock_handsOutNoNumberTwice() throws {
        var room = try RoomModelTests.room(joined: 100)
        var tick = RoomTick(gateway: "g", limits: RoomLossTests.limits())
        tick.block.size = RoomRules.largestBlock
        var known = KnownMarks.nothing
        let first = try room.tick(tick, known: RoomLossTests.known(issued: 100, serving: 2), nowMicros: Self.start + 1)
        known.raise(first.snapshot)
        let block = try #require(first.block)
        let copy = room
        known.raise(try room.join(count: 10, known: known, nowMicros: Self.start + 2).line)
        tick.block = BlockReport(start: block.lowerBound, used: block.lowerBound, size: RoomRules.largestBlock)
        known.raise(try room.tick(tick, known: known, nowMicros: Self.start + 3).snapshot)
        #expect(known.issued == block.upperBound)
        room = copy
        let grant = try room.join(count: 1, known: known, nowMicros: Self.start + 4)
        #expect(grant.first > block.upperBound && grant.line.incarnation == 2)
        #expect(room.record.gaps.first?.from == 101, "who has a place there is called with the gap")
    }

    /// A number that a gateway handed out by itself proves no loss.
    @Test func join_numberOfALeasedBlockKnown_goesOn() throws {
        var room = try RoomModelTests.room(joined: 100)
        var tick = RoomTick(gateway: "g", limits: RoomLossTests.limits())
        tick.block.size = RoomRules.largestBlock
        var known = RoomLossTests.known(issued: 100, serving: 2)
        let answer = try room.tick(tick, known: known, nowMicros: Self.start + 1)
        known.raise(answer.snapshot)
        known.raise(epoch: Self.epoch, issued: try #require(answer.block).lowerBound, serving: 0)
        #expect(try room.join(count: 1, known: known, nowMicros: Self.start + 2).first == 101)
    }

    /// The answer that leased it was lost: it is handed out again, instead of one more block for each answer lost.
    @Test func lease_answerLost_isTheSameBlock() throws {
        var room = try RoomModelTests.room(joined: 3)
        var tick = RoomTick(gateway: "g", limits: RoomLossTests.limits())
        tick.block.size = 100
        let known = RoomLossTests.known(issued: 3, serving: 2)
        let first = try room.tick(tick, known: known, nowMicros: Self.start + 1).block
        #expect(try room.tick(tick, known: known, nowMicros: Self.start + 2).block == first && first != nil)
        #expect(room.record.blocks.count == 1)
    }

    /// 64 gateways hold the largest block each; they vanish, and new ones get theirs, whoever has a number is called.
    @Test func lease_blocksOfForgottenGateways_giveWay() throws {
        var room = try RoomModelTests.room(joined: 3)
        let known = RoomLossTests.known(issued: 3, serving: 2)
        var now = Self.start
        for round in 0..<2 {
            for index in 0..<RoomRules.maxBlocks {
                var tick = RoomTick(gateway: "g\(round)-\(index)", limits: RoomLossTests.limits())
                tick.block.size = RoomRules.largestBlock
                let block = try room.tick(tick, known: known, nowMicros: now + 1).block
                #expect(block?.count == Int(RoomRules.largestBlock), "round \(round), gateway \(index)")
            }
            if round == 0 { #expect(room.record.gaps.isEmpty) }
            now += 61_000_000
        }
        #expect(room.record.gaps.map(\.from) == [4] && room.record.gaps.first?.to == room.record.issued)
    }

    // MARK: The door

    @Test func tick_afterASilence_tellsThatTheDoorIsUnknown() throws {
        var room = try Self.roomWithDoor()
        var tick = RoomTick(gateway: "g", limits: RoomLossTests.limits(), eventsSeen: 0)
        tick.returnedMicros = room.gateways["g"]!.back
        #expect(try !room.tick(tick, known: .nothing, nowMicros: Self.start + 900_000).eventsLost)
        let back = try room.tick(tick, known: .nothing, nowMicros: Self.start + 2_900_000)
        #expect(back.eventsLost)
        #expect(back.snapshot.door == 0, "whom it left in the silence may have gone unsaid")
        #expect(back.granted.isEmpty && back.snapshot.sessions == 2)
        let again = try room.tick(tick, known: .nothing, nowMicros: Self.start + 2_900_001)
        #expect(again.eventsLost, "that answer may have been lost")
        tick.returnedMicros = again.returnedMicros
        #expect(try !room.tick(tick, known: .nothing, nowMicros: Self.start + 2_900_002).eventsLost)
    }

    /// More stand there than one call looks at: those behind do not go in before the ones in front are told anew, nor do
    /// those who left meanwhile.
    @Test func tick_afterASilence_doorOfManyBatches_letsNobodyInPastThoseForgotten() throws {
        var scene = try RoomRestTests.Scene(inflowMilli: 10_000_000, burst: 10_000, joined: 5_000)
        try scene.pass(1)
        scene.room.record.tokens = 0
        try scene.exchange(1...5_000, by: "sick")
        #expect(scene.room.door.count == 5_000)
        scene.now += 3_000_000
        #expect(try scene.tick("sick").eventsLost)
        #expect(scene.room.record.admitted == 0 && scene.room.door.ids.first! > Int64(RoomRules.returnSweep))
        let gone = Array(Int64(4_501)...5_000)
        let left = try scene.room.leave(gateway: "sick", ids: gone, known: .nothing, nowMicros: scene.now)
        #expect(left.count == 500)
        #expect(try scene.exchange(1...500, by: "sick").allSatisfy { $0 == .atDoor }, "the other one tells of its door")
        try scene.pass(12)
        #expect(scene.room.record.admitted == 500)
        #expect((1...500 as ClosedRange<Int64>).allSatisfy { scene.room.exchanged.contains($0) })
    }

    /// The first call after a silence is an exchange: the tick after it tells all the same.
    @Test func exchange_afterASilence_hidesItFromNoTick() throws {
        var room = try Self.roomWithDoor()
        room.record.tokens = 0
        _ = try room.tick(RoomModelTests.limits(inflowMilli: 0), nowMicros: Self.start + 3)
        #expect(try room.exchange([4], nowMicros: Self.start + 3_000_000).outcomes == [.atDoor])
        #expect(room.door.ids == [4], "3 may have left unsaid")
        let tick = RoomTick(gateway: "g", limits: RoomLossTests.limits(), eventsSeen: 0)
        #expect(try room.tick(tick, known: .nothing, nowMicros: Self.start + 3_000_001).eventsLost)
        #expect(room.door.ids == [4])
    }

    @Test func leave_ofAnotherGateway_takesNobody() throws {
        var room = try Self.roomWithDoor()
        let now = Self.start + 3
        #expect(try room.leave(gateway: "h", ids: [3], known: .nothing, nowMicros: now).count == 0)
        #expect(room.door.ids == [3])
        #expect(try room.leave(gateway: "g", ids: [3], known: .nothing, nowMicros: now).count == 1)
    }

    /// Its visitors would be let in to an error: the turn goes to others, and they keep their place.
    @Test func settle_gatewayWithoutWorkers_isPassedOver() throws {
        var room = try Self.roomWithDoor()
        let sick = RoomTick(gateway: "g", limits: RoomLossTests.limits(), healthy: 0)
        _ = try room.tick(sick, known: .nothing, nowMicros: Self.start + 3)
        var other = RoomTick(gateway: "h", limits: RoomLossTests.limits(), healthy: 2)
        _ = try room.tick(other, known: .nothing, nowMicros: Self.start + 3)
        _ = try room.exchange(gateway: "h", ids: [4], known: .nothing, nowMicros: Self.start + 4)
        other.eventsSeen = 0
        var granted = try room.tick(other, known: .nothing, nowMicros: Self.start + 990_000).granted.map(\.id)
        _ = try room.tick(sick, known: .nothing, nowMicros: Self.start + 995_000)
        granted += try room.tick(other, known: .nothing, nowMicros: Self.start + 1_100_000).granted.map(\.id)
        #expect(granted == [4] && room.door.count == 0)
        let well = RoomTick(gateway: "g", limits: RoomLossTests.limits(), healthy: 1, eventsSeen: 1)
        #expect(try room.tick(well, known: .nothing, nowMicros: Self.start + 1_900_000).eventsLost)
        #expect(try room.exchange([3], nowMicros: Self.start + 1_900_001).outcomes == [.atDoor])
        let answer = try room.tick(well, known: .nothing, nowMicros: Self.start + 2_100_000)
        #expect(room.door.count == 0 && answer.snapshot.sessions == 4)
    }

    // MARK: Calling

    /// A regress left 98,000 numbers in the older line that nobody has.
    @Test func callOlder_lineWithAHole_isThroughWithinAMinute() throws {
        let limits = RoomModelTests.limits(inflowMilli: 10_000, burst: 10, slots: 1_000)
        let now = Self.start + 60_000_000
        var room = RoomModel()
        _ = try room.tick(limits, nowMicros: now)
        let places = Array(Int64(1)...20) + Array(Int64(98_335)...98_339)
        let known = RoomLossTests.known(issued: 98_339, serving: 0)
        var inside: Set<Int64> = []
        for step in 1...600 as ClosedRange<Int64> {
            let later = now + step * 100_000
            let snapshot = try room.tick(limits, known: known, nowMicros: later).snapshot
            let serving = try #require(snapshot.older.first).serving
            let called = places.filter { $0 <= serving && !inside.contains($0) }
            let ids = called.compactMap { PlaceID.id(number: $0, epoch: Self.epoch, current: snapshot.epoch) }
            for case (let number, .admitted) in zip(called, try room.exchange(ids, nowMicros: later).outcomes) {
                inside.insert(number)
            }
            if inside.count == places.count { break }
        }
        #expect(inside.count == places.count)
    }

    // MARK: Sessions

    /// Insiders could not renew in the outage; they hold good passes and come back.
    @Test func tick_afterAnOutage_keepsTheSlotsOfThoseInside() throws {
        var room = try RoomModelTests.room(RoomLossTests.limits(slots: 2), joined: 4)
        var known = KnownMarks.nothing
        let limits = RoomLossTests.limits(slots: 2)
        known.raise(try room.tick(limits, known: .nothing, nowMicros: Self.start + 1).snapshot)
        let back = Self.start + 11_000_000
        let snapshot = try room.tick(limits, known: known, nowMicros: back).snapshot
        #expect(snapshot.sessions == 2 && snapshot.lostSessions == 2)
        _ = try room.exchange([3, 4], nowMicros: back + 1)
        #expect(room.sessions.count == 0, "their slots are taken still")
        let passes = [Renewal(id: 1, expiresMicros: back + 5_000_000)]
        _ = try room.renew(passes, known: known, nowMicros: back + 2)
        #expect(room.record.lost == 1 && room.sessions.count == 1)
    }

    /// A fail-over to a server whose clock is half a minute ahead.
    @Test func tick_otherServerAhead_throwsNobodyOut() throws {
        var room = RoomModel()
        let tick = RoomTick(gateway: "g", limits: RoomLossTests.limits())
        _ = try room.tick(tick, known: .nothing, run: 5, nowMicros: Self.start)
        _ = try room.join(count: 1, known: .nothing, run: 5, nowMicros: Self.start)
        let snapshot = try room.tick(tick, known: .nothing, run: 6, nowMicros: Self.start + 30_000_000).snapshot
        #expect(snapshot.sessions == 1 && snapshot.nowMicros == Self.start + 3_000_000)
        let later = try room.tick(tick, known: .nothing, run: 6, nowMicros: Self.start + 31_000_000).snapshot
        #expect(later.nowMicros == Self.start + 4_000_000)
    }
}
