import EventLoop
import Primitives
import SharedState
import TestKit
import Testing

@testable import Controller

/// Whole controllers in virtual time: real policy, real leadership, real reconciliation; invented workers.
@Suite struct ControllerWorldTests {
    private func desired(_ site: InventedSite, _ number: Int = 0) -> Int? {
        site.on(number) { $0.report.first?.decision?.desiredWorkers }
    }

    /// Stops everybody, and expects that nothing is left running.
    private func end(_ site: InventedSite, seed: UInt64) {
        var ended = 0
        for number in site.controllers.indices { site.on(number) { $0.stop { ended += 1 } } }
        let all = site.controllers.count
        // What gateways still use drains first.
        #expect(site.wait(seconds: 30) { ended == all }, "seed \(seed)")
        #expect(site.running.isEmpty, "seed \(seed)")
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func demand_thatGrowsAndShrinks_isFollowed(seed: UInt64) throws {
        let site = InventedSite(seed: seed)
        site.addController()
        #expect(site.wait(seconds: 5) { site.ready.count >= 1 && site.rateMilli > 0 }, "seed \(seed)")

        site.arrivals = 1_000
        site.run(seconds: 30)
        let many = try #require(self.desired(site))
        #expect(many >= 3 && many <= 6, "seed \(seed)")
        #expect(site.ready.count == many && site.running.count == many, "seed \(seed)")

        site.arrivals = 10
        site.run(seconds: 60)
        #expect(self.desired(site) == 1 && site.ready.count == 1 && site.running.count == 1, "seed \(seed)")
        #expect(site.rateMilli > 0, "seed \(seed)")
        self.end(site, seed: seed)
    }

    /// A room holds a rate for three seconds: it is sent every second, changed or not, and also when a board that fails
    /// now and then costs a round.
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func rate_isLentAgainEverySecond_changedOrNot(seed: UInt64) {
        let site = InventedSite(seed: seed)
        site.addController()
        #expect(site.wait(seconds: 5) { site.on(0) { $0.leases.first?.taken == true } }, "seed \(seed)")
        for _ in 0..<20 {
            site.run(seconds: 1)
            let lease = site.on(0) { $0.leases.first }
            #expect(lease?.room == "sale" && lease?.ageMs ?? .max < 2_500, "seed \(seed): \(String(describing: lease))")
        }
        self.end(site, seed: seed)
        // What was lent lapses: an ended controller says nothing more.
        let last = site.on(0) { $0.leases.first?.ageMs ?? 0 }
        site.run(seconds: 3)
        #expect(site.on(0) { $0.leases.first?.ageMs ?? 0 } >= last + 3_000, "seed \(seed)")
    }

    /// Seen before: `/readyz` and status said that all was well while nobody could be asked.
    @Test func sharedStateAway_isToldByReadinessAndStatus() {
        let site = InventedSite(seed: 3)
        site.addController()
        let board = site.controllers[0].board
        let ready = { site.on(0) { $0.readiness } }
        #expect(site.wait(seconds: 5) { ready() == .init(ready: true, mode: "normal") })
        site.run(seconds: 3)
        board.oneInFailures = 1
        #expect(site.wait(seconds: 5) { ready().mode == "degraded" })
        #expect(ready().ready && ready().problems.count == 1)
        #expect(ready().problems[0].contains("a test wants it") && site.on(0) { $0.problems } == ready().problems)
        site.run(seconds: 30)
        #expect(site.on(0) { $0.status.leadsAgeMs ?? 0 } > 25_000, "who leads is as of then")
        board.oneInFailures = Int.max
        #expect(site.wait(seconds: 5) { ready() == .init(ready: true, mode: "normal") })
    }

    /// Seen before: a leader that was cut off from Redis went on telling the cloud its own number, beside its successor.
    @Test func sharedStateAway_whatOthersReachIsLeftAlone() {
        let site = InventedSite(seed: 4)
        site.addController()
        site.run(seconds: 3)
        let may = { driver in site.on(0) { $0.mayAct(on: driver) } }
        #expect(may(.process) && may(.command) && may(.kubernetes))
        site.controllers[0].board.oneInFailures = 1
        site.run(seconds: 4)
        #expect(may(.process), "what dies here is replaced")
        #expect(!may(.command) && !may(.kubernetes))
        site.controllers[0].board.oneInFailures = Int.max
        #expect(site.wait(seconds: 5) { may(.command) && may(.kubernetes) })
    }

    /// In a Cluster, the nodes of a room or of a pool may be away while that of the lead answers. Seen before: nothing
    /// was said.
    @Test func nodeOfARoomOrAPoolAway_isAProblemThatNamesIt() {
        let site = InventedSite(seed: 6)
        site.addController()
        let (board, store) = (site.controllers[0].board, site.controllers[0].store)
        let problems = { site.on(0) { $0.problems } }
        #expect(site.wait(seconds: 5) { site.on(0) { $0.leases.first?.taken == true } })
        #expect(problems() == [])
        store.refusal = .unavailable("its node is away")
        #expect(
            site.wait(seconds: 5) {
                problems().contains { $0.hasPrefix("room sale: its rate cannot be renewed since ") }
            }
        )
        #expect(problems().count == 1 && problems().first?.contains("its node is away. Look after Redis") == true)
        #expect(site.on(0) { $0.readiness.problems } == problems())
        store.refusal = nil
        board.hidesSignals = true
        #expect(site.wait(seconds: 5) { problems().contains { $0.hasPrefix("pool tickets: what gateways report") } })
        board.hidesSignals = false
        #expect(site.wait(seconds: 5) { problems().isEmpty })
        // A room that no gateway has opened yet is no fault.
        store.refusal = .noRoom
        site.run(seconds: 5)
        #expect(problems() == [])
        store.refusal = nil
        self.end(site, seed: 6)
    }

