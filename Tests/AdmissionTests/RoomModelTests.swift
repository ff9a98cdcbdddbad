import Testing

@testable import Admission

/// The rules one by one.
@Suite struct RoomModelTests {
    static let start: Int64 = 1_700_000_000_000_000

    static func limits(
        inflowMilli: Int64 = 1_000,
        burst: Int64 = 2,
        slots: Int64 = 100,
        claimMicros: Int64 = 5_000_000,
        opensAtMicros: Int64 = 0
    ) -> RoomLimits {
        RoomLimits(
            inflowMilli: inflowMilli,
            burst: burst,
            slots: slots,
            sessionMicros: 10_000_000,
            claimMicros: claimMicros,
            horizonMicros: 2_000_000,
            opensAtMicros: opensAtMicros
        )
    }

    /// A room at `start`, and `count` places handed out then.
    static func room(_ limits: RoomLimits = limits(), joined count: Int = 0) throws -> RoomModel {
        var room = RoomModel()
        _ = try room.tick(limits, known: .nothing, nowMicros: Self.start)
        if count > 0 { _ = try room.join(count: count, nowMicros: Self.start) }
        return room
    }

    @Test func anyOperation_beforeTheFirstTick_saysThereIsNoRoom() {
        var room = RoomModel()
        #expect(throws: RoomError.noRoom) { try room.join(count: 1, nowMicros: Self.start) }
        #expect(throws: RoomError.noRoom) { try room.exchange([1], nowMicros: Self.start) }
        #expect(throws: RoomError.noRoom) { try room.renew([1], nowMicros: Self.start) }
        #expect(throws: RoomError.noRoom) { try room.setAllowedRate(1, fence: 1, nowMicros: Self.start) }
    }

    @Test func join_emptyLine_letsInAsManyAsThereAreTokens() throws {
        var room = try Self.room()
        let grant = try room.join(count: 5, nowMicros: Self.start)
        #expect(grant.first == 1 && grant.count == 5 && grant.admitted == 2 && grant.serving == 2)
        #expect(grant.expiresMicros == Self.start + 10_000_000)
        let next = try room.join(count: 1, nowMicros: Self.start + 60_000_000)
        #expect(next.first == 6)
        #expect(next.admitted == 0, "somebody is ahead")
        #expect(next.expiresMicros == 0)
    }

    @Test func join_somebodyAtTheDoor_goesToTheLine() throws {
        var room = try Self.room(Self.limits(burst: 3), joined: 5)
        _ = try room.tick(Self.limits(burst: 3), known: .nothing, nowMicros: Self.start + 1)
        #expect(try room.exchange([4, 5], nowMicros: Self.start + 2).outcomes == [.atDoor, .atDoor])
        #expect(room.record.issued == room.record.serving)
        #expect(try room.join(count: 1, nowMicros: Self.start + 5_000_000).admitted == 0)
    }

    @Test func join_badCounts_areRefused() throws {
        var room = try Self.room()
        #expect(throws: RoomError.batch) { try room.join(count: 0, nowMicros: Self.start) }
        #expect(throws: RoomError.batch) { try room.join(count: RoomRules.largestBatch + 1, nowMicros: Self.start) }
        #expect(room.record.issued == 0)
    }

    @Test func join_pastTheLastNumber_saysLineFull() throws {
        var room = try Self.room()
        room.record.issued = RoomRules.lastNumber - 1
        #expect(throws: RoomError.lineFull) { try room.join(count: 2, nowMicros: Self.start) }
        #expect(try room.join(count: 1, nowMicros: Self.start).first == RoomRules.lastNumber)
        #expect(throws: RoomError.lineFull) { try room.join(count: 1, nowMicros: Self.start) }
    }

    @Test func exchange_again_givesTheSameAnswerWithoutAToken() throws {
        var room = try Self.room(joined: 1)
        let first = try room.exchange([1], nowMicros: Self.start + 1).outcomes
        #expect(first == [.admitted(expiresMicros: Self.start + 10_000_000)])
        let tokens = room.record.tokens
        #expect(try room.exchange([1, 1], nowMicros: Self.start + 1).outcomes == first + first)
        #expect(room.record.tokens == tokens)
        #expect(room.record.admitted == 1)
    }

