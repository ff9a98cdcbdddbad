import Primitives

/// What a request and a visitor cost, learned slowly from the signals; the configured priors first.
struct WorkModel: Codable, Sendable, Equatable {
    /// A second with fewer finished requests says nothing.
    static let fewestRequests: UInt64 = 5
    /// Seconds in which more than this share failed are not learned from: failures are quick, or slow, but not work. Where
    /// requests stand in the gateways the workers are full, and those that fail are turned away there.
    private static let mostErrors = 0.1
    /// Weight of one busy second: a changed backend is known in some 20 seconds.
    private static let serviceWeight = 0.1
    /// At this many finished requests a second counts half of a busy one.
    private static let halfWeightRequests = 20.0
    /// With this many requests a slot, and half of all answers this many times slower than believed, all slots are
    /// taken. One without the other is a worker that lags behind the rest.
    private static let saturation = 1.5
    /// An answer this many times slower than the median is a straggler, and a lone one must not make all requests look
    /// slow. Where they come all the time they are what the work is like.
    private static let stragglerOverMedian: Int64 = 4
    private static let rareStragglers = 0.02

    /// Flows are steady while their short and long averages differ by no more than this share.
    private static let calmDeviation = 0.1
    private static let visitorWeight = 0.01
    /// A ratio this far above the belief, found while the flow of visitors does not fall, cannot be an echo of more
    /// visitors before. It is learned faster: visitors who cost more than believed are an overload in the making.
    private static let surprise = 1.25
    private static let surpriseWeight = 0.05
    /// How far from the prior the requests of a visitor may be learned, as a factor either way.
    private static let visitorRange = 4.0

    private(set) var serviceTimeNanoseconds: Double
    private(set) var requestsPerVisitor: Double
    /// The share of answers that are stragglers.
    private var stragglers = 0.0
    private var lastReady: Int?
    private var lastInFlight = 0
    private var lastGateways: Int?
    private var admissions = Pace()
    private var requests = Pace()

    /// One flow, averaged over some 5 and 50 seconds, and its peak, which fades by half in about 70.
    private struct Pace: Codable, Sendable, Equatable {
        private var fast = Smoothed(weight: 0.2, initial: 0)
        private var slow = Smoothed(weight: 0.02, initial: 0)
        private var peakPerSecond = 0.0
        var recentPerSecond: Double { self.fast.value ?? 0 }
        var perSecond: Double { self.slow.value ?? 0 }
        var isCalm: Bool {
            self.perSecond > 0.01
                && (self.recentPerSecond - self.perSecond).magnitude <= self.perSecond * WorkModel.calmDeviation
        }
        var isAtItsHighest: Bool {
            self.recentPerSecond > 1 && self.recentPerSecond >= self.peakPerSecond * 0.9
        }
        mutating func add(_ sample: Double) {
            self.fast.add(sample)
            self.slow.add(sample)
            self.peakPerSecond = max(self.recentPerSecond, self.peakPerSecond * 0.99)
        }
    }

    init(limits: ScalingLimits) {
        self.serviceTimeNanoseconds = Double(limits.serviceTimePriorNanoseconds)
        self.requestsPerVisitor = limits.requestsPerVisitorPrior
    }

    /// Busy slots that `requestsPerSecond` make, by Little's law.
    func load(ofRequestsPerSecond requestsPerSecond: Double) -> Double {
        requestsPerSecond * self.serviceTimeNanoseconds / 1e9
    }

    /// Visitors a second whose requests fill the planned share of so many slots.
    func visitorsPerSecond(slots: Int, limits: ScalingLimits) -> Double {
        let busy = Staffing.load(forSlots: Double(slots), limits: limits)
        return busy / self.load(ofRequestsPerSecond: self.requestsPerVisitor)
    }

    /// Takes in one second. `slots`: of the ready workers together; nil: each has as many as the limits say.
    mutating func observe(_ signals: PoolSignals, ready: Int, slots: Int? = nil, limits: ScalingLimits) {
        self.observeServiceTime(signals, ready: ready, slots: slots ?? ready * limits.slotsPerWorker)
        self.observeVisitors(signals, limits: limits)
        self.lastReady = ready
        self.lastInFlight = signals.inFlight
        self.lastGateways = signals.gatewaysReporting
    }

    /// Below the knee latency is service time. Its mean, not its median, is what Little's law multiplies. Above the
    /// knee latency is mostly waiting, but all slots are busy, so that slots over finished requests is service time
    /// again: a backend that became slow is understood while it is overloaded, not after. In between, nothing is learned.
    private mutating func observeServiceTime(_ signals: PoolSignals, ready: Int, slots: Int) {
        guard ready > 0, ready == self.lastReady ?? ready, signals.latency.count >= Self.fewestRequests,
            signals.errorShare <= Self.mostErrors || signals.queued > 0, let mean = signals.latency.meanNanoseconds,
            let median = signals.latency.quantile(0.5)
        else { return }
        let slots = Double(slots)
        let finished = Double(signals.latency.count)
        let weight = Self.serviceWeight * finished / (finished + Self.halfWeightRequests)
        let sample: Double
        if Double(max(signals.inFlight, self.lastInFlight)) < slots {
            let bound = median * Self.stragglerOverMedian
            let within = Double(signals.latency.cumulative(boundsNanoseconds: [bound]).first ?? 0)
            self.stragglers += ((finished - within) / finished - self.stragglers) * weight
            sample = self.stragglers < Self.rareStragglers ? min(mean, Double(bound)) : mean
        } else if Double(min(signals.inFlight, self.lastInFlight)) >= slots * Self.saturation,
            Double(median) >= self.serviceTimeNanoseconds * Self.saturation
        {
            sample = min(mean, slots * 1e9 / finished)
        } else {
            return
        }
        guard sample > 0 else { return }
        self.serviceTimeNanoseconds += (sample - self.serviceTimeNanoseconds) * weight
    }

    /// A visitor's requests come long after the visitor, so the two flows may be divided only when both have been
    /// steady. Before, the quotient is too low, never too high, while visitors become more.
    private mutating func observeVisitors(_ signals: PoolSignals, limits: ScalingLimits) {
        // A gateway that came or went changes one flow before the other.
        guard signals.gatewaysReporting == self.lastGateways ?? signals.gatewaysReporting else { return }
        self.admissions.add(signals.admissionsPerSecond)
        self.requests.add(signals.arrivalsPerSecond - signals.unguardedPerSecond)
        let prior = limits.requestsPerVisitorPrior
        func learn(_ ratio: Double, weight: Double) {
            let sample = min(prior * Self.visitorRange, max(prior / Self.visitorRange, ratio))
            self.requestsPerVisitor += (sample - self.requestsPerVisitor) * weight
        }
        if self.admissions.isCalm, self.requests.isCalm {
            learn(self.requests.perSecond / self.admissions.perSecond, weight: Self.visitorWeight)
        }
        guard self.admissions.isAtItsHighest else { return }
        let ratio = self.requests.recentPerSecond / self.admissions.recentPerSecond
        if ratio > self.requestsPerVisitor * Self.surprise { learn(ratio, weight: Self.surpriseWeight) }
    }
}