    /// Seen before: "journal exported as far as entry 64, 0 behind", of a controller that stood by.
    @Test func standby_tellsOfNoJournal() {
        let site = InventedSite(seed: 7, journalFolder: "/nowhere")
        site.addController { $0.oneInFailures = 1 }
        site.run(seconds: 3)
        #expect(site.on(0) { $0.exports.count } == 1)
        #expect(site.on(0) { $0.status.exports.isEmpty && !$0.isLeading })
    }

    @Test func sharedStateNeverReached_isNotReady() {
        let site = InventedSite(seed: 4)
        site.addController { $0.oneInFailures = 1 }
        site.run(seconds: 3)
        let readiness = site.on(0) { $0.readiness }
        #expect(!readiness.ready && readiness.problems.contains { $0.contains("a test wants it") })
    }

    /// Seen before: a worker that was ready once was never asked again. Here all of them hang, which is replaced one by
    /// one; a third takes no notice of being told to end.
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func workersThatHang_areReplaced_notAllAtOnce(seed: UInt64) {
        let site = InventedSite(seed: seed)
        site.arrivals = 1_000
        site.addController()
        #expect(site.wait(seconds: 30) { site.ready.count >= 3 }, "seed \(seed)")
        site.run(seconds: 5)
        let before = site.ready.count
        let hung = site.running
        for worker in hung { site.world.run(on: worker.loop) { worker.hangs = true } }
        var fewest = before
        let areReplaced = site.wait(seconds: 300) {
            fewest = min(fewest, site.ready.count)
            return site.ready.count >= before && hung.allSatisfy { $0.hasEnded }
        }
        #expect(areReplaced, "seed \(seed): \(site.ready.count) of \(before)")
        // Told to end are one at a time, or no more than half of them.
        #expect(fewest >= before / 2, "seed \(seed): \(fewest) of \(before)")
        #expect(site.wait(seconds: 5) { site.on(0) { $0.problems } == [] }, "seed \(seed)")
        self.end(site, seed: seed)
    }

    /// Seen before: workers that died at their start were in the log alone.
    @Test func workersThatDoNotStart_areAProblemUntilOneDoes() {
        let site = InventedSite(seed: 5)
        site.oneInBadStarts = 1
        site.addController()
        let problems = { site.on(0) { $0.problems } }
        #expect(site.wait(seconds: 10) { problems().contains { $0.contains("a bad start") } })
        #expect(problems().count == 1 && problems()[0].hasPrefix("pool tickets: workers fail since "))
        site.oneInBadStarts = Int.max
        #expect(site.wait(seconds: 120) { problems().isEmpty })
        #expect(site.wait(seconds: 5) { !site.ready.isEmpty }, "the gateway hears of it")
        self.end(site, seed: 5)
    }

