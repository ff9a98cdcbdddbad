import Foundation
import Testing

@testable import onsale

@Suite struct CrowdTests {
    static let seeds: [UInt64] = [1, 7, 0xBEEF, .max]

    @Test(arguments: Self.seeds)
    func crowd_sameSeed_isTheSame(seed: UInt64) throws {
        let scenario = Scenario(visitors: 500, durationSeconds: 60, seed: seed)
        #expect(try Crowd(scenario).visitors == Crowd(scenario).visitors)
        #expect(try Crowd(scenario).elementsEqual(Crowd(scenario)))
        var other = scenario
        other.seed = seed &+ 1
        #expect(try Crowd(scenario).visitors != Crowd(other).visitors)
    }

    /// The plan must not change under people who compare runs: these figures were drawn once and stay.
    @Test func crowd_knownSeed_keepsItsPeople() throws {
        let visitors = try Crowd(Scenario(visitors: 1_000, durationSeconds: 90, seed: 1)).visitors
        let sum = visitors.reduce(into: UInt64(0)) { sum, visitor in
            sum = sum &* 31 &+ UInt64(visitor.arrivalNanoseconds / 1_000_000) &+ UInt64(visitor.requestCount)
        }
        #expect(sum == 6_624_026_559_506_478_962)
    }

    @Test(arguments: Self.seeds)
    func crowd_manyPeople_haveTheSharesOfTheScenario(seed: UInt64) throws {
        let scenario = Scenario(visitors: 20_000, durationSeconds: 90, seed: seed)
        let visitors = try Crowd(scenario).visitors
        func share(_ holds: (Visitor) -> Bool) -> Double { Double(visitors.count(where: holds)) / 20_000 }
        let opening = Int64(scenario.curve.openingSeconds * 1e9)
        let tolerated = Int64(scenario.manners.toleratedWaitSeconds * 1e9)
        #expect(abs(share { $0.arrivalNanoseconds < opening } - 0.6) < 0.02)
        #expect(abs(share { $0.patienceNanoseconds >= tolerated } - 0.8) < 0.02)
        #expect(abs(share { $0.isNoShow } - scenario.manners.noShowShare) < 0.01)
        #expect(abs(share { $0.eagerRefreshNanoseconds != nil } - scenario.manners.eagerShare) < 0.01)
        #expect(abs(share { $0.leavesByPage } - scenario.manners.leavePageShare) < 0.01)
        for habit in Visitor.RetryHabit.allCases { #expect(abs(share { $0.retryHabit == habit } - 1.0 / 3) < 0.02) }
        let requests = scenario.manners.fewestRequests...scenario.manners.mostRequests
        #expect(visitors.allSatisfy { requests.contains($0.requestCount) })
        #expect(Set(visitors.map(\.requestCount)).count == requests.count)
        let eager = visitors.compactMap(\.eagerRefreshNanoseconds)
        #expect(eager.allSatisfy { (400_000_000...1_000_000_000).contains($0) })
    }

    @Test(arguments: Self.seeds)
    func crowd_arrivals_areSortedAndWithinTheRun(seed: UInt64) throws {
        let crowd = try Crowd(Scenario(visitors: 3_000, durationSeconds: 30, seed: seed))
        let arrivals = crowd.visitors.map(\.arrivalNanoseconds)
        #expect(arrivals == arrivals.sorted())
        #expect(arrivals.allSatisfy { (0...18_000_000_000).contains($0) })
        #expect(crowd.visitors.enumerated().allSatisfy { $0 == $1.index })
        #expect(crowd.arrivalsPerSecond().reduce(0, +) == 3_000)
    }

    @Test func generator_ofAVisitor_dependsOnTheOrdinalAlone() throws {
        let visitor = try Crowd(Scenario(visitors: 1, durationSeconds: 30, seed: 3)).visitors[0]
        var first = visitor.generator(ordinal: 4)
        var again = visitor.generator(ordinal: 4)
        var other = visitor.generator(ordinal: 5)
        let value = first.next()
        #expect(value == again.next())
        #expect(value != other.next())
    }

    @Test func crowd_impossibleScenario_saysWhatToChange() {
        #expect(throws: ScenarioProblem("visitors", "0", allowed: "must be between 1 and 10000000")) {
            try Crowd(Scenario(visitors: 0, durationSeconds: 90, seed: 1))
        }
        #expect(throws: ScenarioProblem.self) { try Crowd(Scenario(visitors: 1, durationSeconds: 1, seed: 1)) }
        var scenario = Scenario(visitors: 10, durationSeconds: 90, seed: 1)
        scenario.manners.noShowShare = 2
        #expect(throws: ScenarioProblem("no-show share", "2.0", allowed: "must be between 0 and 1")) {
            try Crowd(scenario)
        }
    }

    @Test func plan_anyCrowd_showsTheOpeningAndTheSum() throws {
        let text = PlanText.render(try Crowd(Scenario(visitors: 2_000, durationSeconds: 90, seed: 1)))
        #expect(text.contains("2,000 visitors"))
        #expect(text.contains("← opening"))
    }

    @Test func takenUpInTheMiddle_keepsEverybodyAndTheLaterMoments() throws {
        let crowd = try Crowd(Scenario(visitors: 500, durationSeconds: 60, seed: 3))
        let later = crowd.takenUp(atSeconds: 10, withinSeconds: 4)
        #expect(Set(later.visitors.map(\.index)) == Set(crowd.visitors.map(\.index)))
        let arrivals = later.visitors.map(\.arrivalNanoseconds)
        #expect(arrivals == arrivals.sorted())
        for visitor in later.visitors {
            let planned = crowd.visitors[visitor.index].arrivalNanoseconds
            let isEarly = planned < 10_000_000_000
            #expect(isEarly || visitor.arrivalNanoseconds == planned)
            if isEarly { #expect((10_000_000_000...14_000_000_000).contains(visitor.arrivalNanoseconds)) }
        }
    }

    /// However long after the opening the last come, the comparison without a gateway is still there for them.
    @Test(arguments: [20.0, 60, 900])
    func directRun_ofAnyLength_isThereForTheLastWhoCome(durationSeconds: Double) throws {
        let scenario = Scenario(visitors: 500, durationSeconds: durationSeconds, seed: 3)
        let first = Director.firstDirectSecond(scenario)
        let crowd = try Crowd(scenario).takenUp(atSeconds: Double(first), withinSeconds: 4)
        let last = try #require(crowd.visitors.map(\.arrivalNanoseconds).max())
        #expect(Double(first) < scenario.curve.openingSeconds)
        #expect(Director.lastDirectSecond(scenario) >= Double(last) / 1e9 + 15)
    }
}
