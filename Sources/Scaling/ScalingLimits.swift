import Primitives

/// What the owner of a pool allows and aims at, and what is believed of it before anything was measured.
public struct ScalingLimits: Codable, Sendable, Equatable {
    /// A room that opens at a known time.
    public struct Opening: Codable, Sendable, Equatable {
        public var at: Instant
        /// Visitors who stand before the door. `PoolSignals.waiting` counts them too.
        public var waiting: Int
        /// Visitors a second that the room will let in, beyond `PoolSignals.inflowLimitPerSecond`, which counts open
        /// rooms only.
        public var inflowPerSecond: Double

        public init(at: Instant, waiting: Int, inflowPerSecond: Double = 0) {
            self.at = at
            self.waiting = max(0, waiting)
            self.inflowPerSecond = max(0, inflowPerSecond)
        }
    }

    /// `0...maxWorkers`.
    public var minWorkers: Int
    public var maxWorkers: Int
    /// Requests that a worker which is started now serves at once, `1...1_000_000`.
    public var slotsPerWorker: Int
    /// The share of the slots that planned load may fill, above 0 and at most 1. The rest is for chance.
    public var utilization: Double
    /// How soon a line is to be gone once the workers for it are ready.
    public var drainGoalNanoseconds: Int64
    /// Workers leave only when the need has been lower for this long.
    public var scaleDownAfterNanoseconds: Int64
    /// The 95th percentile of worker latency that is still good.
    public var latencyObjectiveNanoseconds: Int64
    /// Requests that one admitted visitor makes, until measured.
    public var requestsPerVisitorPrior: Double
    /// Mean time that one request holds a slot, until measured.
    public var serviceTimePriorNanoseconds: Int64
    /// Time from starting a worker to its readiness, until measured.
    public var startTimePriorNanoseconds: Int64
    /// Rooms of the pool that have not opened. One that has is ignored.
    public var openings: [Opening]
    /// What the pool may cost; nil: whatever it takes.
    public var costCap: CostCap?
    /// At times of the clock; nil: never.
    public var prewarm: [Prewarm]?
    /// The ready workers that the policy was last asked about: they keep the slots that they were started with.
    var standing = Standing()

    struct Standing: Sendable, Equatable {
        var workers = 0
        var slots = 0
    }

    /// Without `standing`, which each decision sets anew.
    private enum CodingKeys: String, CodingKey {
        case minWorkers, maxWorkers, slotsPerWorker, utilization, drainGoalNanoseconds, scaleDownAfterNanoseconds
        case latencyObjectiveNanoseconds, requestsPerVisitorPrior, serviceTimePriorNanoseconds
        case startTimePriorNanoseconds, openings, costCap, prewarm
    }

    /// Traps on values out of the ranges above: they are the settings' to refuse.
    public init(
        minWorkers: Int,
        maxWorkers: Int,
        slotsPerWorker: Int,
        utilization: Double = 0.75,
        drainGoalNanoseconds: Int64 = 30 * Nanoseconds.perSecond,
        scaleDownAfterNanoseconds: Int64 = 60 * Nanoseconds.perSecond,
        latencyObjectiveNanoseconds: Int64 = 250 * Nanoseconds.perMillisecond,
        requestsPerVisitorPrior: Double = 5,
        serviceTimePriorNanoseconds: Int64 = 20 * Nanoseconds.perMillisecond,
        startTimePriorNanoseconds: Int64 = 5 * Nanoseconds.perSecond,
        openings: [Opening] = [],
        costCap: CostCap? = nil,
        prewarm: [Prewarm] = []
    ) {
        precondition(minWorkers >= 0 && maxWorkers >= max(1, minWorkers), "workers: 0 <= min <= max, max >= 1")
        precondition((1...1_000_000).contains(slotsPerWorker), "a worker has 1 to 1,000,000 slots")
        precondition(utilization > 0 && utilization <= 1, "utilization lies above 0 and at most at 1")
        precondition(drainGoalNanoseconds > 0 && scaleDownAfterNanoseconds >= 0, "the drain goal is a length of time")
        precondition(latencyObjectiveNanoseconds > 0 && requestsPerVisitorPrior > 0, "objective and prior are positive")
        precondition(serviceTimePriorNanoseconds > 0 && startTimePriorNanoseconds >= 0, "priors are lengths of time")
        self.minWorkers = minWorkers
        self.maxWorkers = maxWorkers
        self.slotsPerWorker = slotsPerWorker
        self.utilization = utilization
        self.drainGoalNanoseconds = drainGoalNanoseconds
        self.scaleDownAfterNanoseconds = scaleDownAfterNanoseconds
        self.latencyObjectiveNanoseconds = latencyObjectiveNanoseconds
        self.requestsPerVisitorPrior = requestsPerVisitorPrior
        self.serviceTimePriorNanoseconds = serviceTimePriorNanoseconds
        self.startTimePriorNanoseconds = startTimePriorNanoseconds
        self.openings = openings
        self.costCap = costCap
        self.prewarm = prewarm.isEmpty ? nil : prewarm
    }

    /// What they are by themselves: the same before the first decision and after it.
    public var withoutStanding: ScalingLimits {
        var limits = self
        limits.standing = Standing()
        return limits
    }

    var drainGoalSeconds: Double { Double(self.drainGoalNanoseconds) / 1e9 }

    /// Requests that the ready workers of `pool` serve at once.
    func slots(of pool: PoolState) -> Int { pool.slots ?? pool.ready * self.slotsPerWorker }

    /// Workers that have so many slots: part of those there are, or all of them and new ones beside them.
    func workers(forSlots slots: Double) -> Double {
        let (workers, own) = (self.standing.workers, self.standing.slots)
        guard own > 0, own != workers * self.slotsPerWorker else { return slots / Double(self.slotsPerWorker) }
        guard slots > Double(own) else { return slots * Double(workers) / Double(own) }
        return Double(workers) + (slots - Double(own)) / Double(self.slotsPerWorker)
    }

    func clamped(_ workers: Int) -> Int { min(self.maxWorkers, max(self.minWorkers, workers)) }
}
