import Testing

@testable import Admission

/// What a room does when the shared state has lost something, and what gateways know of it.
@Suite struct RoomLossTests {
    static let start = RoomModelTests.start
    static let epoch = Self.start / 1_000_000

    static func limits(burst: Int64 = 2, slots: Int64 = 100) -> RoomLimits {
        RoomModelTests.limits(burst: burst, slots: slots)
    }

    static func known(issued: Int64, serving: Int64, incarnation: Int64 = 1, sessions: Int64 = 0) -> KnownMarks {
        KnownMarks(
            epoch: Self.epoch,
            incarnation: incarnation,
            issued: issued,
            serving: serving,
            sessions: sessions
        )
    }

    /// The last second was lost, and a join comes before any tick.
    @Test func join_staleReturn_handsOutNoNumberTwice() throws {
        var room = try RoomModelTests.room(joined: 5)
        let copy = room
        let lost = try room.join(count: 17, nowMicros: Self.start + 1)
        room = copy
        let known = Self.known(issued: lost.first + lost.count - 1, serving: 2)
        let grant = try room.join(count: 3, known: known, nowMicros: Self.start + 2)
        #expect(grant.first > lost.first + lost.count + RoomRules.regressGap)
        #expect(grant.line.incarnation == 2 && grant.admitted == 0)
        #expect(room.record.tokens == 0, "what the lost second spent is not known")
        guard case .regress(_, Self.epoch, 2, _)? = room.takeJournal().last else {
            Issue.record("no regress in the journal")
            return
        }
    }

    /// Nobody saw the lost second; but the server is another one.
    @Test func join_otherServer_assumesALoss() throws {
        var room = RoomModel()
        let tick = RoomTick(gateway: "g", limits: Self.limits())
        _ = try room.tick(tick, known: .nothing, run: 5, nowMicros: Self.start)
        #expect(try room.join(count: 9, known: .nothing, run: 5, nowMicros: Self.start + 1).first == 1)
        let grant = try room.join(count: 1, known: .nothing, run: 6, nowMicros: Self.start + 2)
        #expect(grant.first > 9 + RoomRules.regressGap && grant.line.incarnation == 2)
        #expect(try room.join(count: 1, known: .nothing, run: 6, nowMicros: Self.start + 3).first == grant.first + 1)
    }

