import Testing

@testable import Admission

/// What the documentation says may be lost, and how much at most: not what anybody wants, but what is promised.
@Suite struct StatedBoundsTests {
    private static let start = RoomModelTests.start
    private static let epoch = RoomLossTests.epoch

    /// A new room, and what its first tick says of it.
    private static func tick(_ room: inout RoomModel, known: KnownMarks = .nothing, at micros: Int64) throws
        -> RoomSnapshot
    {
        try room.tick(RoomLossTests.limits(), known: known, nowMicros: micros).snapshot
    }

    /// 335,872 numbers, one to sixteen times; so a line's numbers are enough for 799 losses.
    @Test func loss_usesSoManyNumbers() throws {
        var used: Set<Int64> = []
        for tenth in 0..<32 as Range<Int64> {
            var room = RoomModel()
            let known = RoomLossTests.known(issued: 1_000, serving: 0)
            let at = Self.start + tenth * 100_000
            used.insert(try Self.tick(&room, known: known, at: at).issued - 1_000)
        }
        #expect(used.sorted() == (1...16).map { 335_872 * $0 })
        #expect(RoomRules.lastNumber / (16 * 335_872) == 799)
    }

    /// Who knew that a line is void is gone: a place of it is as good as one of any older line.
    @Test func reset_everythingLostAfterIt_isUndone() throws {
        var room = try RoomModelTests.room(joined: 4)
        let known = RoomLossTests.known(issued: 4, serving: 2)
        let epoch = try room.reset(known: known, nowMicros: Self.start + 1).epoch
        var after = KnownMarks.nothing
        after.raise(try Self.tick(&room, at: Self.start + 2))
        let later = Self.start + 10_000_000
        // A gateway lives that knows: it stays void.
        var restored = RoomModel()
        _ = try Self.tick(&restored, known: after, at: later)
        #expect(try Self.tick(&restored, known: known, at: later + 1).older.isEmpty)
        #expect(restored.record.epoch == epoch)
        // Nobody knows.
        var fresh = RoomModel()
        _ = try Self.tick(&fresh, at: later)
        #expect(try Self.tick(&fresh, known: known, at: later + 1).older.map(\.epoch) == [Self.epoch])
    }

    /// A line is known by the second in which it began.
    @Test func newLine_withinTheSecondOfTheOneThatWasLost_hasItsIdentity() throws {
        let epochs = try ([0, 999_999, 1_000_000] as [Int64]).map { micros in
            var room = RoomModel()
            return try Self.tick(&room, at: Self.start / 1_000_000 * 1_000_000 + micros).epoch
        }
        #expect(epochs[0] == epochs[1] && epochs[2] == epochs[0] + 1)
    }

    /// A release that is lost with the state: the pass makes its session anew.
    @Test func release_lostWithTheState_thePassIsGoodAgain() throws {
        var room = try RoomModelTests.room(joined: 1)
        let pass = Renewal(id: 1, expiresMicros: Self.start + 9_000_000)
        let copy = room
        #expect(try room.release([1], nowMicros: Self.start + 1) == 1)
        #expect(try room.renew([pass], known: .nothing, nowMicros: Self.start + 2).expiries == [nil])
        room = copy
        #expect(try room.renew([pass], known: .nothing, nowMicros: Self.start + 2).expiries[0] != nil)
        var fresh = RoomModel()
        let known = RoomLossTests.known(issued: 1, serving: 1)
        _ = try Self.tick(&fresh, known: known, at: Self.start + 3)
        #expect(try fresh.renew([pass], known: known, nowMicros: Self.start + 4).expiries[0] != nil)
    }

    /// No gateway lives that knew who is inside: the bucket of the new line is full until an old place is shown.
    @Test func everythingLost_bucketIsFull_untilAnOldPlaceIsShown() throws {
        var room = RoomModel()
        let limits = RoomModelTests.limits(inflowMilli: 1_000, burst: 5, slots: 10)
        let later = Self.start + 10_000_000
        #expect(try room.tick(limits, nowMicros: later).snapshot.tokensNano == 5_000_000_000)
        let known = RoomLossTests.known(issued: 9, serving: 5)
        #expect(try room.tick(limits, known: known, nowMicros: later).snapshot.tokensNano == 0)
    }
}
