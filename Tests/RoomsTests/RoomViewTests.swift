import Admission
import Settings
import TestKit
import Testing

@testable import Rooms

/// Where a visitor stands, as a table: no loop, no store, no clock.
@Suite struct RoomViewTests {
    private static let epoch: UInt32 = 1_700_000_000
    private static let second: Int64 = 1_000_000
    /// A hundred seconds after the line began.
    private static let now: Int64 = 1_700_000_100_000_000

    private func view(serving: Int64 = 0, issued: Int64 = 0, sessionSeconds: Int64 = 600) -> RoomView {
        var view = RoomView(settings: RoomSettings(name: "sale", slots: 10, inflowMilli: 2_000))
        _ = view.take(
            self.news(
                .sample(
                    nowMicros: Self.now,
                    issued: issued,
                    serving: serving,
                    sessionMicros: sessionSeconds * Self.second
                )
            )
        )
        return view
    }

    private func news(
        _ snapshot: RoomSnapshot?,
        block: ClosedRange<Int64>? = nil,
        offset: Int64 = 0,
        mode: RoomMode = .normal
    ) -> RoomNews {
        RoomNews(
            answer: snapshot.map { TickAnswer(snapshot: $0, block: block) },
            offsetMicros: offset,
            mode: mode,
            seesWorkers: mode != .held
        )
    }

    private func key(_ number: Int64, epoch: UInt32 = RoomViewTests.epoch) -> LineKey {
        LineKey(epoch: epoch, number: number)
    }

    private func pass(_ view: RoomView, _ number: Int64 = 5, age: Int64 = 0, left: Int64 = 600) -> AdmissionToken {
        view.pass(
            self.key(number),
            expiresMicros: Self.now + left * Self.second,
            keyID: 1,
            nowMicros: Self.now - age * Self.second
        )
    }

    private func place(_ view: RoomView, _ number: Int64, epoch: UInt32 = RoomViewTests.epoch) -> AdmissionToken {
        view.place(self.key(number, epoch: epoch), keyID: 1, nowMicros: Self.now)
    }

    /// A clock that is far off leaves a gateway standing.
    @Test func tokens_atTheEndOfTime_endWithIt() {
        let view = self.view()
        for now in [Int64(UInt32.max - 1) * Self.second, .max] {
            let place = view.place(self.key(1), keyID: 1, nowMicros: now)
            #expect(place.issuedSeconds >= UInt32.max - 1 && place.expiresSeconds == .max)
            let pass = view.pass(self.key(1), expiresMicros: .max, keyID: 1, nowMicros: now)
            #expect(pass.issuedSeconds >= UInt32.max - 1 && pass.expiresSeconds == .max)
        }
    }

    // MARK: Standing

    @Test func standing_passBeatsPlace_placeBeatsNothing() {
        let view = self.view(serving: 10, issued: 20)
        let cases: [(hasPass: Bool, place: Int64?, RoomView.Standing)] = [
            (false, nil, .newcomer), (false, 10, .called(key: self.key(10))), (false, 1, .called(key: self.key(1))),
            (false, 11, .waiting(key: self.key(11))), (true, nil, .inside(key: self.key(5), isRenewalDue: false)),
            (true, 11, .inside(key: self.key(5), isRenewalDue: false)),
        ]
        for (hasPass, place, expected) in cases {
            let standing = view.standing(
                pass: hasPass ? self.pass(view) : nil,
                place: place.map { self.place(view, $0) },
                nowMicros: Self.now
            )
            #expect(standing == expected, "pass \(hasPass), place \(place ?? -1)")
        }
    }

