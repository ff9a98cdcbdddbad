import Primitives
import Testing

@testable import Scaling

@Suite struct WorkModelTests {
    private let limits = Given.limits()

    @Test func observe_belowTheKnee_learnsMeanLatencyOverPrior() {
        var model = WorkModel(limits: self.limits)
        #expect(model.serviceTimeNanoseconds == 20e6)
        var latency = Given.latency(milliseconds: 20, count: 90)
        latency.merge(Given.latency(milliseconds: 60, count: 30))
        for _ in 0..<100 {
            model.observe(Given.signals(inFlight: 3, latency: latency), ready: 1, limits: self.limits)
        }
        #expect(abs(model.serviceTimeNanoseconds - 30e6) < 0.1e6, "the mean, not the median")
    }

    /// Nine of ten answers take 10 ms and one takes a second: 109 ms is what a slot is held for.
    @Test func observe_twoKindsOfRequests_learnsTheirMean() {
        var model = WorkModel(limits: self.limits)
        var latency = Given.latency(milliseconds: 10, count: 90)
        latency.merge(Given.latency(milliseconds: 1_000, count: 10))
        for _ in 0..<100 {
            model.observe(Given.signals(inFlight: 7, latency: latency), ready: 1, limits: self.limits)
        }
        #expect(abs(model.serviceTimeNanoseconds - 109e6) < 2e6)
    }

    @Test func observe_loneStraggler_doesNotMakeAllLookSlow() {
        var model = WorkModel(limits: self.limits)
        var straggler = Given.latency(milliseconds: 20, count: 7)
        straggler.merge(Given.latency(milliseconds: 30_000, count: 1))
        let usual = Given.signals(inFlight: 1, latency: Given.latency(milliseconds: 20, count: 8))
        for second in 0..<200 {
            let isSlow = second == 100
            let signals = isSlow ? Given.signals(inFlight: 1, latency: straggler) : usual
            model.observe(signals, ready: 1, limits: self.limits)
            #expect(model.serviceTimeNanoseconds < 24e6)
        }
    }

    @Test func observe_saturated_learnsSlotsOverThroughputAndNotTheQueue() {
        var model = WorkModel(limits: self.limits)
        let latency = Given.latency(milliseconds: 900, count: 200)
        for _ in 0..<100 {
            model.observe(Given.signals(inFlight: 190, latency: latency), ready: 1, limits: self.limits)
        }
        #expect(abs(model.serviceTimeNanoseconds - 40e6) < 0.1e6, "8 slots, 200 a second: 40 ms")
    }

    @Test func observe_oneWorkerLags_learnsNothing() {
        var model = WorkModel(limits: self.limits)
        var latency = Given.latency(milliseconds: 20, count: 300)
        latency.merge(Given.latency(milliseconds: 4_000, count: 100))
        for _ in 0..<100 {
            model.observe(Given.signals(inFlight: 500, latency: latency), ready: 4, limits: self.limits)
        }
        #expect(model.serviceTimeNanoseconds == 20e6)
    }

    @Test func observe_failuresOrFewRequests_learnsNothing() {
        var model = WorkModel(limits: self.limits)
        let failing = Given.signals(latency: Given.latency(milliseconds: 1, count: 100), errors: 50)
        let few = Given.signals(latency: Given.latency(milliseconds: 900, count: 4))
        for _ in 0..<100 {
            model.observe(failing, ready: 1, limits: self.limits)
            model.observe(few, ready: 1, limits: self.limits)
        }
        #expect(model.serviceTimeNanoseconds == 20e6)
    }

    /// Gateways that turn requests away have full workers behind them, whose latency says what it always says.
    @Test func observe_failuresAtTheGatewaysLine_learnsFromThoseThatWereServed() {
        var model = WorkModel(limits: self.limits)
        let latency = Given.latency(milliseconds: 900, count: 200)
        for _ in 0..<100 {
            let signals = Given.signals(inFlight: 190, queued: 40, latency: latency, errors: 300)
            model.observe(signals, ready: 1, limits: self.limits)
        }
        #expect(abs(model.serviceTimeNanoseconds - 40e6) < 0.1e6)
    }

    @Test func observe_steadyFlows_learnsRequestsPerVisitor() {
        var model = WorkModel(limits: self.limits)
        for _ in 0..<2_000 {
            model.observe(
                Given.signals(arrivals: 400, unguarded: 100, admissions: 100),
                ready: 1,
                limits: self.limits
            )
        }
        #expect(abs(model.requestsPerVisitor - 3) < 0.01)
    }

    @Test func observe_requestsLagBehindVisitors_keepsPrior() {
        var model = WorkModel(limits: self.limits)
        for second in 0..<300 {
            model.observe(
                Given.signals(arrivals: Double(second), admissions: 100),
                ready: 1,
                limits: self.limits
            )
        }
        #expect(model.requestsPerVisitor > 4.5, "requests of visitors still to come were not taken for none")
    }

    @Test func observe_visitorsFallAway_doesNotTakeTheEchoForDearVisitors() {
        var model = WorkModel(limits: self.limits)
        for _ in 0..<300 {
            model.observe(Given.signals(arrivals: 500, admissions: 100), ready: 1, limits: self.limits)
        }
        for _ in 0..<60 {
            model.observe(Given.signals(arrivals: 500, admissions: 5), ready: 1, limits: self.limits)
        }
        #expect(abs(model.requestsPerVisitor - 5) < 0.1)
    }

    @Test func observe_visitorsCostMoreThanBelieved_isLearnedWithinAMinute() {
        var model = WorkModel(limits: self.limits)
        for _ in 0..<60 {
            model.observe(Given.signals(arrivals: 1_200, admissions: 100), ready: 1, limits: self.limits)
        }
        #expect(model.requestsPerVisitor > 9)
    }
}
