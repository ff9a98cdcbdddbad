import Primitives
import Testing

@testable import Pools

/// Every decision about worker processes, without a process.
@Suite struct ReconciliationTests {
    private static let second = Nanoseconds.perSecond
    private static let limits = Reconciliation.Limits(
        startTimeoutNanoseconds: 20 * second,
        drainTimeoutNanoseconds: 15 * second
    )

    /// A pool and its clock.
    private struct Pool {
        var reconciliation = Reconciliation(limits: ReconciliationTests.limits, seed: 1)
        var now = Instant(nanoseconds: 1_000 * UInt64(Nanoseconds.perSecond))

        mutating func pass(seconds: Double) {
            self.now = self.now.advanced(byNanoseconds: Int64(seconds * Double(Nanoseconds.perSecond)))
        }

        mutating func want(_ desired: Int, inFlight: [Int: Int]? = [:]) -> [Reconciliation.Action] {
            self.reconciliation.reconcile(desired: desired, inFlight: inFlight, now: self.now)
        }

        mutating func time() -> [Reconciliation.Action] { self.reconciliation.timePassed(now: self.now) }

        /// A pool with workers 1 to `count`, all ready.
        static func ready(_ count: Int) -> Pool {
            var pool = Pool()
            _ = pool.want(count)
            for number in 1...count { _ = pool.reconciliation.becameReady(number, now: pool.now) }
            return pool
        }

        var deadline: Double? {
            self.reconciliation.nextDeadline.map { Double($0.nanoseconds(since: self.now)) / 1e9 }
        }
    }

    // MARK: Growing and shrinking

    @Test func reconcile_tooFew_startsWhatIsMissing() {
        var pool = Pool()
        #expect(pool.want(2) == [.start(1), .start(2)])
        #expect(pool.want(2) == [], "those that start count")
        #expect(pool.reconciliation.becameReady(1, now: pool.now.advanced(byNanoseconds: 5)) == 5)
        #expect(pool.want(3) == [.start(3)])
    }

    /// Who goes first, and what is done with it.
    @Test(
        arguments: [
            // Of those who are not ready the youngest, by being stopped: nobody sends it anything.
            (ready: 1, starting: 2, desired: 2, inFlight: [1: 0], expected: [.stop(3)]),
            (ready: 1, starting: 2, desired: 0, inFlight: [1: 9], expected: [.stop(3), .stop(2), .drain(1)]),
            // Of the ready ones the idlest, by being drained.
            (ready: 3, starting: 0, desired: 2, inFlight: [1: 4, 2: 1, 3: 2], expected: [.drain(2)]),
            (ready: 3, starting: 0, desired: 1, inFlight: [1: 4, 2: 1, 3: 2], expected: [.drain(2), .drain(3)]),
            // Of equals the youngest.
            (ready: 3, starting: 0, desired: 2, inFlight: [1: 1, 2: 1, 3: 1], expected: [.drain(3)]),
            (ready: 2, starting: 0, desired: 1, inFlight: nil, expected: [.drain(2)]),
        ] as [(Int, Int, Int, [Int: Int]?, [Reconciliation.Action])]
    )
    func reconcile_tooMany_retires(
        ready: Int,
        starting: Int,
        desired: Int,
        inFlight: [Int: Int]?,
        expected: [Reconciliation.Action]
    ) {
        var pool = Pool.ready(ready)
        _ = pool.want(ready + starting)
        #expect(pool.want(desired, inFlight: inFlight) == expected)
        #expect(pool.want(desired, inFlight: inFlight) == [], "once is enough")
    }

    // MARK: Draining

    /// Gateways need a moment to learn that a worker drains: until then it may get another request.
    @Test(
        arguments: [
            (seconds: 1.9, inFlight: [:], isStopped: false), (seconds: 2, inFlight: [:], isStopped: true),
            (seconds: 2, inFlight: [2: 1], isStopped: false), (seconds: 14.9, inFlight: [2: 1], isStopped: false),
            // Nobody tells: it may be busy.
            (seconds: 2, inFlight: nil, isStopped: false),
        ] as [(Double, [Int: Int]?, Bool)]
    )
    func reconcile_draining_stopsItWhenItIsQuiet(seconds: Double, inFlight: [Int: Int]?, isStopped: Bool) {
        var pool = Pool.ready(2)
        _ = pool.want(1)
        pool.pass(seconds: seconds)
        #expect(pool.want(1, inFlight: inFlight) == (isStopped ? [.stop(2)] : []))
    }

