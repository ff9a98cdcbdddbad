import Primitives

/// Decides how many workers a pool should have, and how fast its rooms may let visitors in.
///
/// A value that is asked once a second. It holds what it learned; it knows no clock, no driver and no store. A new leader
/// may start from nothing: it takes over the workers that it finds. It can be written down whole, so that a journal of its
/// decisions can be replayed from there.
public struct ScalingPolicy: Codable, Sendable, Equatable {
    /// Calls closer together than this decide afresh on the pool, but take the signals for the ones already seen.
    static let sampleNanoseconds = Nanoseconds.perSecond / 2
    /// A place this fresh is not backlog: everybody stands in line for a moment.
    static let momentSeconds = 2.0
    /// The growth must ask for this many times the workers ordered before it counts as panic.
    static let panicFactor = 1.5
    static let panicNanoseconds = 6 * Nanoseconds.perSecond
    /// Visitors come by ones; from this share of the rate on it counts as used up.
    static let boundShare = 0.85
    /// How long the requests of visitors whom the rate held back go on after the line is gone.
    static let echoNanoseconds = 6 * Nanoseconds.perSecond
    /// Workers are let go only when what stays would also carry this much more.
    static let keepFactor = 1.05
    /// The need must have been lower for this long at least, and for as long as it takes to get a worker back.
    static let shortestHoldNanoseconds = 15 * Nanoseconds.perSecond
    /// Of that time, the part for a pool of which nearly everything is behind rooms, and what is nearly.
    static let guardedHold = 0.25
    private static let fewUnguarded = 0.05
    /// At most this part of a pool is let go at once.
    static let largestStep = 4
    /// From the order to the start, and from a worker's readiness to its first request.
    static let orderSeconds = 2.0
    /// However steep the growth, it is not taken to go on beyond this many times what there is.
    static let mostGrowth = 2.0
    /// Standard deviations of one second's arrivals that are staffed beyond their level.
    static let deviations = 1.0
    /// Requests that wait for a worker are to be served within a second of the worker's coming.
    static let stuckSeconds = 1.0
    /// A line has waited for a worker's whole start already: who starts slowly is given half of that again to drain it.
    static let drainOverStart = 0.5
    /// Pre-warmed workers are ordered this long before the last moment: one second for the call, one for the driver.
    static let preWarmMarginNanoseconds = 2 * Nanoseconds.perSecond
    /// Going down by less than this share of the pool saves little: it waits longer, so that several such steps become one
    /// and what was let go is not ordered again.
    static let smallStep = 0.3
    static let smallStepNanoseconds = 30 * Nanoseconds.perSecond
    /// Smaller changes of the admission rate are not worth a line in the journal.
    static let rateDeadband = 0.02

    /// May be replaced at any time, between two calls of `decide`.
    public var limits: ScalingLimits

    var model: WorkModel
    var trim = LatencyTrim()
    var startTimes = StartTimes()
    var joins = JoinRate()
    var arrivals = ArrivalTrend()
    private var pace = AdmissionPace()
    /// How long the workers that start now have taken yet.
    private var pendingAges: [Int64] = []
    private var unguarded = Smoothed(weight: 0.25)
    /// As the last signals told it.
    private(set) var inflowLimitPerSecond = Double.infinity
    private var history = NeedHistory()
    private var costs = CostMeter()
    private var cost: CostStanding?
    private var desired: Int?
    private var lastSample: Instant?
    private var panicUntil: Instant?
    /// When people last stood in line because of the rate.
    private var lastBound: Instant?
    /// The last rate that signals gave, and the ready workers and slots that it was given for. Never of none.
    private var granted: Grant?

    private struct Grant: Codable, Sendable, Equatable {
        let ratePerSecond: Double
        let ready: Int
        let slots: Int
    }

    public init(limits: ScalingLimits) {
        self.limits = limits
        self.model = WorkModel(limits: limits)
    }

    /// A worker became ready this long after it was started.
    public mutating func workerStarted(after nanoseconds: Int64) {
        self.startTimes.record(nanoseconds: nanoseconds)
    }

    /// Another leader may have decided since: its size and rate are taken over as anybody's, and what was learned stays.
    public mutating func beginTerm() {
        self.desired = nil
        self.granted = nil
        self.panicUntil = nil
    }

