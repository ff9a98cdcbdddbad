import Primitives
import Testing

@testable import Pools

/// Which workers fail and which are passed by, event by event.
@Suite struct WorkerStandingsTests {
    private static let second = Nanoseconds.perSecond
    private static let limits = WorkerStandings.Limits(
        failures: 3,
        pauseNanoseconds: second,
        longestPauseNanoseconds: 10 * second,
        mostShare: 0.5
    )

    /// A pool's workers and their clock.
    private struct Pool {
        var standings: WorkerStandings
        var now = Instant(nanoseconds: 1_000 * UInt64(Nanoseconds.perSecond))

        init(_ ids: [String], limits: WorkerStandings.Limits = WorkerStandingsTests.limits) {
            self.standings = WorkerStandings(limits: limits)
            for id in ids {
                self.standings.join(id)
                self.standings.setReady(id, true)
            }
        }

        mutating func pass(seconds: Double) {
            self.now = self.now.advanced(byNanoseconds: Int64(seconds * Double(Nanoseconds.perSecond)))
        }

        mutating func fail(_ id: String, times: Int, _ failure: WorkerStandings.Failure = .timeout) {
            for _ in 0..<times { _ = self.standings.failed(id, failure, now: self.now) }
        }

        mutating func due() -> [String] { self.standings.takeDue(now: self.now) }

        var passedBy: [String] { self.standings.failing.filter(\.trouble.isPassedBy).map(\.id) }
        var failing: [String] { self.standings.failing.map(\.id) }
    }

    // MARK: What makes a worker fail

