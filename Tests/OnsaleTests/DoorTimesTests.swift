import Primitives
import Testing

@testable import onsale

/// How long it may take to be let in, by the rate of the time.
@Suite struct DoorTimesTests {
    private static func tally(_ count: Int, seconds: Int64) -> Tally {
        var tally = Tally()
        let now = JudgeTests.start.advanced(byNanoseconds: seconds * Nanoseconds.perSecond)
        for _ in 0..<count { tally.heard(.exchange, due: JudgeTests.start, sentAt: JudgeTests.start, now: now) }
        return tally
    }

    private static func times(_ count: Int, seconds: Int64, turns: Double, second: Int) -> DoorTimes {
        var times = DoorTimes(turnsSeconds: turns)
        times.add(Self.tally(count, seconds: seconds).door, second: second)
        return times
    }

    /// 40 people who were called at 20 a second, and five turns, at one in two seconds; then two cuts on end.
    @Test func cut_letsThoseWaitWhoWereCalledBefore() {
        var turns = DoorTurns()
        func seconds(_ rate: Double?, for seconds: Int) -> Double {
            for _ in 0..<seconds { turns.take(rate) }
            return turns.seconds
        }
        #expect(seconds(nil, for: 3) == 0 && seconds(20, for: 30) == 0)
        #expect(seconds(0.5, for: 1) == 90 && seconds(0.5, for: 90) == 90)
        #expect(seconds(0.5, for: 10) == 10, "they are in")
        #expect(seconds(20, for: 15) == 10 && seconds(20, for: 1) == 0)
        #expect(seconds(10, for: 1) == 0 && seconds(1, for: 1) > 20)
    }

    /// One who takes long is no 99th percentile of twenty.
    @Test func groups_withTooFew_areJudgedWithTheNextSlower() {
        let few = Self.times(20, seconds: 8, turns: 0, second: 50)
        let slow = Self.times(200, seconds: 1, turns: 10, second: 30)
        let judged = DoorTimes.judged([slow, few])
        #expect(judged.map(\.turnsSeconds) == [10] && judged.map(\.recorder.count) == [220])
        #expect(judged.first?.worst?.seconds == 30...50)
    }

    /// The slowest have nobody slower: the others are judged with them, and without them.
    @Test func groups_withTooFewOfTheSlowest_excuseNobodyElse() {
        let fast = Self.times(200, seconds: 8, turns: 0, second: 50)
        let few = Self.times(20, seconds: 9, turns: 10, second: 30)
        let judged = DoorTimes.judged([few, fast])
        #expect(judged.map(\.turnsSeconds) == [0, 10] && judged.map(\.recorder.count) == [200, 220])
        #expect(DoorTimes.judged([few]).map(\.recorder.count) == [20] && DoorTimes.judged([]).isEmpty)
        let both = DoorTimes.judged([few, Self.times(90, seconds: 1, turns: 0, second: 8)])
        #expect(both.map(\.recorder.count) == [110] && both.first?.worst?.seconds == 8...30)
    }

    /// What an agent told late was let in at some time of the run, and no fault is to blame where there was none.
    @Test(arguments: [(1, .passed), (20, .failed)] as [(Int64, Check.Outcome)])
    func seconds_toldLate_count(seconds: Int64, outcome: Check.Outcome) {
        var timeline = Timeline()
        timeline.append(Tally(), Gauges())
        timeline.addLate(Self.tally(200, seconds: seconds))
        let evidence = Evidence(startedMicros: 0, timeline: timeline)
        let check = Judge(objectives: Objectives(), evidence: evidence).doorLatency().first
        #expect(check?.outcome == outcome)
        #expect(check?.detail.contains("fault") == false)
    }
}
