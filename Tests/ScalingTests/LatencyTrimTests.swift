import Primitives
import Testing

@testable import Scaling

@Suite struct LatencyTrimTests {
    private func observe(_ trim: inout LatencyTrim, milliseconds: Double, inFlight: Int, errors: Double = 0) {
        let latency = Given.latency(milliseconds: milliseconds, count: 100)
        trim.observe(
            Given.signals(inFlight: inFlight, latency: latency, errors: errors),
            slots: 8,
            serviceTimeNanoseconds: 20e6,
            objectiveNanoseconds: 250 * Nanoseconds.perMillisecond
        )
    }

    @Test func observe_withinObjective_leavesAll() {
        var trim = LatencyTrim()
        for _ in 0..<50 { self.observe(&trim, milliseconds: 100, inFlight: 8) }
        #expect(trim.value == 1)
    }

    @Test func observe_beyondObjective_fallsToFloorAndNoFurther() {
        var trim = LatencyTrim()
        var values: [Double] = []
        for _ in 0..<200 {
            self.observe(&trim, milliseconds: 2_000, inFlight: 90)
            values.append(trim.value)
        }
        #expect(values[0] < 1)
        #expect(zip(values, values.dropFirst()).allSatisfy { $0 >= $1 })
        #expect(values.last == LatencyTrim.floor)
    }

    @Test func observe_queueGone_recoversWithinSeconds() {
        var trim = LatencyTrim()
        for _ in 0..<200 { self.observe(&trim, milliseconds: 2_000, inFlight: 90) }
        // The last of the queue still answers late, but the slots are free.
        for _ in 0..<12 { self.observe(&trim, milliseconds: 2_000, inFlight: 3) }
        #expect(trim.value == 1)
    }

    @Test func observe_fewErrors_areTheApplicationsOwn() {
        var trim = LatencyTrim()
        for _ in 0..<50 { self.observe(&trim, milliseconds: 20, inFlight: 3, errors: 15) }
        #expect(trim.value == 1)
    }

    /// Requests that find no worker at all are no reason to let few in once there is one.
    @Test func observe_noWorker_leavesAll() {
        var trim = LatencyTrim()
        for _ in 0..<50 {
            trim.observe(
                Given.signals(latency: LatencyHistogram(), errors: 80),
                slots: 0,
                serviceTimeNanoseconds: 20e6,
                objectiveNanoseconds: 250 * Nanoseconds.perMillisecond
            )
        }
        #expect(trim.value == 1)
    }

    @Test func observe_mostRequestsFail_trims() {
        var trim = LatencyTrim()
        for _ in 0..<50 { self.observe(&trim, milliseconds: 20, inFlight: 3, errors: 80) }
        #expect(trim.value < 0.2)
    }

    /// A tenth of the answers slow, the others quick; so many requests at the workers, of eight slots.
    private func observe(_ trim: inout LatencyTrim, slowMilliseconds: Double, inFlight: Int) {
        var latency = Given.latency(milliseconds: 30, count: 90)
        latency.merge(Given.latency(milliseconds: slowMilliseconds, count: 10))
        trim.observe(
            Given.signals(inFlight: inFlight, latency: latency),
            slots: 8,
            serviceTimeNanoseconds: 20e6,
            objectiveNanoseconds: 250 * Nanoseconds.perMillisecond
        )
    }

    /// Seen before: one slow second of workers that were cold was taken for their nature, and a pool at five times its
    /// objective was left alone for the whole sale.
    @Test func observe_oneColdSecond_excusesNothing() {
        var trim = LatencyTrim()
        self.observe(&trim, slowMilliseconds: 1_500, inFlight: 1)
        for _ in 0..<120 { self.observe(&trim, slowMilliseconds: 1_250, inFlight: 9) }
        #expect(trim.value < 0.3)
    }

    /// Pages that are slow while the slots are free, for long, are slow by themselves.
    @Test func observe_longCalmWithSlowPages_excusesThem() {
        var trim = LatencyTrim()
        for _ in 0..<60 { self.observe(&trim, slowMilliseconds: 1_500, inFlight: 1) }
        for _ in 0..<20 { self.observe(&trim, slowMilliseconds: 1_250, inFlight: 9) }
        #expect(trim.value > 0.9)
    }

    /// The first seconds of calm are those of cold workers, however many quick ones follow.
    @Test(arguments: [1, 5, 10]) func observe_coldSecondsThenLongCalm_excuseNothing(coldSeconds: Int) {
        var trim = LatencyTrim()
        for _ in 0..<coldSeconds { self.observe(&trim, milliseconds: 1_500, inFlight: 1) }
        for _ in 0..<30 { self.observe(&trim, milliseconds: 30, inFlight: 1) }
        for _ in 0..<120 { self.observe(&trim, milliseconds: 850, inFlight: 9) }
        #expect(trim.value < 0.5)
    }

    /// Of few answers a second's 95th percentile jumps. Its low seconds do not make slow pages a queue.
    @Test func observe_slowPagesNowMoreNowFewer_areStillTheirNature() {
        var trim = LatencyTrim()
        func second(_ index: Int, inFlight: Int) {
            let slow = index % 4 == 0 ? 1 : 8
            var latency = Given.latency(milliseconds: 30, count: 40 - slow)
            latency.merge(Given.latency(milliseconds: 1_200, count: slow))
            trim.observe(
                Given.signals(inFlight: inFlight, latency: latency),
                slots: 8,
                serviceTimeNanoseconds: 200e6,
                objectiveNanoseconds: 250 * Nanoseconds.perMillisecond
            )
        }
        for index in 0..<60 { second(index, inFlight: 1) }
        for index in 0..<180 {
            second(index, inFlight: 9)
            #expect(trim.value > 0.85)
        }
    }

    /// What was slow while the workers warmed up for long, and is quick under load since, is a queue when it is slow again.
    @Test func observe_longQuickUnderLoad_endsTheExcuse() {
        var trim = LatencyTrim()
        for _ in 0..<60 { self.observe(&trim, milliseconds: 1_500, inFlight: 1) }
        for _ in 0..<120 { self.observe(&trim, milliseconds: 30, inFlight: 9) }
        for _ in 0..<120 { self.observe(&trim, milliseconds: 1_250, inFlight: 9) }
        #expect(trim.value < 0.3)
    }
}