    /// Two stand ready; one leads. When it goes in order, the other need not wait for the lease to run out.
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func leader_thatGoesInOrder_isReplacedAtOnce(seed: UInt64) {
        let site = InventedSite(seed: seed)
        site.addController()
        site.addController()
        site.run(seconds: 5)
        let leaders = [0, 1].filter { number in site.on(number) { $0.isLeading } }
        #expect(leaders.count == 1, "seed \(seed)")
        guard let first = leaders.first else { return }
        #expect(!site.live(first).isEmpty && site.live(1 - first).isEmpty, "seed \(seed)")
        let before = Set(site.ready.map(\.id))

        var hasEnded = false
        site.on(first) { $0.stop { hasEnded = true } }
        #expect(site.wait(seconds: 10) { hasEnded }, "seed \(seed)")
        #expect(site.workers.allSatisfy { $0.hasEnded || $0.loop === site.controllers[1 - first].loop }, "seed \(seed)")
        #expect(site.wait(seconds: 4) { !site.ready.isEmpty && site.rateMilli > 0 }, "seed \(seed)")
        #expect(site.on(1 - first) { $0.isLeading }, "seed \(seed)")
        #expect(!before.isEmpty && before.isSubset(of: site.ready.map(\.id)), "seed \(seed): handed over, not ended")
        let last = "workers are drained and ended: no other controller takes them over"
        #expect(site.told.value.contains("workers are left to the controller that stands by"), "seed \(seed)")
        #expect(!site.told.value.contains(last), "seed \(seed)")
        var isOver = false
        site.on(1 - first) { $0.stop { isOver = true } }
        #expect(site.wait(seconds: 60) { isOver } && site.told.value.contains(last), "seed \(seed)")
        self.end(site, seed: seed)
    }

    /// A leader that cannot reach the shared state is followed by another one, which goes on with its workers; what it says
    /// counts no more, also when it comes back.
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func leader_thatIsCutOff_isReplacedAndStandsBy(seed: UInt64) {
        let site = InventedSite(seed: seed)
        site.addController()
        site.run(seconds: 3)
        site.addController()
        site.run(seconds: 2)
        let before = Set(site.live(0).map(\.id))
        #expect(!before.isEmpty && site.on(0) { $0.isLeading }, "seed \(seed)")

        site.controllers[0].board.oneInFailures = 1
        let addresses = { (number: Int) in Set(site.live(number).compactMap { $0.address?.description }) }
        #expect(
            site.wait(seconds: 12) {
                !site.ready.isEmpty && Set(site.ready.map(\.address)).isSubset(of: addresses(1))
            },
            "seed \(seed)"
        )
        // Seen before: it started its own beside them, which the one that was cut off kept for ever.
        #expect(Set(site.live(1).map(\.id)) == before && site.running.count == before.count, "seed \(seed)")

        site.controllers[0].board.oneInFailures = .max
        site.run(seconds: 3)
        #expect(!site.on(0) { $0.isLeading } && site.on(1) { $0.isLeading }, "seed \(seed)")
        // Seen before: "lent 533.7/s by this controller, renewed 13.4 s ago".
        #expect(site.on(0) { $0.status.leases.isEmpty && $0.problems.isEmpty }, "seed \(seed)")
        #expect(site.on(1) { !$0.status.leases.isEmpty }, "seed \(seed)")
        // Seen before: the deposed one went on showing its last decision, as if it were of now.
        let (old, new) = (site.on(0) { $0.status }, site.on(1) { $0.status })
        #expect(old.leader == "controller-1" && old.gateways == nil, "seed \(seed)")
        #expect(old.pools.allSatisfy { $0.ready == 0 && $0.decision == nil && $0.mode == nil }, "seed \(seed)")
        #expect(new.leader == nil && new.pools.allSatisfy { $0.decision != nil }, "seed \(seed)")
        #expect(Set(site.ready.map(\.address)).isSubset(of: addresses(1)), "seed \(seed)")
        self.end(site, seed: seed)
    }

    /// Workers that fail to start, workers that die, a board that fails: for a minute. Then all is as it should be.
    @Test(arguments: 1...100 as ClosedRange<UInt64>)
    func minuteOfMisfortune_leavesNothingBehind(seed: UInt64) {
        let site = InventedSite(seed: seed)
        site.addController()
        site.addController()
        site.oneInBadStarts = 4
        for member in site.controllers { member.board.oneInFailures = 8 }
        for _ in 0..<60 {
            site.run(seconds: 1)
            site.arrivals = site.world.random(0...1_500)
            guard site.world.oneIn(3), let worker = site.world.pick(site.running) else { continue }
            site.world.run(on: worker.loop) { worker.end("chance") }
            #expect(site.running.count <= 40, "seed \(seed)")
        }
        site.oneInBadStarts = .max
        for member in site.controllers { member.board.oneInFailures = .max }
        site.arrivals = 600
        site.run(seconds: 90)
        let leaders = [0, 1].filter { number in site.on(number) { $0.isLeading } }
        #expect(leaders.count == 1, "seed \(seed)")
        guard let leader = leaders.first else { return }
        #expect(site.ready.count == self.desired(site, leader), "seed \(seed)")
        let addresses = Set(site.live(leader).compactMap { $0.address?.description })
        #expect(Set(site.ready.map(\.address)) == addresses, "seed \(seed)")
        #expect(site.rateMilli > 0, "seed \(seed)")
        self.end(site, seed: seed)
    }
}
