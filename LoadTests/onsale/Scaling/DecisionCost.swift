import Foundation
import Pools
import Primitives
import Scaling
import Settings

/// What the controller's second costs at the largest site: the reports of 100 gateways on each of 1,000 pools, a
/// decision for each pool, and a rate for each room.
///
/// Put together as `PoolController.decide` and `RoomRates.send` do it when all pools decide in one turn. Not in it: to
/// read the reports from the shared state and to send it the rates, the journal, and what a driver does with its
/// workers.
struct DecisionCost {
    private static let pools = 1_000
    private static let gateways = 100
    private static let rounds = 20
    private static let workers = 10
    private static let goalMillis = 10.0
    private static let wallMicros: Int64 = 1_700_000_000_000_000

    private var addingMillis = 0.0
    private var decidingMillis = 0.0
    private var lendingMillis = 0.0

    /// A pool, as its controller has it.
    private struct Pool {
        let name: String
        let rooms: [RoomSettings]
        let reports: [GatewaySignals]
        let state: PoolState
        var roster = GatewayRoster()
        var policy: ScalingPolicy

        mutating func add() -> Told {
            let look = self.roster.look(self.reports)
            let lines = RoomLines(look.fresh)
            let signals = PoolSignals(
                look.fresh,
                held: look.held,
                silent: look.silent.count,
                lines: lines,
                rooms: self.rooms,
                drainGoalNanoseconds: self.policy.limits.drainGoalNanoseconds,
                wallMicros: DecisionCost.wallMicros
            )
            return Told(lines: lines, signals: signals, inFlight: GatewaySignals.workerInFlight(of: look.fresh))
        }

        mutating func decide(on told: Told, now: Instant) -> ScalingDecision {
            self.policy.limits.openings = ScalingLimits.openings(
                of: self.rooms,
                lines: told.lines,
                now: now,
                wallMicros: DecisionCost.wallMicros
            )
            return self.policy.decide(
                signals: told.signals,
                pool: self.state,
                now: now,
                wallMicros: DecisionCost.wallMicros
            )
        }
    }

    /// What a second's reports on a pool come to.
    private struct Told {
        let lines: RoomLines
        let signals: PoolSignals
        let inFlight: ByName<Int>
    }

    static func measured() -> DecisionCost {
        let settings = Self.settings()
        var pools = Self.everyPool(of: settings)
        var offers = RateOffers(settings)
        var adding: [Double] = []
        var deciding: [Double] = []
        var lending: [Double] = []
        for round in 0..<Self.rounds {
            let now = Instant(nanoseconds: UInt64(round + 2) * 1_000_000_000)
            let begin = Self.processMillis()
            var told: [Told] = []
            told.reserveCapacity(pools.count)
            for index in pools.indices { told.append(pools[index].add()) }
            let added = Self.processMillis()
            var decisions: [ScalingDecision] = []
            decisions.reserveCapacity(pools.count)
            for index in pools.indices { decisions.append(pools[index].decide(on: told[index], now: now)) }
            let decided = Self.processMillis()
            var offering: Set<String> = []
            for index in pools.indices {
                let rate = decisions[index].admissionRateMilli
                offers.offer(pool: pools[index].name, rateMilli: rate, lines: told[index].lines)
                offering.insert(pools[index].name)
            }
            let rates = offers.rates(bearing: offering, wallMicros: Self.wallMicros)
            let lent = Self.processMillis()
            precondition(decisions.allSatisfy { $0.desiredWorkers >= 1 }, "a pool keeps its fewest workers")
            precondition(told.allSatisfy { $0.inFlight.count == Self.workers }, "each worker has something to do")
            precondition(rates.count == settings.rooms.count, "each room is lent a rate")
            adding.append(added - begin)
            deciding.append(decided - added)
            lending.append(lent - decided)
        }
        return DecisionCost(
            addingMillis: adding.sorted()[Self.rounds / 2],
            decidingMillis: deciding.sorted()[Self.rounds / 2],
            lendingMillis: lending.sorted()[Self.rounds / 2]
        )
    }

