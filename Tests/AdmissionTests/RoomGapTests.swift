import Testing

@testable import Admission

/// What a loss skips, when the gateway that calls first knows less than another one: nobody who holds a place is
/// overtaken by who came after the loss.
@Suite struct RoomGapTests {
    static let start = RoomModelTests.start
    static let second: Int64 = 1_000_000
    static let limits = RoomModelTests.limits(inflowMilli: 100_000, burst: 40, slots: 100_000)

    /// A fleet of two: `a` handed out 1,500 places of which `b` had not heard when a copy from before them took over.
    struct Fleet {
        var room = RoomModel()
        var known = ["a": KnownMarks.nothing, "b": KnownMarks.nothing]
        private var run: Int64 = 7

        init() throws {
            try self.tick("a", Self.at(0))
            _ = try self.join("a", 40, Self.at(0))
            for gateway in ["a", "b"] { try self.tick(gateway, Self.at(100)) }
            let copy = self.room
            for batch in 0..<3 as Range<Int64> { _ = try self.join("a", 500, Self.at(110 + batch)) }
            self.room = copy
            self.run = 8
        }

        static func at(_ millis: Int64) -> Int64 { RoomGapTests.start + millis * 1_000 }

        mutating func tick(_ gateway: String, _ now: Int64) throws {
            let tick = RoomTick(gateway: gateway, limits: RoomGapTests.limits)
            let known = self.known[gateway]!
            self.known[gateway]!.raise(try self.room.tick(tick, known: known, run: self.run, nowMicros: now).snapshot)
        }

        mutating func join(_ gateway: String, _ count: Int, _ now: Int64) throws -> JoinGrant {
            let known = self.known[gateway]!
            let grant = try self.room.join(count: count, known: known, run: self.run, nowMicros: now)
            self.known[gateway]!.raise(grant.line)
            return grant
        }

        mutating func allow(_ now: Int64) throws {
            _ = try self.room.setAllowedRate(100_000, fence: 1, run: self.run, nowMicros: now)
        }
    }

    @Test(arguments: [["a", "b"], ["b", "a"], ["controller", "b", "a"], ["controller", "a"]])
    func join_whoKnowsLessCallsFirst_overtakesNobody(order: [String]) throws {
        var fleet = try Fleet()
        for (index, caller) in order.enumerated() {
            let now = Fleet.at(1_000 + Int64(index))
            if caller == "controller" { try fleet.allow(now) } else { try fleet.tick(caller, now) }
            guard caller != "controller" else { continue }
            #expect(try fleet.join(caller, 5, now).admitted == 0, "\(caller) is not the last to tell")
        }
        #expect(fleet.room.record.incarnation == 2, "one loss is one")
        #expect(fleet.room.record.gaps.first?.from == 1_541)
        // Those who wait are called by number, at the rate; also when the wait for other gateways is over.
        var called: Int64 = 40
        for step in 0...32 as ClosedRange<Int64> {
            let now = Fleet.at(1_010 + step * 100)
            try fleet.tick("a", now)
            let coming = Array(called + 1..<fleet.room.record.serving + 1)
            #expect(coming.count <= 500)
            _ = try fleet.room.exchange(Array(coming.prefix(500)), nowMicros: now)
            called += Int64(coming.count)
            #expect(try fleet.join("a", 1, now).admitted == 0)
        }
        #expect((41...1_540).contains(fleet.room.record.serving))
    }

    /// Nobody knows more: the gap is passed when all have had the time to tell, and newcomers go straight in again.
    @Test func join_nobodyKnowsMore_goesInAfterTheWait() throws {
        var fleet = try Fleet()
        for millis in [1_000, 2_000, 3_999] as [Int64] {
            try fleet.tick("b", Fleet.at(millis))
            #expect(fleet.room.record.serving == 40)
            #expect(try fleet.join("b", 1, Fleet.at(millis)).admitted == 0)
        }
        try fleet.tick("b", Fleet.at(4_000))
        #expect(fleet.room.record.serving == fleet.room.record.issued)
        for millis in [4_700, 5_400] as [Int64] { try fleet.tick("b", Fleet.at(millis)) }
        #expect(try fleet.join("b", 1, Fleet.at(6_100)).admitted == 1)
    }

