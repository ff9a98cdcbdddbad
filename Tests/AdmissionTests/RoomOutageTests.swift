import Testing

@testable import Admission

/// What those who wait get of their turns when the shared state was away: called numbers, claims, numbers of blocks.
@Suite struct RoomOutageTests {
    static let start = RoomModelTests.start
    static let second: Int64 = 1_000_000

    /// Ticks of one gateway, a second apart.
    static func tick(_ room: inout RoomModel, seconds: ClosedRange<Int64>, _ limits: RoomLimits) throws {
        for second in seconds { _ = try room.tick(limits, nowMicros: Self.start + second * Self.second) }
    }

    // MARK: Numbers of blocks

    enum Return: CaseIterable {
        case empty, asBeforeAnybodyCame, whole
        /// A join is heard before the tick that tells of the block.
        case wholeAndANewcomerIsHeardFirst, asBeforeAnybodyCameAndANewcomerIsHeardFirst
        /// A gateway that knows nothing but the place of a visitor, who has shown it there, is heard before the other.
        case asBeforeAnybodyCameAndAPlaceIsShownFirst
    }

    /// Six had numbers of the line; while the state was away six more got those of a block, which begins 8,193 further.
    ///
    /// Seen before, where the server was killed and nothing was lost: whoever had a number of the block was called with
    /// the gap, all at once, and told to be as far back as the first of them. And where the lease was lost and somebody
    /// else was heard first: the 8,192 numbers before the block were called one by one.
    @Test(arguments: Return.allCases)
    func tick_lostWithABlockInUse_callsEverybodySoon(how: Return) throws {
        let limits = RoomLossTests.limits()
        var room = try RoomModelTests.room(limits)
        let copy = how == .empty ? RoomModel() : room
        _ = try room.join(count: 6, nowMicros: Self.start)
        var tick = RoomTick(gateway: "g", limits: limits)
        tick.block.size = RoomRules.largestBlock
        var known = RoomLossTests.known(issued: 6, serving: 2)
        let answer = try room.tick(tick, known: known, run: 5, nowMicros: Self.start + 1)
        known.raise(answer.snapshot)
        let first = try #require(answer.block).lowerBound
        known.raise(epoch: known.epoch, issued: first + 5, serving: 0)
        tick.block = BlockReport(start: first, used: first + 5, size: RoomRules.largestBlock)
        if how != .whole, how != .wholeAndANewcomerIsHeardFirst { room = copy }
        let now = Self.start + 5 * Self.second - 1
        switch how {
        case .empty, .asBeforeAnybodyCame, .whole: break
        case .wholeAndANewcomerIsHeardFirst, .asBeforeAnybodyCameAndANewcomerIsHeardFirst:
            known.raise(try room.join(count: 1, known: known, run: 6, nowMicros: now).line)
        case .asBeforeAnybodyCameAndAPlaceIsShownFirst:
            let shown = KnownMarks(epoch: known.epoch, issued: first + 2, serving: 0)
            _ = try room.join(count: 1, known: shown, run: 6, nowMicros: now)
        }
        var uncalled = Set(3...6).union(first...first + 5)
        for step in 0...150 as ClosedRange<Int64> where !uncalled.isEmpty {
            let now = Self.start + 5 * Self.second + step * 100_000
            let answer = try room.tick(tick, known: known, run: 6, nowMicros: now)
            known.raise(answer.snapshot)
            if let next = answer.block?.lowerBound, next != tick.block.start {
                tick.block = BlockReport(start: next, used: 0, size: RoomRules.largestBlock)
            }
            let called = uncalled.filter { $0 <= answer.snapshot.serving }
            uncalled.subtract(called)
            _ = try room.exchange(gateway: "g", ids: called.sorted(), known: known, nowMicros: now)
        }
        #expect(uncalled.isEmpty, "not called within 15 s: \(uncalled.sorted())")
        let gap = try #require(room.record.gaps.first)
        #expect(gap.from == 7 && gap.to == first - 1, "who may have a number was called by number")
        #expect(room.record.gaps.allSatisfy { $0.to < first || $0.from > first + 5 }, "\(room.record.gaps)")
    }

    // MARK: Claims

    /// Called at second 1, heard of until 2, away until 62: of the claim of 5 seconds 4 are left then.
    @Test(arguments: [false, true])
    func exchange_calledBeforeAnOutage_hasTheRestOfItsClaim(isExchangeFirst: Bool) throws {
        let limits = RoomModelTests.limits()
        var room = try RoomModelTests.room(joined: 4)
        try Self.tick(&room, seconds: 1...2, limits)
        #expect(room.record.serving == 4)
        if isExchangeFirst { _ = try room.exchange([], nowMicros: Self.start + 62 * Self.second) }
        try Self.tick(&room, seconds: 62...65, limits)
        let last = Self.start + 66 * Self.second - 1
        guard case .admitted = try room.exchange([3], nowMicros: last).outcomes[0] else {
            Issue.record("place 3 came within its claim")
            return
        }
        #expect(try room.exchange([4], nowMicros: last + 1).outcomes == [.lapsed])
    }

