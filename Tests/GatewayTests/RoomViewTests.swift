import Admission
import Settings
import Testing

@testable import Gateway

/// Where a visitor stands, as a table: no loop, no store, no clock.
@Suite struct RoomViewTests {
    private static let now: Int64 = 1_700_000_000_000_000
    private static let second: Int64 = 1_000_000

    private func view(serving: Int64 = 0, issued: Int64 = 0, opensInSeconds: Int64? = nil) -> RoomView {
        var limits = RoomSettings(name: "sale", slots: 10, inflowMilli: 2_000)
        limits.sessionMicros = 600 * Self.second
        limits.opensAtMicros = opensInSeconds.map { Self.now + $0 * Self.second }
        var view = RoomView(limits: limits)
        view.raise(epoch: 1, issued: issued, serving: serving)
        return view
    }

    private func pass(_ view: RoomView, number: Int64 = 5, secondsLeft: Int64) -> AdmissionToken {
        view.pass(number: number, expiresMicros: Self.now + secondsLeft * Self.second, keyID: 1, nowMicros: Self.now)
    }

    private func place(_ view: RoomView, _ number: Int64) -> AdmissionToken {
        view.place(number: number, keyID: 1, nowMicros: Self.now)
    }

    @Test func standing_passBeatsPlace_placeBeatsNothing() {
        let view = self.view(serving: 10, issued: 20)
        let cases: [(pass: Int64?, place: Int64?, RoomView.Standing)] = [
            (nil, nil, .newcomer), (nil, 10, .called(number: 10)), (nil, 1, .called(number: 1)),
            (nil, 11, .waiting(number: 11)), (500, nil, .inside(number: 5, isRenewalDue: false)),
            (500, 11, .inside(number: 5, isRenewalDue: false)), (300, nil, .inside(number: 5, isRenewalDue: false)),
            (299, nil, .inside(number: 5, isRenewalDue: true)), (1, 3, .inside(number: 5, isRenewalDue: true)),
        ]
        for (pass, place, expected) in cases {
            let standing = view.standing(
                pass: pass.map { self.pass(view, secondsLeft: $0) },
                place: place.map { self.place(view, $0) },
                nowMicros: Self.now
            )
            #expect(standing == expected, "pass \(pass ?? -1), place \(place ?? -1)")
        }
    }

    @Test func objection_kindRoomEpochAndTime() {
        let view = self.view(serving: 1, issued: 1)
        let good = self.pass(view, secondsLeft: 10)
        #expect(view.objection(to: good, as: .pass, nowMicros: Self.now) == nil)
        #expect(view.objection(to: good, as: .place, nowMicros: Self.now) == .foreign)
        #expect(view.objection(to: good, as: .pass, nowMicros: Self.now + 10 * Self.second) == .expired)
        let stranger = RoomView(limits: RoomSettings(name: "other", slots: 1, inflowMilli: 1))
        #expect(stranger.objection(to: good, as: .pass, nowMicros: Self.now) == .foreign)
        var later = view
        later.raise(epoch: 2, issued: 0, serving: 0)
        #expect(later.objection(to: good, as: .pass, nowMicros: Self.now) == .expired)
        // Before the first word of the shared state any genuine token is believed.
        let fresh = RoomView(limits: view.limits)
        #expect(fresh.objection(to: good, as: .pass, nowMicros: Self.now) == nil)
    }

    @Test func revoked_untilItsPassEnds_orUntilReadmitted() {
        var view = self.view(serving: 9, issued: 9)
        let pass = self.pass(view, secondsLeft: 600)
        view.revoke(5, untilMicros: Self.now + 100, nowMicros: Self.now)
        #expect(view.objection(to: pass, as: .pass, nowMicros: Self.now) == .revoked)
        #expect(view.objection(to: self.pass(view, number: 6, secondsLeft: 600), as: .pass, nowMicros: Self.now) == nil)
        #expect(view.objection(to: pass, as: .pass, nowMicros: Self.now + 100) == nil)
        view.readmit(5)
        #expect(view.objection(to: pass, as: .pass, nowMicros: Self.now) == nil)
    }

    @Test func revoked_full_oldOnesMakeRoomAndLiveOnesStay() {
        var view = self.view()
        for number in 0..<Int64(RoomView.maxRevoked) { view.revoke(number, untilMicros: 2 * Self.second, nowMicros: 0) }
        view.revoke(-1, untilMicros: 2 * Self.second, nowMicros: Self.second)
        let pass = self.pass(view, number: -1, secondsLeft: 600)
        #expect(view.objection(to: pass, as: .pass, nowMicros: Self.second) == nil, "no room while all are live")
        view.revoke(-1, untilMicros: 9 * Self.second, nowMicros: 3 * Self.second)
        #expect(view.objection(to: pass, as: .pass, nowMicros: 3 * Self.second) == .revoked)
    }

    @Test func position_countsThoseBeforeAndAll() {
        let view = self.view(serving: 10, issued: 50)
        let position = view.position(of: 31, nowMicros: Self.now, random: 1)
        #expect(position.state == .waiting && position.number == 31)
        #expect(position.ahead == 20 && position.waiting == 40)
        #expect(position.opensInSeconds == 0 && position.refreshSeconds >= 1)
        let door = view.position(of: 3, isAtDoor: true, nowMicros: Self.now, random: 1)
        #expect(door.state == .atDoor && door.refreshSeconds == 1 && door.ahead == 0)
    }

    @Test func position_beforeTheOpening_saysWhen() {
        let view = self.view(issued: 3, opensInSeconds: 90)
        #expect(view.position(of: 1, nowMicros: Self.now, random: 1).opensInSeconds == 90)
        #expect(view.position(of: 1, nowMicros: Self.now + 1, random: 1).opensInSeconds == 90)
        #expect(view.position(of: 1, nowMicros: Self.now + 90 * Self.second, random: 1).opensInSeconds == 0)
    }
}