    /// What else the second one knows is of the same loss: who was called stays called, and who was inside has a slot.
    @Test func tick_secondKnowsOfMoreCalled_isNoSecondLoss() throws {
        var fleet = try Fleet()
        fleet.known["a"]!.serving = 60
        fleet.known["a"]!.sessions = 57
        try fleet.tick("b", Fleet.at(1_000))
        #expect(fleet.room.record.serving == 40 && fleet.room.record.lost == 0)
        let known = fleet.known["a"]!
        _ = try fleet.room.join(count: 1, known: known, run: 8, nowMicros: Fleet.at(1_001))
        #expect(fleet.room.record.incarnation == 2 && fleet.room.record.serving == 60)
        #expect(fleet.room.record.lost == 17, "40 are known to be inside")
    }

    /// Two losses with nobody coming in between leave one gap. A word of the time between them opens the second alone.
    @Test func tick_secondLossBehindTheFirst_leavesTheFirstGap() throws {
        var fleet = try Fleet()
        try fleet.tick("b", Fleet.at(1_000))
        let between = fleet.known["b"]!
        let last = between.issued
        fleet.room.record.run = 9
        try fleet.tick("b", Fleet.at(1_100))
        #expect(fleet.room.record.gaps.count == 1 && fleet.room.record.incarnation == 3)
        var late = between
        late.stated = last + 100
        late.issued = last + 100
        let tick = RoomTick(gateway: "c", limits: Self.limits)
        _ = try fleet.room.tick(tick, known: late, run: 8, nowMicros: Fleet.at(1_200))
        #expect(fleet.room.record.gaps.map(\.from) == [41, last + 101])
        #expect(fleet.room.record.gaps.first?.to == last)
    }

    /// The first loss is known to a gateway that is away at the second one. Seen before: of what the first one had
    /// skipped, what lay behind the jump of the second counted as 3.7 million people, and those behind them stood still.
    @Test func tick_secondLossToldFirst_firstGapIsRememberedBehindIt() throws {
        var room = RoomModel()
        let tick = RoomTick(gateway: "a", limits: Self.limits)
        let epoch = Self.start / Self.second - 100
        let little = KnownMarks(epoch: epoch, incarnation: 1, issued: 15, serving: 15, stated: 15)
        _ = try room.tick(tick, known: little, nowMicros: Self.start)
        let jump = room.record.issued
        let grant = try room.join(count: 7, known: little, nowMicros: Self.start + 1)
        #expect(grant.first == jump + 1)
        var much = KnownMarks(epoch: epoch, incarnation: 2, issued: 5_038_101, serving: 15, stated: 5_038_101)
        much.gaps = [16...5_038_095]
        _ = try room.tick(tick, known: much, nowMicros: Self.start + 2)
        let last = room.record.issued
        let gaps = room.record.gaps.map { [$0.from, $0.to] }
        #expect(gaps == [[16, jump], [jump + 8, 5_038_095], [5_038_102, last]])
        // Seven of after the first loss, six of after the second.
        #expect(room.places(above: 15, upTo: last).count == 13)
    }

    // MARK: Numbers that have holders after all

    /// A room that was made again with gaps at `gaps` and behind everything, and what a gateway knows of it. Nobody is
    /// called meanwhile.
    private static func made(gaps: [ClosedRange<Int64>]) throws -> (room: RoomModel, known: KnownMarks) {
        var room = RoomModel()
        var known = KnownMarks(
            epoch: Self.start / Self.second - 100,
            incarnation: 1,
            issued: 5_000,
            serving: 10,
            stated: 5_000,
            gaps: gaps
        )
        let tick = RoomTick(gateway: "a", limits: RoomModelTests.limits(inflowMilli: 0))
        known.raise(try room.tick(tick, known: known, nowMicros: Self.start).snapshot)
        #expect(known.gaps == gaps + [5_001...known.stated])
        return (room, known)
    }

