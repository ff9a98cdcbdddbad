import Primitives
import Settings
import TestKit
import Testing

@testable import Controller

/// A pool that a new file has no more, and the one in its place, in virtual time.
@Suite struct SuccessionWorldTests {
    /// Workers wanted, and ready; then the file has the pool by another name, whose workers do not start.
    private func renamed(seed: UInt64) -> (site: InventedSite, old: Set<String>) {
        let site = InventedSite(seed: seed) { $0.pools[0].startTimeoutNanoseconds = 20 * Nanoseconds.perSecond }
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
    func workersOfARenamedPool_serveUntilTheNewOneHasOne(seed: UInt64) {
        let (site, old) = self.renamed(seed: seed)
        for _ in 0..<10 {
            site.run(seconds: 1)
            #expect(!old.isDisjoint(with: site.ready.map(\.id)), "seed \(seed)")
        }
        let pools = { site.on(0) { $0.status.pools.map(\.name) } }
        #expect(pools() == ["tickets", "shows"], "seed \(seed): it is still looked after")
        site.oneInBadStarts = .max
        #expect(site.wait(seconds: 15) { site.on(0) { $0.status.pools.last?.ready ?? 0 } > 0 }, "seed \(seed)")
        #expect(site.wait(seconds: 30) { !self.isLeft(site, old) }, "seed \(seed)")
        #expect(pools() == ["shows"] && !site.running.isEmpty, "seed \(seed)")
    }

    @Test func workersOfARenamedPool_areEndedWhenTheNewOneTakesTooLong() {
        let (site, old) = self.renamed(seed: 3)
        site.run(seconds: 18)
        #expect(!old.isDisjoint(with: site.ready.map(\.id)))
        #expect(site.wait(seconds: 20) { !self.isLeft(site, old) })
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
