import Addresses
import Pools
import Primitives
import Scaling
import Settings
import Testing
import Transport

@testable import Controller

/// A controller in virtual time whose workers are started and ended by a cluster that reads its decisions, as KEDA and the
/// autoscaler behind it do.
@Suite struct KEDAWorldTests {
    private final class Cluster {
        static let addresses = (1...8).map { SocketAddress.loopback(port: 9_000 + UInt16($0)) }

        let site: InventedSite
        /// Looks at the decision so often, and lets a worker start for so long.
        private let periodSeconds: Int64
        private let startSeconds: Int64
        /// When each worker of the list was started; it answers later.
        private(set) var started: [Instant?] = Cluster.addresses.map { _ in nil }
        /// Of those that were read.
        private(set) var decisions: [Int] = []
        var hangs: Set<Int> = []
        private var clock: VirtualClock

        init(seed: UInt64, periodSeconds: Int64 = 15, startSeconds: Int64 = 5, least: Int = 1, manual: Int? = nil) {
            self.periodSeconds = periodSeconds
            self.startSeconds = startSeconds
            self.site = InventedSite(seed: seed) { settings in
                settings.pools[0].driver = .keda
                settings.pools[0].workers = Cluster.addresses.map { .init($0) }
                settings.pools[0].minWorkers = least
                if let manual {
                    settings.pools[0].mode = .manual
                    settings.pools[0].manualWorkers = manual
                }
                settings.pools[0].maxWorkers = Cluster.addresses.count
                settings.pools[0].scaling.scaleDownAfterNanoseconds = 15 * Nanoseconds.perSecond
            }
            self.clock = VirtualClock(site: self.site)
            self.site.isWell = { [weak self] address in self?.isWell(address) ?? false }
        }

        private func isWell(_ address: SocketAddress) -> Bool? {
            guard let index = Self.addresses.firstIndex(of: address) else { return nil }
            if self.hangs.contains(index) { return nil }
            guard let started = self.started[index] else { return false }
            return self.clock.now.nanoseconds(since: started) >= self.startSeconds * Nanoseconds.perSecond
        }

        /// Scales in steps of its period for so long.
        func run(seconds: Int64) {
            for _ in 0..<max(1, seconds / self.periodSeconds) {
                self.site.run(seconds: self.periodSeconds)
                var desired: Int?
                self.site.decision { desired = DecisionReader.wanted($0) }
                self.site.run(seconds: 1)
                guard let desired else { continue }
                self.decisions.append(desired)
                for index in Self.addresses.indices {
                    if index >= desired {
                        self.started[index] = nil
                    } else if self.started[index] == nil {
                        self.started[index] = self.clock.now
                    }
                }
            }
        }

        var count: Int { self.started.count { $0 != nil } }
    }

    /// What an operator has set is what KEDA is told, whatever the policy would have.
    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func manualMode_isWhatKEDAIsTold(seed: UInt64) {
        let cluster = Cluster(seed: seed, manual: 5)
        cluster.site.addController()
        cluster.site.arrivals = 10
        cluster.run(seconds: 120)
        #expect(cluster.count == 5, "seed \(seed)")
        #expect(cluster.site.on(0) { $0.report.first?.decision?.desiredWorkers } == 1, "seed \(seed)")
    }

    private struct VirtualClock {
        let site: InventedSite
        var now: Instant { self.site.controllers.first?.loop.now ?? Instant(nanoseconds: 0) }
    }

    /// 400 requests a second of 20 ms each are eight busy slots: two workers.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func load_comesAndGoes_clusterFollowsAndGatewaysKnowWhoIsThere(seed: UInt64) {
        let cluster = Cluster(seed: seed)
        cluster.site.arrivals = 1_000
        cluster.site.addController()
        cluster.run(seconds: 180)
        let grown = cluster.count
        #expect(grown >= 3, "\(cluster.decisions)")
        #expect(cluster.site.ready.map(\.address) == Cluster.addresses.prefix(grown).map(\.description))
        let report = cluster.site.on(0) { $0.report[0] }
        #expect(report.state == PoolState(ready: grown) && report.crashes == 0)

        cluster.site.arrivals = 10
        cluster.run(seconds: 240)
        #expect(cluster.count < grown, "\(cluster.decisions)")
        #expect(cluster.site.ready.count == cluster.count)
    }

    /// A start that ends while the autoscaler has not looked yet is late by that, and the policy is to know.
    @Test func workers_thatWereAskedFor_arePendingUntilTheyAnswer() {
        let cluster = Cluster(seed: 4)
        cluster.site.arrivals = 1_000
        cluster.site.addController()
        cluster.site.run(seconds: 10)
        let report = cluster.site.on(0) { $0.report[0] }
        #expect(report.state.ready == 0 && !report.state.pending.isEmpty)
        #expect(report.decision?.desiredWorkers == report.state.pending.count)
        cluster.site.run(seconds: 30)
        let problems = cluster.site.on(0) { $0.poolProblems }
        #expect(problems.count == 1 && problems.first?.contains("Look whether KEDA asks") == true, "\(problems)")
    }

    @Test(arguments: [0, 1]) func nobodyThere_isWantedOnlyForDemand(least: Int) {
        let cluster = Cluster(seed: 5, least: least)
        cluster.site.arrivals = 0
        cluster.site.addController()
        cluster.run(seconds: 90)
        #expect(cluster.decisions.last == least)
        cluster.site.arrivals = 5
        cluster.run(seconds: 30)
        #expect(cluster.decisions.last == 1 && cluster.site.ready.count == 1)
    }

    /// Before it has looked around, a new leader knows of no worker: a decision then would send all of them home.
    @Test(arguments: [6, 7, 8] as [UInt64])
    func leader_isReplaced_neverWantsFewer(seed: UInt64) {
        let cluster = Cluster(seed: seed)
        cluster.site.arrivals = 1_000
        cluster.site.addController()
        cluster.run(seconds: 180)
        let before = cluster.count
        #expect(before >= 3)
        // One that hangs keeps the successor waiting, but not for ever.
        cluster.hangs = [7]
        // There is little to do just now: whoever knew of nobody would want one.
        cluster.site.arrivals = 10
        cluster.site.addController()
        var ended = false
        cluster.site.on(0) { $0.stop { ended = true } }
        var told: [Int] = []
        for _ in 0..<12 {
            cluster.site.run(seconds: 1)
            cluster.site.decision { told.append($0["desired"].flatMap { Int($0) } ?? -1) }
        }
        cluster.site.run(seconds: 1)
        #expect(ended && cluster.site.on(1) { $0.isLeading && $0.report[0].decision != nil })
        #expect(told.count >= 11 && told.allSatisfy { $0 >= before }, "\(told), after \(before)")
        #expect(cluster.site.ready.count == before)
    }

    @Test func worker_thatGoesUnasked_isTakenOffAndCounted() {
        let cluster = Cluster(seed: 9, least: 3)
        cluster.site.addController()
        cluster.run(seconds: 60)
        #expect(cluster.site.ready.count == 3)
        cluster.hangs = []
        cluster.site.isWell = { $0 == Cluster.addresses[0] || $0 == Cluster.addresses[2] }
        #expect(cluster.site.wait(seconds: 30) { cluster.site.ready.count == 2 })
        cluster.site.run(seconds: 2)
        let report = cluster.site.on(0) { $0.report[0] }
        #expect(report.crashes == 1 && report.state.ready == 2 && report.state.pending.count == 1)
        #expect(report.decision?.desiredWorkers == 3)
    }
}
