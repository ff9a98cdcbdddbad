import Admission
import Primitives
import SharedState
import Testing

@testable import Controller

/// What a controller says of the shared state.
@Suite struct StateContactTests {
    private static func moment(_ seconds: Int64) -> StateContact.Moment {
        (
            Instant(nanoseconds: 1_000).advanced(byNanoseconds: seconds * Nanoseconds.perSecond),
            1_790_000_000_000_000 + seconds * 1_000_000
        )
    }

    @Test func silence_isAProblemAfterASecond_withItsBeginningAndItsCause() throws {
        var contact = StateContact()
        #expect(contact.isAway(now: Self.moment(0).now) && contact.answeredAt == nil)
        #expect(contact.problem(now: Self.moment(0).now) == "the shared state has not answered yet")
        contact.answered(Self.moment(1))
        #expect(contact.problem(now: Self.moment(100).now) == nil)
        contact.failed(.unavailable("Redis is away: no route"), Self.moment(2))
        #expect(!contact.isAway(now: Self.moment(2).now), "one call that fails is a hiccup")
        contact.failed(.unanswered("late"), Self.moment(3))
        #expect(contact.isAway(now: Self.moment(3).now))
        let text = try #require(contact.problem(now: Self.moment(62).now))
        #expect(text.contains("since 2026-09-21T14:13:22.000Z (60 s): late. Look after Redis"))
        contact.answered(Self.moment(63))
        #expect(!contact.isAway(now: Self.moment(70).now) && contact.problem(now: Self.moment(70).now) == nil)
    }

    /// Seen before: "has had no answer", of what Redis had answered.
    @Test func refusals_areAnswers_andARoomThatIsNotThereIsNoFailure() throws {
        var contact = StateContact()
        contact.answered(Self.moment(1))
        contact.heard(Result<Void, StoreError>.failure(.notNow("Redis refused: OOM")), Self.moment(2))
        #expect(contact.lastingFailure(now: Self.moment(2).now) == nil, "one call that fails is a hiccup")
        let text = try #require(contact.problem(now: Self.moment(4).now))
        #expect(
            text.hasPrefix("Redis has answered the controller with refusals since 2026-09-21T14:13:22.000Z (2 s): ")
        )
        #expect(contact.lastingFailure(now: Self.moment(4).now)?.hasSuffix("(2 s): Redis refused: OOM") == true)
        contact.heard(Result<Void, StoreError>.failure(.noRoom), Self.moment(5))
        #expect(contact.lastingFailure(now: Self.moment(9).now) == nil)
    }

    @Test func neverReached_saysWhy() throws {
        var contact = StateContact()
        contact.failed(.unavailable("Redis is away: NOAUTH"), Self.moment(0))
        #expect(try #require(contact.problem(now: Self.moment(0).now)).contains("Redis is away: NOAUTH"))
        #expect(contact.answeredAt == nil)
    }
}