    @Test(arguments: [(timeout: 15, after: 15.0), (timeout: 0, after: 2.0)] as [(Int64, Double)])
    func timePassed_drainTimeout_stopsABusyWorker(timeout: Int64, after: Double) {
        var pool = Pool.ready(1)
        pool.reconciliation.limits.drainTimeoutNanoseconds = timeout * Self.second
        _ = pool.want(0)
        #expect(pool.deadline == after)
        pool.pass(seconds: after - 0.001)
        #expect(pool.time() == [])
        pool.pass(seconds: 0.001)
        #expect(pool.time() == [.stop(1)])
        #expect(pool.reconciliation.ended(1, now: pool.now) == .stopped)
    }

    @Test func ended_whileDraining_isNoCrash() {
        var pool = Pool.ready(1)
        _ = pool.want(0)
        #expect(pool.reconciliation.ended(1, now: pool.now) == .stopped)
        #expect(pool.reconciliation.crashes == 0 && pool.deadline == nil)
    }

    // MARK: Stopping

    @Test func timePassed_doesNotEndWhenAsked_isKilledOnce() {
        var pool = Pool()
        _ = pool.want(1)
        #expect(pool.want(0) == [.stop(1)])
        #expect(pool.deadline == 5)
        pool.pass(seconds: 5)
        #expect(pool.time() == [.kill(1)])
        #expect(pool.deadline == nil && pool.time() == [])
        #expect(pool.reconciliation.ended(1, now: pool.now) == .stopped)
        #expect(pool.reconciliation.workers == [])
    }

