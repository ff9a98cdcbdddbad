import Primitives
import Testing
import Transport

/// How long a session stands for the certificate that was looked at in its beginning.
@Suite struct TicketShelfTests {
    private static func instant(minutes: UInt64) -> Instant {
        Instant(nanoseconds: minutes * 60 * UInt64(Nanoseconds.perSecond))
    }

    @Test func ticket_isGoodForAnHourAfterTheCertificateWasLookedAt() throws {
        var shelf = TicketShelf<String>()
        #expect(shelf.take(now: Self.instant(minutes: 1)) == nil)
        shelf.keep("first", verifiedAt: Self.instant(minutes: 1))
        let kept = shelf.take(now: Self.instant(minutes: 2))
        let first = try #require(kept)
        #expect(first.ticket == "first" && first.verifiedAt == Self.instant(minutes: 1))
        // Newer tickets of the same session do not lengthen it.
        shelf.keep("second", verifiedAt: first.verifiedAt)
        #expect(shelf.take(now: Self.instant(minutes: 60))?.ticket == "second")
        #expect(shelf.take(now: Self.instant(minutes: 61)) == nil)
        shelf.keep("late", verifiedAt: first.verifiedAt)
        #expect(shelf.take(now: Self.instant(minutes: 62)) == nil, "of a session that is too old")
        shelf.keep("third", verifiedAt: Self.instant(minutes: 63))
        #expect(shelf.take(now: Self.instant(minutes: 64))?.ticket == "third")
    }

    /// Connections of two sessions at the same time: what one leaves has nothing of the other's time.
    @Test func ticket_ofAnEarlierSession_keepsItsOwnHour() throws {
        var shelf = TicketShelf<String>()
        shelf.keep("first", verifiedAt: Self.instant(minutes: 0))
        let kept = shelf.take(now: Self.instant(minutes: 50))
        let taken = try #require(kept)
        shelf.keep("second", verifiedAt: Self.instant(minutes: 55))
        // The connection that went on with the first session leaves its ticket last.
        shelf.keep("first, renewed", verifiedAt: taken.verifiedAt)
        #expect(shelf.take(now: Self.instant(minutes: 59))?.ticket == "first, renewed")
        #expect(shelf.take(now: Self.instant(minutes: 60)) == nil)
    }

    @Test func cleared_onlySessionsThatBeginLaterAreKept() {
        var shelf = TicketShelf<String>()
        shelf.keep("first", verifiedAt: Self.instant(minutes: 1))
        shelf.clear(now: Self.instant(minutes: 5))
        #expect(shelf.take(now: Self.instant(minutes: 5)) == nil)
        shelf.keep("first, renewed", verifiedAt: Self.instant(minutes: 1))
        #expect(shelf.take(now: Self.instant(minutes: 6)) == nil, "of before the refusal")
        shelf.keep("second", verifiedAt: Self.instant(minutes: 5))
        #expect(shelf.take(now: Self.instant(minutes: 6))?.ticket == "second")
    }
}
