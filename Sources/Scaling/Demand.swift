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
    /// What the requests and the line as they are now need, were all workers there.
    private(set) var present = 0
    private var byLoad = 0

    init(policy: ScalingPolicy, signals: PoolSignals, pool: PoolState, now: Instant, wallMicros: Int64) {
        let limits = policy.limits
        let slots = limits.slots(of: pool)
        let line = Line(policy: policy, signals: signals, now: now)
        self.hasLine = line.length > 0
        self.lineGrows = self.hasLine && policy.joins.sustainedPerSecond > signals.admissionsPerSecond * 1.05

        // By a quarter, as a pool in good use has its slots full at times.
        let overloaded = 4 * (signals.inFlight + signals.queued) > 5 * slots
        let level = policy.arrivals.level ?? signals.arrivalsPerSecond
        let arrivals = overloaded ? max(level, signals.arrivalsPerSecond) : level
        let stuck = Double(signals.queued + max(0, signals.inFlight - slots)) / ScalingPolicy.stuckSeconds
        self.offeredLoad = policy.model.load(ofRequestsPerSecond: arrivals)
        let isBound = policy.admissionBound(now: now)
        if isBound, !overloaded {
            // These requests are as many as the workers because we let in as many as the workers bear. They may keep
            // the workers there are; taken as a need for more they would feed on themselves.
            let unguarded = policy.model.load(ofRequestsPerSecond: policy.unguardedPerSecond)
            let workers = Staffing.workers(forLoad: self.offeredLoad, limits: limits)
            self.byLoad = min(workers, max(pool.ready, Staffing.workers(forLoad: unguarded, limits: limits)))
        } else {
            let coming = Self.coming(arrivals, policy: policy)
            self.byLoad = Staffing.workers(
                forLoad: policy.model.load(ofRequestsPerSecond: coming + stuck),
                limits: limits
            )
        }
        if signals.showsDemand || signals.waiting > line.closed { self.byLoad = max(1, self.byLoad) }
        let kept = policy.model.load(ofRequestsPerSecond: arrivals * ScalingPolicy.keepFactor)
        self.keep = Staffing.workers(forLoad: kept, limits: limits)

        self.present = self.byLoad
        self.raise(to: self.byLoad, .load)
        if self.hasLine { self.addLine(line, policy: policy, signals: signals, pool: pool, now: now) }
        self.addOpenings(line, policy: policy)
        self.addPrewarm(policy, wallMicros: wallMicros)
        if self.hasLine {
            let joins = policy.joins.sustainedPerSecond
            self.panic = line.forecast(joins: joins, policy: policy, signals: signals, pool: pool, now: now)
        }
    }

    /// Without signals there are still rooms that open at a known time, and what the owner has planned.
    init(policy: ScalingPolicy, openingsAt now: Instant, wallMicros: Int64) {
        let line = Line(openingsOf: policy, now: now)
        self.addOpenings(line, policy: policy)
        self.addPrewarm(policy, wallMicros: wallMicros)
    }

    /// Requests a second as they will be when a worker that is ordered now is ready, and what chance may add. That is for
    /// those whom no room holds back: the others wait in line, and ask for workers from there.
    private static func coming(_ arrivals: Double, policy: ScalingPolicy) -> Double {
        guard arrivals > 0 else { return 0 }
        let horizon = policy.slowStartSeconds + ScalingPolicy.orderSeconds
        let growth = min(policy.arrivals.slopePerSecond * horizon, arrivals * ScalingPolicy.mostGrowth)
        let unguarded = min(1, policy.unguardedPerSecond / arrivals)
        return arrivals + unguarded * (growth + ScalingPolicy.deviations * policy.arrivals.deviation)
    }

    mutating func addPanic() {
        self.backlog = max(self.backlog, self.panic - self.byLoad)
        self.raise(to: self.panic, .panic)
    }

    /// `workers` of those started are not expected any more.
    mutating func addLate(_ workers: Int) {
        if workers > 0 { self.raise(to: max(self.needed, self.present) + workers, .pendingLate) }
    }

    /// The line as it will be when a worker that is ordered now is ready asks for more; the line as it is keeps what it
    /// uses until it is gone.
    private mutating func addLine(
        _ line: Line,
        policy: ScalingPolicy,
        signals: PoolSignals,
        pool: PoolState,
        now: Instant
    ) {
        let joins = policy.joins.perSecond
        let workers = line.forecast(joins: joins, policy: policy, signals: signals, pool: pool, now: now)
        self.backlog = max(0, workers - self.byLoad)
        self.raise(to: workers, .backlog)
        let visitors = line.visitorsPerSecond(length: line.length, joins: joins)
        let load = policy.load(ofVisitorsPerSecond: visitors)
        self.present = max(self.present, Staffing.workers(forLoad: load, limits: policy.limits))
        let kept = Staffing.workers(forLoad: load * ScalingPolicy.keepFactor, limits: policy.limits)
        // To let a worker go whose share of the rate the line uses spares nothing: the same people come later, to fewer.
        let inUse = policy.workersCarrying(visitorsPerSecond: signals.lineInflowPerSecond ?? 0)
        self.keep = max(self.keep, kept, inUse)
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

    private mutating func addPrewarm(_ policy: ScalingPolicy, wallMicros: Int64) {
        for planned in policy.prewarmDue(wallMicros: wallMicros) { self.raise(to: planned.workers, .preWarm) }
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
        /// Visitors who wait before an open door for longer than everybody does, and come when they are called.
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
            let soon = now.advanced(byNanoseconds: policy.preWarmLeadNanoseconds)
            for opening in policy.limits.openings where opening.at > now {
                self.closed += opening.waiting
                guard opening.at <= soon else { continue }
                self.opening += opening.waiting
                self.openingInflowPerSecond += opening.inflowPerSecond
            }
        }

        init(policy: ScalingPolicy, signals: PoolSignals, now: Instant) {
            self.init(openingsOf: policy, now: now)
            let open = Double(max(0, signals.waiting - self.closed - (signals.absent ?? 0)))
            let moment = signals.admissionsPerSecond * ScalingPolicy.momentSeconds
            self.length = max(0, open - moment)
        }

        /// The pace that empties a line of `length` within the drain goal while `joins` a second come, or the pace that
        /// the rooms' inflow allows if that is lower.
        func visitorsPerSecond(
            length: Double,
            joins: Double,
            openingInflow: Double = 0,
            goalSeconds: Double? = nil
        ) -> Double {
            min(self.inflowLimitPerSecond + openingInflow, joins + length / (goalSeconds ?? self.goalSeconds))
        }

        /// Workers for the line as it will be when workers started now are ready, if `joins` a second go on coming.
        ///
        /// What the ready and the pending ones take off the line until then is taken off here. So while the pending
        /// ones start up and the line grows as foreseen, the answer stays what it was when they were ordered.
        func forecast(
            joins: Double,
            policy: ScalingPolicy,
            signals: PoolSignals,
            pool: PoolState,
            now: Instant
        ) -> Int {
            let horizon = policy.slowStartSeconds
            let typical = policy.typicalStartNanoseconds
            let perWorker = policy.model.visitorsPerSecond(
                slots: policy.limits.slotsPerWorker,
                limits: policy.limits
            )
            var relief = signals.admissionsPerSecond * horizon
            for started in pool.pending {
                let age = max(0, now.nanoseconds(since: started))
                // Whoever is late is expected to take half as long again, as `StartTimes` has it.
                let left = age <= typical ? typical - age : age / 2
                relief += perWorker * max(0, horizon - Double(left) / 1e9)
            }
            let length = max(0, self.length + joins * horizon - relief)
            let goal = max(self.goalSeconds, horizon * ScalingPolicy.drainOverStart)
            let visitors = self.visitorsPerSecond(length: length, joins: joins, goalSeconds: goal)
            let load = policy.load(ofVisitorsPerSecond: visitors)
            return Staffing.workers(forLoad: load, limits: policy.limits)
        }
    }
}
