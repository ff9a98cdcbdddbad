import Primitives
import Testing
import Transport

/// How long a session stands for the certificate that was looked at in its beginning.
@Suite struct TicketShelfTests {
    private static func instant(minutes: UInt64) -> Instant {
        Instant(nanoseconds: minutes * 60 * UInt64(Nanoseconds.perSecond))
    }

    @Test func ticket_isGoodForAnHourAfterTheCertificateWasLookedAt() {
        var shelf = TicketShelf<String>()
        #expect(shelf.take(now: Self.instant(minutes: 1)) == nil)
        shelf.keep("first", isResumed: false, now: Self.instant(minutes: 1))
        #expect(shelf.take(now: Self.instant(minutes: 2)) == "first")
        // Newer tickets of the same session do not lengthen it.
        shelf.keep("second", isResumed: true, now: Self.instant(minutes: 50))
        #expect(shelf.take(now: Self.instant(minutes: 60)) == "second")
        #expect(shelf.take(now: Self.instant(minutes: 61)) == nil)
        shelf.keep("late", isResumed: true, now: Self.instant(minutes: 62))
        #expect(shelf.take(now: Self.instant(minutes: 62)) == nil, "of a session that is too old")
        shelf.keep("third", isResumed: false, now: Self.instant(minutes: 63))
        #expect(shelf.take(now: Self.instant(minutes: 64)) == "third")
        shelf.clear()
        #expect(shelf.take(now: Self.instant(minutes: 64)) == nil)
    }
}
