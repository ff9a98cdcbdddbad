import DequeModule
import Pools
import Primitives
import Scaling
import Settings

/// A pool in virtual time: the controller's policy and reconciliation, workers of the pool's shape, and the gateway's
/// choice among those that it has heard of, with the line in front of them.
///
/// Limits: those of the pool's settings.
struct SimulatedPool {
    /// From the start of a process to its word that it listens.
    static let processNanoseconds = 20 * Nanoseconds.perMillisecond
    /// How often the controller asks whether a worker is ready.
    static let probeNanoseconds = 50 * Nanoseconds.perMillisecond
    /// From the last answer to the end of the process.
    private static let endNanoseconds = 10 * Nanoseconds.perMillisecond
    /// Reports older than this are of the past.
    private static let reportNanoseconds = GatewayRoster.freshMicros * Nanoseconds.perMicrosecond

    /// What becomes of a request for a worker.
    enum Outcome: Equatable {
        case answered(at: Instant)
        /// In the gateway's line: `serveLine` tells.
        case waits
        case failed(Failure)
    }

    enum Failure: Equatable {
        /// The gateway's line is full, or the wait in it got too long.
        case line
        /// The worker's queue is full.
        case worker
        /// The worker takes longer than the gateway waits.
        case late(at: Instant)
    }

    /// What the driver of the processes has to see to.
    enum Step: Equatable {
        case becomesReady(Int, at: Instant)
        case ends(Int, at: Instant)
        case looksAgain(at: Instant)
    }

    private(set) var settings: PoolSettings
    private var policy: ScalingPolicy
    var reconciliation: Reconciliation
    private(set) var workers: [SimulatedWorker] = []
    /// As of the gateway's last look at the directory: indices of `workers` that take requests; nil before the first.
    private var heard: [Int]?
    private(set) var report: (at: Instant, signals: GatewaySignals, inFlight: [Int: Int])?
    private var reportedAt: Instant
    private var arrivals = 0
    private var unguarded = 0
    private var admissions = 0
    private var errors = 0
    private var latency = LatencyAhead()
    /// How many times slower than their shape all workers are.
    var slowness = 1.0 {
        didSet { for index in self.workers.indices { self.workers[index].slowness = self.slowness } }
    }
    private var random: SplitMix64
    /// Requests that wait for a worker, by the caller's tickets.
    private var line = Deque<(ticket: UInt64, until: Instant)>()
    private(set) var decision: ScalingDecision?
    /// When the reconciliation has last asked to be called.
    private var looksAt: Instant?
    /// Of workers that have ended.
    private var pastWorkerNanoseconds: Int64 = 0
    /// Before this, workers cost nothing: it is when the run begins.
    private let countedFrom: Instant

    init(_ settings: PoolSettings, seed: UInt64, now: Instant, countedFrom: Instant) {
        self.settings = settings
        self.policy = ScalingPolicy(limits: ScalingLimits(settings))
        var random = SplitMix64(seed: seed)
        self.reconciliation = Reconciliation(limits: Reconciliation.Limits(settings), seed: random.next())
        self.random = random
        self.reportedAt = now
        self.countedFrom = countedFrom
        guard settings.driver == .static else { return }
        self.workers = settings.workers.indices.map {
            SimulatedWorker(number: $0 + 1, shape: settings.worker, startedAt: now)
        }
        self.heard = Array(self.workers.indices)
    }

    mutating func apply(_ settings: PoolSettings) {
        self.settings = settings
        self.policy.limits = ScalingLimits(settings)
        self.reconciliation.limits = Reconciliation.Limits(settings)
    }

    var state: PoolState {
        self.settings.driver == .static ? PoolState(ready: self.workers.count) : self.reconciliation.state
    }
    /// As far as the gateway knows.
    var healthy: Int64? { self.heard.map { Int64($0.count) } }

    // MARK: Requests

    mutating func countArrival(isUnguarded: Bool = false) {
        self.arrivals += 1
        if isUnguarded { self.unguarded += 1 }
    }
    mutating func countAdmission() { self.admissions += 1 }