    /// Call once a second, and besides whenever a worker became ready or was lost, so that admission follows at once.
    ///
    /// `signals` is nil when none came; the size is then held and the admission rate frozen.
    /// `wallMicros`, the time of the clock in microseconds since 1970, is what `ScalingLimits.prewarm` goes by.
    public mutating func decide(
        signals: PoolSignals?,
        pool: PoolState,
        now: Instant,
        wallMicros: Int64 = 0
    ) -> ScalingDecision {
        let current = self.limits.clamped(self.desired ?? pool.ready + pool.pending.count)
        self.limits.standing = .init(workers: pool.ready, slots: self.limits.slots(of: pool))
        self.observeCost(pool, now: now)
        guard let signals, signals.gatewaysReporting > 0 else {
            return self.hold(current: current, pool: pool, now: now, wallMicros: wallMicros)
        }
        self.inflowLimitPerSecond = signals.inflowLimitPerSecond
        self.pendingAges = pool.pending.map { max(0, now.nanoseconds(since: $0)) }
        if self.desired == nil {
            // Whoever led before had its reasons for these workers: they are let go as slowly as one's own.
            self.history.record(current, now: now, windowNanoseconds: self.longestHoldNanoseconds)
        }
        self.observe(signals, pool: pool, now: now)
        var demand = Demand(policy: self, signals: signals, pool: pool, now: now, wallMicros: wallMicros)
        self.panic(&demand, current: current, now: now)
        demand.addLate(self.late(missing: demand.present - pool.ready, pool: pool, now: now))

        var (size, reason) = self.size(demand, current: current, pool: pool, now: now)
        self.cap(&size, &reason, demand, current: current, pool: pool)
        // Who is not heard is not known to have less to do. More limited settings shrink the pool all the same.
        if signals.gatewaysSilent > 0, size < current { (size, reason) = (current, .gatewaySilent) }
        self.desired = size
        let rate = self.grant(pool)
        precondition(size >= self.limits.minWorkers && size <= self.limits.maxWorkers, "a size within the limits")
        return self.decision(size, rate: rate, reason: reason, demand: demand)
    }

    // MARK: - Signals

    private mutating func observe(_ signals: PoolSignals, pool: PoolState, now: Instant) {
        if let last = self.lastSample, now.nanoseconds(since: last) < Self.sampleNanoseconds { return }
        self.lastSample = now
        let slots = self.limits.slots(of: pool)
        self.model.observe(signals, ready: pool.ready, slots: slots, limits: self.limits)
        self.trim.observe(
            signals,
            slots: slots,
            serviceTimeNanoseconds: self.model.serviceTimeNanoseconds,
            objectiveNanoseconds: self.limits.latencyObjectiveNanoseconds
        )
        self.arrivals.add(signals.arrivalsPerSecond)
        self.unguarded.add(signals.unguardedPerSecond)
        let closed = self.limits.openings.filter { $0.at > now }
        let waiting = max(0, signals.waiting - closed.reduce(0) { $0 + $1.waiting })
        let coming = max(0, waiting - (signals.absent ?? 0))
        if let granted = self.granted, waiting > 0,
            signals.admissionsPerSecond >= granted.ratePerSecond * Self.boundShare
        {
            self.lastBound = now
        }
        self.observePace(signals, isBound: self.lastBound == now, slots: slots)
        self.joins.observe(
            waiting: coming,
            closedRooms: closed.count,
            admissionsPerSecond: signals.admissionsPerSecond,
            now: now
        )
    }

    private mutating func observePace(_ signals: PoolSignals, isBound: Bool, slots: Int) {
        let planned = Staffing.load(forSlots: Double(slots), limits: self.limits)
        let arriving = self.model.load(ofRequestsPerSecond: self.arrivals.level ?? signals.arrivalsPerSecond)
        let measured = max(arriving, Double(signals.inFlight + signals.queued))
        self.pace.observe(
            .init(
                isBound: isBound,
                busyShare: planned > 0 ? measured / planned : 1,
                arrivingShare: planned > 0 ? arriving / planned : 1,
                isTrimmed: self.trim.value < 1,
                slots: slots,
                most: self.model.requestsPerVisitor
            )
        )
    }

    /// The 95th percentile of start-up times, those that are under way included.
    var slowStartNanoseconds: Int64 {
        self.startTimes.quantile(
            0.95,
            priorNanoseconds: self.limits.startTimePriorNanoseconds,
            ages: self.pendingAges
        )
    }
    var typicalStartNanoseconds: Int64 {
        self.startTimes.quantile(
            0.5,
            priorNanoseconds: self.limits.startTimePriorNanoseconds,
            ages: self.pendingAges
        )
    }
    var slowStartSeconds: Double { Double(self.slowStartNanoseconds) / 1e9 }

    /// Workers that are ordered so long before they are wanted are ready by then.
    var preWarmLeadNanoseconds: Int64 { self.slowStartNanoseconds + Self.preWarmMarginNanoseconds }

