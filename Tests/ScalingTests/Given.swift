import Primitives
import Scaling

/// Short spellings of what the tests hand to the policy.
enum Given {
    static let second = Nanoseconds.perSecond

    /// Seconds after the hour at which virtual time starts.
    static func at(_ seconds: Double) -> Instant {
        Instant(nanoseconds: UInt64(3_600 * Self.second + Int64(seconds * 1e9)))
    }

    /// Eight slots a worker and priors of 20 ms and 5 requests: a ready worker carries 60 visitors a second.
    static func limits(_ workers: ClosedRange<Int> = 1...20) -> ScalingLimits {
        ScalingLimits(minWorkers: workers.lowerBound, maxWorkers: workers.upperBound, slotsPerWorker: 8)
    }

    static func latency(milliseconds: Double, count: Int) -> LatencyHistogram {
        var histogram = LatencyHistogram()
        for _ in 0..<count { histogram.record(nanoseconds: Int64(milliseconds * 1e6)) }
        return histogram
    }

    static func signals(
        arrivals: Double = 0,
        unguarded: Double = 0,
        admissions: Double = 0,
        inFlight: Int = 0,
        queued: Int = 0,
        waiting: Int = 0,
        absent: Int = 0,
        inflow: Double = .infinity,
        lineInflow: Double = 0,
        latency: LatencyHistogram = LatencyHistogram(),
        errors: Double = 0,
        gateways: Int = 1
    ) -> PoolSignals {
        PoolSignals(
            arrivalsPerSecond: arrivals,
            unguardedPerSecond: unguarded,
            admissionsPerSecond: admissions,
            inFlight: inFlight,
            queued: queued,
            waiting: waiting,
            absent: absent,
            inflowLimitPerSecond: inflow,
            lineInflowPerSecond: lineInflow,
            latency: latency,
            errorsPerSecond: errors,
            gatewaysReporting: gateways
        )
    }
}

extension ScalingPolicy {
    /// Asks once a second for `seconds`, always with the same signals and with every ordered worker ready at once.
    mutating func settle(_ signals: PoolSignals, ready: Int, from: Double, seconds: Int) -> [ScalingDecision] {
        var ready = ready
        return (0..<seconds).map { second in
            let decision = self.decide(
                signals: signals,
                pool: PoolState(ready: ready),
                now: Given.at(from + Double(second))
            )
            ready = decision.desiredWorkers
            return decision
        }
    }
}
