import Pools
import Primitives
import Settings
import SharedState
import TestKit
import Testing

@testable import Controller

/// Workers that go from one controller to the next, in virtual time.
@Suite struct CustodyWorldTests {
    /// What a pool has cost stands in the shared state, so that a cap holds through a change of leaders.
    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func cost_ofTheLastLeader_countsForTheNext(seed: UInt64) throws {
        let site = InventedSite(seed: seed) { $0.pools[0].scaling.costCapMinutes = 10_000 }
        site.addController()
        site.arrivals = 1_000
        site.run(seconds: 90)
        let before = try #require(site.on(0) { $0.report.first?.decision?.cost })
        #expect(before.spent.all > 150, "seed \(seed)")
        var ended = false
        site.on(0) { $0.stop { ended = true } }
        #expect(site.wait(seconds: 30) { ended }, "seed \(seed)")
        site.addController()
        #expect(site.wait(seconds: 10) { site.on(1) { $0.report.first?.decision } != nil }, "seed \(seed)")
        site.run(seconds: 3)
        let after = try #require(site.on(1) { $0.report.first?.decision?.cost })
        #expect(after.spent.all > before.spent.all - 5, "seed \(seed)")
        #expect(after.spent.all < before.spent.all + 60, "seed \(seed)")
        site.on(1) { $0.stop {} }
        #expect(site.wait(seconds: 30) { site.running.isEmpty }, "seed \(seed)")
    }

    /// Three workers wanted, and ready.
    private func makeSite(seed: UInt64) -> InventedSite {
        let site = InventedSite(seed: seed)
        site.arrivals = 600
        site.addController()
        #expect(site.wait(seconds: 60) { site.ready.count >= 2 && site.on(0) { $0.isLeading } }, "seed \(seed)")
        site.run(seconds: 10)
        return site
    }

    private func ids(_ workers: [InventedWorker]) -> Set<String> { Set(workers.map(\.id)) }

    /// Runs until `condition` holds; in every step gateways have workers to send to, and all of them run.
    private func expectService(_ site: InventedSite, seconds: Int64, seed: UInt64, until condition: () -> Bool) {
        for _ in 0..<(seconds * 10) where !condition() {
            site.world.run(forNanoseconds: 100 * Nanoseconds.perMillisecond)
            #expect(!site.ready.isEmpty, "seed \(seed): nobody to send to")
            let running = Set(site.running.compactMap { $0.address?.description })
            #expect(Set(site.ready.map(\.address)).isSubset(of: running), "seed \(seed): sent to one that is gone")
        }
        #expect(condition(), "seed \(seed)")
    }

    /// Its process is seen to be gone: nobody waits for its lease.
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func leader_thatIsGone_isFollowedAtOnceByOneThatAdopts(seed: UInt64) {
        let site = self.makeSite(seed: seed)
        let before = self.ids(site.live(0))
        site.controllers[0].board.oneInFailures = 1
        site.gone = ["controller-0"]
        site.addController()
        self.expectService(site, seconds: 3, seed: seed) { site.on(1) { $0.isLeading } && !site.live(1).isEmpty }
        #expect(self.ids(site.live(1)) == before && site.running.count == before.count, "seed \(seed)")
    }

    /// The line is for who finds some, and for nobody else.
    @Test func workersOfAnEarlierController_areToldOf_whereThereAreSome() {
        let line = "workers of an earlier controller"
        let site = self.makeSite(seed: 1)
        #expect(!site.told.value.contains(line), "there was none")
        site.controllers[0].board.oneInFailures = 1
        site.gone = ["controller-0"]
        site.addController()
        self.expectService(site, seconds: 5, seed: 1) { !site.live(1).isEmpty }
        #expect(site.told.value.count { $0 == line } == 1)
    }

