import Primitives

/// The factor that latency and errors leave of the admission rate.
///
/// A gradient of expected to measured latency, clamped to 0.5...1, applied a fifth at a time, after the Gradient2 limit
/// of Netflix's concurrency-limits. Unlike there, it only takes off what Little's law grants, may grow while the pool is
/// little used (a trimmed pool is always little used), and ends at a floor: visitors who find the pool slow are the only
/// way to learn that it is well again.
struct LatencyTrim: Codable, Sendable, Equatable {
    static let floor = 0.1
    private static let fewestRequests: UInt64 = 5
    /// Of fewer answers the slowest is the 95th percentile.
    private static let fewestInCalm: UInt64 = 20
    private static let step = 0.2
    private static let mostCut = 0.5
    /// Taken per quiet second, before `step`.
    private static let headroom = 0.4
    /// Latency may be this many times the service time before it counts as queueing.
    private static let medianTolerance = 2.0
    /// A pool whose work is slow by itself is not overloaded: below this many service times no tail is too long.
    private static let tailTolerance = 3.0
    /// And below this many times the tail of the answers that come while half the slots are free: few slow pages among
    /// many quick ones are no queue either.
    private static let calmTolerance = 1.5
    /// Errors up to here are the application's own affair.
    private static let tolerableErrors = 0.25

    private(set) var value = 1.0
    private var median = Smoothed(weight: 0.4)
    private var tail = Smoothed(weight: 0.4)
    /// Seconds with half the slots free that are not looked at: workers are slow at first, because they are cold.
    private static let coldSeconds = 10
    private var coldSecondsLeft = LatencyTrim.coldSeconds
    /// The 95th percentile while half the slots are free, never more than it was under load for long.
    private var calmTail = LongMean()
    private var busyTail = LongMean()

    /// Takes in one second of a pool that has `slots` in its ready workers.
    mutating func observe(
        _ signals: PoolSignals,
        slots: Int,
        serviceTimeNanoseconds: Double,
        objectiveNanoseconds: Int64
    ) {
        // Requests that find no worker say nothing about those that come.
        guard slots > 0 else { return }
        var gradient = max(Self.mostCut, min(1, 1 + Self.tolerableErrors - signals.errorShare))
        let isBusy = 2 * (signals.inFlight + signals.queued) > slots
        if isBusy, signals.latency.count >= Self.fewestRequests, let median = signals.latency.quantile(0.5),
            let tail = signals.latency.quantile(0.95)
        {
            self.median.add(Double(median))
            self.tail.add(Double(tail))
            if signals.latency.count >= Self.fewestInCalm {
                self.busyTail.add(Double(tail))
                // What is quicker under load was not slow by itself.
                if let busy = self.busyTail.known { self.calmTail.limit(to: busy) }
            }
            gradient = min(gradient, self.latencyGradient(serviceTimeNanoseconds, Double(objectiveNanoseconds)))
        } else {
            if !isBusy, self.value == 1, signals.errorShare == 0, signals.latency.count >= Self.fewestInCalm,
                let tail = signals.latency.quantile(0.95)
            {
                if self.coldSecondsLeft > 0 { self.coldSecondsLeft -= 1 } else { self.calmTail.add(Double(tail)) }
            }
            // Slow answers that come while half the slots are free waited in a queue that is gone, or are slow by
            // themselves. Fewer visitors would not make them faster.
            self.median = Smoothed(weight: 0.4)
            self.tail = Smoothed(weight: 0.4)
        }
        let goal = gradient < 1 ? self.value * gradient : self.value + Self.headroom
        self.value = max(Self.floor, min(1, self.value + (goal - self.value) * Self.step))
    }

    private func latencyGradient(_ serviceTime: Double, _ objective: Double) -> Double {
        guard let median = self.median.value, let tail = self.tail.value, tail > 0, median > 0 else { return 1 }
        let calm = (self.calmTail.known ?? 0) * Self.calmTolerance
        let longest = max(objective, serviceTime * Self.tailTolerance, calm)
        // Far inside the objective a longer latency harms nobody, whatever its cause.
        guard tail > longest / 2 else { return 1 }
        let byMedian = serviceTime * Self.medianTolerance / median
        return max(Self.mostCut, min(1, min(longest / tail, byMedian)))
    }
}

/// The mean of the first seconds, and then of about as many of the last.
private struct LongMean: Codable, Sendable, Equatable {
    /// Fewer say nothing: single slow answers make a second's 95th percentile.
    private static let fewest = 20

    private var seconds = 0
    private var value = 0.0

    /// Nil until it rests on enough seconds.
    var known: Double? { self.seconds >= Self.fewest ? self.value : nil }

    mutating func add(_ sample: Double) {
        self.seconds = min(Self.fewest, self.seconds + 1)
        self.value += (sample - self.value) / Double(self.seconds)
    }

    mutating func limit(to most: Double) { self.value = min(self.value, most) }
}
