import EventLoop
import TestKit
import Primitives
import Testing

@Suite(.timeLimit(.minutes(30))) struct TimerTests {
    /// Ticks of 65 µs: deadlines that lie farther apart fire in order.
    @Test(arguments: [1, 42] as [UInt64])
    func timers_anyOrderOfArming_fireInOrderOfDeadline(seed: UInt64) throws {
        let fixture = try LoopFixture()
        let fired = Record<[Int64]>([])
        let done = Handover<Void>()
        try fixture.run {
            var generator = SplitMix64(seed: seed)
            let delays = (0..<200).map { Int64($0) * 100_000 }.shuffled(using: &generator)
            for delay in delays { fixture.loop.after(nanoseconds: delay) { fired.update { $0.append(delay) } } }
            fixture.loop.after(nanoseconds: 20_000_000) { done.put(()) }
        }
        try done.take()
        #expect(fired.value.count == 200)
        #expect(fired.value == fired.value.sorted(), "seed \(seed)")
        try fixture.end()
    }

    @Test func timer_armed_firesNotBeforeItsDeadline() throws {
        let fixture = try LoopFixture()
        let lateness = Handover<Int64>()
        try fixture.run {
            let deadline = fixture.loop.now.advanced(byNanoseconds: 5_000_000)
            fixture.loop.after(nanoseconds: 5_000_000) { lateness.put(fixture.loop.now.nanoseconds(since: deadline)) }
        }
        #expect(try lateness.take() >= 0)
        try fixture.end()
    }

    @Test func timer_movedLater_firesOnceAtTheLaterDeadline() throws {
        let fixture = try LoopFixture()
        let order = Record<[String]>([])
        let done = Handover<Void>()
        try fixture.run {
            let moved = LoopTimer(loop: fixture.loop) { order.update { $0.append("moved") } }
            moved.arm(afterNanoseconds: 1_000_000)
            moved.arm(afterNanoseconds: 10_000_000)
            fixture.loop.after(nanoseconds: 5_000_000) { order.update { $0.append("between") } }
            fixture.loop.after(nanoseconds: 15_000_000) { withExtendedLifetime(moved) { done.put(()) } }
        }
        try done.take()
        #expect(order.value == ["between", "moved"])
        try fixture.end()
    }

    @Test func timer_movedEarlier_firesOnceAtTheEarlierDeadline() throws {
        let fixture = try LoopFixture()
        let order = Record<[String]>([])
        let done = Handover<Void>()
        try fixture.run {
            let moved = LoopTimer(loop: fixture.loop) { order.update { $0.append("moved") } }
            moved.arm(afterNanoseconds: 10_000_000)
            moved.arm(afterNanoseconds: 1_000_000)
            fixture.loop.after(nanoseconds: 5_000_000) { order.update { $0.append("between") } }
            fixture.loop.after(nanoseconds: 15_000_000) { withExtendedLifetime(moved) { done.put(()) } }
        }
        try done.take()
        #expect(order.value == ["moved", "between"])
        try fixture.end()
    }

    @Test func timer_disarmed_neverFires() throws {
        let fixture = try LoopFixture()
        let fired = Record(false)
        let done = Handover<Void>()
        try fixture.run {
            let timer = fixture.loop.after(nanoseconds: 1_000_000) { fired.update { $0 = true } }
            timer.disarm()
            #expect(!timer.isArmed)
            fixture.loop.after(nanoseconds: 5_000_000) { done.put(()) }
        }
        try done.take()
        #expect(!fired.value)
        try fixture.end()
    }

    /// Timers due together: the first one's action still decides about the second.
    @Test func timer_disarmedByAnotherOfTheSameTurn_neverFires() throws {
        let fixture = try LoopFixture()
        let fired = Record(false)
        let done = Handover<Void>()
        try fixture.run {
            let second = LoopTimer(loop: fixture.loop) { fired.update { $0 = true } }
            let deadline = fixture.loop.now.advanced(byNanoseconds: 1_000_000)
            let first = LoopTimer(loop: fixture.loop) { second.disarm() }
            first.arm(at: deadline)
            second.arm(at: deadline.advanced(byNanoseconds: 1))
            fixture.loop.after(nanoseconds: 5_000_000) { withExtendedLifetime(first) { done.put(()) } }
        }
        try done.take()
        #expect(!fired.value)
        try fixture.end()
    }

    /// The clock stands still during a turn; a delay of nothing must not turn the turn into an endless one.
    @Test func timer_armedAgainForNow_letsTheLoopGoOn() throws {
        let fixture = try LoopFixture()
        let rounds = Record(0)
        let turns = try fixture.run { fixture.loop.turns }
        let done = Handover<UInt64>()
        try fixture.run {
            func again() {
                rounds.update { $0 += 1 }
                if rounds.value == 100 { return done.put(fixture.loop.turns) }
                fixture.loop.after(nanoseconds: 0) { again() }
            }
            again()
        }
        let turnsTaken = try done.take() - turns
        #expect(turnsTaken >= 99)
        try fixture.end()
    }

    /// An idle timeout is moved on every request: that must not grow the queue of deadlines.
    @Test func timer_movedLaterManyTimes_firesOnceAfterTheLastMove() throws {
        let fixture = try LoopFixture()
        let fired = Record(0)
        let done = Handover<Void>()
        try fixture.run {
            let timer = LoopTimer(loop: fixture.loop) { fired.update { $0 += 1 } }
            for step in 0..<100_000 as Range<Int64> { timer.arm(afterNanoseconds: 2_000_000 + step) }
            fixture.loop.after(nanoseconds: 8_000_000) { withExtendedLifetime(timer) { done.put(()) } }
        }
        try done.take()
        #expect(fired.value == 1)
        try fixture.end()
    }

    @Test func timer_releasedOnAnotherThread_neverFiresAndIsUnlinked() throws {
        let fixture = try LoopFixture()
        let fired = Record(false)
        // Handed from the loop to this thread, which then has it alone.
        nonisolated(unsafe) var timer: LoopTimer?
        try fixture.run {
            timer = LoopTimer(loop: fixture.loop) { fired.update { $0 = true } }
            timer!.arm(afterNanoseconds: Nanoseconds.perSecond)
        }
        #expect(try fixture.run { fixture.loop.timers.count } == 1)
        timer = nil
        #expect(try fixture.run { fixture.loop.timers.count } == 0)
        #expect(!fired.value)
        try fixture.end()
    }
}
