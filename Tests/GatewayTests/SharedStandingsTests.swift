import Pools
import Primitives
import Settings
import Testing

@testable import Gateway

/// What the loops of a gateway know of workers together.
@Suite struct SharedStandingsTests {
    private let now = Instant(nanoseconds: 1_000_000_000)

    @Test func healthy_isKnownOnceALoopWasTold_andForgottenWithThePool() {
        let pools = PoolStandings()
        #expect(pools.healthy(pool: "web") == nil, "nobody has said anything")
        let standings = pools["web"]
        #expect(pools["web"] === standings && pools.healthy(pool: "web") == nil)
        standings.becameKnown()
        #expect(pools.healthy(pool: "web") == 0, "no worker at all is none")
        _ = standings.join("a")
        standings.setReady("a", true)
        #expect(pools.healthy(pool: "web") == 1, "who was never tried counts")
        _ = standings.refused("a", now: self.now)
        #expect(pools.healthy(pool: "web") == 0)
        pools.keep([])
        #expect(pools.healthy(pool: "web") == nil)
    }

    /// Each loop asks its mark on the way of a request; what one loop finds is seen by all.
    @Test func marks_ofTheSameWorker_areOne_andSayWhatTheStandingsSay() {
        let standings = SharedStandings()
        let marks = ["a", "b"].map { id in
            let mark = standings.join(id)
            standings.setReady(id, true)
            return mark
        }
        #expect(standings.join("a") === marks[0])
        #expect(marks[0].isSpotless && !marks[0].isPassedBy)
        for _ in 0..<4 { _ = standings.failed("a", .timeout, now: self.now) }
        #expect(!marks[0].isSpotless && !marks[0].isPassedBy && marks[1].isSpotless)
        _ = standings.failed("a", .timeout, now: self.now)
        #expect(marks[0].isPassedBy && !marks[1].isPassedBy)
        // One of two is all that may be passed by.
        for _ in 0..<5 { _ = standings.failed("b", .timeout, now: self.now) }
        #expect(!marks[1].isPassedBy)
        _ = standings.answered("a", now: self.now)
        #expect(marks[0].isSpotless && !marks[0].isPassedBy && marks[1].isPassedBy, "its place is taken")
        var settings = EjectionSettings()
        settings.mostShare = 1
        standings.apply(settings)
        for _ in 0..<5 { _ = standings.failed("a", .timeout, now: self.now) }
        #expect(marks[0].isPassedBy && marks[1].isPassedBy)
        // A worker that is gone is no more of the pool.
        standings.setReady("b", false)
        standings.leave("b")
        #expect(standings.join("b") !== marks[1])
    }
}