    func prewarmDue(wallMicros: Int64) -> [Prewarm] {
        guard let planned = self.limits.prewarm else { return [] }
        let lead = self.preWarmLeadNanoseconds
        return planned.filter { $0.isDue(wallMicros: wallMicros, leadNanoseconds: lead) }
    }

    /// How long a need must have been lower before workers go.
    private var holdNanoseconds: Int64 {
        let start = Double(self.slowStartNanoseconds)
        // Whoever stands before a room can wait for a worker to come back; the others find none.
        let isGuarded = self.unguardedPerSecond <= Self.fewUnguarded * (self.arrivals.level ?? 0)
        let back = Int64(isGuarded ? start * Self.guardedHold : start)
        return min(self.limits.scaleDownAfterNanoseconds, max(Self.shortestHoldNanoseconds, back))
    }
    private var longestHoldNanoseconds: Int64 {
        max(self.limits.scaleDownAfterNanoseconds, self.limits.drainGoalNanoseconds)
    }

    var unguardedPerSecond: Double { self.unguarded.value ?? 0 }

    /// Busy slots when `visitorsPerSecond` come in through the rooms, and the rest past them.
    func load(ofVisitorsPerSecond visitorsPerSecond: Double) -> Double {
        self.model.load(
            ofRequestsPerSecond: self.unguardedPerSecond + visitorsPerSecond * self.model.requestsPerVisitor
        )
    }

    /// Whether the visitors let in are, or were a moment ago, as many as the rate allowed, so that their requests show
    /// the pool's own size and not what people want.
    func admissionBound(now: Instant) -> Bool {
        guard let last = self.lastBound else { return false }
        return now.nanoseconds(since: last) < Self.echoNanoseconds
    }

    // MARK: - Size

    /// The workers ordered for a growing line are absolute, not added at each call, and its growth is judged as of the
    /// time when they can be there: waiting for a start-up never makes the order larger.
    private mutating func panic(_ demand: inout Demand, current: Int, now: Instant) {
        let wanted = min(demand.panic, self.limits.maxWorkers)
        if demand.lineGrows, Double(wanted) >= Double(max(1, current)) * Self.panicFactor {
            self.panicUntil = now.advanced(byNanoseconds: max(Self.panicNanoseconds, self.slowStartNanoseconds))
        }
        guard let until = self.panicUntil else { return }
        if now >= until {
            self.panicUntil = nil
        } else {
            demand.addPanic()
        }
    }

    /// How many of the missing workers are not to be expected from those already started: at most as many as are
    /// missing, so that a pool whose workers never start orders twice, not without end.
    private func late(missing: Int, pool: PoolState, now: Instant) -> Int {
        guard missing > 0 else { return 0 }
        let prior = self.limits.startTimePriorNanoseconds
        // Twice the usual, so that a worker that starts as ever is never held for lost.
        let horizon = 2 * self.slowStartNanoseconds
        var lost = 0.0
        for started in pool.pending.sorted().prefix(missing) {
            lost +=
                1
                - self.startTimes.chanceReady(
                    ageNanoseconds: now.nanoseconds(since: started),
                    horizonNanoseconds: horizon,
                    priorNanoseconds: prior
                )
        }
        return Int(lost)
    }

    private mutating func size(
        _ demand: Demand,
        current: Int,
        pool: PoolState,
        now: Instant
    ) -> (Int, ScalingReason) {
        let limits = self.limits
        // A least that is lowered is let go as slowly as any need: what it was there for may be about to come.
        let kept = max(demand.keep, limits.minWorkers)
        self.history.record(kept, now: now, windowNanoseconds: self.longestHoldNanoseconds)
        if demand.needed > limits.maxWorkers { return (limits.maxWorkers, .maximum) }
        let wanted = limits.clamped(demand.needed)
        if wanted >= current { return (wanted, demand.needed <= limits.minWorkers ? .minimum : demand.reason) }

        let recent = limits.clamped(self.history.highest(withinNanoseconds: self.holdNanoseconds, now: now))
        let settled = pool.draining == 0 && pool.ready + pool.pending.count <= current
        guard recent < current, settled, self.panicUntil == nil else { return (current, .holding) }
        if Double(current - recent) < Double(current) * Self.smallStep {
            let longer = min(limits.scaleDownAfterNanoseconds, self.holdNanoseconds + Self.smallStepNanoseconds)
            guard limits.clamped(self.history.highest(withinNanoseconds: longer, now: now)) < current else {
                return (current, .holding)
            }
        }
        return (max(recent, wanted, current - max(1, current / Self.largestStep)), .scaleDown)
    }