    /// For a while the successor has no descriptor left to look with: who cannot be seen serves on, and is adopted later.
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func workers_thatCannotBeSeen_serveOn_andAreAdoptedLater(seed: UInt64) {
        let site = self.makeSite(seed: seed)
        let before = self.ids(site.live(0))
        site.canSee = false
        site.controllers[0].board.oneInFailures = 1
        site.gone = ["controller-0"]
        site.addController()
        self.expectService(site, seconds: 5, seed: seed) { site.on(1) { $0.report.first?.decision } != nil }
        #expect(before.isSubset(of: Set(site.ready.map(\.id))), "seed \(seed): they are taken from gateways")
        #expect(site.on(1) { $0.poolProblems }.contains { $0.contains("cannot be seen") }, "seed \(seed)")
        if let id = before.sorted().first {
            let answer = site.on(1) { $0.retire(id, ofPool: "tickets") }
            #expect(answer == .notThatOne("it cannot be seen from here, and so is left alone"), "seed \(seed)")
        }
        site.canSee = true
        self.expectService(site, seconds: 5, seed: seed) {
            site.running.allSatisfy { $0.loop === site.controllers[1].loop }
        }
        site.run(seconds: 1)
        #expect(site.on(1) { $0.poolProblems }.isEmpty, "seed \(seed)")
    }

    /// What is written down in the folder alone would be forgotten: a leader waits until it can be read.
    @Test func listThatCannotBeRead_isWaitedFor() {
        let site = self.makeSite(seed: 5)
        let before = self.ids(site.live(0))
        site.controllers[0].board.oneInFailures = 1
        site.gone = ["controller-0"]
        let book = MemoryBook()
        book.isUnreadable = true
        site.addController(book: book)
        self.expectService(site, seconds: 5, seed: 5) { site.on(1) { $0.isLeading } }
        site.run(seconds: 5)
        #expect(site.live(1).isEmpty && self.ids(site.running) == before, "nobody is started, and nobody ended")
        book.isUnreadable = false
        self.expectService(site, seconds: 3, seed: 5) { self.ids(site.live(1)) == before }
    }

    /// Its file has the pool no more, and it leads no more, while the next leader's file still has it. Seen before: it ended
    /// the workers that the other one had adopted.
    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func poolThatIsGone_ofADeposedController_isLeftToTheNextOne(seed: UInt64) {
        let site = self.makeSite(seed: seed)
        let before = self.ids(site.live(0))
        var settings = site.settings
        settings.pools[0].name = "other"
        settings.pools[0].driver = .static
        settings.pools[0].workers = [.loopback(port: 9_001)]
        settings.routes = [RouteSettings(pool: "other", room: "sale")]
        site.on(0) { $0.apply(settings) }
        // It has them drain.
        site.world.run(forNanoseconds: 50 * Nanoseconds.perMillisecond)
        site.gone = ["controller-0"]
        site.addController()
        site.run(seconds: 10)
        #expect(!site.on(0) { $0.isLeading } && site.on(1) { $0.isLeading }, "seed \(seed)")
        #expect(!before.isDisjoint(with: self.ids(site.live(1))), "seed \(seed): all of them were ended")
        #expect(site.ready.allSatisfy { record in site.live(1).contains { $0.id == record.id } }, "seed \(seed)")
    }

    /// An operator gives the pool another driver: what the one before has left is ended, and the new one's list stands.
    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func processes_ofAPoolWithAnotherDriverNow_areEnded(seed: UInt64) {
        let site = InventedSite(seed: seed) { $0.controller.onStop = .keep }
        site.arrivals = 600
        let book = MemoryBook()
        site.addController(book: book)
        #expect(site.wait(seconds: 60) { site.ready.count >= 2 }, "seed \(seed)")
        var hasEnded = false
        site.on(0) { $0.stop { hasEnded = true } }
        #expect(site.wait(seconds: 10) { hasEnded } && site.running.count >= 2, "seed \(seed)")
        var settings = site.settings
        settings.pools[0].driver = .static
        settings.pools[0].workers = [.loopback(port: 9_001)]
        site.addController(book: book, settings: settings)
        site.run(seconds: 2)
        let told = site.directory
        #expect(site.wait(seconds: 60) { site.running.isEmpty }, "seed \(seed)")
        site.run(seconds: 5)
        #expect(book.load(pool: "tickets")?.workers.isEmpty == true && site.on(1) { $0.isLeading }, "seed \(seed)")
        #expect(site.directory == told, "seed \(seed): gateways hear of the new driver's workers alone")
        hasEnded = false
        site.on(1) { $0.stop { hasEnded = true } }
        #expect(site.wait(seconds: 10) { hasEnded }, "seed \(seed)")
    }