    /// Each outage counts for those who were called before it, and for nobody else.
    @Test func exchange_severalOutages_eachCallHasItsOwn() throws {
        let limits = RoomModelTests.limits(inflowMilli: 2_000, claimMicros: 20 * Self.second)
        var room = try RoomModelTests.room(limits, joined: 3)
        try Self.tick(&room, seconds: 1...4, limits)
        #expect(room.record.serving == 3, "called at second 1")
        _ = try room.tick(limits, nowMicros: Self.start + 104 * Self.second)
        room.record.tokens = 0
        _ = try room.join(count: 2, nowMicros: Self.start + 104 * Self.second)
        try Self.tick(&room, seconds: 104...106, limits)
        #expect(room.record.serving == 5, "called at second 104")
        try Self.tick(&room, seconds: 206...220, limits)
        // Of its claim, 3 has used 3 + 2 + 15 seconds, the others 2 + 15.
        #expect(try room.exchange([3], nowMicros: Self.start + 221 * Self.second).outcomes == [.lapsed])
        try Self.tick(&room, seconds: 221...223, limits)
        let outcomes = try room.exchange([4, 5], nowMicros: Self.start + 224 * Self.second - 1).outcomes
        #expect(outcomes.allSatisfy { $0 != .lapsed })
    }

    @Test func pauses_manyOutages_stayFew() throws {
        let limits = RoomModelTests.limits(claimMicros: 86_400 * Self.second)
        var room = try RoomModelTests.room(joined: 4)
        for outage in 1...100 as ClosedRange<Int64> {
            _ = try room.tick(limits, nowMicros: Self.start + outage * 10 * Self.second)
        }
        #expect(room.record.pauses.count == RoomRules.maxPauses)
        try Self.tick(&room, seconds: 1_001...1_010, RoomModelTests.limits())
        _ = try room.tick(RoomModelTests.limits(), nowMicros: Self.start + 1_020 * Self.second)
        #expect(room.record.pauses.count == 1, "nobody's claim reaches further back")
    }

    // MARK: Newcomers

    /// 3 and 4 were called and are on their way: the tokens are theirs.
    @Test func join_calledOnTheirWay_takesNobodysToken() throws {
        var room = try RoomModelTests.room(joined: 4)
        _ = try room.tick(RoomModelTests.limits(), nowMicros: Self.start + 1_000_000)
        #expect(room.record.serving == 4)
        #expect(try room.join(count: 1, nowMicros: Self.start + 2_100_000).admitted == 0)
        let outcomes = try room.exchange([3, 4], nowMicros: Self.start + 2_200_000).outcomes
        #expect(outcomes.allSatisfy { $0 == .admitted(expiresMicros: Self.start + 12_200_000) })
    }

    /// What is left over is the newcomers'.
    @Test func join_moreTokensThanCalled_letsTheOthersIn() throws {
        let limits = RoomModelTests.limits(burst: 5)
        var room = try RoomModelTests.room(limits, joined: 7)
        _ = try room.tick(limits, nowMicros: Self.start + 2_000_000)
        #expect(room.record.serving == 7 && room.record.tokens == 2 * RoomRules.nanoTokens)
        #expect(try room.exchange([6], nowMicros: Self.start + 2_000_001).outcomes[0] != .atDoor)
        #expect(try room.join(count: 3, nowMicros: Self.start + 3_900_000).admitted == 1)
    }

    /// Who has not come within a horizon is waited for no more, though the claim holds.
    @Test(arguments: [1, 2] as [Int64]) func join_noShowsOfLongAgo_goesStraightIn(burst: Int64) throws {
        let limits = RoomModelTests.limits(burst: burst)
        var room = try RoomModelTests.room(limits, joined: Int(burst) + 2)
        try Self.tick(&room, seconds: 1...4, limits)
        #expect(room.record.serving == burst + 2)
        #expect(try room.join(count: 1, nowMicros: Self.start + 4_100_000).admitted == 1)
    }

    @Test func join_emptyRoomWithABurstOfOne_goesStraightIn() throws {
        var room = try RoomModelTests.room(RoomModelTests.limits(burst: 1))
        for second in 1...9 as ClosedRange<Int64> {
            #expect(try room.join(count: 1, nowMicros: Self.start + second * Self.second).admitted == 1)
        }
    }
}
