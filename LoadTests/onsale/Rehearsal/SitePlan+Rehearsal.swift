import Settings

/// The plan of a run on the operator's own file.
extension SitePlan {
    /// Why such a room is not judged by its opening.
    static let hasNoOpening = "the room has no opening"
    /// So much more than the fewest workers carry must be asked of them for more to be needed.
    private static let growthFactor = 1.5

    init(
        _ scenario: Scenario,
        room: RoomSettings,
        pool: PoolSettings,
        route: RoomRoute,
        copy: SandboxedFile,
        hasOpening: Bool
    ) throws(RehearsalProblem) {
        self.init(scenario)
        self.room = room.name
        self.pool = pool.name
        self.route = route
        self.copy = copy
        self.hasOpening = hasOpening
        self.binding = room.binding
        self.slots = Int(room.slots)
        self.sessionSeconds = Int((room.sessionMicros + 999_999) / 1_000_000)
        self.journalEntries = room.journalEntries
        let capacity = PoolCapacity(pool, scenario)
        self.takeWorkers(pool, capacity)
        self.takeLimits(room, capacity)
        self.leaveOut(room, pool, scenario, capacity)
        try self.checkCrowd(scenario, room, capacity)
    }

    private mutating func takeWorkers(_ pool: PoolSettings, _ capacity: PoolCapacity) {
        self.fewestWorkers = pool.minWorkers
        self.mostWorkers = pool.maxWorkers
        self.slotsPerWorker = pool.worker.slots
        self.serviceMilliseconds = capacity.serviceMilliseconds
        self.requestsPerVisitor = capacity.requestsPerVisitor
        self.spread = pool.worker.spread
        self.queuePerWorker = pool.worker.queue
        self.startSeconds = Int((pool.worker.startTimeNanoseconds + 999_999_999) / 1_000_000_000)
        self.utilization = pool.scaling.utilization
        self.drainGoalSeconds = Int(pool.scaling.drainGoalNanoseconds / 1_000_000_000)
        self.scaleDownAfterSeconds = Int(pool.scaling.scaleDownAfterNanoseconds / 1_000_000_000)
    }

    /// The file's limits, raised and lowered again at the same shares of the run as those of the tool's own site.
    private mutating func takeLimits(_ room: RoomSettings, _ capacity: PoolCapacity) {
        self.before = Limits(inflowMilli: room.inflowMilli, burst: Int(room.burst))
        let raised = Limits(
            inflowMilli: max(room.inflowMilli + 1, Int64(Double(room.inflowMilli) * Self.raise)),
            burst: Int(room.burst)
        )
        self.changes = zip(self.changes.suffix(2), [raised, self.before]).map {
            Change(seconds: $0.seconds, limits: $1)
        }
        if let due = capacity.due(ofInflowMilli: raised.inflowMilli, fewestWorkers: self.fewestWorkers) {
            self.carriedMilli = due.milli
            self.notes.append(due.note)
        }
    }

    private mutating func leaveOut(
        _ room: RoomSettings,
        _ pool: PoolSettings,
        _ scenario: Scenario,
        _ capacity: PoolCapacity
    ) {
        if !self.hasOpening { self.leftOut[.opening] = Self.hasNoOpening }
        let waiting = Double(scenario.visitors) * scenario.curve.shareBeforeOpening
        let asked = min(Double(room.inflowMilli), waiting / Double(max(1, self.drainGoalSeconds)) * 1000)
        if pool.minWorkers == pool.maxWorkers {
            self.leftOut[.workers] = "the number of workers is fixed"
        } else if self.scaleDownAfterSeconds > Rehearsal.mostScaleDownSeconds {
            self.leftOut[.workers] =
                "scale_down_after is \(self.scaleDownAfterSeconds) s, and a run waits for "
                + "\(Rehearsal.mostScaleDownSeconds) s at most"
        } else if asked < Double(capacity.carriedMilli(workers: self.fewestWorkers)) * Self.growthFactor {
            self.leftOut[.workers] = "the fewest workers carry this crowd: no more are needed"
        }
        if case .none = room.binding {
            self.notes.append("bind is none, so a stolen pass is good: none is tried")
            self.probeKinds.removeAll { $0 == .stolenPass }
        }
    }

    /// A crowd that cannot be in by the end of the run would be a verdict on the plan, not on the site.
    private func checkCrowd(
        _ scenario: Scenario,
        _ room: RoomSettings,
        _ capacity: PoolCapacity
    ) throws(RehearsalProblem) {
        let noShowShare = scenario.mean(\.noShowShare)
        let people = Double(scenario.visitors) * (1 - noShowShare)
        let seconds = scenario.durationSeconds - (self.hasOpening ? scenario.curve.openingSeconds : 0)
        let drainSeconds = max(0, seconds * Self.drainedShare - scenario.mean(\.longestThinkSeconds))
        // The bucket is full when the sale begins; but nobody gets in without a slot, or is served without a worker.
        let atOnce = min(self.before.burst, self.slots)
        let perSecond = Double(self.before.inflowMilli) / 1000
        let carried = Double(capacity.carriedMilli(workers: self.mostWorkers)) / 1000
        let most = min(Double(atOnce) + perSecond * drainSeconds, carried * drainSeconds)
        guard people <= most else {
            throw RehearsalProblem(
                "\(Format.count(scenario.visitors)) visitors cannot be in by the end of the run: the room lets in "
                    + "\(Format.count(atOnce)) at once and \(Format.decimal(perSecond))/s, and the workers carry about "
                    + "\(Format.decimal(carried))/s, which is \(Format.count(Int(most))) in time; use --visitors "
                    + "\(max(1, Int(most / (1 - noShowShare)))) or fewer, or more --seconds"
            )
        }
        let problem = room.tooFewSlots(for: scenario, hasOpening: self.hasOpening)
        if let problem { throw RehearsalProblem(problem) }
    }
}