    private mutating func observeCost(_ pool: PoolState, now: Instant) {
        guard let cap = self.limits.costCap else {
            self.cost = nil
            return
        }
        let workers = pool.ready + pool.pending.count + pool.draining
        let fewest = self.limits.minWorkers
        self.costs.add(workers: workers, fewest: fewest, now: now, windowNanoseconds: cap.windowNanoseconds)
        let spent = self.costs.spent(of: cap, now: now)
        self.cost = CostStanding(cap: cap, spent: spent, workers: workers, fewest: fewest)
    }

    /// Holds the size to what the cap allows, but for the requests that are there already or that no room holds back.
    private func cap(
        _ size: inout Int,
        _ reason: inout ScalingReason,
        _ demand: Demand,
        current: Int,
        pool: PoolState
    ) {
        guard let cost = self.cost else { return }
        let unguarded = self.model.load(ofRequestsPerSecond: self.unguardedPerSecond)
        let held = min(current, Staffing.workers(forLoad: demand.offeredLoad, limits: self.limits))
        let least = max(held, Staffing.workers(forLoad: unguarded, limits: self.limits), Int(cost.affordableWorkers))
        let most = self.limits.clamped(least)
        guard size > most else { return }
        reason = .costCap
        guard most < current else {
            size = most
            return
        }
        // One step after the other, so that nobody inside is left without a worker.
        let isSettled = pool.draining == 0 && pool.ready + pool.pending.count <= current
        size = isSettled ? max(most, current - max(1, current / Self.largestStep)) : current
    }

    // MARK: - Admission

    /// What the ready workers can serve, less what comes past the rooms, trimmed; never less than a tenth of the whole.
    private mutating func grant(_ pool: PoolState) -> Double {
        let (ready, slots) = (pool.ready, self.limits.slots(of: pool))
        guard ready > 0, slots > 0 else { return 0 }
        let full = self.model.visitorsPerSecond(slots: slots, limits: self.limits)
        let taken = self.unguardedPerSecond / self.model.requestsPerVisitor
        var rate = max(full * LatencyTrim.floor, (full * self.pace.factor - taken) * self.trim.value)
        if let cost = self.cost, cost.affordableWorkers < Double(ready) {
            // Those inside leave by themselves; who is let in beyond what the cap allows would keep its workers busy.
            rate = min(rate, max(0, full * min(1, cost.affordableWorkers / Double(ready)) - taken))
        }
        if let last = self.granted, last.ready == ready, last.slots == slots,
            (rate - last.ratePerSecond).magnitude <= last.ratePerSecond * Self.rateDeadband
        {
            return last.ratePerSecond
        }
        self.granted = Grant(ratePerSecond: rate, ready: ready, slots: slots)
        return rate
    }

    /// Of the ready workers, as many as the rate that was given last lets so many visitors in for.
    func workersCarrying(visitorsPerSecond: Double) -> Int {
        guard let granted = self.granted, granted.ratePerSecond > 0 else { return 0 }
        let share = min(1, visitorsPerSecond / granted.ratePerSecond)
        return Int((share * Double(granted.ready) - Staffing.tolerance).rounded(.up))
    }

    /// Without signals: no worker less, and the rate as it was. A lost worker still takes its share of the rate along.
    private mutating func hold(
        current: Int,
        pool: PoolState,
        now: Instant,
        wallMicros: Int64
    ) -> ScalingDecision {
        let demand = Demand(policy: self, openingsAt: now, wallMicros: wallMicros)
        let most = self.cost.map { max(current, Int($0.affordableWorkers)) } ?? self.limits.maxWorkers
        let size = self.limits.clamped(max(current, min(demand.needed, most)))
        self.history.record(size, now: now, windowNanoseconds: self.longestHoldNanoseconds)
        self.desired = size
        let slots = self.limits.slots(of: pool)
        var rate = self.model.visitorsPerSecond(slots: slots, limits: self.limits)
        if let granted = self.granted {
            rate = granted.ratePerSecond * Double(min(slots, granted.slots)) / Double(granted.slots)
        }
        return self.decision(size, rate: rate, reason: .signalsLost, demand: demand)
    }

    private func decision(
        _ size: Int,
        rate: Double,
        reason: ScalingReason,
        demand: Demand
    ) -> ScalingDecision {
        ScalingDecision(
            desiredWorkers: size,
            admissionRatePerSecond: rate,
            reason: reason,
            neededWorkers: demand.needed,
            backlogWorkers: demand.backlog,
            offeredLoad: demand.offeredLoad,
            joinsPerSecond: self.joins.perSecond,
            serviceTimeNanoseconds: Int64(min(self.model.serviceTimeNanoseconds, 1e18)),
            requestsPerVisitor: self.model.requestsPerVisitor,
            latencyTrim: self.trim.value,
            startTimeNanoseconds: self.slowStartNanoseconds,
            cost: self.cost
        )
    }
}
