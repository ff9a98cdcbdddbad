import Primitives
import Scaling
import Settings

/// Which worker processes of a pool to start, drain, stop and kill: a value without processes, timers or a log.
///
/// A driver tells it what is desired and what has happened, and does what the returned actions say, in their order.
/// Between events it sleeps until `nextDeadline` and then calls `timePassed`. What cannot happen in a worker's state
/// traps.
///
/// ```
/// start → starting → ready → draining → stopping → (gone)
///             ↘ not ready in time ↗
/// ```
/// A worker that ends by itself before it was told to is a crash; after a crash, and after a start that failed, nothing
/// is started for a while, which grows with every such event until there was a minute without one. Workers that die
/// together are one event: what killed them has nothing to do with how often they were started.
///
/// A ready worker is asked again and again; one that fails so often in a row is told to end, and another one is started
/// for it. While the latest question failed with more than half of the ready ones, they go one by one, each when the one
/// in place of the last is there: what strikes most of them at once is seldom their own fault.
public struct Reconciliation: Sendable {
    /// Workers are known by the number of their start.
    public typealias Number = Int

    public enum Action: Equatable, Sendable {
        case start(Number)
        /// Gateways are to send it nothing more.
        case drain(Number)
        /// Gateways are to send it requests again.
        case revive(Number)
        /// Ask it to end.
        case stop(Number)
        /// It did not end when it was asked to.
        case kill(Number)
    }

    public enum State: Equatable, Sendable {
        /// Its process runs; it has not passed its readiness check yet.
        case starting(deadline: Instant)
        case ready
        case draining(since: Instant)
        /// Was told to end: because it is not needed, or because it did not get ready.
        case stopping(isWanted: Bool, killAt: Instant?)
    }

    public struct Worker: Equatable, Sendable {
        public let number: Number
        public let startedAt: Instant
        /// Requests that it serves at once, by the settings that it was started with; nil: not known.
        public let slots: Int?
        public internal(set) var state: State
        /// It is to go for good, and not to be taken back while it drains.
        public internal(set) var isDismissed = false
        /// Questions in a row that it did not answer well, since it became ready.
        public fileprivate(set) var failedProbes = 0
    }

    /// What became of a worker whose process has ended.
    public enum Ending: Equatable, Sendable {
        /// It had been told to.
        case stopped
        /// It had not, or it did not get ready; the next start is put off by so many nanoseconds.
        case crashed(pauseNanoseconds: Int64)
    }

    public struct Limits: Equatable, Sendable {
        public var startTimeoutNanoseconds: Int64
        public var drainTimeoutNanoseconds: Int64
        /// A ready worker that failed so often in a row is replaced; 0: never.
        public var probeFailures: Int
        /// Of a worker.
        public var slots: Int?

        public init(
            startTimeoutNanoseconds: Int64,
            drainTimeoutNanoseconds: Int64,
            probeFailures: Int = 3,
            slots: Int? = nil
        ) {
            self.slots = slots
            self.startTimeoutNanoseconds = startTimeoutNanoseconds
            self.drainTimeoutNanoseconds = drainTimeoutNanoseconds
            self.probeFailures = probeFailures
        }
    }

    /// A gateway learns of a draining worker with its next look at the directory; before that it may still send.
    public static let noticeNanoseconds = 2 * Nanoseconds.perSecond
    /// Between the polite and the final signal.
    public static let killGraceNanoseconds = 5 * Nanoseconds.perSecond
    public static let shortestPauseNanoseconds = 200 * Nanoseconds.perMillisecond
    public static let longestPauseNanoseconds = 10 * Nanoseconds.perSecond
    /// Workers that ran when the first of them died, and die within this, died together.
    public static let eventNanoseconds = 2 * Nanoseconds.perSecond
    /// With some worker ready and none dying for so long, what was before is of the past.
    public static let stableNanoseconds = 60 * Nanoseconds.perSecond

