import Primitives
import Scaling
import Settings

/// One crowd, served by each of those who may decide on a pool's size: the cell of a comparison.
public struct CapacityComparison: Sendable {
    public enum Row: String, CaseIterable, Sendable {
        case sluice
        case horizontal = "hpa"
        case knative = "kpa"
        case fixed, oracle
    }

    public struct Case: Sendable {
        public var trace: DemandTrace
        public var startSeconds: Int
        public var hasRoom: Bool
        public var seed: UInt64

        public init(trace: DemandTrace, startSeconds: Int, hasRoom: Bool, seed: UInt64) {
            self.trace = trace
            self.startSeconds = startSeconds
            self.hasRoom = hasRoom
            self.seed = seed
        }
    }

    /// What is counted.
    public struct Score: Sendable {
        public var violatingSeconds = 0
        public var failedRequests = 0
        public var workerSeconds = 0.0
        public var scaleActions = 0
        /// From the coming of the crowd until 99 % of it had a good answer; nil when that never happened.
        public var servedSeconds: Double?
        /// Of the workers that are ready, against those that the oracle has ready in the same second: it has as few as
        /// meet the objective, and has them when they are needed.
        public var provisioning = ProvisioningScore()

        public init() {}

        init(_ outcome: CapacityOutcome, from: Int, demand: [Int]) {
            self.violatingSeconds = outcome.violatingSeconds
            self.failedRequests = outcome.failedRequests
            self.workerSeconds = outcome.workerSeconds
            self.scaleActions = outcome.scaleActions
            self.servedSeconds = outcome.served(share: 0.99).map { max(1, $0 - Double(from)) }
            self.provisioning = ProvisioningScore(demand: demand, supply: outcome.readyWorkers)
        }

        /// At most one second in a hundred beyond the objective, and no failure.
        public var holds: Bool {
            self.failedRequests == 0 && 100 * self.violatingSeconds <= DemandTrace.seconds
        }
    }

    /// Margins in square roots of the load that the oracle is tried with, the cheapest first.
    private static let margins = [0.4, 0.8, 1.2, 1.7, 2.4, 3.2]

    public let of: Case
    public let scores: [Row: Score]

    public init(of: Case, scores: [Row: Score]) {
        self.of = of
        self.scores = scores
    }

    /// Plays it.
    public init(_ of: Case) {
        let scenario = Self.scenario(of)
        let from = scenario.crowdFromSecond
        var scores: [Row: Score] = [:]
        func play(_ scaler: (any PoolScaler)?) -> CapacityOutcome {
            var run = CapacityRun(scenario, scaler: scaler, seed: of.seed)
            return run.run()
        }
        var highest = scenario.pool.maxWorkers
        var demand: [Int] = []
        for margin in Self.margins {
            let oracle = OracleScaler(scenario, margin: margin)
            let outcome = play(oracle)
            demand = outcome.readyWorkers
            let score = Score(outcome, from: from, demand: demand)
            highest = oracle.highest
            scores[.oracle] = score
            if score.holds { break }
        }
        func run(_ scaler: (any PoolScaler)?) -> Score { Score(play(scaler), from: from, demand: demand) }
        let slots = scenario.pool.worker.slots
        let workers = scenario.pool.minWorkers...scenario.pool.maxWorkers
        scores[.sluice] = run(nil)
        scores[.horizontal] = run(
            HorizontalAutoscaler(target: KnativeAutoscaler.utilization, slotsPerWorker: slots, workers: workers)
        )
        scores[.knative] = run(KnativeAutoscaler(slotsPerWorker: slots, workers: workers))
        scores[.fixed] = run(FixedPool(workers: highest))
        self.of = of
        self.scores = scores
    }

    /// The seed draws the shape of the workers, too.
    public static func scenario(_ of: Case) -> CapacityScenario {
        var random = SplitMix64(seed: of.seed &* 0x9E37_79B9)
        let shape = [(2, 30), (4, 60), (8, 120)][Int(random.next(upperBound: UInt64(3)))]
        var pool = PoolSettings(name: "shop")
        pool.worker.slots = shape.0
        pool.worker.serviceTimeNanoseconds = Int64(shape.1) * Nanoseconds.perMillisecond
        pool.worker.startTimeNanoseconds = Int64(of.startSeconds) * Nanoseconds.perSecond
        pool.scaling.latencyObjectiveNanoseconds = 4 * pool.worker.serviceTimeNanoseconds
        pool.minWorkers = 1
        pool.maxWorkers = 24
        pool.startTimeoutNanoseconds = 10 * 60 * Nanoseconds.perSecond
        // A worker bears 67 requests, or 13 visitors, a second with all slots busy: ten bear this with a quarter free.
        let rate = 100.0
        var room = RoomSettings(name: "sale", slots: 1_000_000, inflowMilli: 240_000)
        room.burst = 40
        var scenario = CapacityScenario(
            name: of.trace.name,
            visitorsPerSecond: of.trace.visitorsPerSecond(rate: rate, seed: random.next()),
            pool: pool,
            room: room
        )
        scenario.isUnguarded = !of.hasRoom
        scenario.opensAtSecond = of.hasRoom ? of.trace.opensAtSecond : nil
        scenario.crowdFromSecond = of.trace.opensAtSecond ?? 0
        // HPA remembers five minutes.
        scenario.warmUpSeconds = 420
        return scenario
    }
}
