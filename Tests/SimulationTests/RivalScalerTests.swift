import Primitives
import Scaling
import Settings
import Testing

@testable import Simulation

/// Those that the policy is compared with, held against their formulas by hand. A worker has ten slots, of which seven
/// should be busy.
@Suite struct RivalScalerTests {
    private static func at(_ second: Int) -> Instant {
        CapacityRun.start.advanced(byNanoseconds: Int64(second) * Nanoseconds.perSecond)
    }

    /// Somebody who is asked once a second. Whoever is ordered is there at once, unless it is told how many are.
    private struct Play<Scaler: PoolScaler> {
        var scaler: Scaler
        var ordered: Int

        /// - Parameter load: requests under way; a quarter of them wait in the gateways.
        mutating func seconds(_ seconds: Range<Int>, load: Int, ready: Int? = nil) -> [Int] {
            let signals = PoolSignals(
                arrivalsPerSecond: 0,
                admissionsPerSecond: 0,
                inFlight: load - load / 4,
                queued: load / 4,
                waiting: 0,
                inflowLimitPerSecond: .infinity,
                latency: LatencyHistogram(),
                errorsPerSecond: 0,
                gatewaysReporting: 1
            )
            var orders: [Int] = []
            for second in seconds {
                let pool = PoolState(ready: ready ?? self.ordered)
                self.ordered = self.scaler.order(signals: signals, pool: pool, now: RivalScalerTests.at(second)).workers
                orders.append(self.ordered)
            }
            return orders
        }
    }

    private func horizontal(_ workers: ClosedRange<Int>) -> Play<HorizontalAutoscaler> {
        let scaler = HorizontalAutoscaler(target: 0.7, slotsPerWorker: 10, workers: workers)
        return Play(scaler: scaler, ordered: workers.lowerBound)
    }

    // MARK: HPA

    /// Twenty workers are to have 140: 153 is a tenth more, 155 asks for 22.1.
    @Test(arguments: [(140, 20), (153, 20), (155, 23)])
    func horizontal_withinATenthOfTheTarget_keepsItsSize(load: Int, workers: Int) {
        var play = self.horizontal(20...100)
        #expect(play.seconds(0..<15, load: load).allSatisfy { $0 == workers })
    }

    /// A hundred workers are asked for at once: it doubles, or adds four where that is more, each quarter of a minute.
    @Test func horizontal_muchMore_growsByItsLimitEachPeriod() {
        var play = self.horizontal(1...100)
        let sizes = play.seconds(0..<90, load: 700)
        let steps = [5, 10, 20, 40, 80, 100]
        #expect(sizes == steps.flatMap { Array(repeating: $0, count: 15) })
    }

    /// A hundred were recommended last at 75 s: until five minutes after that nobody goes.
    @Test func horizontal_muchLess_shrinksWhenTheLastHighRecommendationIsFiveMinutesOld() {
        var play = self.horizontal(1...100)
        #expect(play.seconds(0..<76, load: 700).last == 100)
        #expect(play.seconds(76..<390, load: 66).allSatisfy { $0 == 100 })
        #expect(play.seconds(390..<420, load: 66).allSatisfy { $0 == 10 })
    }

    // MARK: KPA

    /// For a minute one worker has what it is to have, then ten times that. Over six seconds that is 17.5 requests
    /// after one of them: three workers, more than twice what is there, so that six seconds count from here on; 38.5
    /// after three.
    @Test func knative_burst_countsSixSecondsAndNeverGoesDownInPanic() {
        var play = Play(scaler: KnativeAutoscaler(slotsPerWorker: 10, workers: 1...100), ordered: 1)
        #expect(play.seconds(0..<60, load: 7).allSatisfy { $0 == 1 })
        #expect(play.seconds(60..<67, load: 70, ready: 1) == [3, 3, 6, 6, 9, 9, 10])
        // The last second that asked for twice what was ready is 66; at 128 that is more than a minute ago.
        #expect(play.seconds(67..<128, load: 7).allSatisfy { $0 == 10 })
        #expect(play.seconds(128..<136, load: 7) == [5, 5, 2, 2, 1, 1, 1, 1], "by half a step")
    }