    /// - Parameter ticket: the caller's name for the request, should it have to wait.
    mutating func acquire(ticket: UInt64, now: Instant) -> Outcome {
        if let outcome = self.serve(now: now) { return outcome }
        guard self.line.count < self.settings.waitingRequests else {
            self.errors += 1
            return .failed(.line)
        }
        self.line.append((ticket, now.advanced(byNanoseconds: self.settings.waitingTimeoutNanoseconds)))
        return .waits
    }

    /// Nil when no worker has room.
    private mutating func serve(now: Instant) -> Outcome? {
        let ready = self.heard ?? []
        guard !ready.isEmpty else { return nil }
        let limit = self.settings.connectionsPerWorker
        let position = WorkerChoice.pick(count: ready.count, random: &self.random) { position in
            let load = self.workers[ready[position]].inFlight(now: now)
            return WorkerChoice.Candidate(load: load, hasRoom: load < limit)
        }
        guard let position else { return nil }
        guard let end = self.workers[ready[position]].take(now: now) else {
            self.errors += 1
            return .failed(.worker)
        }
        let took = end.nanoseconds(since: now)
        guard took <= self.settings.responseTimeoutNanoseconds else {
            self.errors += 1
            return .failed(.late(at: now.advanced(byNanoseconds: self.settings.responseTimeoutNanoseconds)))
        }
        self.latency.record(nanoseconds: took, endsAt: end, since: self.reportedAt)
        return .answered(at: end)
    }

    /// Those in the gateway's line who can be served now, or have waited too long.
    mutating func serveLine(now: Instant) -> [(ticket: UInt64, outcome: Outcome)] {
        var done: [(UInt64, Outcome)] = []
        while let first = self.line.first {
            if first.until <= now {
                self.errors += 1
                done.append((first.ticket, .failed(.line)))
            } else if let outcome = self.serve(now: now) {
                done.append((first.ticket, outcome))
            } else {
                break
            }
            self.line.removeFirst()
        }
        return done
    }

    /// When the line is to be looked at again; nil while nobody waits in it.
    var lineAt: Instant? {
        guard let first = self.line.first else { return nil }
        let endings = (self.heard ?? []).compactMap { self.workers[$0].nextEnding }
        return min(first.until, endings.min() ?? first.until)
    }

    // MARK: The gateway's second

    /// The gateway looks at the controller's list of workers.
    mutating func readDirectory() {
        guard self.settings.driver != .static else { return }
        var ready: [Int] = []
        for worker in self.reconciliation.workers where worker.state == .ready {
            if let index = self.index(of: worker.number) { ready.append(index) }
        }
        self.heard = ready
    }

    mutating func countInFlight(at index: Int, now: Instant) -> Int { self.workers[index].inFlight(now: now) }

    private func index(of number: Int) -> Int? { self.workers.firstIndex { $0.number == number } }

    /// The gateway tells what it has seen since the last time.
    mutating func reportSignals(rooms: [String: RoomSignals], now: Instant) {
        var inFlight: [Int: Int] = [:]
        var sum = 0
        for index in self.workers.indices {
            let count = self.workers[index].inFlight(now: now)
            inFlight[self.workers[index].number] = count
            sum += count
        }
        let signals = GatewaySignals(
            gateway: SimulatedSite.gateway,
            intervalMicros: max(1, now.nanoseconds(since: self.reportedAt) / Nanoseconds.perMicrosecond),
            arrivals: self.arrivals,
            unguarded: self.unguarded,
            admissions: self.admissions,
            waiting: rooms.values.reduce(0) { $0 + $1.waiting },
            rooms: RoomSignals.longest(of: ByName(rooms)),
            inFlight: sum,
            queued: self.line.count,
            errors: self.errors,
            latency: self.latency.next()
        )
        self.report = (now, signals, inFlight)
        self.reportedAt = now
        self.arrivals = 0
        self.unguarded = 0
        self.admissions = 0
        self.errors = 0
        self.readDirectory()
    }

    // MARK: The controller

