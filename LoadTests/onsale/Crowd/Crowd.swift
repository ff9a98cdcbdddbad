import Foundation
import Primitives

/// The people of a run in order of arrival. The same scenario gives the same crowd, byte for byte.
struct Crowd: Sendable {
    let scenario: Scenario
    let visitors: [Visitor]

    init(_ scenario: Scenario) throws(ScenarioProblem) {
        try scenario.check()
        self.scenario = scenario
        var generator = SplitMix64(seed: scenario.seed)
        // Given their number, the arrivals of a Poisson process are independent draws from its curve, sorted.
        let shape = ArrivalCurve.Shape(scenario.curve)
        var arrivals = (0..<scenario.visitors).map { _ in shape.seconds(atRank: generator.nextUnit()) }
        arrivals.sort()
        let people = Self.makePeople(scenario.manners)
        self.visitors = arrivals.enumerated().map { index, seconds in
            people(index, Int64(seconds * 1e9), generator.next())
        }
    }

    init(_ scenario: Scenario, visitors: [Visitor]) {
        self.scenario = scenario
        self.visitors = visitors
    }

    /// The same people for a run that is taken up in the middle: who would be there by `seconds` comes within
    /// `withinSeconds` of it, one after the other.
    func takenUp(atSeconds seconds: Double, withinSeconds: Double) -> Crowd {
        let from = Int64(seconds * 1e9)
        var visitors = self.visitors
        let early = visitors.prefix { $0.arrivalNanoseconds < from }.count
        for index in 0..<early {
            let share = (Double(index) + 0.5) / Double(early)
            visitors[index].arrivalNanoseconds = from + Int64(share * withinSeconds * 1e9)
        }
        visitors.sort { ($0.arrivalNanoseconds, $0.index) < ($1.arrivalNanoseconds, $1.index) }
        return Crowd(self.scenario, visitors: visitors)
    }

    private typealias Maker = (_ index: Int, _ arrivalNanoseconds: Int64, _ seed: UInt64) -> Visitor

    private static func makePeople(_ manners: Manners) -> Maker {
        // The 20th percentile of a log-normal lies 0.8416 spreads below its median.
        let patienceMedian = manners.toleratedWaitSeconds * exp(0.8416 * manners.patienceSpread)
        let eager = manners.fewestEagerRefreshesPerSecond...manners.mostEagerRefreshesPerSecond
        return { index, arrivalNanoseconds, seed in
            var draw = SplitMix64(seed: seed)
            let patienceSeconds = draw.drawLogNormal(median: patienceMedian, spread: manners.patienceSpread)
            let requestCount = draw.drawInteger(manners.fewestRequests...manners.mostRequests)
            let isNoShow = draw.drawFlag(share: manners.noShowShare)
            let isEager = draw.drawFlag(share: manners.eagerShare)
            let eagerSeconds = 1 / draw.drawUniform(eager)
            let leavesByPage = draw.drawFlag(share: manners.leavePageShare)
            let habits = Visitor.RetryHabit.allCases
            return Visitor(
                index: index,
                arrivalNanoseconds: arrivalNanoseconds,
                patienceNanoseconds: Int64(min(patienceSeconds, 1e9) * 1e9),
                requestCount: requestCount,
                isNoShow: isNoShow,
                eagerRefreshNanoseconds: isEager ? Int64(eagerSeconds * 1e9) : nil,
                leavesByPage: leavesByPage,
                retryHabit: habits[draw.drawInteger(0...(habits.count - 1))],
                seed: draw.next()
            )
        }
    }

    /// Arrivals in each second of the run.
    func arrivalsPerSecond() -> [Int] {
        var counts = [Int](repeating: 0, count: Int(self.scenario.durationSeconds.rounded(.up)) + 1)
        for visitor in self.visitors {
            counts[min(Int(visitor.arrivalNanoseconds / 1_000_000_000), counts.count - 1)] += 1
        }
        return counts
    }
}
