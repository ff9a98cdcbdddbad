import DequeModule
import Primitives
import Scaling

/// The Horizontal Pod Autoscaler of Kubernetes with its defaults: every 15 s, desired = ceil(ratio x ready) with the ratio
/// of metric to target, nothing within a tenth of the target, up to twice or by four a period, down to the highest
/// recommendation of the last 300 s.
///
/// Its metric is requests per worker, those that wait in the gateway included: kinder to it than processor load, which
/// cannot rise above full and so never tells how much is missing. Source: kubernetes.io, "Horizontal Pod Autoscaling".
public struct HorizontalAutoscaler: PoolScaler, Sendable {
    static let periodNanoseconds = 15 * Nanoseconds.perSecond
    static let tolerance = 0.1
    static let windowNanoseconds = 300 * Nanoseconds.perSecond

    private let targetPerWorker: Double
    private let workers: ClosedRange<Int>
    private var desired: Int
    private var samples: [Double] = []
    private var lastPeriod: Instant?
    private var lastSample: Instant?
    private var recommendations = Deque<(at: Instant, workers: Int)>()

    /// `target` is the share of the slots that should be busy.
    public init(target: Double, slotsPerWorker: Int, workers: ClosedRange<Int>) {
        self.targetPerWorker = target * Double(slotsPerWorker)
        self.workers = workers
        self.desired = workers.lowerBound
    }

    public mutating func order(signals: PoolSignals?, pool: PoolState, now: Instant) -> ScalingOrder {
        if let signals, self.lastSample.map({ now.nanoseconds(since: $0) >= Nanoseconds.perSecond / 2 }) ?? true {
            self.lastSample = now
            self.samples.append(Double(signals.inFlight + signals.queued))
        }
        let isDue = self.lastPeriod.map { now.nanoseconds(since: $0) >= Self.periodNanoseconds } ?? true
        if isDue, !self.samples.isEmpty {
            self.lastPeriod = now
            self.decide(pool, now: now)
        }
        return ScalingOrder(workers: self.desired)
    }

    private mutating func decide(_ pool: PoolState, now: Instant) {
        let mean = self.samples.reduce(0, +) / Double(self.samples.count)
        self.samples.removeAll(keepingCapacity: true)
        let ready = max(1, pool.ready)
        let ratio = mean / Double(ready) / self.targetPerWorker
        var wanted = self.desired
        if (ratio - 1).magnitude > Self.tolerance { wanted = Int((ratio * Double(ready)).rounded(.up)) }
        wanted = min(self.workers.upperBound, max(self.workers.lowerBound, wanted))
        self.recommendations.append((now, wanted))
        while let first = self.recommendations.first, now.nanoseconds(since: first.at) > Self.windowNanoseconds {
            self.recommendations.removeFirst()
        }
        let highest = self.recommendations.reduce(wanted) { max($0, $1.workers) }
        // What was recommended before keeps it from falling; it never makes it grow.
        let size = wanted >= self.desired ? wanted : min(self.desired, highest)
        self.desired = min(size, max(2 * self.desired, self.desired + 4))
    }
}

/// The autoscaler of Knative Serving with its defaults: every 2 s, a target of 0.7 of the concurrency that a worker can
/// have, over the last 60 s; over the last 6 s once those want twice the workers that are ready, and then without any
/// decrease until 60 s have passed without that; at most a thousandfold up and by half down a step.
///
/// Source: knative.dev, "About autoscaling" and `pkg/autoscaler/scaling/autoscaler.go` of knative/serving.
public struct KnativeAutoscaler: PoolScaler, Sendable {
    static let periodNanoseconds = 2 * Nanoseconds.perSecond
    static let stableSeconds = 60
    static let panicSeconds = 6
    static let panicThreshold = 2.0
    static let utilization = 0.7

    private let targetPerWorker: Double
    private let workers: ClosedRange<Int>
    private var desired: Int
    private var samples = Deque<Double>()
    private var lastSample: Instant?
    private var lastPeriod: Instant?
    private var panicSince: Instant?
    private var highestInPanic = 0

    public init(slotsPerWorker: Int, workers: ClosedRange<Int>) {
        self.targetPerWorker = Self.utilization * Double(slotsPerWorker)
        self.workers = workers
        self.desired = workers.lowerBound
    }

    public mutating func order(signals: PoolSignals?, pool: PoolState, now: Instant) -> ScalingOrder {
        if let signals, self.lastSample.map({ now.nanoseconds(since: $0) >= Nanoseconds.perSecond / 2 }) ?? true {
            self.lastSample = now
            self.samples.append(Double(signals.inFlight + signals.queued))
            if self.samples.count > Self.stableSeconds { self.samples.removeFirst() }
        }
        let isDue = self.lastPeriod.map { now.nanoseconds(since: $0) >= Self.periodNanoseconds } ?? true
        if isDue, !self.samples.isEmpty {
            self.lastPeriod = now
            self.decide(pool, now: now)
        }
        return ScalingOrder(workers: self.desired)
    }

    private mutating func decide(_ pool: PoolState, now: Instant) {
        let ready = max(1, pool.ready)
        let recent = self.samples.suffix(Self.panicSeconds)
        let bounds = Double(ready / 2)...Double(ready) * 1_000
        func wanted(_ mean: Double) -> Int {
            let raw = (mean / self.targetPerWorker).rounded(.up)
            return Int(min(bounds.upperBound, max(bounds.lowerBound, raw)))
        }
        let stable = wanted(self.samples.reduce(0, +) / Double(self.samples.count))
        let panic = wanted(recent.reduce(0, +) / Double(recent.count))
        if Double(panic) >= Self.panicThreshold * Double(ready) {
            self.panicSince = now
        } else if let since = self.panicSince,
            now.nanoseconds(since: since) > Int64(Self.stableSeconds) * Nanoseconds.perSecond
        {
            self.panicSince = nil
            self.highestInPanic = 0
        }
        var size = stable
        if self.panicSince != nil {
            self.highestInPanic = max(self.highestInPanic, max(stable, panic), ready)
            size = self.highestInPanic
        }
        self.desired = min(self.workers.upperBound, max(self.workers.lowerBound, size))
    }
}

/// As many workers as ever.
public struct FixedPool: PoolScaler, Sendable {
    private let workers: Int

    public init(workers: Int) { self.workers = workers }

    public func order(signals: PoolSignals?, pool: PoolState, now: Instant) -> ScalingOrder {
        ScalingOrder(workers: self.workers)
    }
}
