import Decisions
import Pools
import Primitives
import TestKit
import Testing

@testable import Controller

/// Modes of a pool, with whole controllers in virtual time.
@Suite struct PoolModeWorldTests {
    /// A pool that has come to what its load asks for.
    private func makeSite(seed: UInt64, arrivals: Int = 600) -> InventedSite {
        let site = InventedSite(seed: seed)
        site.arrivals = arrivals
        site.addController()
        #expect(site.wait(seconds: 60) { site.ready.count >= 2 }, "seed \(seed)")
        site.run(seconds: 20)
        return site
    }

    private func pool(_ site: InventedSite, _ number: Int = 0) -> Controller.PoolReport? {
        site.on(number) { $0.report.first }
    }

    private func until(_ site: InventedSite, seconds: Int64, _ number: Int = 0) -> Int64 {
        site.controllers[number].loop.wallMicros + seconds * 1_000_000
    }

    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func manual_holdsItsNumber_andEnds(seed: UInt64) throws {
        let site = self.makeSite(seed: seed)
        site.order(ModeOrder(mode: .manual(5), untilMicros: self.until(site, seconds: 120)))
        #expect(site.wait(seconds: 30) { site.ready.count == 5 }, "seed \(seed)")
        site.arrivals = 10
        site.run(seconds: 70)
        #expect(site.ready.count == 5, "seed \(seed): whatever the policy would do")
        let report = try #require(self.pool(site))
        #expect(report.verdict?.mode == .manual(5) && report.verdict?.desired == 5)
        #expect(try #require(report.decision).desiredWorkers < 5, "it says what it would do")
        let mode = try #require(site.on(0) { $0.status.pools[0].mode })
        #expect(mode.name == "manual" && mode.workers == 5 && mode.setBy == "operator" && mode.until != nil)
        #expect(site.rateMilli > 0, "rooms let in what the ready workers can take")
        #expect(site.wait(seconds: 90) { site.ready.count == 1 }, "seed \(seed): the policy again")
        #expect(self.pool(site)?.verdict?.isOrdered == false)
    }

    /// `explain` reads it there.
    @Test func mode_standsWithEachDecision() throws {
        let site = InventedSite(seed: 4)
        let book = MemoryDecisions()
        site.addController(decisions: book)
        site.run(seconds: 10)
        #expect(try #require(book.all.last).entry.mode == nil)
        site.order(ModeOrder(mode: .manual(2)))
        site.run(seconds: 5)
        let entry = try #require(book.all.last).entry
        #expect(entry.mode == DecisionMode(name: "manual", workers: 2, isOrdered: true, untilMicros: nil))
        guard case .entry(let read) = try DecisionLine.parse(DecisionLine.bytes(entry, withLimits: true).dropLast())
        else { return #expect(Bool(false), "a line of another kind") }
        #expect(read.entry(after: nil)?.mode == entry.mode)
    }

    /// What has not been heard yet must not be scaled away: the next leader asks before it decides.
    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func order_isKeptByTheNextLeader(seed: UInt64) {
        let site = InventedSite(seed: seed)
        site.order(ModeOrder(mode: .manual(2)))
        site.addController()
        #expect(site.wait(seconds: 30) { site.ready.count == 2 }, "seed \(seed)")
        // The policy would start others at once.
        site.arrivals = 1_000
        site.run(seconds: 5)
        site.controllers[0].board.oneInFailures = 1
        site.gone = ["controller-0"]
        site.addController { $0.oneInFailures = 3 }
        #expect(site.wait(seconds: 30) { site.on(1) { $0.isLeading } }, "seed \(seed)")
        for _ in 0..<600 {
            site.world.run(forNanoseconds: 100 * Nanoseconds.perMillisecond)
            #expect(site.running.filter { !$0.isAskedToEnd }.count == 2, "seed \(seed)")
        }
        #expect(self.pool(site, 1)?.verdict?.mode == .manual(2), "seed \(seed)")
    }

    @Test(arguments: [PoolMode.freeze, .advise], 1...5 as ClosedRange<UInt64>)
    func frozenOrAdvised_keepsItsSize_andReplacesWhoDies(mode: PoolMode, seed: UInt64) throws {
        let site = self.makeSite(seed: seed)
        let size = site.ready.count
        site.order(ModeOrder(mode: mode))
        site.run(seconds: 3)
        site.arrivals = 1_500
        site.run(seconds: 30)
        #expect(site.ready.count == size && site.running.count == size, "seed \(seed)")
        #expect(try #require(self.pool(site)?.decision).desiredWorkers > size, "it says what it would do")
        let victim = try #require(site.world.pick(site.live(0)))
        site.world.run(on: victim.loop) { victim.end("a test wants it") }
        #expect(site.wait(seconds: 30) { site.ready.count == size && !site.ready.contains { $0.id == victim.id } })
        site.arrivals = 10
        site.run(seconds: 60)
        #expect(site.ready.count == size, "seed \(seed)")
        site.order(nil)
        #expect(site.wait(seconds: 60) { site.ready.count == 1 }, "seed \(seed)")
    }

    @Test func manualNought_takesTheLastWorkerAway() {
        let site = self.makeSite(seed: 3)
        site.order(ModeOrder(mode: .manual(0)))
        #expect(site.wait(seconds: 30) { site.running.isEmpty && site.rateMilli == 0 })
    }

    @Test func advisedFromTheStart_aPoolOfProcessesHasItsLeast() {
        let site = InventedSite(seed: 4)
        site.order(ModeOrder(mode: .advise))
        site.arrivals = 600
        site.addController()
        #expect(site.wait(seconds: 20) { site.ready.count == 1 })
        site.run(seconds: 30)
        #expect(site.running.count == 1 && (self.pool(site)?.decision?.desiredWorkers ?? 0) > 1)
    }

    /// An operator has one worker go, of a site that two controllers look after.
    @Test func retire_isDoneByWhoLeads_andOnlyWhereItCanBe() throws {
        let site = self.makeSite(seed: 3)
        #expect(site.wait(seconds: 60) { site.ready.count >= 2 })
        site.addController()
        site.run(seconds: 2)
        let id = try #require(site.ready.first?.id)
        #expect(site.on(1) { $0.retire(id, ofPool: "tickets") } == .standsBy)
        #expect(site.on(0) { $0.retire("nobody", ofPool: "tickets") } == .unknown(site.directory.map(\.id).sorted()))
        #expect(site.on(0) { $0.retire(id, ofPool: "tickets") } == .drains)
        #expect(site.on(0) { $0.retire(id, ofPool: "tickets") } == .drainsAlready)
        #expect(site.wait(seconds: 60) { !site.directory.contains { $0.id == id } })
        site.order(ModeOrder(mode: .advise))
        site.run(seconds: 3)
        let other = try #require(site.ready.first?.id)
        let answer = site.on(0) { $0.retire(other, ofPool: "tickets") }
        #expect(answer == .impossible("in the mode advise somebody else scales it"))
    }
}
