import Primitives
import Testing

@testable import Pools

/// Workers that die together, die again and again, hang, or are wanted again.
@Suite struct WorkerLossTests {
    private static let second = Nanoseconds.perSecond

    /// A pool and its clock.
    private struct Pool {
        var reconciliation = Reconciliation(
            limits: .init(startTimeoutNanoseconds: 20 * second, drainTimeoutNanoseconds: 15 * second, probeFailures: 3),
            seed: 1
        )
        var now = Instant(nanoseconds: 1_000 * UInt64(Nanoseconds.perSecond))

        mutating func pass(seconds: Double) {
            self.now = self.now.advanced(byNanoseconds: Int64(seconds * Double(Nanoseconds.perSecond)))
        }

        mutating func want(_ desired: Int) -> [Reconciliation.Action] {
            self.reconciliation.reconcile(desired: desired, inFlight: [:], now: self.now)
        }

        mutating func time() -> [Reconciliation.Action] { self.reconciliation.timePassed(now: self.now) }

        mutating func die(_ number: Int) -> Int64? {
            guard case .crashed(let pause) = self.reconciliation.ended(number, now: self.now) else { return nil }
            return pause
        }

        mutating func probe(_ numbers: [Int], isWell: Bool) -> [Reconciliation.Action] {
            numbers.flatMap { self.reconciliation.probed($0, isWell: isWell, now: self.now) }
        }

        /// Those that start are ready at once.
        mutating func ready(_ actions: [Reconciliation.Action]) {
            for case .start(let number) in actions { _ = self.reconciliation.becameReady(number, now: self.now) }
        }

        /// A pool with workers 1 to `count`, which have been ready for `seconds`.
        static func ready(_ count: Int, forSeconds seconds: Double = 3_600) -> Pool {
            var pool = Pool()
            pool.ready(pool.want(count))
            pool.pass(seconds: seconds)
            return pool
        }
    }

    // MARK: One step for each event

    /// Seen before: six workers killed together, and none was started for 6.4 seconds.
    @Test func sixKilledTogether_pauseIsThatOfOne() {
        var pool = Pool.ready(6)
        var longest: Int64 = 0
        for number in 1...6 {
            longest = max(longest, pool.die(number) ?? .max)
            pool.pass(seconds: 0.01)
        }
        #expect(longest <= 2 * Reconciliation.shortestPauseNanoseconds)
        pool.now = pool.now.advanced(byNanoseconds: longest)
        #expect(pool.time().count == 6)
        #expect(pool.reconciliation.crashes == 6)
    }

    /// One that dies late is replaced without a further pause, as long as it belongs to the event.
    @Test func killedAMomentLater_belongsToTheEvent() {
        var pool = Pool.ready(2)
        _ = pool.die(1)
        pool.pass(seconds: 1)
        #expect(pool.time() == [.start(3)])
        #expect(pool.die(2) == 0)
        #expect(pool.want(2) == [.start(4)])
    }

    /// A worker that was started after the event began and dies is another event, however soon.
    @Test func successorDies_isAnotherEventEachTime() {
        var pool = Pool.ready(1)
        var pauses: [Int64] = []
        var number = 1
        for _ in 0..<8 {
            let pause = pool.die(number) ?? 0
            pauses.append(pause)
            #expect(pause >= Reconciliation.shortestPauseNanoseconds)
            pool.now = pool.now.advanced(byNanoseconds: pause)
            let actions = pool.time()
            number += 1
            #expect(actions == [.start(number)])
        }
        #expect(pauses.reduce(0, +) > 8 * Self.second, "\(pauses)")
    }

    /// Seen before: a program that dies a second after it is ready was started 33 times in 30 seconds.
    @Test func diesASecondAfterItIsReady_isStartedMoreAndMoreSlowly() {
        var pool = Pool.ready(1, forSeconds: 0)
        let begin = pool.now
        var number = 1
        while pool.now.nanoseconds(since: begin) < 120 * Self.second {
            pool.pass(seconds: 1)
            let pause = pool.die(number) ?? 0
            pool.now = pool.now.advanced(byNanoseconds: pause)
            pool.ready(pool.time())
            number += 1
        }
        // With pauses of 0.2 to 10 seconds at the end: hardly more than one every five seconds.
        #expect(pool.reconciliation.crashes <= 32, "\(pool.reconciliation.crashes)")
    }

    @Test(arguments: [(seconds: 59.0, isForgotten: false), (seconds: 60.0, isForgotten: true)] as [(Double, Bool)])
    func stableMinute_forgetsWhatWasBefore(seconds: Double, isForgotten: Bool) {
        var pool = Pool()
        var number = 1
        var actions = pool.want(1)
        for _ in 0..<10 {
            pool.ready(actions)
            pool.pass(seconds: 1)
            pool.now = pool.now.advanced(byNanoseconds: pool.die(number) ?? 0)
            actions = pool.time()
            number += 1
        }
        pool.ready(actions)
        pool.pass(seconds: seconds)
        // Whatever the random part of the pause was: over and over, the short ones are all short.
        let pauses = (0..<40).map { _ in
            var again = pool
            again.pass(seconds: 0)
            return again.die(number) ?? 0
        }
        let bound = 2 * Reconciliation.shortestPauseNanoseconds
        #expect(pauses.allSatisfy { $0 <= bound } == isForgotten, "\(pauses[0])")
    }

