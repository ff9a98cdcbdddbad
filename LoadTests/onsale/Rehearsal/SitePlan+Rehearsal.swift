import Settings

/// The plan of a run on the operator's own file.
extension SitePlan {
    /// Of what workers can carry by their shape, the share that the judge asks for: service times vary, and the policy
    /// keeps some room.
    private static let carriedShare = 0.7
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
        self.takeWorkers(pool)
        self.takeLimits(room, scenario, requests: pool.scaling.requestsPerVisitor)
        self.leaveOut(room, pool, scenario)
        try self.checkCrowd(scenario, room.name)
    }

    private mutating func takeWorkers(_ pool: PoolSettings) {
        self.fewestWorkers = pool.minWorkers
        self.mostWorkers = pool.maxWorkers
        self.slotsPerWorker = pool.worker.slots
        self.serviceMilliseconds = max(1, Int(pool.worker.serviceTimeNanoseconds / 1_000_000))
        self.spread = pool.worker.spread
        self.queuePerWorker = pool.worker.queue
        self.startSeconds = Int((pool.worker.startTimeNanoseconds + 999_999_999) / 1_000_000_000)
        self.utilization = pool.scaling.utilization
        self.drainGoalSeconds = Int(pool.scaling.drainGoalNanoseconds / 1_000_000_000)
        self.scaleDownAfterSeconds = Int(pool.scaling.scaleDownAfterNanoseconds / 1_000_000_000)
    }

    /// The file's limits, raised and lowered again at the same shares of the run as those of the tool's own site.
    private mutating func takeLimits(_ room: RoomSettings, _ scenario: Scenario, requests: Double) {
        let crowdRequests = scenario.mean { Double($0.fewestRequests + $0.mostRequests) / 2 }
        self.requestsPerVisitor = Int(max(requests, crowdRequests).rounded(.up))
        self.before = Limits(inflowMilli: room.inflowMilli, burst: Int(room.burst))
        let raised = Limits(
            inflowMilli: max(room.inflowMilli + 1, Int64(Double(room.inflowMilli) * Self.raise)),
            burst: Int(room.burst)
        )
        self.changes = zip(self.changes.suffix(2), [raised, self.before]).map {
            Change(seconds: $0.seconds, limits: $1)
        }
        let carried = self.carriedMilli(workers: self.fewestWorkers)
        if carried < raised.inflowMilli {
            self.carriedMilli = carried
            self.notes.append(
                "the fewest workers (\(self.fewestWorkers)) carry about \(SandboxedFile.rate(carried)) for sure, by their "
                    + "shape: that much of the inflow must be used while people wait"
            )
        }
    }

    /// Visitors a second, in thousandths, that so many workers serve for sure.
    private func carriedMilli(workers: Int) -> Int64 {
        let slots = Double(workers * self.slotsPerWorker) * self.utilization
        let requests = slots * 1000 / Double(self.serviceMilliseconds)
        return Int64(requests / Double(self.requestsPerVisitor) * Self.carriedShare * 1000)
    }

    private mutating func leaveOut(_ room: RoomSettings, _ pool: PoolSettings, _ scenario: Scenario) {
        if !self.hasOpening { self.leftOut[.opening] = "the room has no opening" }
        let waiting = Double(scenario.visitors) * scenario.curve.shareBeforeOpening
        let asked = min(Double(room.inflowMilli), waiting / Double(max(1, self.drainGoalSeconds)) * 1000)
        if pool.minWorkers == pool.maxWorkers {
            self.leftOut[.workers] = "the number of workers is fixed"
        } else if self.scaleDownAfterSeconds > Rehearsal.mostScaleDownSeconds {
            self.leftOut[.workers] =
                "scale_down_after is \(self.scaleDownAfterSeconds) s, and a run waits for "
                + "\(Rehearsal.mostScaleDownSeconds) s at most"
        } else if asked < Double(self.carriedMilli(workers: self.fewestWorkers)) * Self.growthFactor {
            self.leftOut[.workers] = "the fewest workers carry this crowd: no more are needed"
        }
        if case .none = room.binding {
            self.notes.append("bind is none, so a stolen pass is good: none is tried")
            self.probeKinds.removeAll { $0 == .stolenPass }
        }
    }

    /// A crowd that cannot be in by the end of the run would be a verdict on the plan, not on the site.
    private func checkCrowd(_ scenario: Scenario, _ room: String) throws(RehearsalProblem) {
        let noShowShare = scenario.mean(\.noShowShare)
        let people = Double(scenario.visitors) * (1 - noShowShare)
        let pace = Double(min(self.before.inflowMilli, self.carriedMilli(workers: self.mostWorkers))) / 1000
        let seconds = scenario.durationSeconds - (self.hasOpening ? scenario.curve.openingSeconds : 0)
        let most = max(0, pace * (seconds * Self.drainedShare - scenario.mean(\.longestThinkSeconds)))
        guard people <= most else {
            throw RehearsalProblem(
                "\(Format.count(scenario.visitors)) visitors cannot be in by the end of the run: the file lets in about "
                    + "\(Format.decimal(pace))/s, which is \(Format.count(Int(most))) in time; use --visitors "
                    + "\(max(1, Int(most / (1 - noShowShare)))) or fewer, or more --seconds"
            )
        }
        let staying = people * (1 - scenario.mean(\.leavePageShare))
        guard Double(self.sessionSeconds) < seconds || staying < Double(self.slots) * 0.9 else {
            throw RehearsalProblem(
                "one visitor in ten closes the window and holds the slot for a session_length of "
                    + "\(self.sessionSeconds) s: of \(Format.count(scenario.visitors)) visitors more than the "
                    + "\(Format.count(self.slots)) slots of the room \(room) hold in a run that is shorter; use fewer "
                    + "--visitors"
            )
        }
    }
}
