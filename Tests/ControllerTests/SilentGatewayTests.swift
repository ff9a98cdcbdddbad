import Primitives
import Settings
import TestKit
import Testing

@testable import Controller

/// A controller in virtual time whose gateways fall silent, and one whose settings change under running workers.
@Suite struct SilentGatewayTests {
    private func desired(_ site: InventedSite) -> Int { site.on(0) { $0.report.first?.decision?.desiredWorkers ?? 0 } }

    /// Two gateways, each with as much to do.
    private func site(seed: UInt64) -> InventedSite {
        let site = InventedSite(seed: seed)
        site.arrivals = 500
        site.otherArrivals = ["h": 500]
        site.addController()
        site.run(seconds: 30)
        return site
    }

    /// Seen before: the silent one counted as less demand, half the workers were let go, and its visitors failed.
    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func gateway_thatFallsSilent_keepsItsWorkersUntilItIsForgotten(seed: UInt64) {
        let site = self.site(seed: seed)
        let many = self.desired(site)
        #expect(many >= 3, "seed \(seed)")
        site.otherArrivals = [:]
        for second in 0..<290 {
            site.run(seconds: 1)
            #expect(self.desired(site) >= many, "seed \(seed): \(self.desired(site)) of \(many) after \(second) s")
        }
        let status = site.on(0) { $0.status }
        #expect(status.silentGateways.map(\.gateway) == ["h"] && status.gateways == 1, "seed \(seed)")
        #expect(status.silentGateways.first?.pools == ["tickets"] && status.forgottenGateways == 0, "seed \(seed)")
        let problems = site.on(0) { $0.problems }
        #expect(problems.contains { $0.contains("did not say that they stop: h for 2") }, "seed \(seed): \(problems)")

        site.run(seconds: 60)
        #expect(self.desired(site) < many, "seed \(seed)")
        let later = site.on(0) { $0.status }
        #expect(later.silentGateways.isEmpty && later.forgottenGateways == 1, "seed \(seed)")
        #expect(site.on(0) { $0.problems } == [], "seed \(seed)")
    }

    /// Two gateways of which one is killed, and is seen to be gone.
    private func siteWithADeadGateway(seed: UInt64) -> InventedSite {
        let site = InventedSite(seed: seed)
        let process = ProcessIdentity(place: "here/1.1", pid: 77, startTicks: 1)
        site.processes["h"] = process
        site.arrivals = 500
        site.otherArrivals = ["h": 500]
        site.addController()
        site.run(seconds: 30)
        site.otherArrivals = [:]
        site.gone = ["@\(process)"]
        return site
    }

