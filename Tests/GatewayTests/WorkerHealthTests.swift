import Primitives
import Testing

@testable import Gateway

@Suite struct WorkerHealthTests {
    private func health(reached: UInt64 = 0, missed: UInt64 = 0) -> WorkerHealth {
        WorkerHealth(reached: Instant(nanoseconds: reached), missed: Instant(nanoseconds: missed))
    }

    @Test func healthy_countsOverLoops_theLastWordCounts() {
        let healths = PoolHealths()
        #expect(healths.healthy(pool: "web") == nil, "nobody has said anything")
        healths.note(pool: "web", loop: 0, workers: nil)
        #expect(healths.healthy(pool: "web") == nil)
        healths.note(pool: "web", loop: 0, workers: ["a": self.health(), "b": self.health(missed: 5)])
        #expect(healths.healthy(pool: "web") == 1, "who was never tried counts")
        healths.note(pool: "web", loop: 1, workers: ["a": self.health(missed: 9), "b": self.health(reached: 7)])
        #expect(healths.healthy(pool: "web") == 1, "one loop reached b after the other had missed it")
        healths.note(pool: "web", loop: 0, workers: ["a": self.health(), "b": self.health(missed: 8)])
        #expect(healths.healthy(pool: "web") == 0)
        healths.note(pool: "web", loop: 0, workers: [:])
        healths.note(pool: "web", loop: 1, workers: [:])
        #expect(healths.healthy(pool: "web") == 0, "no worker at all is none")
        healths.keep([])
        #expect(healths.healthy(pool: "web") == nil)
    }
}