    /// In force for what begins from now on; a worker that is starting keeps its deadline, and every worker its slots.
    public var limits: Limits
    /// In the order of their starts.
    public internal(set) var workers: [Worker] = []
    public private(set) var crashes = 0
    public internal(set) var isStopping = false
    public internal(set) var desired = 0
    var started = 0
    private var backoff: Backoff
    /// Nothing is started before it; nil when nothing stands against it.
    private var pausedUntil: Instant?
    /// When the latest event began: a crash, or a start that failed.
    private var eventAt: Instant?
    /// Since then a worker has been ready and none has died.
    private var stableSince: Instant?

    public init(limits: Limits, seed: UInt64) {
        self.limits = limits
        self.backoff = Backoff(
            shortestNanoseconds: Self.shortestPauseNanoseconds,
            longestNanoseconds: Self.longestPauseNanoseconds,
            seed: seed
        )
    }

    // MARK: What is desired

    /// Moves towards `desired` workers, those that are starting included. `inFlight` tells how many requests gateways
    /// have under way with each worker; nil when they did not tell, in which case nobody is taken to be idle.
    public mutating func reconcile(desired: Int, inFlight: [Number: Int]?, now: Instant) -> [Action] {
        guard !self.isStopping else { return self.stopQuiet(inFlight: inFlight, now: now) }
        self.desired = desired
        let live = self.workers.filter(\.isLive)
        var actions: [Action] = []
        if live.count > desired {
            actions = self.retire(live.count - desired, of: live, inFlight: inFlight ?? [:], now: now)
        } else if live.count < desired {
            actions = self.revive(desired - live.count)
        }
        actions += self.stopQuiet(inFlight: inFlight, now: now)
        return actions + self.fill(now: now)
    }

    /// Stops those that have drained.
    private mutating func stopQuiet(inFlight: [Number: Int]?, now: Instant) -> [Action] {
        self.workers.compactMap { worker in
            guard case .draining(let since) = worker.state else { return nil }
            let isQuiet = inFlight.map { $0[worker.number] ?? 0 == 0 } ?? false
            guard isQuiet, now.nanoseconds(since: since) >= Self.noticeNanoseconds else { return nil }
            return self.stop(worker.number, isWanted: true, now: now)
        }
    }

    /// Starts what is missing, unless that has to wait.
    private mutating func fill(now: Instant) -> [Action] {
        if let paused = self.pausedUntil {
            guard now >= paused else { return [] }
            self.pausedUntil = nil
        }
        let missing = self.desired - self.workers.lazy.filter(\.isLive).count
        guard missing > 0 else { return [] }
        return (0..<missing).map { _ in
            self.started += 1
            let deadline = now.advanced(byNanoseconds: self.limits.startTimeoutNanoseconds)
            self.workers.append(
                Worker(
                    number: self.started,
                    startedAt: now,
                    slots: self.limits.slots,
                    state: .starting(deadline: deadline)
                )
            )
            return .start(self.started)
        }
    }

    /// Those who drain have not been told to end: taken back they serve at once. The last to go come first.
    private mutating func revive(_ count: Int) -> [Action] {
        let draining = self.workers.compactMap { worker -> (since: Instant, number: Number)? in
            guard case .draining(let since) = worker.state, !worker.isDismissed else { return nil }
            return (since, worker.number)
        }
        return draining.sorted { ($0.since, $0.number) > ($1.since, $1.number) }.prefix(count).map { worker in
            self.change(worker.number) {
                $0.state = .ready
                $0.failedProbes = 0
            }
            return .revive(worker.number)
        }
    }

    /// Those who are not ready go first, and of them the youngest, who has the longest way to go; then the idlest.
    private mutating func retire(
        _ count: Int,
        of live: [Worker],
        inFlight: [Number: Int],
        now: Instant
    ) -> [Action] {
        let order = live.sorted { left, right in
            if (left.state == .ready) != (right.state == .ready) { return right.state == .ready }
            let (leftLoad, rightLoad) = (inFlight[left.number] ?? 0, inFlight[right.number] ?? 0)
            if left.state == .ready, leftLoad != rightLoad { return leftLoad < rightLoad }
            return left.number > right.number
        }
        return order.prefix(count).map { worker in
            guard worker.state == .ready else { return self.stop(worker.number, isWanted: true, now: now) }
            self.change(worker.number) { $0.state = .draining(since: now) }
            return .drain(worker.number)
        }
    }