    /// Each pool has a room of its own, and one that it shares with a neighbour. No two rooms may let in the same, or
    /// all would have their share in one step.
    private static func settings() -> Settings {
        var settings = Settings()
        for pool in 0..<Self.pools {
            let name = "pool-\(pool)"
            let (own, shared) = ("sale-\(pool)", "both-\(pool / 2)")
            let inflowMilli = 100_000 + 13 * Int64(pool)
            settings.pools.append(PoolSettings(name: name))
            settings.rooms.append(RoomSettings(name: own, slots: 100_000, inflowMilli: inflowMilli))
            if pool.isMultiple(of: 2) {
                settings.rooms.append(RoomSettings(name: shared, slots: 100_000, inflowMilli: 2 * inflowMilli))
            }
            for room in [own, shared] {
                settings.routes.append(RouteSettings(path: "/\(name)/\(room)", pool: name, room: room))
            }
        }
        return settings
    }

    private static func everyPool(of settings: Settings) -> [Pool] {
        let limits = ScalingLimits(minWorkers: 1, maxWorkers: 100, slotsPerWorker: 8)
        let gateways = (0..<Self.gateways).map { Self.report(gateway: $0) }
        var pools: [Pool] = []
        for (index, pool) in settings.pools.enumerated() {
            let rooms = settings.rooms(of: pool.name)
            var lines: [String: RoomSignals] = [:]
            for (place, room) in rooms.enumerated() {
                let waiting = 2_000 + 7 * index + 100 * place
                lines[room.name] = RoomSignals(waiting: waiting, admissions: 200, freeSlots: 50_000)
            }
            var reports = gateways
            for gateway in reports.indices {
                reports[gateway].rooms = ByName(lines)
                reports[gateway].waiting = lines.values.reduce(0) { $0 + $1.waiting }
            }
            pools.append(
                Pool(
                    name: pool.name,
                    rooms: rooms,
                    reports: reports,
                    state: PoolState(
                        ready: Self.workers + index % 5,
                        pending: [Instant(nanoseconds: 1_000_000_000)]
                    ),
                    policy: ScalingPolicy(limits: limits)
                )
            )
        }
        return pools
    }

    /// Some 23 requests of 20 ms a second: every other gateway has one of them under way.
    private static func report(gateway: Int) -> GatewaySignals {
        var report = GatewaySignals(gateway: "gateway-\(gateway)", intervalMicros: 1_000_000)
        report.arrivals = 20 + gateway % 7
        report.admissions = 4
        if gateway.isMultiple(of: 2) {
            report.inFlight = 1
            report.workerInFlight = ["worker-\(gateway / 2 % Self.workers)": 1]
        }
        var times = ServiceTimes(meanNanoseconds: 20_000_000, spread: 0.5, seed: UInt64(gateway))
        for _ in 0..<report.arrivals { report.latency.record(nanoseconds: times.next()) }
        return report
    }

    private static func processMillis() -> Double {
        var time = timespec()
        precondition(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0, "the system tells the process's time")
        return Double(time.tv_sec) * 1_000 + Double(time.tv_nsec) / 1e6
    }

    private var millis: Double { self.addingMillis + self.decidingMillis + self.lendingMillis }
    var isMet: Bool { self.millis <= Self.goalMillis }

    var text: String {
        (self.isMet ? "  met     " : "  MISSED  ")
            + String(
                format:
                    "1,000 pools: %.1f ms of processor time a second; goal %.0f (%.1f to add up the reports of 100 "
                    + "gateways, %.1f to decide, %.1f to share out the rates)",
                self.millis,
                Self.goalMillis,
                self.addingMillis,
                self.decidingMillis,
                self.lendingMillis
            )
    }
}