    @Test func stopAll_stopsEveryoneOnceAndStartsNobody() {
        var pool = Pool.ready(3)
        _ = pool.want(5, inFlight: nil)
        _ = pool.want(1)  // 5 and 4 are stopped, 3 and 2 drain
        #expect(pool.reconciliation.stopAll(now: pool.now) == [.stop(1), .stop(2), .stop(3)])
        #expect(pool.want(9) == [])
        #expect(pool.reconciliation.stopAll(now: pool.now) == [])
        for number in 1...5 { #expect(pool.reconciliation.ended(number, now: pool.now) == .stopped) }
        #expect(pool.time() == [] && pool.deadline == nil)
    }

    // MARK: Starts that fail

    @Test func timePassed_notReadyInTime_isStoppedAndCountsAsACrash() {
        var pool = Pool()
        _ = pool.want(1)
        #expect(pool.deadline == 20)
        pool.pass(seconds: 20)
        #expect(pool.time() == [.stop(1), .start(2)], "the next one need not wait for the end of the first")
        guard case .crashed = pool.reconciliation.ended(1, now: pool.now) else {
            Issue.record("a worker that did not get ready has failed")
            return
        }
        #expect(pool.reconciliation.crashes == 1)
    }

    @Test func becameUseless_isStoppedAsACrash() {
        var pool = Pool()
        _ = pool.want(1)
        #expect(pool.reconciliation.becameUseless(1, now: pool.now) == [.stop(1)])
        guard case .crashed = pool.reconciliation.ended(1, now: pool.now) else {
            Issue.record("a useless worker has failed")
            return
        }
    }

    /// There is no use in trying the same program twice at once.
    @Test func startFailed_givesUpThoseBehindItAndWaits() {
        var pool = Pool()
        #expect(pool.want(3) == [.start(1), .start(2), .start(3)])
        let pause = pool.reconciliation.startFailed(2, now: pool.now)
        #expect(pool.reconciliation.workers.map(\.number) == [1])
        #expect(pool.want(3) == [] && pool.time() == [])
        pool.now = pool.now.advanced(byNanoseconds: pause)
        #expect(pool.time() == [.start(4), .start(5)], "numbers are not used twice")
    }

    // MARK: Backing off

    /// A program that dies at once is started again more and more slowly, at least every ten seconds.
    @Test func crashes_inARow_pausesGrowToALimit() {
        var pool = Pool()
        _ = pool.want(1)
        for number in 1...12 {
            guard case .crashed(let pause) = pool.reconciliation.ended(number, now: pool.now) else {
                Issue.record("worker \(number) was not told to end")
                return
            }
            let bound = min(10 * Self.second, Reconciliation.shortestPauseNanoseconds << Int64(number))
            #expect(pause >= Reconciliation.shortestPauseNanoseconds && pause <= bound, "failure \(number)")
            #expect(pool.want(1) == [], "not before the pause is over")
            #expect(pool.reconciliation.nextDeadline == pool.now.advanced(byNanoseconds: pause))
            pool.now = pool.now.advanced(byNanoseconds: pause)
            #expect(pool.time() == [.start(number + 1)])
        }
        #expect(pool.reconciliation.crashes == 12)
    }

    /// One that crashes takes nothing from the others.
    @Test func crash_ofOneOfMany_isReplacedAfterThePause() {
        var pool = Pool.ready(3)
        guard case .crashed(let pause) = pool.reconciliation.ended(2, now: pool.now) else {
            Issue.record("worker 2 was not told to end")
            return
        }
        #expect(pool.want(3) == [])
        pool.now = pool.now.advanced(byNanoseconds: pause)
        #expect(pool.time() == [.start(4)])
        #expect(pool.reconciliation.workers.map(\.number) == [1, 3, 4])
    }

    // MARK: Any history

    /// Whatever happens in whatever order: the number of workers that count comes to what is desired, numbers are used
    /// once, and every worker that was started has ended in the end.
    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func anyHistory_comesToWhatIsDesiredAndEnds(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var pool = Pool()
        var running: Set<Int> = []
        var stopped: Set<Int> = []
        var highest = 0
        func run(_ actions: [Reconciliation.Action]) {
            for action in actions {
                switch action {
                case .start(let number):
                    #expect(number > highest, "seed \(seed)")
                    highest = number
                    running.insert(number)
                case .drain(let number), .revive(let number):
                    #expect(running.contains(number) && !stopped.contains(number), "seed \(seed)")
                case .stop(let number):
                    #expect(running.contains(number) && stopped.insert(number).inserted, "seed \(seed)")
                case .kill(let number):
                    #expect(stopped.contains(number), "seed \(seed)")
                    end(number)
                }
            }
        }
        func end(_ number: Int) {
            running.remove(number)
            _ = pool.reconciliation.ended(number, now: pool.now)
        }
        var desired = 0
        for _ in 0..<400 {
            pool.pass(seconds: Double.random(in: 0...2, using: &random))
            if let deadline = pool.reconciliation.nextDeadline, deadline <= pool.now { run(pool.time()) }
            let starting = pool.reconciliation.workers.filter { if case .starting = $0.state { true } else { false } }
            switch Int.random(in: 0..<8, using: &random) {
            case 6, 7:
                let number = running.sorted().randomElement(using: &random) ?? 0
                run(pool.reconciliation.probed(number, isWell: Bool.random(using: &random), now: pool.now))
            case 0: desired = Int.random(in: 0...6, using: &random)
            case 1, 2:
                if let worker = starting.randomElement(using: &random) {
                    _ = pool.reconciliation.becameReady(worker.number, now: pool.now)
                }
            case 3: if let number = running.sorted().randomElement(using: &random) { end(number) }
            default: run(pool.want(desired, inFlight: Bool.random(using: &random) ? [:] : nil))
            }
        }
        // Left alone, it settles.
        for _ in 0..<100 {
            pool.pass(seconds: 1)
            for worker in pool.reconciliation.workers {
                if case .starting = worker.state { _ = pool.reconciliation.becameReady(worker.number, now: pool.now) }
            }
            run(pool.time())
            run(pool.want(desired))
        }
        #expect(pool.reconciliation.workers.filter(\.isLive).count == desired, "seed \(seed)")
        #expect(Set(pool.reconciliation.workers.map(\.number)) == running, "seed \(seed)")
        run(pool.reconciliation.stopAll(now: pool.now))
        pool.pass(seconds: 5)
        run(pool.time())
        #expect(running.isEmpty && pool.reconciliation.workers.isEmpty, "seed \(seed)")
    }
}