    // MARK: What has happened

    /// A worker passed its readiness check. Returns how long its start took, in nanoseconds.
    public mutating func becameReady(_ number: Number, now: Instant) -> Int64 {
        if self.stableSince == nil { self.stableSince = now }
        var took: Int64 = 0
        self.change(number) { worker in
            guard case .starting = worker.state else {
                preconditionFailure("worker \(number) became ready and is \(worker.state)")
            }
            worker.state = .ready
            took = now.nanoseconds(since: worker.startedAt)
        }
        return took
    }

    /// A worker can never become ready, such as one that says that it listens on nonsense.
    public mutating func becameUseless(_ number: Number, now: Instant) -> [Action] {
        guard case .starting? = self.worker(number)?.state else {
            preconditionFailure("worker \(number) became useless and does not start")
        }
        return [self.stop(number, isWanted: false, now: now)]
    }

    /// There is no process for a `start`. The starts behind it in the same actions are given up with it. Returns the
    /// pause in nanoseconds.
    public mutating func startFailed(_ number: Number, now: Instant) -> Int64 {
        guard case .starting? = self.worker(number)?.state else {
            preconditionFailure("worker \(number) failed to start and does not start")
        }
        self.workers.removeAll { $0.number >= number }
        return self.pause(startedAt: now, now: now)
    }

    /// A worker's process has ended.
    public mutating func ended(_ number: Number, now: Instant) -> Ending {
        guard let worker = self.worker(number) else { preconditionFailure("worker \(number) ended twice") }
        self.workers.removeAll { $0.number == number }
        switch worker.state {
        // A draining worker is not needed: whether it ends by itself or is told to makes no difference.
        case .draining, .stopping(isWanted: true, _): return .stopped
        case .starting, .ready, .stopping(isWanted: false, _):
            guard !self.isStopping else { return .stopped }
            self.crashes += 1
            return .crashed(pauseNanoseconds: self.pause(startedAt: worker.startedAt, now: now))
        }
    }

    /// How long the next start is put off after a worker, started then, has failed.
    private mutating func pause(startedAt: Instant, now: Instant) -> Int64 {
        if let began = self.eventAt, startedAt < began, now.nanoseconds(since: began) < Self.eventNanoseconds {
            if !self.hasReady { self.stableSince = nil }
            return max(0, self.pausedUntil?.nanoseconds(since: now) ?? 0)
        }
        if let stable = self.stableSince, now.nanoseconds(since: stable) >= Self.stableNanoseconds {
            self.backoff.reset()
        }
        self.eventAt = now
        self.stableSince = self.hasReady ? now : nil
        let pause = self.backoff.next()
        self.pausedUntil = now.advanced(byNanoseconds: pause)
        return pause
    }

    private var hasReady: Bool { self.workers.contains { $0.state == .ready } }

    // MARK: How they do

    /// A ready worker was asked how it does. What comes late for one that was told to go makes no difference.
    public mutating func probed(_ number: Number, isWell: Bool, now: Instant) -> [Action] {
        guard case .ready? = self.worker(number)?.state else { return [] }
        self.change(number) { $0.failedProbes = isWell ? 0 : $0.failedProbes + 1 }
        return isWell || self.isStopping ? [] : self.replaceFailing(now: now)
    }

    private mutating func replaceFailing(now: Instant) -> [Action] {
        let ready = self.workers.filter { $0.state == .ready }
        var failing = ready.filter(self.isFailing)
        // Those that strike together fail one after the other: also who failed but once has something to say.
        if 2 * ready.count(where: { $0.failedProbes > 0 }) > ready.count {
            // The next one goes when the one in place of the last is there.
            guard ready.count == self.workers.count(where: \.isLive), ready.count >= self.desired else { return [] }
            failing = Array(failing.prefix(1))
        }
        guard !failing.isEmpty else { return [] }
        return failing.map { self.stop($0.number, isWanted: false, now: now) } + self.fill(now: now)
    }

