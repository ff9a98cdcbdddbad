import Primitives

/// Why a pool has the size that was decided.
public enum ScalingReason: String, Codable, Sendable, CaseIterable {
    /// Nothing asks for more than the configured minimum.
    case minimum
    /// The requests that arrive need these workers.
    case load
    /// The line is to be gone within the drain goal.
    case backlog
    /// The line grows so fast that the smoothed figures would come too late.
    case panic
    /// A room opens within the start-up time of a worker.
    case preWarm = "pre_warm"
    /// Started workers are later than their kind, so others are started beside them.
    case pendingLate = "pending_late"
    /// More is needed than the configured maximum; visitors wait longer.
    case maximum
    /// More is needed than the cost cap allows; visitors wait longer.
    case costCap = "cost_cap"
    /// Less is needed, but not for long enough, or a worker still drains.
    case holding
    /// Less has been needed for long enough; one step down was taken.
    case scaleDown = "scale_down"
    /// Less is needed as far as gateways tell, but one of them has fallen silent without having said that it stops.
    case gatewaySilent = "gateway_silent"
    /// No gateway reported: size held, admission rate frozen.
    case signalsLost = "signals_lost"
}

/// The answer of `ScalingPolicy`, with the numbers that led to it.
public struct ScalingDecision: Codable, Sendable, Equatable {
    /// Workers that ready and pending ones together should come to.
    public var desiredWorkers: Int
    /// Visitors a second that the rooms of the pool may let in together. Follows ready workers; 0 without one.
    public var admissionRatePerSecond: Double
    public var reason: ScalingReason
    /// What this moment alone asks for, without limits and without holding back. Without signals, what the rooms that
    /// open soon ask for.
    public var neededWorkers: Int
    /// The part of `neededWorkers` that is there for the line, beyond the requests that arrive.
    public var backlogWorkers: Int
    /// Slots that the arriving requests keep busy.
    public var offeredLoad: Double
    /// Visitors a second who join the line, or pass it without stopping.
    public var joinsPerSecond: Double
    public var serviceTimeNanoseconds: Int64
    public var requestsPerVisitor: Double
    /// The factor on the admission rate that latency and errors leave, `LatencyTrim.floor...1`.
    public var latencyTrim: Double
    /// The 95th percentile of the workers' start-up time.
    public var startTimeNanoseconds: Int64
    /// Nil where the pool may cost whatever it takes.
    public var cost: CostStanding?

    public init(
        desiredWorkers: Int,
        admissionRatePerSecond: Double,
        reason: ScalingReason,
        neededWorkers: Int,
        backlogWorkers: Int,
        offeredLoad: Double,
        joinsPerSecond: Double,
        serviceTimeNanoseconds: Int64,
        requestsPerVisitor: Double,
        latencyTrim: Double,
        startTimeNanoseconds: Int64,
        cost: CostStanding? = nil
    ) {
        self.desiredWorkers = desiredWorkers
        self.admissionRatePerSecond = admissionRatePerSecond
        self.reason = reason
        self.neededWorkers = neededWorkers
        self.backlogWorkers = backlogWorkers
        self.offeredLoad = offeredLoad
        self.joinsPerSecond = joinsPerSecond
        self.serviceTimeNanoseconds = serviceTimeNanoseconds
        self.requestsPerVisitor = requestsPerVisitor
        self.latencyTrim = latencyTrim
        self.startTimeNanoseconds = startTimeNanoseconds
        self.cost = cost
    }

    /// The admission rate in thousandths of a visitor a second, as `Admission` counts; at most 100,000 a second.
    /// Never zero while a rate is granted.
    public var admissionRateMilli: Int64 {
        guard self.admissionRatePerSecond > 0 else { return 0 }
        return Int64(max(1, min(100_000_000, (self.admissionRatePerSecond * 1_000).rounded())))
    }
}