    // MARK: Wanted again

    /// Seen before: a draining worker ended, and another one was started in its place.
    @Test func wantedAgain_drainingOnesAreTakenBackFirst() {
        var pool = Pool.ready(4)
        #expect(pool.want(2) == [.drain(4), .drain(3)])
        pool.pass(seconds: 1)
        #expect(pool.want(1) == [.drain(2)])
        #expect(pool.want(3) == [.revive(2), .revive(4)], "the last to go first")
        #expect(pool.want(5) == [.revive(3), .start(5)])
        #expect(pool.reconciliation.state.ready == 4 && pool.reconciliation.state.draining == 0)
        #expect(pool.reconciliation.nextDeadline == pool.now.advanced(byNanoseconds: 20 * Self.second))
    }

    /// What was told to end has begun to.
    @Test func wantedAgain_afterItWasTold_anotherIsStarted() {
        var pool = Pool.ready(2)
        _ = pool.want(1)
        pool.pass(seconds: 2)
        #expect(pool.want(1) == [.stop(2)])
        #expect(pool.want(2) == [.start(3)])
    }

    /// A pause after a crash is for starts.
    @Test func wantedAgain_duringAPause_isTakenBackAtOnce() {
        var pool = Pool.ready(3)
        _ = pool.want(2)
        _ = pool.die(1)
        #expect(pool.want(2) == [.revive(3)])
    }

    // MARK: Hanging

    @Test func probed_failsOftenEnough_isReplaced() {
        var pool = Pool.ready(3)
        #expect(pool.probe([2, 2], isWell: false) == [])
        #expect(pool.probe([2], isWell: true) == [])
        #expect(pool.probe([2, 2], isWell: false) == [], "in a row")
        #expect(pool.probe([2], isWell: false) == [.stop(2), .start(4)])
        #expect(pool.reconciliation.state.ready == 2)
        #expect(pool.probe([2], isWell: false) == [], "it was told to end")
        pool.pass(seconds: 5)
        #expect(pool.time() == [.kill(2)])
        #expect(pool.die(2) != nil && pool.reconciliation.crashes == 1)
    }

    /// Seen before: SIGSTOP of the only worker, and it was shown as ready until somebody killed it.
    @Test func probed_onlyWorkerHangs_isReplaced() {
        var pool = Pool.ready(1)
        #expect(pool.probe([1, 1, 1], isWell: false) == [.stop(1), .start(2)])
    }

    @Test func probed_never_isNotReplaced() {
        var pool = Pool.ready(2)
        pool.reconciliation.limits.probeFailures = 0
        #expect(pool.probe([1, 2, 1, 2, 1, 2, 1, 2], isWell: false) == [])
        #expect(pool.reconciliation.failing == 0)
    }

    /// What strikes most workers at once is seldom their own fault: they stay listed, and are replaced one by one.
    @Test func probed_mostFailTogether_areReplacedOneByOne() {
        var pool = Pool.ready(6)
        let all = Array(1...6)
        #expect(pool.probe(all + all, isWell: false) == [])
        #expect(pool.probe(all, isWell: false) == [.stop(1), .start(7)])
        #expect(pool.reconciliation.state.ready == 5 && pool.reconciliation.failing == 5)
        #expect(pool.probe([2, 3, 4, 5, 6, 2, 3, 4, 5, 6], isWell: false) == [])
        for number in 2...3 {
            _ = pool.reconciliation.becameReady(number + 5, now: pool.now)
            #expect(pool.probe([number], isWell: false) == [.stop(number), .start(number + 6)])
            #expect(pool.probe([4, 5, 6], isWell: false) == [])
        }
        // Now they are three of six, no majority any more.
        _ = pool.reconciliation.becameReady(9, now: pool.now)
        #expect(
            pool.probe([4], isWell: false)
                == [.stop(4), .stop(5), .stop(6), .start(10), .start(11), .start(12)]
        )
    }

    @Test func probed_allFail_andComeBack_oneWasReplaced() {
        var pool = Pool.ready(6)
        pool.reconciliation.limits.probeFailures = 100
        for _ in 0..<50 { #expect(pool.probe(Array(1...6), isWell: false) == []) }
        pool.reconciliation.limits.probeFailures = 3
        #expect(pool.probe([1], isWell: false) == [.stop(1), .start(7)])
        #expect(pool.probe(Array(2...6), isWell: false) == [], "one at a time")
        #expect(pool.probe(Array(2...6), isWell: true) == [])
        _ = pool.reconciliation.becameReady(7, now: pool.now)
        #expect(pool.reconciliation.failing == 0 && pool.reconciliation.state.ready == 6)
    }
}