    private func isFailing(_ worker: Worker) -> Bool {
        self.limits.probeFailures > 0 && worker.failedProbes >= self.limits.probeFailures
    }

    /// Ready workers that fail and have not been replaced, because most of the others fail, too.
    public var failing: Int { self.workers.count { $0.state == .ready && self.isFailing($0) } }

    // MARK: Time

    /// When `timePassed` has something to do, unless an event comes before; nil when never.
    public var nextDeadline: Instant? {
        var deadlines = self.workers.compactMap { self.deadline(of: $0) }
        if let paused = self.pausedUntil, !self.isStopping { deadlines.append(paused) }
        return deadlines.min()
    }

    private func deadline(of worker: Worker) -> Instant? {
        switch worker.state {
        case .starting(let deadline): deadline
        case .ready: nil
        case .draining(let since):
            since.advanced(byNanoseconds: max(Self.noticeNanoseconds, self.limits.drainTimeoutNanoseconds))
        case .stopping(_, let killAt): killAt
        }
    }

    /// Stops what did not get ready or drained long enough, kills what does not end, and starts what had to wait.
    public mutating func timePassed(now: Instant) -> [Action] {
        var actions: [Action] = []
        for worker in self.workers {
            guard let deadline = self.deadline(of: worker), deadline <= now else { continue }
            switch worker.state {
            case .starting: actions.append(self.stop(worker.number, isWanted: false, now: now))
            case .ready: preconditionFailure("a ready worker has no deadline")
            case .draining: actions.append(self.stop(worker.number, isWanted: true, now: now))
            case .stopping(let isWanted, _):
                self.change(worker.number) { $0.state = .stopping(isWanted: isWanted, killAt: nil) }
                actions.append(.kill(worker.number))
            }
        }
        return self.isStopping ? actions : actions + self.fill(now: now)
    }

    // MARK: The end

    /// Stops every worker; nothing is started any more.
    public mutating func stopAll(now: Instant) -> [Action] {
        self.isStopping = true
        return self.workers.compactMap { worker in
            if case .stopping = worker.state { return nil }
            return self.stop(worker.number, isWanted: true, now: now)
        }
    }

    // MARK: Workers

    public func worker(_ number: Number) -> Worker? { self.workers.first { $0.number == number } }

    mutating func stop(_ number: Number, isWanted: Bool, now: Instant) -> Action {
        let killAt = now.advanced(byNanoseconds: Self.killGraceNanoseconds)
        self.change(number) { worker in
            if case .stopping = worker.state { preconditionFailure("worker \(number) is told to end twice") }
            worker.state = .stopping(isWanted: isWanted, killAt: killAt)
        }
        return .stop(number)
    }

    mutating func change(_ number: Number, _ body: (inout Worker) -> Void) {
        guard let index = self.workers.firstIndex(where: { $0.number == number }) else {
            preconditionFailure("there is no worker \(number)")
        }
        body(&self.workers[index])
    }
}

extension Reconciliation.Worker {
    /// Counts towards what is desired.
    public var isLive: Bool {
        switch self.state {
        case .starting, .ready: true
        case .draining, .stopping: false
        }
    }
}

extension Reconciliation {
    /// The pool as the policy sees it: who was told to end counts among those that drain.
    public var state: PoolState {
        var ready = 0
        var slots: Int? = 0
        var pending: [Instant] = []
        var draining = 0
        for worker in self.workers {
            switch worker.state {
            case .starting: pending.append(worker.startedAt)
            case .ready:
                ready += 1
                slots = slots.flatMap { sum in worker.slots.map { sum + $0 } }
            case .draining, .stopping: draining += 1
            }
        }
        return PoolState(ready: ready, pending: pending, draining: draining, slots: slots)
    }
}

extension Reconciliation.Limits {
    public init(_ pool: PoolSettings) {
        self.init(
            startTimeoutNanoseconds: pool.startTimeoutNanoseconds,
            drainTimeoutNanoseconds: pool.drainTimeoutNanoseconds,
            probeFailures: pool.probe.failures,
            slots: pool.worker.slots
        )
    }
}