    /// Everything is lost twice, and each time another gateway makes the line again, which has not heard of the other.
    @Test(arguments: [100_000, 413_000, 1_500_000] as [Int64])
    func join_lostTwiceUnheard_handsOutNoNumberTwice(later: Int64) throws {
        let known = Self.known(issued: 20, serving: 5)
        var given: [ClosedRange<Int64>] = []
        for (gateway, now) in [("g", Self.start), ("h", Self.start + later)] {
            var room = RoomModel()
            var tick = RoomTick(gateway: gateway, limits: Self.limits())
            tick.block.size = RoomRules.largestBlock
            given.append(try #require(try room.tick(tick, known: known, nowMicros: now).block))
            let grant = try room.join(count: RoomRules.largestBatch, known: known, nowMicros: now + 1)
            given.append(grant.first...grant.first + grant.count - 1)
        }
        given.sort { $0.lowerBound < $1.lowerBound }
        for (one, next) in zip(given, given.dropFirst()) { #expect(one.upperBound < next.lowerBound) }
    }

    /// Everything was lost, and a gateway that knows nothing was the first to come back: newcomers got numbers of a new
    /// line. Whoever holds an old place is called before them.
    @Test func tick_olderLineKnown_isCalledBeforeNewcomers() throws {
        let now = Self.start + 60_000_000
        var room = RoomModel()
        _ = try room.tick(Self.limits(), nowMicros: now)
        let newcomers = try room.join(count: 30, nowMicros: now)
        #expect(newcomers.epoch == Self.epoch + 60 && newcomers.admitted == 2)
        let answer = try room.tick(Self.limits(), known: Self.known(issued: 40, serving: 10), nowMicros: now + 1)
        #expect(answer.snapshot.tokensNano == 0)
        var served = try #require(answer.snapshot.older.first).serving
        #expect(answer.snapshot.older.first?.issued == 40 && served >= 10 && answer.snapshot.serving == 2)
        var admitted: [Int64] = []
        for step in 1...600 {
            let later = now + Int64(step) * 200_000
            let snapshot = try room.tick(Self.limits(), nowMicros: later).snapshot
            let line = try #require(snapshot.older.first)
            if snapshot.serving > 2 { #expect(line.serving == 40, "newcomers come after the old line") }
            let ids = try (served + 1..<line.serving + 1).map {
                try #require(PlaceID.id(number: $0, epoch: Self.epoch, current: snapshot.epoch))
            }
            served = line.serving
            _ = try room.exchange(ids, nowMicros: later)
            for case .exchange(_, let grants) in room.takeJournal() { admitted += grants.map(\.number) }
            if snapshot.serving > 2 { break }
        }
        #expect(served == 40)
        #expect(admitted.filter { $0 < 0 } == admitted.filter { $0 < 0 }.sorted())
        #expect(try room.join(count: 1, nowMicros: now + 121_000_000).admitted == 0, "others wait")
    }

    /// Everything is lost twice. What the first loss skipped was called number by number after the second: those behind
    /// stood for an hour.
    @Test func tick_recordLostTwice_callsNobodyForWhatWasSkippedBefore() throws {
        var known = Self.known(issued: 60, serving: 43)
        var given: [Int64] = Array(44...60)
        var now = Self.start
        var room = RoomModel()
        for _ in 0..<3 {
            room = RoomModel()
            known.raise(try room.tick(Self.limits(), known: known, nowMicros: now).snapshot)
            let grant = try room.join(count: 10, known: known, nowMicros: now + 1)
            given += Array(grant.first..<grant.first + grant.count)
            now += 300_000
            known.raise(try room.tick(Self.limits(), known: known, nowMicros: now).snapshot)
            now += 1_000_000
        }
        let skipped = known.gaps.reduce(0) { $0 + $1.count }
        #expect(known.gaps.count == 3 && skipped == Int(known.issued - 43) - given.count)
        var uncalled = given[...]
        for _ in 0..<600 where !uncalled.isEmpty {
            now += 200_000
            let serving = try room.tick(Self.limits(), known: known, nowMicros: now).snapshot.serving
            let called = uncalled.prefix { $0 <= serving }
            uncalled = uncalled.dropFirst(called.count)
            if !called.isEmpty { _ = try room.exchange(Array(called), nowMicros: now) }
        }
        #expect(uncalled.isEmpty, "\(uncalled.count) stand behind numbers that nobody has")
    }

    /// A gateway that heard of no gap made the line again; the next one tells of it.
    @Test func join_gapKnownToTheSecondCallerOnly_isRemembered() throws {
        var room = RoomModel()
        var stated = Self.known(issued: 5_000, serving: 20, incarnation: 3)
        stated.stated = 5_000
        _ = try room.tick(Self.limits(), known: stated, nowMicros: Self.start)
        var known = stated
        known.gaps = [31...4_900, 4_990...9_999]
        _ = try room.join(count: 1, known: known, nowMicros: Self.start + 1)
        let gaps = try room.tick(Self.limits(), nowMicros: Self.start + 2).snapshot.gaps
        #expect(gaps.count == 2 && gaps.first == 31...4_900 && gaps.last?.lowerBound == 5_001, "\(gaps)")
    }

    @Test func tick_recordLost_isTheSameLineBehindAGap() throws {
        var room = RoomModel()
        let snapshot = try room.tick(Self.limits(), known: Self.known(issued: 900, serving: 600), nowMicros: Self.start)
            .snapshot
        #expect(snapshot.epoch == Self.epoch && snapshot.incarnation == 2 && snapshot.tokensNano == 0)
        let gap = try #require(snapshot.gaps.first)
        #expect(gap.lowerBound == 901 && gap.upperBound == snapshot.issued && gap.count > RoomRules.regressGap)
        #expect(snapshot.waiting == 300)
        #expect(try room.exchange([600], nowMicros: Self.start + 1).outcomes == [.atDoor])
    }

    @Test func callNext_gapReached_isPassedAndSaysNothingOfTheShowUp() throws {
        var room = try RoomModelTests.room(Self.limits(burst: 50))
        _ = try room.join(count: 3, known: Self.known(issued: 20, serving: 0), nowMicros: Self.start + 1)
        var asked: Int64 = 0
        for step in 1...200 {
            let now = Self.start + Int64(step) * 500_000
            let serving = try room.tick(Self.limits(burst: 50), nowMicros: now).snapshot.serving
            let from = asked < 20 && serving > 20 ? 20 : serving
            if asked < min(from, 20) { _ = try room.exchange(Array(asked + 1...min(from, 20)), nowMicros: now) }
            asked = max(asked, from)
        }
        #expect(room.record.serving == room.record.issued)
        #expect(room.record.showUp > 800_000, "the gap counts as nobody who stayed away")
    }

    /// A place in the gap is one that the shared state never knew of: it is called once now-serving has passed it.
    @Test func exchange_placeInAPassedGap_isLetIn() throws {
        var room = try RoomModelTests.room(Self.limits(burst: 5))
        let known = Self.known(issued: 1, serving: 1)
        let grant = try room.join(count: 1, known: known, nowMicros: Self.start + 1)
        #expect(room.record.serving == 1, "another gateway may know more")
        _ = try room.tick(Self.limits(burst: 5), nowMicros: Self.start + 3_000_001)
        #expect(room.record.serving == grant.first - 1 || room.record.serving == grant.first)
        _ = try room.tick(Self.limits(burst: 5), nowMicros: Self.start + 7_500_000)
        let outcomes = try room.exchange([17], nowMicros: Self.start + 9_000_000).outcomes
        guard case .admitted = outcomes[0] else {
            Issue.record("\(outcomes)")
            return
        }
    }

    // MARK: Sessions

    @Test func renew_sessionForgotten_isMadeAnewAndTakesALostSlot() throws {
        var room = RoomModel()
        let limits = Self.limits(burst: 50, slots: 3)
        let known = Self.known(issued: 9, serving: 5, sessions: 3)
        let restored = try room.tick(limits, known: known, nowMicros: Self.start).snapshot
        #expect(restored.sessions == 3 && restored.lostSessions == 3)
        let later = Self.start + 4_000_000
        #expect(try room.exchange([4], nowMicros: later).outcomes == [.atDoor], "three are inside still")
        let passes = [Renewal(id: 1, expiresMicros: later + 1), Renewal(id: 2, expiresMicros: later)]
        let renewed = try room.renew(passes, known: known, nowMicros: later)
        #expect(renewed.expiries == [later + 10_000_000, nil])
        let snapshot = try room.tick(limits, nowMicros: later).snapshot
        #expect(snapshot.sessions == 3 && snapshot.lostSessions == 2)
        #expect(try room.exchange([1], nowMicros: later).outcomes == [.admitted(expiresMicros: later + 10_000_000)])
        // Nobody else showed up: the slots come free after one session.
        let end = Self.start + 10_000_000
        _ = try room.tick(limits, nowMicros: end - 1_500_000)
        let free = try room.tick(limits, nowMicros: end)
        #expect(free.snapshot.lostSessions == 0 && free.snapshot.sessions == 1 && free.eventsLost)
        #expect(try room.exchange([4], nowMicros: end).outcomes == [.admitted(expiresMicros: end + 10_000_000)])
    }

    @Test func release_anywhere_isToldToAllAndItsPassIsRefused() throws {
        var room = try RoomModelTests.room(joined: 2)
        let first = try room.tick(Self.limits(), nowMicros: Self.start)
        #expect(try room.release([1], nowMicros: Self.start + 1) == 1)
        var tick = RoomTick(gateway: "other", limits: Self.limits(), eventsSeen: first.events)
        let answer = try room.tick(tick, known: .nothing, nowMicros: Self.start + 2)
        #expect(answer.released == [1] && answer.granted.isEmpty && answer.eventsLost, "a new gateway tells its door")
        let pass = Renewal(id: 1, expiresMicros: Self.start + 10_000_000)
        #expect(try room.renew([pass], known: .nothing, nowMicros: Self.start + 3).expiries == [nil])
        #expect(try room.exchange([1], nowMicros: Self.start + 3).outcomes == [.ended])
        tick.eventsSeen = answer.events
        #expect(try room.tick(tick, known: .nothing, nowMicros: Self.start + 4).released.isEmpty)
        tick.eventsSeen = answer.events + 1
        #expect(try room.tick(tick, known: .nothing, nowMicros: Self.start + 5).eventsLost)
    }

    @Test func grant_fromTheDoor_isToldToItsGateway() throws {
        var room = try RoomModelTests.room(joined: 4)
        _ = try room.tick(Self.limits(), nowMicros: Self.start + 1)
        #expect(try room.exchange([3], nowMicros: Self.start + 2).outcomes == [.atDoor])
        let tick = RoomTick(gateway: "g", limits: Self.limits(), eventsSeen: 0)
        let answer = try room.tick(tick, known: .nothing, nowMicros: Self.start + 1_000_000)
        #expect(answer.granted == [DoorGrant(id: 3, expiresMicros: Self.start + 11_000_000)])
    }

    // MARK: Reset

    @Test func reset_endsTheLineOnce() throws {
        var room = try RoomModelTests.room(joined: 4)
        let known = Self.known(issued: 4, serving: 2)
        let line = try room.reset(known: known, nowMicros: Self.start + 1)
        #expect(line.epoch == Self.epoch + 1 && line.issued == 0 && line.serving == 0)
        #expect(throws: RoomError.self) { try room.reset(known: known, nowMicros: Self.start + 2) }
        let outcomes = try room.exchange(gateway: "g", ids: [1, 3], known: known, nowMicros: Self.start + 3).outcomes
        #expect(outcomes == [.void, .void])
        let pass = Renewal(id: 1, expiresMicros: Self.start + 10_000_000)
        #expect(try room.renew([pass], known: known, nowMicros: Self.start + 3).expiries == [nil])
        let snapshot = try room.tick(Self.limits(), known: known, nowMicros: Self.start + 4).snapshot
        #expect(snapshot.older.isEmpty && snapshot.voidBefore == line.epoch)
        // A copy from before the reset comes back: its line stays void.
        var stale = try RoomModelTests.room(joined: 4)
        var newest = KnownMarks.nothing
        newest.raise(snapshot)
        let back = try stale.tick(Self.limits(), known: newest, nowMicros: Self.start + 5).snapshot
        #expect(back.epoch == line.epoch && back.older.isEmpty && back.voidBefore == line.epoch)
    }
}