    /// One round: how many workers are desired, and which rate the pool offers to its rooms, with what stands in front of
    /// them.
    mutating func control(
        _ rooms: [RoomSettings],
        wallMicros: Int64,
        now: Instant
    ) -> (rateMilli: Int64, lines: RoomLines?, steps: [Step]) {
        let report = self.freshReport(now: now)
        let lines = report.map { RoomLines([$0.signals]) }
        let signals = self.signals(rooms, wallMicros: wallMicros, now: now)
        self.policy.limits.openings = ScalingLimits.openings(
            of: rooms,
            lines: lines ?? RoomLines(),
            now: now,
            wallMicros: wallMicros
        )
        let decision = self.policy.decide(signals: signals, pool: self.state, now: now, wallMicros: wallMicros)
        self.decision = decision
        var steps: [Step] = []
        if self.settings.driver != .static {
            let actions = self.reconciliation.reconcile(
                desired: decision.desiredWorkers,
                inFlight: report?.inFlight,
                now: now
            )
            steps = self.carryOut(actions, now: now)
        }
        return (decision.admissionRateMilli, lines, steps)
    }

    func freshReport(now: Instant) -> (at: Instant, signals: GatewaySignals, inFlight: [Int: Int])? {
        self.report.flatMap { now.nanoseconds(since: $0.at) <= Self.reportNanoseconds ? $0 : nil }
    }

    /// What the gateway has told, as whoever decides on the pool's size gets it; nil when it told nothing lately.
    func signals(_ rooms: [RoomSettings], wallMicros: Int64, now: Instant) -> PoolSignals? {
        self.freshReport(now: now).map {
            PoolSignals(
                [$0.signals],
                rooms: rooms,
                drainGoalNanoseconds: self.settings.scaling.drainGoalNanoseconds,
                wallMicros: wallMicros
            )
        }
    }

    mutating func carryOut(_ actions: [Reconciliation.Action], now: Instant) -> [Step] {
        var steps: [Step] = []
        for action in actions {
            switch action {
            case .start(let number):
                var worker = SimulatedWorker(number: number, shape: self.settings.worker, startedAt: now)
                worker.slowness = self.slowness
                self.workers.append(worker)
                // The first question comes with the address, the others follow.
                let start = self.settings.worker.startTimeNanoseconds
                let probes = (start + Self.probeNanoseconds - 1) / Self.probeNanoseconds
                let took = Self.processNanoseconds + probes * Self.probeNanoseconds
                steps.append(.becomesReady(number, at: now.advanced(byNanoseconds: took)))
            case .drain, .revive: break
            case .stop(let number):
                guard let index = self.index(of: number) else { break }
                let last = max(now, self.workers[index].lastEnding ?? now)
                steps.append(.ends(number, at: last.advanced(byNanoseconds: Self.endNanoseconds)))
            case .kill(let number): steps.append(.ends(number, at: now))
            }
        }
        if let deadline = self.reconciliation.nextDeadline, deadline != self.looksAt {
            self.looksAt = deadline
            steps.append(.looksAgain(at: deadline))
        }
        return steps
    }

    /// A worker passes its readiness check, unless it was told to end meanwhile. True when it does.
    mutating func becameReady(_ number: Int, now: Instant) -> Bool {
        guard case .starting? = self.reconciliation.worker(number)?.state else { return false }
        self.policy.workerStarted(after: self.reconciliation.becameReady(number, now: now))
        return true
    }

    /// The worker's process has ended; false when that was known.
    mutating func ended(_ number: Int, now: Instant) -> Bool {
        guard self.reconciliation.worker(number) != nil, let index = self.index(of: number) else { return false }
        _ = self.reconciliation.ended(number, now: now)
        self.pastWorkerNanoseconds += self.cost(of: self.workers[index], until: now)
        self.workers.remove(at: index)
        // Indices have moved; nobody sends anything to a worker that has ended.
        self.heard = self.heard?.compactMap { $0 == index ? nil : $0 > index ? $0 - 1 : $0 }
        return true
    }

    mutating func timePassed(now: Instant) -> [Step] {
        self.looksAt = nil
        return self.carryOut(self.reconciliation.timePassed(now: now), now: now)
    }

    // MARK: Cost

    /// Time of workers since the start of the run, from the start of each process to its end.
    func workerNanoseconds(until now: Instant) -> Int64 {
        self.workers.reduce(self.pastWorkerNanoseconds) { $0 + self.cost(of: $1, until: now) }
    }

    private func cost(of worker: SimulatedWorker, until now: Instant) -> Int64 {
        max(0, now.nanoseconds(since: max(worker.startedAt, self.countedFrom)))
    }
}