    /// On another host nobody can adopt them: they serve until there are others, and then their own controller ends them.
    @Test(arguments: 1...20 as ClosedRange<UInt64>, [true, false])
    func leader_onAnotherHost_isFollowedWithoutAGap(seed: UInt64, isToldToEnd: Bool) {
        let site = self.makeSite(seed: seed)
        let before = self.ids(site.live(0))
        site.addController(at: "there/1.1")
        site.run(seconds: 3)
        var hasEnded = false
        if isToldToEnd {
            site.on(0) { $0.stop { hasEnded = true } }
        } else {
            // It cannot be heard for longer than its lease.
            site.controllers[0].board.oneInFailures = 1
            self.expectService(site, seconds: 10, seed: seed) { site.on(1) { $0.isLeading } }
            site.controllers[0].board.oneInFailures = .max
        }
        self.expectService(site, seconds: 60, seed: seed) {
            site.running.allSatisfy { $0.loop === site.controllers[1].loop }
        }
        #expect(site.wait(seconds: 10) { hasEnded || !isToldToEnd }, "seed \(seed)")
        #expect(site.on(1) { $0.isLeading } && before.isDisjoint(with: self.ids(site.running)), "seed \(seed)")
        #expect(site.ready.count == site.on(1) { $0.report[0].decision?.desiredWorkers }, "seed \(seed)")
    }

    /// The host was started anew: what its controller had listed is no more, and nobody is sent there.
    @Test func workers_ofAHostThatWasStartedAnew_areNotListed() {
        let site = self.makeSite(seed: 3)
        site.controllers[0].board.oneInFailures = 1
        for worker in site.running { site.world.run(on: worker.loop) { worker.end("power cut") } }
        site.gone = ["controller-0"]
        site.addController(at: "here/2.1")
        #expect(site.wait(seconds: 3) { site.on(1) { $0.isLeading } })
        #expect(
            site.wait(seconds: 10) {
                !site.ready.isEmpty && site.ready.allSatisfy { record in site.live(1).contains { $0.id == record.id } }
            }
        )
    }

    /// The leader of one host dies, and the next is on another: nobody there can end what it leaves, but who stands by on
    /// its own host does.
    @Test func leader_thatDiedElsewhere_itsWorkersAreEndedByWhoStandsByThere() {
        let site = self.makeSite(seed: 9)
        let before = self.ids(site.live(0))
        let book = site.controllers[0].book
        site.addController(at: "there/1.1")
        site.run(seconds: 3)
        site.addController(book: book)
        site.controllers[0].board.oneInFailures = 1
        self.expectService(site, seconds: 10, seed: 9) { site.on(1) { $0.isLeading } }
        site.gone = ["controller-0"]
        self.expectService(site, seconds: 60, seed: 9) { before.isDisjoint(with: self.ids(site.running)) }
        #expect(site.on(1) { $0.isLeading } && site.live(2).isEmpty)
    }

    /// As when a whole site is shut down.
    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func bothTold_atTheSameTime_nobodyIsLeftBehind(seed: UInt64) {
        let site = self.makeSite(seed: seed)
        site.addController()
        site.run(seconds: 3)
        var ended = 0
        for number in [0, 1] { site.on(number) { $0.stop { ended += 1 } } }
        #expect(site.wait(seconds: 30) { ended == 2 }, "seed \(seed)")
        #expect(site.running.isEmpty, "seed \(seed)")
    }
}
