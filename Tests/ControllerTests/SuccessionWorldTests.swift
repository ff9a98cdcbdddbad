import Primitives
import Settings
import TestKit
import Testing

@testable import Controller

/// A pool that a new file has no more, and the one in its place, in virtual time.
@Suite struct SuccessionWorldTests {
    /// Workers wanted, and ready; then the file has the pool by another name, whose workers do not start.
    private func renamed(seed: UInt64, startTimeoutSeconds: Int64 = 20) -> (site: InventedSite, old: Set<String>) {
        let site = InventedSite(seed: seed) {
            $0.pools[0].startTimeoutNanoseconds = startTimeoutSeconds * Nanoseconds.perSecond
        }
        site.arrivals = 600
        site.addController()
        #expect(site.wait(seconds: 60) { site.ready.count >= 2 }, "seed \(seed)")
        site.run(seconds: 10)
        let old = Set(site.ready.map(\.id))
        site.oneInBadStarts = 1
        var settings = site.settings
        settings.pools[0].name = "shows"
        settings.routes[0].pool = "shows"
        site.on(0) { $0.apply(settings) }
        return (site, old)
    }

    private func isLeft(_ site: InventedSite, _ old: Set<String>) -> Bool {
        site.running.contains { old.contains($0.id) }
    }

    /// Seen before: they drained at once, and who was sent to the new pool meanwhile waited for nothing.
    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func workersOfARenamedPool_serveUntilTheNewOneHasAsMany(seed: UInt64) {
        let (site, old) = self.renamed(seed: seed, startTimeoutSeconds: 120)
        for _ in 0..<10 {
            site.run(seconds: 1)
            #expect(!old.isDisjoint(with: site.ready.map(\.id)), "seed \(seed)")
        }
        let pools = { site.on(0) { $0.status.pools.map(\.name) } }
        #expect(Set(pools()) == ["tickets", "shows"], "seed \(seed): it is still looked after")
        // Seen before: its rooms were lent what the new pool, which had no worker, could bear.
        #expect(site.rateMilli > 0, "seed \(seed)")
        site.oneInBadStarts = .max
        let ready = { site.on(0) { $0.status.pools.first { $0.name == "shows" }?.ready ?? 0 } }
        // Seen before: the first worker got all that many had served.
        #expect(site.wait(seconds: 100) { pools() == ["shows"] }, "seed \(seed)")
        #expect(ready() >= 2, "seed \(seed): \(ready()) in the place of \(old.count)")
        #expect(site.wait(seconds: 30) { !self.isLeft(site, old) }, "seed \(seed)")
        #expect(!site.running.isEmpty, "seed \(seed)")
    }

    /// Seen before: two controllers of one name went on beside each other with the same workers.
    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func poolThatIsBack_whileItsWorkersStillDrain_comesAfterThem(seed: UInt64) {
        let site = InventedSite(seed: seed)
        site.arrivals = 600
        site.addController()
        #expect(site.wait(seconds: 60) { site.ready.count >= 2 }, "seed \(seed)")
        var without = site.settings
        without.pools = []
        without.routes = []
        without.rooms = []
        let old = Set(site.running.map(\.id))
        site.on(0) { $0.apply(without) }
        site.run(seconds: 1)
        #expect(self.isLeft(site, old), "seed \(seed)")
        site.on(0) { $0.apply(site.settings) }
        var isBeside = false
        let areGone = site.wait(seconds: 60) {
            isBeside = isBeside || self.isLeft(site, old) && !Set(site.running.map(\.id)).isSubset(of: old)
            return !self.isLeft(site, old)
        }
        #expect(areGone && !isBeside, "seed \(seed)")
        // Seen before: the second pool of a name had workers of the same names as the first.
        #expect(site.wait(seconds: 60) { !site.ready.isEmpty && site.rateMilli > 0 }, "seed \(seed)")
        #expect(old.isDisjoint(with: site.ready.map(\.id)), "seed \(seed)")
    }

    @Test func workersOfARenamedPool_serveAsLongAsTheNewOneHasNone() {
        let (site, old) = self.renamed(seed: 3)
        for _ in 0..<60 {
            site.run(seconds: 1)
            #expect(!old.isDisjoint(with: site.ready.map(\.id)), "its start_timeout is 20 s")
        }
        site.oneInBadStarts = .max
        #expect(site.wait(seconds: 60) { !self.isLeft(site, old) })
        #expect(!site.running.isEmpty)
    }

    /// Seen before: settings of the new driver were handed to the old one, which went on.
    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func poolThatIsBackWithAnotherDriver_beforeItWasGone_isANewOne(seed: UInt64) {
        let (site, old) = self.renamed(seed: seed, startTimeoutSeconds: 120)
        site.run(seconds: 2)
        #expect(self.isLeft(site, old), "seed \(seed)")
        var back = site.settings
        back.pools[0].driver = .static
        back.pools[0].workers = [.loopback(port: 9)]
        site.on(0) { $0.apply(back) }
        #expect(site.wait(seconds: 60) { !self.isLeft(site, old) }, "seed \(seed)")
        #expect(site.wait(seconds: 9) { site.on(0) { $0.status.pools.map(\.name) } == ["tickets"] }, "seed \(seed)")
    }

    /// A leader that comes meanwhile has the new file alone.
    @Test func workersOfARenamedPool_serveUnderTheNextLeader() {
        let (site, old) = self.renamed(seed: 4)
        var settings = site.settings
        settings.pools[0].name = "shows"
        settings.routes[0].pool = "shows"
        site.controllers[0].board.oneInFailures = 1
        site.gone = ["controller-0"]
        site.addController(book: site.controllers[0].book, settings: settings)
        for _ in 0..<10 {
            site.run(seconds: 1)
            #expect(!old.isDisjoint(with: site.ready.map(\.id)))
        }
        site.oneInBadStarts = .max
        #expect(site.wait(seconds: 60) { !self.isLeft(site, old) && !site.running.isEmpty })
        #expect(site.on(1) { $0.isLeading })
    }
}