    /// Seen before: a gateway that was killed held the pool's workers for five minutes, and its crowd was counted twice for
    /// half a minute when it came back by another one.
    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func gateway_thatIsSeenToBeDead_holdsItsWorkersUntilItsVisitorsAreBack(seed: UInt64) {
        let site = self.siteWithADeadGateway(seed: seed)
        let many = self.desired(site)
        #expect(many >= 3, "seed \(seed)")
        for second in 0..<28 {
            site.run(seconds: 1)
            #expect(self.desired(site) >= many, "seed \(seed): \(self.desired(site)) of \(many) after \(second) s")
        }
        let status = site.on(0) { $0.status }
        #expect(status.silentGateways.map(\.gateway) == ["h"] && status.gateways == 1, "seed \(seed)")
        // Nobody can look after it any more.
        #expect(site.on(0) { $0.problems } == [], "seed \(seed)")
        #expect(site.wait(seconds: 30) { self.desired(site) < many }, "seed \(seed)")
        let later = site.on(0) { $0.status }
        #expect(later.silentGateways.isEmpty && later.forgottenGateways == 0, "seed \(seed)")
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func crowd_ofADeadGateway_isNotCountedTwice(seed: UInt64) {
        let site = self.siteWithADeadGateway(seed: seed)
        site.run(seconds: 1)
        let many = self.desired(site)
        // All of it comes by the other one now.
        site.arrivals = 1_000
        site.run(seconds: 5)
        for _ in 0..<60 {
            site.run(seconds: 1)
            #expect(self.desired(site) <= many + 1, "seed \(seed)")
            #expect(site.on(0) { $0.report.first?.signals?.arrivalsPerSecond ?? 0 } < 1_100, "seed \(seed)")
        }
    }

    /// A dead gateway has nothing under way: who drains is done when the others say so.
    @Test func drainingWorker_ofADeadGateway_ends() {
        let site = self.siteWithADeadGateway(seed: 4)
        site.run(seconds: 5)
        var settings = site.settings
        settings.pools[0].maxWorkers = 1
        settings.pools[0].drainTimeoutNanoseconds = 3_000 * Nanoseconds.perSecond
        site.on(0) { $0.apply(settings) }
        site.run(seconds: 2)
        #expect(site.wait(seconds: 20) { site.on(0) { $0.report.first?.state.draining == 0 } })
        #expect(site.on(0) { $0.report.first?.state.ready } == 1)
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func gateway_thatWithdraws_takesItsDemandAlong(seed: UInt64) {
        let site = self.site(seed: seed)
        let many = self.desired(site)
        site.withdraw("h")
        #expect(site.wait(seconds: 40) { self.desired(site) < many }, "seed \(seed)")
        #expect(site.on(0) { $0.status.silentGateways.isEmpty && $0.problems.isEmpty }, "seed \(seed)")
    }

    /// A leader that comes while a gateway is silent finds its last report on the board.
    @Test func newLeader_knowsOfTheSilence() {
        let site = self.site(seed: 3)
        site.addController()
        site.otherArrivals = [:]
        site.run(seconds: 60)
        let many = site.on(0) { $0.report.first?.state.ready ?? 0 }
        var hasEnded = false
        site.on(0) { $0.stop { hasEnded = true } }
        #expect(site.wait(seconds: 20) { hasEnded && site.on(1) { $0.isLeading } })
        site.run(seconds: 3)
        #expect(many > 0 && site.on(1) { $0.status.silentGateways.map(\.gateway) } == ["h"])
    }

    /// Requests that a silent gateway has at a worker are not known: a draining worker is not taken to be idle.
    @Test func drainingWorker_ofASilentGateway_isGivenItsTime() throws {
        let site = self.site(seed: 4)
        site.otherArrivals = [:]
        site.run(seconds: 5)
        var settings = site.settings
        settings.pools[0].maxWorkers = 1
        settings.pools[0].drainTimeoutNanoseconds = 20 * Nanoseconds.perSecond
        site.on(0) { $0.apply(settings) }
        site.run(seconds: 15)
        #expect(site.on(0) { $0.report.first?.state.draining ?? 0 } > 0)
        #expect(site.wait(seconds: 30) { site.on(0) { $0.report.first?.state.draining == 0 } })
    }

    /// Seen before: a reload of `slots` raised admission at once, while the workers that ran had what they had.
    @Test func slotsThatChange_countWhenWorkersHaveThem() throws {
        let site = InventedSite(seed: 5)
        site.addController()
        site.run(seconds: 10)
        let rate = { site.on(0) { $0.report.first?.decision?.admissionRateMilli ?? 0 } }
        let before = rate()
        // Told is only what the settings do not say.
        #expect(before > 0 && site.ready.map(\.slots) == [nil])
        var settings = site.settings
        settings.pools[0].worker.slots = 32
        site.on(0) { $0.apply(settings) }
        for _ in 0..<10 {
            site.run(seconds: 1)
            #expect(rate() == before)
        }
        #expect(site.ready.map(\.slots) == [8])
        let worker = try #require(site.running.first)
        site.world.run(on: worker.loop) { worker.end("a test wants it") }
        #expect(site.wait(seconds: 20) { site.ready.map(\.slots) == [nil] })
        site.run(seconds: 2)
        #expect(rate() > 3 * before)
    }
}
