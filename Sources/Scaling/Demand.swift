import Primitives

/// What one moment asks for, in workers, each cause by itself. The largest decides.
struct Demand {
    /// Slots that the arriving requests keep busy.
    private(set) var offeredLoad = 0.0
    /// Workers that this moment asks for, without limits.
    private(set) var needed = 0
    /// As `needed`, with the margin that must be left before a worker may go.
    private(set) var keep = 0
    private(set) var backlog = 0
    /// As `needed`, were the line to go on as in the last seconds until new workers could be ready.
    private(set) var panic = 0
    private(set) var reason = ScalingReason.minimum
    private(set) var hasLine = false
    private(set) var lineGrows = false
    private var byLoad = 0

    init(policy: ScalingPolicy, signals: PoolSignals, pool: PoolState, now: Instant) {
        let limits = policy.limits
        let slots = limits.slots(of: pool)
        let line = Line(policy: policy, signals: signals, now: now)
        self.hasLine = line.length > 0
        self.lineGrows = self.hasLine && policy.joins.sustainedPerSecond > signals.admissionsPerSecond * 1.05

        // By a quarter, as a pool in good use has its slots full at times.
        let overloaded = 4 * (signals.inFlight + signals.queued) > 5 * slots
        let smoothed = policy.arrivals.value ?? signals.arrivalsPerSecond
        let arrivals = overloaded ? max(smoothed, signals.arrivalsPerSecond) : smoothed
        let stuck = Double(signals.queued + max(0, signals.inFlight - slots)) / limits.drainGoalSeconds
        self.offeredLoad = policy.model.load(ofRequestsPerSecond: arrivals + stuck)
        self.byLoad = Staffing.workers(forLoad: self.offeredLoad, limits: limits)
        self.keep = Staffing.workers(forLoad: self.offeredLoad * ScalingPolicy.keepFactor, limits: limits)
        if !overloaded, policy.admissionBound(now: now) {
            // These requests are as many as the workers because we let in as many as the workers bear. They may keep
            // the workers there are; taken as a need for more they would feed on themselves.
            let unguarded = policy.model.load(ofRequestsPerSecond: policy.unguardedPerSecond)
            self.byLoad = min(self.byLoad, max(pool.ready, Staffing.workers(forLoad: unguarded, limits: limits)))
        }
        if signals.showsDemand || signals.waiting > line.closed { self.byLoad = max(1, self.byLoad) }

        self.raise(to: self.byLoad, .load)
        if self.hasLine { self.addLine(line, policy: policy) }
        self.addOpenings(line, policy: policy)
        if self.hasLine { self.panic = line.forecast(policy: policy, signals: signals, pool: pool, now: now) }
    }

    /// Without signals there are still rooms that open at a known time.
    init(policy: ScalingPolicy, openingsAt now: Instant) {
        let line = Line(openingsOf: policy, now: now)
        self.addOpenings(line, policy: policy)
    }

    mutating func addPanic() {
        self.backlog = max(self.backlog, self.panic - self.byLoad)
        self.raise(to: self.panic, .panic)
    }

    /// `workers` of those started are not expected any more.
    mutating func addLate(_ workers: Int) {
        if workers > 0 { self.raise(to: self.needed + workers, .pendingLate) }
    }

    private mutating func addLine(_ line: Line, policy: ScalingPolicy) {
        let visitors = line.visitorsPerSecond(length: line.length, joins: policy.joins.perSecond)
        let load = policy.load(ofVisitorsPerSecond: visitors)
        let workers = Staffing.workers(forLoad: load, limits: policy.limits)
        self.backlog = max(0, workers - self.byLoad)
        self.raise(to: workers, .backlog)
        self.keep = max(
            self.keep,
            Staffing.workers(forLoad: load * ScalingPolicy.keepFactor, limits: policy.limits)
        )
    }

