import Testing

@testable import Scaling

/// The loop closed: the rate is that of the factor, and every visitor makes five requests, evenly spread chances apart.
@Suite struct AdmissionPaceTests {
    private static let requests = 5.0
    private static let plannedPerSecond = 75.0

    struct Outcome {
        /// Highest load, over what is planned.
        var highest = 0.0
        /// Seconds until the line was gone.
        var lineGone: Int?
    }

    /// A line of `people`, of whom each has `think` seconds between two pages in the mean. Fluid: the visits are five
    /// tanks in a row, each of which runs out into the next.
    private func drain(people: Double, think: Double, believed: Double = Self.requests) -> Outcome {
        var pace = AdmissionPace()
        var outcome = Outcome()
        var line = people
        var tanks = Array(repeating: 0.0, count: Int(Self.requests) - 1)
        var level: Double?
        for second in 0..<3_000 {
            let admitted = min(line, Self.plannedPerSecond / believed * pace.factor)
            line -= admitted
            var arriving = admitted
            var inflow = admitted
            for index in tanks.indices {
                let outflow = tanks[index] / think
                tanks[index] += inflow - outflow
                arriving += outflow
                inflow = outflow
            }
            let smoothed = level.map { $0 + (arriving - $0) / 4 } ?? arriving
            level = smoothed
            outcome.highest = max(outcome.highest, arriving / Self.plannedPerSecond)
            if line <= 0, outcome.lineGone == nil { outcome.lineGone = second }
            let share = smoothed / Self.plannedPerSecond
            pace.observe(
                .init(
                    isBound: line > 0,
                    busyShare: share,
                    arrivingShare: share,
                    isTrimmed: false,
                    slots: 8,
                    most: Self.requests
                )
            )
        }
        return outcome
    }

    /// The line outlasts the visits: who was let in while the workers had nothing to do comes back for more pages.
    @Test(arguments: [5.0, 20, 60, 120, 300], [2_000.0, 6_000, 20_000])
    func observe_longLine_isLetInFasterAndNeverOvershoots(think: Double, people: Double) throws {
        let outcome = self.drain(people: people, think: think)
        #expect(outcome.highest <= 1.1, "\(outcome.highest) of the planned load")
        let reckoned = people * Self.requests / Self.plannedPerSecond
        let gone = try #require(outcome.lineGone)
        #expect(Double(gone) <= reckoned * 1.02, "\(gone) s; the learned cost alone takes \(reckoned) s")
    }

    @Test func observe_visitsFarLongerThanTheLine_areLetInAtTwiceTheRateAtLeast() throws {
        let outcome = self.drain(people: 2_000, think: 120)
        #expect(try #require(outcome.lineGone) <= 66)
        #expect(outcome.highest <= 1, "\(outcome.highest)")
    }

    /// Visitors ask for half as much again as was believed: the measured load takes that back.
    @Test func observe_costBelievedTooLow_isHeldToThePlannedLoad() throws {
        let outcome = self.drain(people: 20_000, think: 2, believed: Self.requests / 1.5)
        #expect(outcome.highest <= 1.45, "\(outcome.highest): what the belief asks for is 1.5")
        let gone = try #require(outcome.lineGone)
        let planned = 20_000 * Self.requests / Self.plannedPerSecond
        #expect(Double(gone) >= planned * 0.93 && Double(gone) <= planned * 1.1, "\(gone) s of \(planned) s")
    }

    @Test func observe_trimmed_takesBackWhatIsMoreAndLeavesWhatIsLess() {
        func second(_ share: Double, isTrimmed: Bool = false) -> AdmissionPace.Second {
            .init(
                isBound: true,
                busyShare: share,
                arrivingShare: share,
                isTrimmed: isTrimmed,
                slots: 8,
                most: 5
            )
        }
        var pace = AdmissionPace()
        for _ in 0..<30 { pace.observe(second(0.2)) }
        #expect(pace.factor > 1.5)
        pace.observe(second(0.2, isTrimmed: true))
        #expect(pace.factor == 1)
        // What was let in less for too much to do is not let in again the moment that it shows in the latency.
        for _ in 0..<20 { pace.observe(second(1.4)) }
        let low = pace.factor
        #expect(low < 0.6)
        pace.observe(second(1.4, isTrimmed: true))
        #expect(pace.factor == low)
    }
}
