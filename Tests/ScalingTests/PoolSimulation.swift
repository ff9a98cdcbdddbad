import Foundation
import Primitives
import Scaling

/// What happens to a simulated pool. Times are seconds from the start of the run.
struct Scenario {
    var name = ""
    var seconds = 120
    /// Visitors a second who come to the room at a time.
    var joinsPerSecond: @Sendable (Double) -> Double = { _ in 0 }
    /// Requests a second on a route without a room.
    var unguardedPerSecond: @Sendable (Double) -> Double = { _ in 0 }
    /// The room opens then; whoever comes earlier stands before the door.
    var opensAtSeconds: Double?
    /// Mean time a request holds a slot at a time.
    var serviceTimeSeconds: @Sendable (Double) -> Double = { _ in 0.02 }
    var requestsPerVisitor = 5
    var thinkTimeSeconds = 1.0
    /// Start-up time of a worker; half of it is chance when `startTimeVaries`.
    var startTimeSeconds = 8.0
    var startTimeVaries = false
    var inflowLimitPerSecond = Double.infinity
    /// Seconds of the run in which no signals reach the policy.
    var signalsLost: Range<Int> = 0..<0
    /// Seconds at which one ready worker dies, with what it had.
    var crashes: Set<Int> = []
}

/// One second of a simulated pool, as it was when the policy was asked.
struct SimulatedSecond {
    var second: Int
    var decision: ScalingDecision
    var ready: Int
    var pending: Int
    var waiting: Int
    var admitted: Int
    var inFlight: Int
    /// The 95th percentile of worker latency in this second; nil when nothing ended.
    var tailNanoseconds: Int64?
}

/// One pool of workers with slots and queues, one room, one gateway and the policy, in virtual time.
///
/// Visitors join as a Poisson process, are let in at the decided rate, and make their requests one think time after the
/// other. Requests go to the emptier of two workers chosen by chance, each with its own first-in-first-out queue without
/// end: overload is seen in full. A seed repeats a run exactly.
struct PoolSimulation {
    private struct Worker {
        enum Phase { case pending, ready, draining, gone }
        var phase = Phase.pending
        let startedAt: Int64
        var busy = 0
        var queue: [Int64] = []
        var head = 0
        var inFlight: Int { self.busy + self.queue.count - self.head }
    }

    private static let tickNanoseconds: Int64 = 50_000_000
    private let scenario: Scenario
    private let limits: ScalingLimits
    private var random: SplitMix64
    private var policy: ScalingPolicy
    private var heap = EventHeap()
    private var now: Int64 = 0
    private var workers: [Worker] = []
    /// Indices of the ready workers; kept beside `workers` because every request asks for them.
    private var ready: [Int] = []
    private var parked = 0
    private var waiting = 0
    private var rate = 0.0
    private var tokens = 0.0
    private var arrivals = 0
    private var unguarded = 0
    private var admitted = 0
    private var latency = LatencyHistogram()
    private var seconds: [SimulatedSecond] = []
    private(set) var requestsLost = 0

    init(_ scenario: Scenario, limits: ScalingLimits, seed: UInt64) {
        self.scenario = scenario
        self.limits = limits
        self.random = SplitMix64(seed: seed)
        self.policy = ScalingPolicy(limits: limits)
        for _ in 0..<limits.minWorkers { self.workers.append(Worker(phase: .ready, startedAt: 0)) }
        self.listReady()
    }

    mutating func run() -> [SimulatedSecond] {
        self.heap.schedule(.second, atNanoseconds: 0)
        self.heap.schedule(.tick, atNanoseconds: 0)
        while let next = self.heap.popFirst(), self.seconds.count < self.scenario.seconds {
            self.now = next.atNanoseconds
            switch next.event {
            case .tick: self.tick()
            case .second: self.decide()
            case .request(let left): self.request(left: left)
            case .finished(let worker, let startedAt): self.finished(worker, startedAt: startedAt)
            case .workerReady(let worker): self.workerReady(worker)
            }
        }
        return self.seconds
    }

    // MARK: - Visitors

    private var nowSeconds: Double { Double(self.now) / 1e9 }
    private var isOpen: Bool { self.nowSeconds >= self.scenario.opensAtSeconds ?? 0 }

    private mutating func tick() {
        let length = Double(Self.tickNanoseconds) / 1e9
        self.waiting += self.poisson(self.scenario.joinsPerSecond(self.nowSeconds) * length)
        for _ in 0..<self.poisson(self.scenario.unguardedPerSecond(self.nowSeconds) * length) {
            self.unguarded += 1
            self.request(left: 1)
        }
        if self.isOpen {
            let allowed = min(self.rate, self.scenario.inflowLimitPerSecond)
            self.tokens = min(self.tokens + allowed * length, max(1, allowed / 2))
            let entering = min(self.waiting, Int(self.tokens))
            self.tokens -= Double(entering)
            self.waiting -= entering
            self.admitted += entering
            for _ in 0..<entering { self.request(left: self.scenario.requestsPerVisitor) }
        }
        self.heap.schedule(.tick, atNanoseconds: self.now + Self.tickNanoseconds)
    }

    private mutating func poisson(_ mean: Double) -> Int {
        guard mean > 0 else { return 0 }
        var count = 0
        var left = mean - self.exponential()
        while left > 0 {
            count += 1
            left -= self.exponential()
        }
        return count
    }

    private mutating func exponential() -> Double { -log(1 - self.random.nextUnit()) }

    // MARK: - Requests

    /// The visitor's next request follows a think time after this one, however long this one takes: an open load.
    private mutating func request(left: Int) {
        self.arrivals += 1
        if left > 1 {
            let think = Int64(self.scenario.thinkTimeSeconds * self.exponential() * 1e9)
            self.heap.schedule(.request(left: left - 1), atNanoseconds: self.now + think)
        }
        self.dispatch()
    }