    /// `b` tells that it has handed out these numbers.
    private static func report(_ numbers: ClosedRange<Int64>, _ room: inout RoomModel, _ known: KnownMarks) throws {
        var tick = RoomTick(gateway: "b", limits: RoomModelTests.limits(inflowMilli: 0))
        tick.block = BlockReport(start: numbers.lowerBound, used: numbers.upperBound, size: 0)
        _ = try room.tick(tick, known: known, nowMicros: Self.start + 1)
    }

    /// Seen before: a gateway whose last tick was before the report put the gap back, and its holders were called with
    /// it.
    @Test func tick_gapTakenOutWhole_isNotPutBackByWhoStillKnowsIt() throws {
        var (room, known) = try Self.made(gaps: [100...199, 300...399])
        try Self.report(100...199, &room, known)
        let gaps = room.record.gaps
        #expect(gaps.map(\.from) == [300, 5_001])
        _ = try room.join(count: 1, known: known, nowMicros: Self.start + 2)
        let tick = RoomTick(gateway: "a", limits: RoomModelTests.limits(inflowMilli: 0))
        let stale = known
        known.raise(try room.tick(tick, known: stale, nowMicros: Self.start + 3).snapshot)
        #expect(room.record.gaps == gaps && known.gaps.first == 300...399)
        // Nor where another server has taken over whatever this one knew.
        room.record.run = 7
        _ = try room.tick(tick, known: stale, run: 8, nowMicros: Self.start + 4)
        #expect(room.record.incarnation == 3 && room.record.gaps.first == gaps.first)
    }

    @Test func tick_reportOverSeveralGaps_isTakenOutOfAll() throws {
        let (made, known) = try Self.made(gaps: [100...199, 300...399, 500...599])
        var room = made
        try Self.report(150...510, &room, known)
        #expect(room.record.gaps.map { [$0.from, $0.to] } == [[100, 149], [511, 599], [5_001, known.stated]])
    }

    /// With as many gaps as a record holds one may become less. Only one that would become two stays as it is.
    @Test func tick_reportWithTheMostGaps_isTakenOutUnlessThereWouldBeOneMore() throws {
        let most = (1...7).map { Int64($0) * 100...Int64($0) * 100 + 49 }
        let (made, known) = try Self.made(gaps: most)
        var room = made
        #expect(room.record.gaps.count == RoomRules.maxGaps)
        try Self.report(110...120, &room, known)
        func firstTwo() -> [[Int64]] { room.record.gaps.prefix(2).map { [$0.from, $0.to] } }
        #expect(firstTwo() == [[100, 149], [200, 249]])
        try Self.report(140...210, &room, known)
        #expect(firstTwo() == [[100, 139], [211, 249]])
        try Self.report(300...349, &room, known)
        try Self.report(110...120, &room, known)
        #expect(firstTwo() == [[100, 109], [121, 139]])
    }

    // MARK: Older lines

    /// Four older lines are kept. Visitors of a fifth are told to come anew instead of waiting for a call that never
    /// comes, whether theirs was known before or is the one that comes late.
    @Test(arguments: [[1, 2, 3, 4, 5], [5, 4, 3, 2, 1], [2, 3, 4, 5, 1], [1, 3, 4, 5, 2]] as [[Int64]])
    func exchange_lineGivenUp_isVoid(order: [Int64]) throws {
        let epoch = Self.start / Self.second
        var room = try RoomModelTests.room()
        for back in order {
            let known = KnownMarks(epoch: epoch - back * 10, issued: 30, serving: 0, stated: 30)
            _ = try room.tick(RoomModelTests.limits(), known: known, nowMicros: Self.start + 1)
        }
        let ids = try (1...5).map { try #require(PlaceID.id(number: 30, epoch: epoch - $0 * 10, current: epoch)) }
        let outcomes = try room.exchange(ids, nowMicros: Self.start + 2).outcomes
        #expect(outcomes == [.notServed, .notServed, .notServed, .notServed, .void])
        let snapshot = try room.tick(RoomModelTests.limits(), nowMicros: Self.start + 3).snapshot
        #expect(snapshot.voidBefore == epoch - 40, "gateways hear of it, and give new places")
        #expect(snapshot.older.map(\.epoch) == [4, 3, 2, 1].map { epoch - $0 * 10 })
    }
}