    /// A visitor of a ten-second session who asks 1.7 s after his pass was issued gets a new one, so that he stays for
    /// ten seconds after his last request but for a sixth; half of the session was too late.
    @Test func renewal_isDueWhenASixthHasGone() {
        for (session, age, isDue) in [
            (600, 99, false), (600, 100, true), (10, 1, false), (10, 2, true), (1, 1, true), (86_400, 50, false),
        ] as [(Int64, Int64, Bool)] {
            // The line began long before those passes were issued.
            var view = RoomView(settings: RoomSettings(name: "sale", slots: 10, inflowMilli: 2_000))
            _ = view.take(
                self.news(
                    .sample(
                        nowMicros: Self.now,
                        epoch: Int64(Self.epoch) - 9_000,
                        issued: 9,
                        serving: 9,
                        sessionMicros: session * Self.second
                    )
                )
            )
            let pass = view.pass(
                self.key(5, epoch: Self.epoch - 9_000),
                expiresMicros: Self.now + 5 * Self.second,
                keyID: 1,
                nowMicros: Self.now - age * Self.second
            )
            let standing = view.standing(pass: pass, place: nil, nowMicros: Self.now)
            let expected = RoomView.Standing.inside(key: LineKey(pass), isRenewalDue: isDue)
            #expect(standing == expected, "session \(session), age \(age)")
        }
    }

    /// The room's time went back with the shared state: a pass of before looked fresh until that time had come again. A
    /// gateway that has not heard of the room's time yet gives no shorter pass for one that may be right.
    @Test func renewal_passFromTheFuture_isDueAtOnce() {
        let epoch = Self.epoch - 9_000
        var view = RoomView(settings: RoomSettings(name: "sale", slots: 10, inflowMilli: 2_000))
        let early = view
        _ = view.take(self.news(.sample(nowMicros: Self.now, epoch: Int64(epoch), issued: 9, serving: 9)))
        for (age, isDue) in [(0, false), (-1, true), (-10, true), (-1_000, true)] as [(Int64, Bool)] {
            let pass = view.pass(
                self.key(5, epoch: epoch),
                expiresMicros: Self.now + (600 - age) * Self.second,
                keyID: 1,
                nowMicros: Self.now - age * Self.second
            )
            let standing = view.standing(pass: pass, place: nil, nowMicros: Self.now)
            #expect(standing == .inside(key: LineKey(pass), isRenewalDue: isDue), "age \(age)")
            let first = early.standing(pass: pass, place: nil, nowMicros: Self.now)
            #expect(first == .inside(key: LineKey(pass), isRenewalDue: false), "age \(age), before the first tick")
        }
    }

