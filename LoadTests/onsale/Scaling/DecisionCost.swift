import Foundation
import Pools
import Primitives
import Scaling

/// What the controller's second costs at the largest site: the reports of 100 gateways on each of 1,000 pools added up,
/// and a decision for each pool.
struct DecisionCost {
    private static let pools = 1_000
    private static let gateways = 100
    private static let rounds = 20

    private var addingMillis = 0.0
    private var decidingMillis = 0.0

    static func measured() -> DecisionCost {
        let reports = (0..<Self.gateways).map { Self.report(gateway: $0) }
        let limits = ScalingLimits(minWorkers: 1, maxWorkers: 100, slotsPerWorker: 8)
        var policies = Array(repeating: ScalingPolicy(limits: limits), count: Self.pools)
        let pending = [Instant(nanoseconds: 1_000_000_000)]
        var adding: [Double] = []
        var deciding: [Double] = []
        for round in 0..<Self.rounds {
            let now = Instant(nanoseconds: UInt64(round + 2) * 1_000_000_000)
            let begin = Self.processMillis()
            var sums: [PoolSignals] = []
            sums.reserveCapacity(Self.pools)
            for _ in 0..<Self.pools {
                sums.append(
                    PoolSignals(
                        reports,
                        rooms: [],
                        drainGoalNanoseconds: limits.drainGoalNanoseconds,
                        wallMicros: 0
                    )
                )
            }
            let added = Self.processMillis()
            for index in policies.indices {
                let pool = PoolState(ready: 10, pending: pending)
                let decision = policies[index].decide(signals: sums[index], pool: pool, now: now)
                precondition(decision.desiredWorkers >= 1, "a pool keeps its fewest workers")
            }
            adding.append(added - begin)
            deciding.append(Self.processMillis() - added)
        }
        return DecisionCost(
            addingMillis: adding.sorted()[Self.rounds / 2],
            decidingMillis: deciding.sorted()[Self.rounds / 2]
        )
    }

    private static func report(gateway: Int) -> GatewaySignals {
        var report = GatewaySignals(gateway: "gateway-\(gateway)", intervalMicros: 1_000_000)
        report.arrivals = 20 + gateway % 7
        report.admissions = 4
        report.waiting = 5_000
        report.inFlight = 2
        var times = ServiceTimes(meanNanoseconds: 20_000_000, spread: 0.5, seed: UInt64(gateway))
        for _ in 0..<report.arrivals { report.latency.record(nanoseconds: times.next()) }
        return report
    }

    private static func processMillis() -> Double {
        var time = timespec()
        precondition(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0, "the system tells the process's time")
        return Double(time.tv_sec) * 1_000 + Double(time.tv_nsec) / 1e6
    }

    var text: String {
        String(
            format:
                "1,000 pools: %.1f ms of processor time to decide, %.1f ms to add up the reports of 100 gateways; goal 10",
            self.decidingMillis,
            self.addingMillis
        )
    }
}