    private mutating func addOpenings(_ line: Line, policy: ScalingPolicy) {
        guard line.opening > 0 else { return }
        let visitors = line.visitorsPerSecond(
            length: line.length + Double(line.opening),
            joins: policy.joins.perSecond,
            openingInflow: line.openingInflowPerSecond
        )
        let load = policy.load(ofVisitorsPerSecond: visitors)
        self.raise(to: Staffing.workers(forLoad: load, limits: policy.limits), .preWarm)
    }

    private mutating func raise(to workers: Int, _ reason: ScalingReason) {
        if workers > self.needed {
            self.needed = workers
            self.reason = reason
        }
        self.keep = max(self.keep, self.needed)
    }
}

extension Demand {
    /// The visitors in line, told apart by when they can go in.
    struct Line {
        /// Visitors who wait before an open door for longer than everybody does.
        private(set) var length = 0.0
        /// Visitors before doors that are closed yet.
        private(set) var closed = 0
        /// Those among them whose door opens before workers that are started any later could be ready.
        private(set) var opening = 0
        /// What their rooms will let in, beyond the inflow of the open ones.
        private(set) var openingInflowPerSecond = 0.0
        private let inflowLimitPerSecond: Double
        private let goalSeconds: Double

        init(openingsOf policy: ScalingPolicy, now: Instant) {
            self.inflowLimitPerSecond = policy.inflowLimitPerSecond
            self.goalSeconds = policy.limits.drainGoalSeconds
            let lead = policy.startTimes.quantile(
                0.95,
                priorNanoseconds: policy.limits.startTimePriorNanoseconds
            )
            let soon = now.advanced(byNanoseconds: lead + ScalingPolicy.preWarmMarginNanoseconds)
            for opening in policy.limits.openings where opening.at > now {
                self.closed += opening.waiting
                guard opening.at <= soon else { continue }
                self.opening += opening.waiting
                self.openingInflowPerSecond += opening.inflowPerSecond
            }
        }

        init(policy: ScalingPolicy, signals: PoolSignals, now: Instant) {
            self.init(openingsOf: policy, now: now)
            let open = Double(max(0, signals.waiting - self.closed))
            let moment = signals.admissionsPerSecond * ScalingPolicy.momentSeconds
            self.length = max(0, open - moment)
        }

        /// The pace that empties a line of `length` within the drain goal while `joins` a second come, or the pace that
        /// the rooms' inflow allows if that is lower.
        func visitorsPerSecond(length: Double, joins: Double, openingInflow: Double = 0) -> Double {
            min(self.inflowLimitPerSecond + openingInflow, joins + length / self.goalSeconds)
        }

        /// Workers for the line as it will be when workers started now are ready, if people go on coming as they do.
        ///
        /// What the ready and the pending ones take off the line until then is taken off here. So while the pending
        /// ones start up and the line grows as foreseen, the answer stays what it was when they were ordered.
        func forecast(policy: ScalingPolicy, signals: PoolSignals, pool: PoolState, now: Instant) -> Int {
            let prior = policy.limits.startTimePriorNanoseconds
            let horizon = Double(policy.startTimes.quantile(0.95, priorNanoseconds: prior)) / 1e9
            let typical = policy.startTimes.quantile(0.5, priorNanoseconds: prior)
            let perWorker = policy.model.visitorsPerSecond(
                slots: policy.limits.slotsPerWorker,
                limits: policy.limits
            )
            var relief = signals.admissionsPerSecond * horizon
            for started in pool.pending {
                let left = max(0, typical - now.nanoseconds(since: started))
                relief += perWorker * max(0, horizon - Double(left) / 1e9)
            }
            let joins = policy.joins.sustainedPerSecond
            let length = max(0, self.length + joins * horizon - relief)
            let visitors = self.visitorsPerSecond(length: length, joins: joins)
            let load = policy.load(ofVisitorsPerSecond: visitors)
            return Staffing.workers(forLoad: load, limits: policy.limits)
        }
    }
}
