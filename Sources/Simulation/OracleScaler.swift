import Primitives
import Scaling

/// Knows what will come: the workers that the crowd needs are ready when it needs them, and go when it does not, unless
/// they would have to be started again before they have paid for it.
///
/// The need is the crowd's own, from the rates that the scenario is drawn from: who has to stand in line is let in evenly
/// over the drain goal, as fast as the room and the largest pool allow. `margin` is what is staffed beyond the busy
/// slots R, in square roots of R; the fewest workers that meet an objective are found by trying margins.
public struct OracleScaler: PoolScaler, Sendable {
    /// From the order to a worker that gets requests, beyond its start-up: the controller's second and the gateway's
    /// look at the list.
    private static let noticeSeconds = 3
    private let desired: [Int]
    private let firstSecond: Int
    private let slotsPerWorker: Double
    private let busyPerVisitor: Double
    private let margin: Double
    private let isUnguarded: Bool
    private let begin: Instant
    /// The most workers at any time.
    public let highest: Int

    public init(_ scenario: CapacityScenario, margin: Double) {
        let pool = scenario.pool
        let service = Double(pool.worker.serviceTimeNanoseconds) / 1e9
        self.firstSecond = -scenario.warmUpSeconds - Int(pool.worker.startTimeNanoseconds / Nanoseconds.perSecond) - 4
        self.slotsPerWorker = Double(pool.worker.slots)
        self.busyPerVisitor = service * Double(scenario.requestsPerVisitor)
        self.margin = margin
        self.isUnguarded = scenario.isUnguarded
        self.begin = CapacityRun.start
        let load = Self.load(scenario, from: self.firstSecond, service: service, margin: margin)
        let need = load.map { busy -> Int in
            let slots = busy + margin * busy.squareRoot()
            let workers = Int((slots / Double(pool.worker.slots) - 0.02).rounded(.up))
            return min(pool.maxWorkers, max(pool.minWorkers, workers))
        }
        let start = Int((pool.worker.startTimeNanoseconds + Nanoseconds.perSecond - 1) / Nanoseconds.perSecond)
        self.desired = Self.schedule(need, lead: start + Self.noticeSeconds)
        self.highest = self.desired.max() ?? pool.minWorkers
    }

    public func order(signals: PoolSignals?, pool: PoolState, now: Instant) -> ScalingOrder {
        let second = Int(now.nanoseconds(since: self.begin) / Nanoseconds.perSecond) - self.firstSecond
        let workers = self.desired[min(max(0, second), self.desired.count - 1)]
        guard !self.isUnguarded else { return ScalingOrder(workers: workers) }
        let busy = Self.busy(slots: Double(pool.ready) * self.slotsPerWorker, margin: self.margin)
        let rate = busy / self.busyPerVisitor
        return ScalingOrder(workers: workers, admissionRateMilli: Int64(min(100_000_000, rate * 1_000)))
    }

    /// Busy slots that leave the margin free.
    private static func busy(slots: Double, margin: Double) -> Double {
        let root = ((margin * margin + 4 * slots).squareRoot() - margin) / 2
        return root * root
    }

    /// Busy slots in each second from `from` on.
    private static func load(_ scenario: CapacityScenario, from: Int, service: Double, margin: Double) -> [Double] {
        let count = scenario.seconds - from
        var entering = (0..<count).map { scenario.visitors(atSecond: $0 + from) }
        if !scenario.isUnguarded { entering = Self.letIn(entering, scenario, from: from, service: service, margin) }
        var load = (0..<count).map { scenario.unguarded(atSecond: $0 + from) * service }
        let step = scenario.thinkSeconds + service
        for (second, visitors) in entering.enumerated() where visitors > 0 {
            for request in 0..<scenario.requestsPerVisitor {
                // A request falls into two seconds, by what its time has of each.
                let at = Double(second) + Double(request) * step
                let whole = Int(at)
                let rest = at - Double(whole)
                if whole < count { load[whole] += visitors * service * (1 - rest) }
                if whole + 1 < count { load[whole + 1] += visitors * service * rest }
            }
        }
        return load
    }

    private static func letIn(
        _ coming: [Double],
        _ scenario: CapacityScenario,
        from: Int,
        service: Double,
        _ margin: Double
    ) -> [Double] {
        let goal = max(1, Int(scenario.pool.scaling.drainGoalNanoseconds / Nanoseconds.perSecond))
        let slots = Double(scenario.pool.maxWorkers * scenario.pool.worker.slots)
        let most = Self.busy(slots: slots, margin: margin) / (service * Double(scenario.requestsPerVisitor))
        let visit = (scenario.thinkSeconds + service) * Double(scenario.requestsPerVisitor)
        let limit = min(most, Double(scenario.room.inflowMilli) / 1_000, Double(scenario.room.slots) / visit)
        var due = Array(repeating: 0.0, count: coming.count + goal)
        let opening = scenario.opensAtSecond.map { $0 - from } ?? 0
        for (second, visitors) in coming.enumerated() where visitors > 0 {
            let first = max(second, opening)
            for later in 0..<goal where first + later < due.count { due[first + later] += visitors / Double(goal) }
        }
        var line = 0.0
        return coming.indices.map { second in
            line += due[second]
            let entering = min(line, limit)
            line -= entering
            return entering
        }
    }

    /// Workers to be had in each second, those that start up included, so that `need` is met.
    private static func schedule(_ need: [Int], lead: Int) -> [Int] {
        var desired = Array(repeating: 0, count: need.count)
        let highest = need.max() ?? 0
        for level in stride(from: 1, through: highest, by: 1) {
            var until = Int.min
            for second in need.indices where need[second] >= level {
                // Going and coming back costs a start-up: a shorter gap is cheaper to stay for.
                let from = until == Int.min || second - until > lead ? max(0, second - lead) : until
                for covered in from...second { desired[covered] = max(desired[covered], level) }
                until = second
            }
        }
        return desired
    }
}