    @Test(arguments: [.timeout, .broken, .status] as [WorkerStandings.Failure])
    func failed_soManyInARow_isPassedBy(failure: WorkerStandings.Failure) {
        var pool = Pool(["a", "b"])
        pool.fail("a", times: 2, failure)
        #expect(pool.failing == [] && !pool.standings.isSpotless("a"))
        #expect(
            pool.standings.failed("a", failure, now: pool.now)
                == .failing(failure, pauseNanoseconds: Self.second)
        )
        #expect(pool.passedBy == ["a"] && pool.standings.isPassedBy("a") && !pool.standings.isPassedBy("b"))
        #expect(pool.standings.ejections == [failure: 1])
        // What was under way fails as well, and tells nothing new.
        #expect(pool.standings.failed("a", failure, now: pool.now) == .none)
    }

    /// Nothing was sent, so that a handshake which comes about is all that it takes to be well again.
    @Test func refused_byTLS_isAsAConnectionThatIsRefused_withItsReason() {
        var pool = Pool(["a", "b"])
        let change = pool.standings.refused("a", .tls, detail: "certificate has expired", now: pool.now)
        #expect(change == .failing(.tls, pauseNanoseconds: WorkerStandings.firstRefusalNanoseconds))
        #expect(pool.passedBy == ["a"] && pool.standings.ejections == [.tls: 1])
        #expect(pool.standings.trouble("a")?.detail == "certificate has expired")
        pool.pass(seconds: 1)
        #expect(pool.due() == ["a"])
        #expect(pool.standings.tried("a", .failed(.tls, detail: "hostname mismatch"), now: pool.now) == .none)
        #expect(pool.standings.trouble("a")?.detail == "hostname mismatch")
        _ = pool.standings.tried("a", .failed(.connect), now: pool.now)
        #expect(pool.standings.trouble("a")?.failure == .connect && pool.standings.trouble("a")?.detail == nil)
        #expect(pool.standings.connected("a", now: pool.now) == .well(afterNanoseconds: Self.second))
        #expect(pool.failing == [])
    }

    @Test func failed_aGoodAnswerBetween_countsFromTheBeginning() {
        var pool = Pool(["a", "b"])
        for _ in 0..<10 {
            pool.fail("a", times: 2)
            #expect(pool.standings.answered("a", now: pool.now) == .none)
            #expect(pool.standings.isSpotless("a"))
        }
        #expect(pool.failing == [])
    }

    @Test func failed_answersMakeNoDifference_neverFails() {
        var limits = Self.limits
        limits.failures = 0
        var pool = Pool(["a", "b"], limits: limits)
        pool.fail("a", times: 50)
        for _ in 0..<50 { pool.standings.doubted("a") }
        #expect(pool.failing == [] && pool.due() == [])
    }

    /// Refused connections are no matter of opinion: the first is enough, and the pause is short.
    @Test func refused_once_isPassedByForEachTimeLonger() {
        var pool = Pool(["a", "b"])
        var pauses: [Int64] = []
        for _ in 0..<9 {
            _ = pool.standings.refused("a", now: pool.now)
            let until = pool.standings.trouble("a")?.until
            pauses.append((until?.nanoseconds(since: pool.now) ?? 0) / Nanoseconds.perMillisecond)
        }
        #expect(pauses == [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000])
        #expect(pool.standings.ejections == [.connect: 1])
        #expect(pool.standings.connected("a", now: pool.now) == .well(afterNanoseconds: 0))
        #expect(pool.standings.isSpotless("a"))
    }

    /// A worker that hangs takes connections all the same: its system does.
    @Test func connected_ofOneThatDoesNotAnswer_isNoSignOfLife() {
        var pool = Pool(["a", "b"])
        pool.fail("a", times: 3)
        #expect(pool.standings.connected("a", now: pool.now) == .none)
        // Nor when it refused one in between.
        pool.pass(seconds: 1)
        #expect(pool.due() == ["a"])
        _ = pool.standings.tried("a", .failed(.connect), now: pool.now)
        #expect(pool.standings.connected("a", now: pool.now) == .none)
        #expect(pool.passedBy == ["a"])
        #expect(pool.standings.answered("a", now: pool.now) == .well(afterNanoseconds: Self.second))
        #expect(pool.failing == [])
    }

    // MARK: The way back

    @Test func takeDue_afterThePause_once() {
        var pool = Pool(["a", "b"])
        pool.fail("a", times: 3)
        #expect(pool.due() == [])
        pool.pass(seconds: 0.999)
        #expect(pool.due() == [])
        pool.pass(seconds: 0.001)
        #expect(pool.due() == ["a"])
        pool.pass(seconds: 60)
        #expect(pool.due() == [], "one question at a time")
        #expect(pool.passedBy == ["a"], "until it has answered")
        #expect(pool.standings.tried("a", .answered, now: pool.now) == .well(afterNanoseconds: 61 * Self.second))
        #expect(pool.failing == [] && !pool.standings.hasTrouble)
    }

    @Test func tried_fails_pausesGrowToTheLongest() {
        var pool = Pool(["a", "b"])
        pool.fail("a", times: 3)
        var pauses: [Int64] = []
        for _ in 0..<12 {
            let before = pool.now
            while pool.due().isEmpty { pool.pass(seconds: 0.25) }
            pauses.append(pool.now.nanoseconds(since: before) / Self.second)
            #expect(pool.standings.tried("a", .failed(.timeout), now: pool.now) == .none)
        }
        #expect(pauses == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10])
        #expect(pool.standings.ejections == [.timeout: 1], "it never was well in between")
    }

    @Test func tried_nothingLearnt_isTriedAgainAfterAPause() {
        var pool = Pool(["a", "b"])
        pool.fail("a", times: 3)
        pool.pass(seconds: 1)
        #expect(pool.due() == ["a"])
        #expect(pool.standings.tried("a", .givenUp, now: pool.now) == .none)
        #expect(pool.due() == [] && pool.passedBy == ["a"])
        pool.pass(seconds: 1)
        #expect(pool.due() == ["a"])
    }

    /// A worker that answers questions and fails visitors is passed by for longer each time; once it has been well for
    /// as long as the longest pause, it begins anew.
    @Test(arguments: [(wellSeconds: 9.0, pause: 2), (wellSeconds: 10.0, pause: 1)] as [(Double, Int64)])
    func failed_again_pauseIsLongerUnlessItWasWellForLong(wellSeconds: Double, pause: Int64) {
        var pool = Pool(["a", "b"])
        pool.fail("a", times: 3)
        pool.pass(seconds: 1)
        _ = pool.due()
        _ = pool.standings.tried("a", .answered, now: pool.now)
        pool.pass(seconds: wellSeconds)
        pool.fail("a", times: 2)
        #expect(
            pool.standings.failed("a", .status, now: pool.now)
                == .failing(.status, pauseNanoseconds: pause * Self.second)
        )
    }

    /// While no worker is well, all wait for the first that is.
    @Test func takeDue_nobodyIsWell_doesNotWaitForThePause() {
        var pool = Pool(["a"])
        for _ in 0..<8 { _ = pool.standings.refused("a", now: pool.now) }
        for _ in 0..<5 {
            pool.pass(seconds: 0.499)
            #expect(pool.due() == [])
            pool.pass(seconds: 0.001)
            #expect(pool.due() == ["a"])
            _ = pool.standings.tried("a", .failed(.connect), now: pool.now)
        }
    }

    /// Clients who leave may be at fault themselves: that is a reason to ask the worker, and to nothing else.
    @Test func doubted_soOften_isAskedAndNotPassedBy() {
        var pool = Pool(["a", "b"])
        pool.standings.doubted("a")
        pool.standings.doubted("a")
        #expect(pool.due() == [] && !pool.standings.hasTrouble)
        _ = pool.standings.answered("a", now: pool.now)
        pool.standings.doubted("a")
        #expect(pool.due() == [], "its answer was after the others")
        pool.standings.doubted("a")
        pool.standings.doubted("a")
        #expect(pool.standings.hasTrouble && pool.failing == [])
        #expect(pool.due() == ["a"])
        #expect(pool.due() == [], "once")
        #expect(
            pool.standings.tried("a", .failed(.timeout), now: pool.now)
                == .failing(.timeout, pauseNanoseconds: Self.second)
        )
        #expect(pool.passedBy == ["a"])
    }

    // MARK: How many

    /// Those that have failed for longest, up to the share of those that take connections; one always.
    @Test(
        arguments: [
            (workers: 1, failing: 1, share: 0.5, expected: 1), (workers: 2, failing: 2, share: 0.5, expected: 1),
            (workers: 5, failing: 5, share: 0.5, expected: 2), (workers: 6, failing: 4, share: 0.5, expected: 3),
            (workers: 6, failing: 4, share: 0, expected: 1), (workers: 6, failing: 6, share: 1, expected: 6),
        ] as [(Int, Int, Double, Int)]
    )
    func passedBy_isAtMostTheShare(workers: Int, failing: Int, share: Double, expected: Int) {
        var limits = Self.limits
        limits.mostShare = share
        let ids = (0..<workers).map { "w\($0)" }
        var pool = Pool(ids, limits: limits)
        for id in ids.prefix(failing).reversed() {
            pool.fail(id, times: 3)
            pool.pass(seconds: 0.001)
        }
        #expect(pool.failing.count == failing)
        #expect(pool.standings.well == workers - failing)
        #expect(pool.passedBy == Array(ids.prefix(failing).suffix(expected)))
        // A place that becomes free is taken by the next.
        guard failing > expected else { return }
        _ = pool.standings.answered(ids[failing - 1], now: pool.now)
        #expect(pool.passedBy == Array(ids.prefix(failing - 1).suffix(expected)))
    }

    @Test func passedBy_thoseThatTakeNoConnection_allOfThem() {
        var pool = Pool(["a", "b", "c", "d"])
        for id in ["a", "b", "c"] { _ = pool.standings.refused(id, now: pool.now) }
        #expect(pool.passedBy == ["a", "b", "c"])
        pool.fail("d", times: 3)
        #expect(pool.passedBy == ["a", "b", "c", "d"] && pool.standings.well == 0)
    }

    // MARK: Who there is

    @Test func leave_ofAllLoops_isForgotten() {
        var pool = Pool(["a", "b"])
        pool.standings.join("a")
        pool.fail("a", times: 3)
        pool.standings.setReady("a", false)
        #expect(pool.failing == [] && pool.standings.well == 1, "it gets no requests")
        #expect(!pool.standings.leave("a") && pool.standings.hasTrouble)
        #expect(pool.standings.leave("a") && !pool.standings.hasTrouble)
        // What is told of it then is of no one.
        #expect(pool.standings.failed("a", .broken, now: pool.now) == .none)
        #expect(pool.standings.refused("a", now: pool.now) == .none)
        #expect(pool.standings.tried("a", .answered, now: pool.now) == .none)
        pool.standings.join("a")
        pool.standings.setReady("a", true)
        #expect(pool.failing == [] && pool.standings.well == 2)
    }

    /// Whatever happens: never more than the share is passed by for its answers, the books agree with themselves, and
    /// workers that answer again are all well in the end.
    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func anyHistory_keepsTheShareAndEndsWell(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let ids = (0..<Int.random(in: 1...8, using: &random)).map { "w\($0)" }
        var pool = Pool(ids)
        var tried: Set<String> = []
        for _ in 0..<500 {
            pool.pass(seconds: Double.random(in: 0...0.5, using: &random))
            let id = ids.randomElement(using: &random)!
            switch Int.random(in: 0..<8, using: &random) {
            case 0: _ = pool.standings.answered(id, now: pool.now)
            case 1: _ = pool.standings.connected(id, now: pool.now)
            case 2: _ = pool.standings.refused(id, now: pool.now)
            case 3: pool.standings.doubted(id)
            case 4:
                for id in pool.due() { #expect(tried.insert(id).inserted, "seed \(seed): asked twice at once") }
            case 5:
                guard let id = tried.popFirst() else { break }
                let trial: WorkerStandings.Trial = [.answered, .failed(.timeout), .failed(.connect), .givenUp]
                    .randomElement(using: &random)!
                _ = pool.standings.tried(id, trial, now: pool.now)
            default: pool.fail(id, times: Int.random(in: 1...3, using: &random))
            }
            let failing = pool.standings.failing
            #expect(pool.standings.well + failing.count == ids.count, "seed \(seed)")
            #expect(pool.standings.hasTrouble || failing.isEmpty, "seed \(seed)")
            let refusing = failing.count { $0.trouble.isPassedBy && $0.trouble.failure == .connect }
            #expect(pool.passedBy.count - refusing <= max(1, ids.count / 2), "seed \(seed)")
        }
        for _ in 0..<100 {
            pool.pass(seconds: 1)
            for id in tried.union(pool.due()) { _ = pool.standings.tried(id, .answered, now: pool.now) }
            tried = []
        }
        #expect(pool.failing == [], "seed \(seed)")
    }
}
