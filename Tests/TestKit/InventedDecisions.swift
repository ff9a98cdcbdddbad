import Decisions
import Primitives
import Scaling

/// Decisions of a policy over signals that a seed draws, as a controller would journal them: with lines, openings, late
/// starts, lost signals, silent gateways, and limits that change on the way.
public struct InventedDecisions {
    public struct Moment: Sendable {
        /// As of before the decision.
        public let head: DecisionHead
        public let entry: DecisionEntry

        public init(head: DecisionHead, entry: DecisionEntry) {
            self.head = head
            self.entry = entry
        }
    }

    private var random: SplitMix64
    private var limits: ScalingLimits
    private var policy: ScalingPolicy
    private var ready = 1
    private var pending: [Instant] = []
    private var waiting = 0
    private var number: Int64 = 0
    private let start: Int64
    public let controller: String
    public private(set) var fence: Int64
    /// Sunday, 2026-11-22, noon.
    public static let startMicros: Int64 = 1_795_348_800_000_000

    public init(seed: UInt64, controller: String = "c@1", fence: Int64 = 1, maxWorkers: Int = 40) {
        self.random = SplitMix64(seed: seed)
        self.limits = ScalingLimits(minWorkers: 1, maxWorkers: maxWorkers, slotsPerWorker: 8)
        if seed.isMultiple(of: 2) {
            self.limits.costCap = CostCap(workerSeconds: 1_200, windowNanoseconds: 600 * Nanoseconds.perSecond)
        }
        self.policy = ScalingPolicy(limits: self.limits)
        self.start = 1 + Int64(self.random.next() % 20)
        self.controller = controller
        self.fence = fence
    }

    /// It leads again, after another one.
    public mutating func beginTerm(fence: Int64) {
        self.fence = fence
        self.policy.beginTerm()
    }

    private mutating func draw(_ most: Double) -> Double { self.random.nextUnit() * most }
    private mutating func oneIn(_ count: UInt64) -> Bool { self.random.next() % count == 0 }

    private mutating func signals() -> PoolSignals? {
        guard !self.oneIn(30) else { return nil }
        var latency = LatencyHistogram()
        for _ in 0..<Int(self.draw(60)) { latency.record(nanoseconds: Int64(self.draw(400) * 1e6)) }
        self.waiting = max(0, self.waiting + Int(self.draw(120)) - 55)
        let arrivals = self.draw(1) * self.draw(1_500)
        return PoolSignals(
            arrivalsPerSecond: arrivals,
            unguardedPerSecond: self.oneIn(2) ? 0 : self.draw(arrivals),
            admissionsPerSecond: self.draw(60),
            inFlight: Int(self.draw(100)),
            queued: self.oneIn(3) ? Int(self.draw(40)) : 0,
            waiting: self.waiting,
            inflowLimitPerSecond: self.oneIn(2) ? .infinity : self.draw(200),
            lineInflowPerSecond: self.oneIn(2) ? 0 : self.draw(200),
            latency: latency,
            errorsPerSecond: self.oneIn(10) ? self.draw(20) : 0,
            gatewaysReporting: 2,
            gatewaysSilent: self.oneIn(20) ? 1 : 0
        )
    }

    public mutating func next() -> Moment {
        self.number += 1
        // Now and then a worker's start asks for a decision in between.
        let nanoseconds = self.number * Nanoseconds.perSecond + Int64(self.draw(0.9) * 1e9)
        let now = Instant(nanoseconds: 3_600_000_000_000).advanced(byNanoseconds: nanoseconds)
        var starts: [Int64] = []
        for started in self.pending where now.nanoseconds(since: started) >= self.start * Nanoseconds.perSecond {
            starts.append(now.nanoseconds(since: started))
        }
        self.pending.removeAll { now.nanoseconds(since: $0) >= self.start * Nanoseconds.perSecond }
        self.ready += starts.count
        for start in starts { self.policy.workerStarted(after: start) }
        if self.oneIn(100) { self.limits.maxWorkers = 20 + Int(self.draw(30)) }
        self.policy.limits = self.limits
        if self.number % 90 < 25 {
            let left = (25 - self.number % 90) * Nanoseconds.perSecond
            self.policy.limits.openings = [
                .init(at: now.advanced(byNanoseconds: left), waiting: 40, inflowPerSecond: 50)
            ]
        }
        let signals = self.signals()
        let pool = PoolState(
            ready: self.ready,
            pending: self.pending,
            draining: self.oneIn(10) ? 1 : 0,
            slots: self.oneIn(2) ? nil : self.ready * 8
        )
        let before = self.policy
        let decision = self.policy.decide(signals: signals, pool: pool, now: now)
        while self.ready + self.pending.count < decision.desiredWorkers { self.pending.append(now) }
        while self.ready + self.pending.count > decision.desiredWorkers {
            if self.pending.popLast() == nil { self.ready -= 1 }
        }
        let micros = Self.startMicros + nanoseconds / 1_000
        return Moment(
            head: DecisionHead(
                pool: "tickets",
                controller: self.controller,
                fence: self.fence,
                wallMicros: micros,
                next: self.number,
                policy: before
            ),
            entry: DecisionEntry(
                number: self.number,
                fence: self.fence,
                wallMicros: micros,
                at: now,
                starts: starts,
                limits: before.limits.withoutStanding,
                signals: signals,
                rooms: self.waiting > 0 ? ["onsale": self.waiting] : [:],
                pool: pool,
                decision: decision
            )
        )
    }

    public mutating func moments(_ count: Int) -> [Moment] { (0..<count).map { _ in self.next() } }
}
