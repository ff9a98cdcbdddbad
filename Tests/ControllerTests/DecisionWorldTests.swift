import Decisions
import EventLoop
import Pools
import Primitives
import Scaling
import Settings
import Testing

@testable import Controller

/// What whole controllers journal, in virtual time.
@Suite struct DecisionWorldTests {
    static let seeds = (1...10).map { UInt64($0) * 31 }

    static func comparison(_ book: MemoryDecisions, limits: ScalingLimits? = nil) -> DecisionComparison {
        var comparison = DecisionComparison(limits: limits)
        var last: DecisionHead?
        for (head, entry) in book.all {
            // As the pen does it: a head with each term, and behind a gap.
            let follows = last?.controller == head.controller && last?.fence == head.fence
            if !follows || last.map({ $0.next + 1 }) != head.next { comparison.take(.head(head)) }
            comparison.take(.entry(entry))
            last = head
        }
        return comparison
    }

    /// Workers start well and badly, die and hang; signals are lost; the load changes.
    @Test(arguments: Self.seeds)
    func decisions_ofALivelySite_areReplayedExactly(seed: UInt64) {
        let site = InventedSite(seed: seed)
        site.oneInBadStarts = 5
        let book = MemoryDecisions()
        let number = site.addController(decisions: book)
        for step in 0..<6 {
            site.arrivals = [40, 900, 300, 2_000, 0, 60][step]
            site.controllers[number].board.oneInFailures = step == 2 ? 4 : Int.max
            if step == 3, let worker = site.running.first { worker.hangs = true }
            if step == 4, let worker = site.running.last { site.world.run(on: worker.loop) { worker.kill() } }
            site.run(seconds: 20)
        }
        let comparison = Self.comparison(book)
        #expect(comparison.steps >= 110, "seed \(seed)")
        #expect(comparison.differing == 0, "seed \(seed): \(String(describing: comparison.firstDifference))")
        #expect(comparison.skipped == 0 && comparison.gaps == 0 && comparison.restarts == 0)
        #expect(book.all.contains { !$0.entry.starts.isEmpty })
        #expect(book.all.contains { $0.entry.signals == nil } || seed != 31)
    }

    /// Who stands by decides nothing and writes nothing; whoever takes over begins with what it knows.
    @Test(arguments: Self.seeds)
    func decisions_ofTwoControllers_areThoseOfTheLeader(seed: UInt64) {
        let site = InventedSite(seed: seed)
        site.arrivals = 500
        let (one, other) = (MemoryDecisions(), MemoryDecisions())
        let first = site.addController(decisions: one)
        site.run(seconds: 5)
        site.addController(decisions: other)
        site.run(seconds: 20)
        #expect(!one.all.isEmpty && other.all.isEmpty)
        // The first one hears nothing any more, and the second takes over.
        site.controllers[first].board.oneInFailures = 1
        #expect(site.wait(seconds: 30) { !other.all.isEmpty })
        site.run(seconds: 20)
        for book in [one, other] {
            let comparison = Self.comparison(book)
            #expect(comparison.steps > 10 && comparison.differing == 0 && comparison.skipped == 0, "seed \(seed)")
        }
        #expect(Set(other.all.map(\.entry.fence)).isDisjoint(with: one.all.map(\.entry.fence)))
    }

    /// Another configuration changes what is replayed.
    @Test func decisions_replayedByOtherLimits_differ() {
        let site = InventedSite(seed: 77)
        site.arrivals = 3_000
        let book = MemoryDecisions()
        site.addController(decisions: book)
        site.run(seconds: 60)
        var limits = ScalingLimits(site.settings.pools[0])
        #expect(Self.comparison(book, limits: limits).differing == 0, "the unchanged one gives the same")
        limits.maxWorkers = 2
        let comparison = Self.comparison(book, limits: limits)
        #expect(comparison.largestDifference.map { $0.difference < 0 } == true)
        #expect(comparison.workerSeconds.replayed < comparison.workerSeconds.decided)
    }
}

/// A journal in memory.
final class MemoryDecisions: DecisionBook {
    private(set) var all: [(head: DecisionHead, entry: DecisionEntry)] = []
    var problems: [String] = []

    func add(_ entry: DecisionEntry, _ head: DecisionHead) { self.all.append((head, entry)) }
    func latest(pool: String, count: Int, _ completion: @escaping ([UInt8]) -> Void) { completion([]) }
    func apply(_ settings: ControllerSettings) {}
}
