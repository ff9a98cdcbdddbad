import Primitives
import Testing

@testable import onsale

/// When an agent takes its coordinator for gone: within the time that is stated, and no sooner.
@Suite struct AgentSilenceTests {
    private static func at(_ seconds: Double) -> Instant { Instant(nanoseconds: UInt64((100 + seconds) * 1e9)) }

    /// The word of a coordinator that was killed at second 0 is there until it expires.
    @Test func word_thatIsNotRenewed_endsTheAgentAtTheStatedTime() {
        var silence = AgentSilence(now: Self.at(-5))
        var ended: Double?
        for step in 0...300 {
            let seconds = Double(step) / 10
            silence.answered(hasWord: seconds < Double(AgentKeys.wordSeconds), now: Self.at(seconds))
            if silence.problem(now: Self.at(seconds)) != nil { ended = ended ?? seconds }
        }
        #expect(ended == Double(AgentSilence.silenceSeconds) && AgentSilence.silenceSeconds == 12)
        #expect(silence.problem(now: Self.at(30))?.contains("the coordinator has gone") == true)
    }

    @Test func redis_thatAnswersNothing_endsTheAgentAsSoon() {
        var silence = AgentSilence(now: Self.at(0))
        silence.answered(hasWord: true, now: Self.at(1))
        silence.failed()
        #expect(silence.problem(now: Self.at(12.9)) == nil)
        #expect(silence.problem(now: Self.at(13))?.contains("Redis has gone") == true)
    }

    /// A coordinator that comes back, and a Redis that lost the word for a moment, end nobody.
    @Test func word_thatComesBack_isEnough() {
        var silence = AgentSilence(now: Self.at(0))
        silence.answered(hasWord: false, now: Self.at(1))
        #expect(silence.problem(now: Self.at(2.9)) == nil)
        silence.answered(hasWord: true, now: Self.at(2.9))
        #expect(silence.problem(now: Self.at(4)) == nil)
        silence.answered(hasWord: false, now: Self.at(4))
        silence.failed()
        silence.answered(hasWord: false, now: Self.at(8))
        #expect(silence.problem(now: Self.at(9)) == nil && silence.problem(now: Self.at(10)) != nil)
    }
}