    /// Less than twice as much is no panic: the mean of a minute goes up slowly.
    @Test func knative_littleMore_followsTheMeanOfAMinute() {
        var play = Play(scaler: KnativeAutoscaler(slotsPerWorker: 10, workers: 1...100), ordered: 10)
        #expect(play.seconds(0..<100, load: 70).allSatisfy { $0 == 10 })
        // 70 and 20/60 for each second: more than 77 after 21 s, more than 84 after 42.
        let sizes = play.seconds(100..<160, load: 90)
        #expect(sizes[..<22].allSatisfy { $0 == 11 } && sizes[22..<42].allSatisfy { $0 == 12 }, "\(sizes)")
        #expect(sizes[42...].allSatisfy { $0 == 13 }, "\(sizes)")
    }

    // MARK: The oracle

    /// Workers of two slots that start in ten seconds, for visitors who make one request of 100 ms.
    private static func scenario(_ visitorsPerSecond: [Double]) -> CapacityScenario {
        var pool = PoolSettings(name: "shop")
        pool.worker.slots = 2
        pool.worker.serviceTimeNanoseconds = 100 * Nanoseconds.perMillisecond
        pool.worker.startTimeNanoseconds = 10 * Nanoseconds.perSecond
        pool.maxWorkers = 24
        var scenario = CapacityScenario(
            name: "test",
            visitorsPerSecond: visitorsPerSecond,
            pool: pool,
            room: RoomSettings(name: "sale", slots: 100_000, inflowMilli: 1_000_000)
        )
        scenario.requestsPerVisitor = 1
        return scenario
    }

    private func orders(_ oracle: OracleScaler, _ seconds: Range<Int>) -> Set<Int> {
        Set(seconds.map { oracle.order(signals: nil, pool: PoolState(ready: 1), now: Self.at($0)).workers })
    }

    /// Forty a second keep four slots busy, with a margin of one root six: three workers, ordered a start and three
    /// seconds ahead. A pause of ten seconds is too short to let them go, one of thirty is not.
    @Test func oracle_knownCrowds_hasWorkersReadyInTimeAndNoLonger() {
        let crowds = [60..<100, 110..<120, 150..<160]
        var scenario = Self.scenario(
            (0..<200).map { second in crowds.contains { $0.contains(second) } ? 40.0 : 0 }
        )
        scenario.isUnguarded = true
        let oracle = OracleScaler(scenario, margin: 1)
        #expect(oracle.highest == 3)
        #expect(self.orders(oracle, 0..<47) == [1] && self.orders(oracle, 47..<120) == [3])
        #expect(self.orders(oracle, 120..<137) == [1] && self.orders(oracle, 137..<160) == [3])
        #expect(self.orders(oracle, 160..<200) == [1])
        var run = CapacityRun(scenario, scaler: oracle, seed: 1)
        let seconds = run.run().seconds
        #expect(seconds[46].ready == 1 && seconds[60..<120].allSatisfy { $0.ready == 3 })
        #expect(seconds[150..<160].allSatisfy { $0.ready == 3 })
    }

    /// 600 before a door that opens at 60 s go in evenly over the drain goal of half a minute: two slots are busy then.
    @Test func oracle_crowdBeforeTheDoor_isLetInOverTheDrainGoal() {
        var scenario = Self.scenario((0..<150).map { (30..<60).contains($0) ? 20.0 : 0 })
        scenario.opensAtSecond = 60
        let oracle = OracleScaler(scenario, margin: 1)
        #expect(self.orders(oracle, 0..<47) == [1] && self.orders(oracle, 47..<90) == [2])
        #expect(self.orders(oracle, 90..<150) == [1])
        let order = oracle.order(signals: nil, pool: PoolState(ready: 3), now: Self.at(70))
        #expect(order.admissionRateMilli == 40_000, "of the six slots that are ready four may be busy")
    }
}