    @Test func exchange_afterTheSession_saysEnded() throws {
        var room = try Self.room(joined: 2)
        #expect(try room.release([2], nowMicros: Self.start + 5) == 1)
        #expect(try room.release([2], nowMicros: Self.start + 5) == 0)
        let outcomes = try room.exchange([1, 2], nowMicros: Self.start + 9_999_999).outcomes
        #expect(outcomes == [.admitted(expiresMicros: Self.start + 10_000_000), .ended])
        #expect(try room.exchange([1], nowMicros: Self.start + 10_000_000).outcomes == [.ended])
    }

    @Test func exchange_numbersNotCalledOrNeverHandedOut_saysNotServed() throws {
        var room = try Self.room(joined: 5)
        let outcomes = try room.exchange([3, 5, 6, RoomRules.lastNumber], nowMicros: Self.start + 1).outcomes
        #expect(outcomes.allSatisfy { $0 == .notServed })
        #expect(room.door.count == 0)
    }

    @Test func ids_thatNameNoPlace_areRefused() throws {
        var room = try Self.room(joined: 5)
        for id in [0, RoomRules.lastNumber + 1, .max, -PlaceID.lineSpan, PlaceID.lowest, .min] as [Int64] {
            #expect(throws: RoomError.refused("BADARG \(id) names no place")) {
                try room.exchange([1, id], nowMicros: Self.start)
            }
            #expect(throws: RoomError.self) { try room.renew([id], nowMicros: Self.start) }
            #expect(throws: RoomError.self) { try room.release([id], nowMicros: Self.start) }
            #expect(throws: RoomError.self) { try room.leave([id], nowMicros: Self.start) }
        }
        for gateway in ["", "-", "a:b", "a,b", "a b", String(repeating: "g", count: 65)] {
            #expect(throws: RoomError.self) {
                try room.exchange(gateway: gateway, ids: [1], known: .nothing, nowMicros: Self.start)
            }
        }
    }

    @Test func exchange_unsortedBatch_servesLowestFirstAndAnswersInTheOrderAsked() throws {
        let limits = Self.limits(burst: 2, opensAtMicros: Self.start + 1)
        var room = try Self.room(limits, joined: 4)
        _ = try room.tick(limits, known: .nothing, nowMicros: Self.start + 1)
        #expect(room.record.serving == 4)
        let outcomes = try room.exchange([4, 2, 3, 1], nowMicros: Self.start + 2).outcomes
        let admitted = ExchangeOutcome.admitted(expiresMicros: Self.start + 10_000_002)
        #expect(outcomes == [.atDoor, admitted, .atDoor, admitted])
    }

    @Test func exchange_lowerPlaceAtTheDoorElsewhere_getsTheTokenFirst() throws {
        let limits = Self.limits(burst: 2, opensAtMicros: Self.start + 1)
        var room = try Self.room(limits, joined: 4)
        _ = try room.tick(limits, known: .nothing, nowMicros: Self.start + 1)
        _ = try room.exchange([1, 2], nowMicros: Self.start + 2)
        #expect(try room.exchange([3], nowMicros: Self.start + 3).outcomes == [.atDoor])
        _ = try room.tick(limits, known: .nothing, nowMicros: Self.start + 500_000)
        // A token came; the gateway of place 3 has not asked again, but the token is its own.
        let answer = try room.exchange([4], nowMicros: Self.start + 1_000_003)
        #expect(answer.outcomes == [.atDoor])
        let grant = JournalEntry.Grant(number: 3, doorWaitMicros: 1_000_000)
        #expect(room.takeJournal().last == .exchange(micros: Self.start + 1_000_003, grants: [grant]))
        let asked = try room.exchange([3], nowMicros: Self.start + 1_000_004).outcomes
        #expect(asked == [.admitted(expiresMicros: Self.start + 11_000_003)])
    }

    @Test func exchange_withinTheClaim_isServedAfterItLapsed() throws {
        var room = try Self.room(joined: 4)
        let called = Self.start + 1_000_000
        _ = try room.tick(Self.limits(), known: .nothing, nowMicros: called)
        #expect(room.record.serving == 4)
        _ = try room.tick(Self.limits(), known: .nothing, nowMicros: called + 2_500_000)
        guard case .admitted = try room.exchange([3], nowMicros: called + 4_999_999).outcomes[0] else {
            Issue.record("place 3 came within its claim")
            return
        }
        #expect(try room.exchange([4], nowMicros: called + 5_000_000).outcomes == [.lapsed])
        #expect(!room.arrived.contains(4))
    }

    @Test func exchange_arrivedInTime_neverLapses() throws {
        var room = try Self.room(Self.limits(slots: 2), joined: 3)
        _ = try room.release([1], nowMicros: Self.start + 1)
        _ = try room.tick(Self.limits(inflowMilli: 0, slots: 9), known: .nothing, nowMicros: Self.start + 2)
        _ = try room.tick(Self.limits(slots: 9), known: .nothing, nowMicros: Self.start + 3)
        #expect(room.record.serving == 3)
        #expect(try room.exchange([3], nowMicros: Self.start + 4).outcomes == [.atDoor])
        #expect(try room.leave([3], nowMicros: Self.start + 5) == 1)
        #expect(try room.leave([3], nowMicros: Self.start + 5) == 0)
        _ = try room.tick(Self.limits(slots: 9), known: .nothing, nowMicros: Self.start + 498_500_000)
        guard case .admitted = try room.exchange([3], nowMicros: Self.start + 500_000_000).outcomes[0] else {
            Issue.record("place 3 had arrived")
            return
        }
    }

    @Test func exchange_longerClaimLater_doesNotReviveTheLapsed() throws {
        var room = try Self.room(joined: 30)
        for second in 1...20 {
            // Nobody comes, so more and more are called.
            _ = try room.join(count: 500, nowMicros: Self.start + Int64(second) * 1_000_000)
            _ = try room.tick(Self.limits(), known: .nothing, nowMicros: Self.start + Int64(second) * 1_000_000)
        }
        #expect(try room.exchange([4], nowMicros: Self.start + 20_500_000).outcomes == [.lapsed])
        let longer = RoomLimits(
            inflowMilli: 1_000,
            burst: 2,
            slots: 100,
            sessionMicros: 10_000_000,
            claimMicros: 3_600_000_000,
            horizonMicros: 2_000_000
        )
        _ = try room.tick(longer, known: .nothing, nowMicros: Self.start + 21_000_000)
        #expect(try room.exchange([4], nowMicros: Self.start + 21_500_000).outcomes == [.lapsed])
    }

    @Test func tick_gatewayAtTheDoorSilent_dropsItsVisitors() throws {
        let limits = Self.limits(inflowMilli: 100, burst: 1, opensAtMicros: Self.start + 1)
        var room = try Self.room(limits, joined: 3)
        _ = try room.tick(Self.limits(inflowMilli: 10_000, burst: 1), known: .nothing, nowMicros: Self.start + 1)
        #expect(room.record.serving == 3)
        _ = try room.tick(limits, known: .nothing, nowMicros: Self.start + 2)
        _ = try room.exchange([1], nowMicros: Self.start + 3)
        _ = try room.exchange(gateway: "gone", ids: [2], known: .nothing, nowMicros: Self.start + 3)
        _ = try room.exchange([3], nowMicros: Self.start + 3)
        _ = try room.tick(limits, known: .nothing, nowMicros: Self.start + 500_000)
        #expect(try room.tick(limits, known: .nothing, nowMicros: Self.start + 1_000_003).snapshot.door == 2)
        #expect(try room.tick(limits, known: .nothing, nowMicros: Self.start + 1_000_004).snapshot.door == 1)
        #expect(room.door.ids == [3])
    }

    @Test func renew_liveSession_movesItsEndAndAnEndedOneStaysEnded() throws {
        var room = try Self.room(joined: 2)
        let expiries = try room.renew([1, 7], nowMicros: Self.start + 9_000_000)
        #expect(expiries == [Self.start + 19_000_000, nil])
        #expect(try room.renew([2], nowMicros: Self.start + 10_000_000) == [nil])
        #expect(try room.renew([1], nowMicros: Self.start + 18_999_999) == [Self.start + 28_999_999])
    }

    @Test func limits_changed_areJournaledOnceAndNeverReachBack() throws {
        var room = try Self.room()
        _ = try room.join(count: 2, nowMicros: Self.start)
        _ = room.takeJournal()
        let quick = Self.limits(inflowMilli: 100_000, burst: 50)
        let snapshot = try room.tick(quick, known: .nothing, nowMicros: Self.start + 500_000).snapshot
        #expect(snapshot.tokensNano == 500_000_000, "half a second at the old rate of one a second")
        _ = try room.tick(quick, known: .nothing, nowMicros: Self.start + 600_000)
        #expect(
            room.takeJournal() == [.limits(micros: Self.start + 500_000, rateMilli: 100_000, burst: 50, slots: 100)]
        )
    }

    @Test func limits_smallerBurst_cutsTheBucket() throws {
        var room = try Self.room(Self.limits(burst: 100))
        let snapshot = try room.tick(Self.limits(burst: 3), known: .nothing, nowMicros: Self.start + 1).snapshot
        #expect(snapshot.tokensNano == 3_000_000_000)
    }

    @Test func allowedRate_bindsBelowTheInflow_andAnOldLeaderIsNotHeard() throws {
        var room = try Self.room(Self.limits(inflowMilli: 5_000))
        _ = room.takeJournal()
        let bound = try room.setAllowedRate(2_000, fence: 8, nowMicros: Self.start + 1)
        #expect(bound.isTaken && bound.rateMilli == 2_000)
        let old = try room.setAllowedRate(9_000, fence: 7, nowMicros: Self.start + 2)
        #expect(!old.isTaken && old.rateMilli == 2_000)
        let above = try room.setAllowedRate(9_000, fence: 8, nowMicros: Self.start + 3)
        #expect(above.isTaken && above.rateMilli == 5_000)
        let none = try room.setAllowedRate(nil, fence: 9, nowMicros: Self.start + 4)
        #expect(none.isTaken && none.rateMilli == 5_000)
        #expect(room.takeJournal().count == 2)
    }

    @Test func clock_setBackAnHour_goesOnWithoutGivingTokens() throws {
        var room = try Self.room(joined: 10)
        _ = try room.tick(Self.limits(), known: .nothing, nowMicros: Self.start + 1_000)
        _ = try room.exchange([3], nowMicros: Self.start + 2_000)
        let tokens = room.record.tokens
        let early = Self.start - 3_600_000_000
        let snapshot = try room.tick(Self.limits(), known: .nothing, nowMicros: early).snapshot
        #expect(snapshot.tokensNano == tokens)
        #expect(try room.exchange([3], nowMicros: early + 1_000_000).outcomes.count == 1)
        #expect(room.record.admitted == 3)
        // Sessions are cut to a full length from now, so the slots come free.
        #expect(try room.tick(Self.limits(), known: .nothing, nowMicros: early + 10_000_000).snapshot.sessions == 1)
    }

    @Test func journal_nobodyTakesIt_staysBounded() throws {
        var room = try Self.room()
        for step in 1...25_000 {
            let limits = Self.limits(inflowMilli: Int64(step % 2 + 1))
            _ = try room.tick(limits, known: .nothing, nowMicros: Self.start + Int64(step))
        }
        let journal = room.takeJournal()
        #expect(journal.count <= RoomModel.untakenJournalEntries)
        #expect(journal.last?.micros == Self.start + 25_000)
        #expect(room.takeJournal().isEmpty)
    }

    @Test func marks_manyMoves_stayBoundedByTheClaimWindow() throws {
        let limits = Self.limits(inflowMilli: 1_000_000, burst: 1_000)
        var room = try Self.room(limits, joined: 500)
        _ = try room.join(count: 500, nowMicros: Self.start)
        for step in 1...3_000 {
            if step % 2 == 0 { _ = try room.join(count: 50, nowMicros: Self.start + Int64(step) * 10_000) }
            _ = try room.tick(limits, known: .nothing, nowMicros: Self.start + Int64(step) * 10_000)
        }
        #expect(room.marks.marks.count <= 20 * 8 + 2, "20 a second over four horizons, longer than the claim window")
        #expect(zip(room.marks.marks, room.marks.marks.dropFirst()).allSatisfy { $0.micros < $1.micros })
    }
}
