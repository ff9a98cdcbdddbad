import Dispatch
import EventLoop
import TestKit
import Primitives
import Testing

@Suite(.timeLimit(.minutes(30))) struct TurnTests {
    @Test func submit_fromManyThreads_runsEachOnceInEachThreadsOrder() throws {
        let fixture = try LoopFixture()
        let threads = 8
        let each = 5_000
        let seen = Record([[Int]](repeating: [], count: threads))
        let done = Handover<Void>()
        let total = Record(0)
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            for number in 0..<each {
                fixture.loop.submit {
                    fixture.loop.preconditionOnLoop()
                    seen.update { $0[thread].append(number) }
                    total.update { $0 += 1 }
                    if total.value == threads * each { done.put(()) }
                }
            }
        }
        try done.take()
        for thread in 0..<threads { #expect(seen.value[thread] == Array(0..<each)) }
        try fixture.end()
    }

    @Test func atTurnEnd_severalInOneTurn_runTogetherAfterTheTurnsWork() throws {
        let fixture = try LoopFixture()
        let log = Record<[String]>([])
        let done = Handover<Void>()
        try fixture.run {
            let turn = fixture.loop.turns
            for name in ["a", "b"] {
                fixture.loop.atTurnEnd {
                    #expect(fixture.loop.turns == turn)
                    log.update { $0.append("end \(name)") }
                }
                log.update { $0.append("work \(name)") }
            }
            fixture.loop.atTurnEnd { fixture.loop.atTurnEnd { done.put(()) } }
        }
        try done.take()
        #expect(log.value == ["work a", "work b", "end a", "end b"])
        try fixture.end()
    }

    @Test func onNextTurn_fromATurn_runsInTheTurnAfterIt() throws {
        let fixture = try LoopFixture()
        let distance = Handover<UInt64>()
        try fixture.run {
            let turn = fixture.loop.turns
            fixture.loop.onNextTurn { distance.put(fixture.loop.turns - turn) }
        }
        #expect(try distance.take() == 1)
        try fixture.end()
    }

    /// What an action puts off is not of its own batch, and what one lets go may put off more.
    @Test func putOffWork_fromActionsAndFromWhatTheyRelease_runsOnceAndInOrder() throws {
        let fixture = try LoopFixture()
        let log = Record<[String]>([])
        let done = Handover<Void>()
        try fixture.run {
            let loop = fixture.loop
            for name in ["a", "b"] {
                let released = Sentinel { loop.onNextTurn { log.update { $0.append("released \(name)") } } }
                loop.onNextTurn {
                    _ = released
                    log.update { $0.append(name) }
                    loop.onNextTurn { log.update { $0.append("after \(name)") } }
                    loop.atTurnEnd { log.update { $0.append("end of \(name)") } }
                }
            }
            loop.onNextTurn { loop.onNextTurn { loop.onNextTurn { loop.onNextTurn { done.put(()) } } } }
        }
        try done.take()
        let seen = log.value
        #expect(seen.prefix(4) == ["a", "b", "end of a", "end of b"])
        #expect(seen.dropFirst(4).sorted() == ["after a", "after b", "released a", "released b"])
        try fixture.end()
    }

    /// Longer than one visit: the loop gives its thread back in between and must come again by itself.
    @Test func onNextTurn_aLongChain_goesOnWithoutOtherEvents() throws {
        let fixture = try LoopFixture()
        let done = Handover<Void>()
        try fixture.run {
            func step(_ left: Int) {
                guard left > 0 else { return done.put(()) }
                fixture.loop.onNextTurn { step(left - 1) }
            }
            step(2_000)
        }
        try done.take()
        try fixture.end()
    }

    /// The loop lingers a millisecond and then sleeps in Dispatch. Whatever moment a post falls into, it is seen: the
    /// gaps walk across both edges.
    @Test func submit_aroundTheEndOfALinger_isNeverLost() throws {
        let fixture = try LoopFixture()
        for round in 0..<400 {
            let answer = Handover<Int>()
            let began = DispatchTime.now().uptimeNanoseconds
            let gap = UInt64(round * 5_000)
            // Not a wait for anything: the point in time is what is tested.
            while DispatchTime.now().uptimeNanoseconds - began < gap {}
            fixture.loop.submit { answer.put(round) }
            #expect(try answer.take() == round)
        }
        try fixture.end()
    }

    @Test func timer_armedWhileTheLoopSleeps_wakesIt() throws {
        let fixture = try LoopFixture()
        for delay in [0, 300_000, 1_000_000, 1_500_000, 4_000_000, 30_000_000] as [Int64] {
            let fired = Handover<Void>()
            try fixture.run { _ = fixture.loop.after(nanoseconds: delay) { fired.put(()) } }
            try fired.take()
        }
        try fixture.end()
    }

    @Test func actorOnTheLoop_itsJobs_runOnTheLoop() async throws {
        let fixture = try LoopFixture()
        let resident = Resident(loop: fixture.loop)
        for _ in 0..<100 { await resident.bump() }
        #expect(await resident.count == 100)
        let seenOnLoop = try fixture.run { resident.assumeIsolated { $0.count } }
        #expect(seenOnLoop == 100)
        try fixture.end()
    }

    @Test func shutdown_withTimersAndWork_completesAndRunsNothingMore() throws {
        let fixture = try LoopFixture()
        let fired = Record(false)
        try fixture.run { _ = fixture.loop.after(nanoseconds: 1_000_000) { fired.update { $0 = true } } }
        let released = Record(false)
        try fixture.run {
            let sentinel = Sentinel { released.update { $0 = true } }
            _ = fixture.loop.after(nanoseconds: 60 * Nanoseconds.perSecond) { _ = sentinel }
        }
        try fixture.end()
        #expect(released.value, "a timer that never fires still holds what its action holds")
    }
}

/// An actor whose executor is a loop.
actor Resident {
    private let loop: EventLoop
    private(set) var count = 0
    init(loop: EventLoop) { self.loop = loop }
    nonisolated var unownedExecutor: UnownedSerialExecutor { self.loop.asUnownedSerialExecutor() }
    func bump() {
        self.loop.preconditionOnLoop()
        self.count += 1
    }
}

final class Sentinel {
    private let onRelease: () -> Void
    init(_ onRelease: @escaping () -> Void) { self.onRelease = onRelease }
    deinit { self.onRelease() }
}