    private mutating func dispatch() {
        guard !self.ready.isEmpty else {
            self.parked += 1
            return
        }
        let first = self.ready[Int(self.random.next() % UInt64(self.ready.count))]
        let second = self.ready[Int(self.random.next() % UInt64(self.ready.count))]
        let worker = self.workers[first].inFlight <= self.workers[second].inFlight ? first : second
        if self.workers[worker].busy < self.limits.slotsPerWorker {
            self.serve(worker, arrivedAt: self.now)
        } else {
            self.workers[worker].queue.append(self.now)
        }
    }

    private mutating func serve(_ worker: Int, arrivedAt: Int64) {
        self.workers[worker].busy += 1
        let mean = self.scenario.serviceTimeSeconds(self.nowSeconds)
        let service = Int64(mean * (0.5 + 0.5 * self.exponential()) * 1e9)
        self.heap.schedule(.finished(worker: worker, startedAt: arrivedAt), atNanoseconds: self.now + service)
    }

    private mutating func finished(_ worker: Int, startedAt: Int64) {
        guard self.workers[worker].phase != .gone else { return }
        self.latency.record(nanoseconds: self.now - startedAt)
        self.workers[worker].busy -= 1
        if self.workers[worker].head < self.workers[worker].queue.count {
            let arrivedAt = self.workers[worker].queue[self.workers[worker].head]
            self.workers[worker].head += 1
            self.serve(worker, arrivedAt: arrivedAt)
        } else if self.workers[worker].phase == .draining, self.workers[worker].busy == 0 {
            self.workers[worker].phase = .gone
        }
    }

    // MARK: - Workers

    private func count(_ phase: Worker.Phase) -> Int { self.workers.reduce(0) { $0 + ($1.phase == phase ? 1 : 0) } }

    private mutating func listReady() {
        self.ready = self.workers.indices.filter { self.workers[$0].phase == .ready }
    }

    private mutating func workerReady(_ worker: Int) {
        guard self.workers[worker].phase == .pending else { return }
        self.workers[worker].phase = .ready
        self.policy.workerStarted(after: self.now - self.workers[worker].startedAt)
        self.listReady()
        let parked = self.parked
        self.parked = 0
        for _ in 0..<parked { self.dispatch() }
    }

    private mutating func drive(to desired: Int) {
        var surplus = self.count(.ready) + self.count(.pending) - desired
        while surplus < 0 {
            let factor = self.scenario.startTimeVaries ? 0.5 + self.exponential() / 2 : 1
            let start = Int64(self.scenario.startTimeSeconds * factor * 1e9)
            self.workers.append(Worker(startedAt: self.now))
            self.heap.schedule(.workerReady(self.workers.count - 1), atNanoseconds: self.now + start)
            surplus += 1
        }
        for worker in self.workers.indices.reversed() where surplus > 0 && self.workers[worker].phase == .pending {
            self.workers[worker].phase = .gone
            surplus -= 1
        }
        for worker in self.workers.indices.reversed() where surplus > 0 && self.workers[worker].phase == .ready {
            self.workers[worker].phase = self.workers[worker].inFlight == 0 ? .gone : .draining
            surplus -= 1
        }
        self.listReady()
    }

    private mutating func crash() {
        guard let worker = self.workers.indices.first(where: { self.workers[$0].phase == .ready }) else { return }
        self.requestsLost += self.workers[worker].inFlight
        self.workers[worker].phase = .gone
        self.listReady()
    }

    // MARK: - The controller's second

    private mutating func decide() {
        let second = self.seconds.count
        if self.scenario.crashes.contains(second) { self.crash() }
        let pool = PoolState(
            ready: self.count(.ready),
            pending: self.workers.filter { $0.phase == .pending }.map { self.instant($0.startedAt) },
            draining: self.count(.draining)
        )
        let inFlight = self.workers.reduce(0) { $0 + ($1.phase == .gone ? 0 : $1.inFlight) }
        let signals = PoolSignals(
            arrivalsPerSecond: Double(self.arrivals),
            unguardedPerSecond: Double(self.unguarded),
            admissionsPerSecond: Double(self.admitted),
            inFlight: inFlight,
            queued: self.parked,
            waiting: self.waiting,
            inflowLimitPerSecond: self.scenario.inflowLimitPerSecond,
            latency: self.latency,
            errorsPerSecond: 0,
            gatewaysReporting: 1
        )
        if let opensAt = self.scenario.opensAtSeconds {
            self.policy.limits.openings = [
                .init(at: self.instant(Int64(opensAt * 1e9)), waiting: self.isOpen ? 0 : self.waiting)
            ]
        }
        let lost = self.scenario.signalsLost.contains(second)
        let decision = self.policy.decide(signals: lost ? nil : signals, pool: pool, now: self.instant(self.now))
        self.seconds.append(
            SimulatedSecond(
                second: second,
                decision: decision,
                ready: pool.ready,
                pending: pool.pending.count,
                waiting: self.waiting,
                admitted: self.admitted,
                inFlight: inFlight,
                tailNanoseconds: self.latency.quantile(0.95)
            )
        )
        self.rate = decision.admissionRatePerSecond
        self.drive(to: decision.desiredWorkers)
        self.arrivals = 0
        self.unguarded = 0
        self.admitted = 0
        self.latency.reset()
        self.heap.schedule(.second, atNanoseconds: self.now + Nanoseconds.perSecond)
    }

    /// Virtual time starts an hour after boot: no rule may lean on a clock that begins at zero.
    private func instant(_ nanoseconds: Int64) -> Instant {
        Instant(nanoseconds: UInt64(3_600 * Nanoseconds.perSecond + nanoseconds))
    }
}