    /// What the shared state has lost, genuine passes bring back: each is renewed once.
    @Test func renewal_isDueForPassesFromBeforeALoss() {
        var view = self.view(serving: 9, issued: 9)
        let before = self.pass(view, age: 10)
        #expect(
            view.standing(pass: before, place: nil, nowMicros: Self.now)
                == .inside(key: self.key(5), isRenewalDue: false)
        )
        let lossTakesNews = view.take(
            self.news(.sample(nowMicros: Self.now, incarnation: 2, issued: 9, serving: 9))
        )
        #expect(lossTakesNews == .init(door: true, releases: true), "it has to be told again")
        #expect(
            view.standing(pass: before, place: nil, nowMicros: Self.now)
                == .inside(key: self.key(5), isRenewalDue: true)
        )
        let after = self.pass(view, age: -1)
        let later = Self.now + Self.second
        #expect(
            view.standing(pass: after, place: nil, nowMicros: later) == .inside(key: self.key(5), isRenewalDue: false)
        )
        let next = view.take(self.news(.sample(nowMicros: later, incarnation: 2, issued: 9, serving: 9)))
        #expect(next == .init())
    }

    /// A pass of the line before, after everything was lost: it is good, and makes its session anew.
    @Test func olderLine_itsPassesAndPlacesCount() {
        var view = self.view(serving: 3, issued: 8)
        let old = Self.epoch - 50
        let pass = view.pass(
            self.key(70, epoch: old),
            expiresMicros: Self.now + 60 * Self.second,
            keyID: 1,
            nowMicros: Self.now - 200 * Self.second
        )
        #expect(view.objection(to: pass, as: .pass, nowMicros: Self.now) == nil)
        let standing = view.standing(pass: pass, place: nil, nowMicros: Self.now)
        #expect(standing == .inside(key: self.key(70, epoch: old), isRenewalDue: true))
        // Its place waits before all of this line, until the shared state calls it.
        let place = self.place(view, 90, epoch: old)
        #expect(view.learn(place) == true)
        #expect(view.standing(pass: nil, place: place, nowMicros: Self.now) == .waiting(key: LineKey(place)))
        #expect(view.position(of: LineKey(place), nowMicros: Self.now, random: 1).ahead == 0)
        var snapshot = RoomSnapshot.sample(nowMicros: Self.now, issued: 8, serving: 3)
        snapshot.older = [OlderLine(epoch: Int64(old), issued: 95, serving: 89)]
        _ = view.take(self.news(snapshot))
        #expect(view.position(of: self.key(95, epoch: old), nowMicros: Self.now, random: 1).ahead == 5)
        #expect(
            view.position(of: self.key(4), nowMicros: Self.now, random: 1).ahead == 6,
            "six of the older line first"
        )
        snapshot.older[0].serving = 90
        _ = view.take(self.news(snapshot))
        #expect(view.standing(pass: nil, place: place, nowMicros: Self.now) == .called(key: LineKey(place)))
    }

    // MARK: Objections

    @Test func objection_kindRoomAndTime() {
        let view = self.view(serving: 1, issued: 1)
        let good = self.pass(view, left: 10)
        #expect(view.objection(to: good, as: .pass, nowMicros: Self.now) == nil)
        #expect(view.objection(to: good, as: .place, nowMicros: Self.now) == .foreign)
        #expect(view.objection(to: good, as: .pass, nowMicros: Self.now + 10 * Self.second) == .expired)
        let stranger = RoomView(settings: RoomSettings(name: "other", slots: 1, inflowMilli: 1))
        #expect(stranger.objection(to: good, as: .pass, nowMicros: Self.now) == .foreign)
        // Before the first word of the shared state any genuine token is believed.
        let fresh = RoomView(settings: view.settings)
        #expect(fresh.objection(to: good, as: .pass, nowMicros: Self.now) == nil)
    }

    @Test func objection_anotherLine_onlyWhenVoidOrTooOld() {
        var view = self.view(serving: 1, issued: 1)
        let good = self.pass(view, left: 10)
        _ = view.take(self.news(.sample(nowMicros: Self.now, epoch: Int64(Self.epoch) + 50, issued: 0, serving: 0)))
        #expect(view.objection(to: good, as: .pass, nowMicros: Self.now) == nil, "lost with the state, not by itself")
        var reset = RoomSnapshot.sample(nowMicros: Self.now, epoch: Int64(Self.epoch) + 60, issued: 0, serving: 0)
        reset.voidBefore = reset.epoch
        _ = view.take(self.news(reset))
        #expect(view.objection(to: good, as: .pass, nowMicros: Self.now) == .void)
        let ages = Self.epoch + UInt32(PlaceID.oldestSeconds)
        for (epoch, expected) in [(ages, nil), (ages + 1, .expired)] as [(UInt32, RoomView.Objection?)] {
            var late = self.view()
            _ = late.take(self.news(.sample(nowMicros: Self.now, epoch: Int64(epoch), issued: 0, serving: 0)))
            #expect(late.objection(to: good, as: .pass, nowMicros: Self.now) == expected)
        }
    }

    /// Times are the shared state's: a gateway whose clock is wrong judges as all others do.
    @Test func roomMicros_theClockOfTheSharedState_isWhatCounts() {
        var view = self.view(serving: 1, issued: 1)
        let wall = Self.now - 3_600 * Self.second
        _ = view.take(
            self.news(.sample(nowMicros: Self.now, issued: 1, serving: 1), offset: 3_600 * Self.second)
        )
        #expect(view.roomMicros(wallMicros: wall) == Self.now)
        let pass = self.pass(view, left: 10)
        let soon = view.roomMicros(wallMicros: wall + 9 * Self.second)
        #expect(view.objection(to: pass, as: .pass, nowMicros: soon) == nil)
        let late = view.roomMicros(wallMicros: wall + 10 * Self.second)
        #expect(view.objection(to: pass, as: .pass, nowMicros: late) == .expired)
    }

    @Test func revoked_untilItsPassEnds_orUntilReadmitted_andTheWholeNumber() {
        var view = self.view(serving: 9, issued: 9)
        let pass = self.pass(view)
        view.revoke(self.key(5), untilMicros: Self.now + 100, nowMicros: Self.now)
        #expect(view.objection(to: pass, as: .pass, nowMicros: Self.now) == .revoked)
        // The place that it came from is used up too: asking for an exchange each time would tell nobody anything.
        #expect(view.objection(to: self.place(view, 5), as: .place, nowMicros: Self.now) == .revoked)
        #expect(view.objection(to: self.pass(view, 6), as: .pass, nowMicros: Self.now) == nil)
        #expect(view.objection(to: pass, as: .pass, nowMicros: Self.now + 100) == nil)
        view.readmit(self.key(5))
        #expect(view.objection(to: pass, as: .pass, nowMicros: Self.now) == nil)
    }

    @Test func revoked_full_oldOnesMakeRoomAndLiveOnesStay() {
        var view = self.view()
        let end = Self.now + 2 * Self.second
        for number in 1...Int64(RoomView.maxRevoked) {
            view.revoke(self.key(number), untilMicros: end, nowMicros: Self.now)
        }
        let one = Int64(RoomView.maxRevoked) + 1
        view.revoke(self.key(one), untilMicros: end, nowMicros: Self.now + Self.second)
        let pass = self.pass(view, one)
        #expect(view.objection(to: pass, as: .pass, nowMicros: Self.now) == nil, "no room while all are live")
        view.revoke(self.key(one), untilMicros: end + 9 * Self.second, nowMicros: end + Self.second)
        #expect(view.objection(to: pass, as: .pass, nowMicros: end + Self.second) == .revoked)
    }

    /// Sessions were made shorter: what came later ends before the first, and makes room all the same.
    @Test func revoked_fullBehindALongerSession_endedOnesMakeRoom() {
        var view = self.view()
        view.revoke(self.key(1), untilMicros: Self.now + 3_600 * Self.second, nowMicros: Self.now)
        for number in 2...Int64(RoomView.maxRevoked) {
            view.revoke(self.key(number), untilMicros: Self.now + Self.second, nowMicros: Self.now)
        }
        let one = Int64(RoomView.maxRevoked) + 1
        let later = Self.now + 2 * Self.second
        view.revoke(self.key(one), untilMicros: later + Self.second, nowMicros: later)
        #expect(view.isRevoked(self.key(one), nowMicros: later))
        #expect(view.isRevoked(self.key(1), nowMicros: later))
    }

    // MARK: Position

    /// Seen before: a gateway that had just started counted everybody in front, called or not.
    @Test func position_nothingHeardOfTheLine_isNotKnown() {
        var view = RoomView(settings: RoomSettings(name: "sale", slots: 10, inflowMilli: 2_000))
        _ = view.learn(self.place(view, 31))
        let position = view.position(of: self.key(31), nowMicros: Self.now, random: 1)
        #expect(!position.isKnown && position.number == 31 && position.estimateSeconds == nil)
        #expect(self.view(serving: 10, issued: 50).position(of: self.key(31), nowMicros: Self.now, random: 1).isKnown)
    }

    @Test func position_countsThoseBeforeAndAll() {
        let view = self.view(serving: 10, issued: 50)
        let position = view.position(of: self.key(31), nowMicros: Self.now, random: 1)
        #expect(position.state == .waiting && position.number == 31)
        #expect(position.ahead == 20 && position.waiting == 40)
        #expect(position.opensInSeconds == 0 && position.refreshSeconds >= 1)
        let door = view.position(of: self.key(3), isAtDoor: true, nowMicros: Self.now, random: 1)
        #expect(door.state == .atDoor && door.refreshSeconds == 1 && door.ahead == 0)
    }

    @Test func position_skippedNumbers_areNobody() {
        var view = self.view(serving: 10, issued: 20)
        var snapshot = RoomSnapshot.sample(nowMicros: Self.now, incarnation: 2, issued: 65_600, serving: 10)
        snapshot.gaps = [21...65_556]
        _ = view.take(self.news(snapshot))
        #expect(view.position(of: self.key(20), nowMicros: Self.now, random: 1).ahead == 9)
        let first = view.position(of: self.key(65_557), nowMicros: Self.now, random: 1)
        #expect(first.ahead == 10 && first.waiting == 54)
    }

    /// While the shared state is away, newcomers get numbers far ahead: those between are nobody's.
    @Test func position_numbersSetAside_followTheLastThatWasHandedOut() {
        var view = self.view(serving: 10, issued: 20)
        let snapshot = RoomSnapshot.sample(nowMicros: Self.now, issued: 20, serving: 10)
        _ = view.take(self.news(snapshot, block: 9_000...9_999))
        _ = view.take(self.news(nil, mode: .degraded(sinceMicros: Self.now)))
        for number in 9_000...9_003 as ClosedRange<Int64> { view.issue(self.key(number)) }
        let position = view.position(of: self.key(9_003), nowMicros: Self.now, random: 1)
        #expect(position.ahead == 13 && position.waiting == 14)
        #expect(position.mode == .degraded(sinceMicros: Self.now))
        // Five more were handed out after the last tick.
        var news = self.news(nil, mode: .degraded(sinceMicros: Self.now))
        news.lastOfState = 25
        _ = view.take(news)
        #expect(view.position(of: self.key(9_003), nowMicros: Self.now, random: 1).ahead == 18)
        _ = view.take(self.news(nil, mode: .degraded(sinceMicros: Self.now)))
        // Another gateway's block, of which this one knows nothing but that its numbers are ahead of all.
        #expect(view.position(of: self.key(30_000), nowMicros: Self.now, random: 1).ahead == 10)
    }

    @Test func position_beforeTheOpening_saysWhen_asInForce() {
        var view = self.view(issued: 3)
        var snapshot = RoomSnapshot.sample(nowMicros: Self.now, issued: 3, serving: 0)
        snapshot.limits = RoomLimits(
            inflowMilli: 2_000,
            burst: 1,
            slots: 10,
            sessionMicros: 600_000_000,
            claimMicros: 300_000_000,
            horizonMicros: 2_000_000,
            opensAtMicros: Self.now + 115 * Self.second
        )
        // The room's time is 25 s behind the clock.
        snapshot.opensAtMicros = Self.now + 90 * Self.second
        _ = view.take(self.news(snapshot))
        #expect(view.position(of: self.key(1), nowMicros: Self.now, random: 1).opensInSeconds == 90)
        #expect(view.position(of: self.key(1), nowMicros: Self.now + 1, random: 1).opensInSeconds == 90)
        let opened = view.position(of: self.key(1), nowMicros: Self.now + 90 * Self.second, random: 1)
        #expect(opened.opensInSeconds == 0)
    }

    @Test func retry_whileTheStateIsAway_spreadsAndGrows() {
        var view = self.view(issued: 3)
        for (seconds, longest) in [(0, 5), (12, 7), (60, 10)] as [(Int64, Int64)] {
            _ = view.take(self.news(nil, mode: .degraded(sinceMicros: Self.now - seconds * Self.second)))
            let waits = Set((0..<200).map { view.joining(nowMicros: Self.now, random: $0).refreshSeconds })
            #expect(waits == Set(3...longest), "after \(seconds) s")
            let position = view.position(of: self.key(2), nowMicros: Self.now, random: 3)
            #expect((3...longest).contains(position.refreshSeconds))
        }
    }
}
