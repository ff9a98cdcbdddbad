import Primitives
import Testing

@testable import onsale

/// Waves, classes and the draws behind them.
@Suite struct WavesAndClassesTests {
    // MARK: Draws

    @Test(arguments: [1, 2, 100, 10_000])
    func sortedDraws_areAsManyAndRiseFromNothingToOne(count: Int) {
        var draws = SortedDraws(count: count, seed: 5)
        var values: [Double] = []
        while let value = draws.next() { values.append(value) }
        #expect(values.count == count)
        #expect(values == values.sorted() && values.allSatisfy((0...1).contains))
        guard count == 10_000 else { return }
        // As uniform as sorted independent draws: no further from the straight line than those come to (Kolmogorov).
        let furthest = values.enumerated().map { abs($1 - (Double($0) + 0.5) / Double(count)) }.max() ?? 1
        #expect(furthest < 0.02)
    }

    // MARK: Waves

    static func wave(_ visitors: Int, _ points: [(Double, Double)]) -> Wave {
        let curve = RateCurve(points: points.map { RateCurve.Point(seconds: $0.0, ratePerSecond: $0.1) })
        return Wave(visitors: visitors, shape: .rates(curve))
    }

    static func scenario(_ waves: [Wave], seconds: Double = 60) -> Scenario {
        var scenario = Scenario(visitors: 1, durationSeconds: seconds, seed: 4)
        scenario.curve.waves = waves
        scenario.visitors = scenario.curve.visitors
        return scenario
    }

    /// A jump, a pause and a ramp: in each stretch as many come as its rates say.
    @Test func rates_ofEveryForm_areMet() throws {
        let points = [(0.0, 100.0), (10, 100), (10, 300), (20, 300), (20, 0), (30, 0), (30, 0), (50, 200)]
        let wave = Self.wave(6_000, points)
        let crowd = try Crowd(Self.scenario([wave]))
        let seconds = crowd.map { Double($0.arrivalNanoseconds) / 1e9 }
        #expect(seconds == seconds.sorted())
        func count(_ range: Range<Double>) -> Double { Double(seconds.count { range.contains($0) }) }
        #expect(abs(count(0..<10) - 1_000) < 120)
        #expect(abs(count(10..<20) - 3_000) < 170)
        #expect(count(20..<30) == 0)
        #expect(abs(count(30..<40) - 500) < 90 && abs(count(40..<50.001) - 1_500) < 140)
    }

    @Test func counts_asTheyCame_areMetExactly() throws {
        let counts = ArrivalCounts(startSeconds: 3, stepSeconds: 1, counts: [5, 0, 7, 100, 1])
        var scenario = Self.scenario([Wave(visitors: counts.total, shape: .counts(counts))])
        #expect(try Crowd(scenario).arrivalsPerSecond()[..<9] == [0, 0, 0, 5, 0, 7, 100, 1, 0])
        scenario.visitors = 226
        #expect(try Crowd(scenario).arrivalsPerSecond()[..<9] == [0, 0, 0, 10, 0, 14, 200, 2, 0])
    }

    @Test func waves_thatOverlap_areMergedInOrder() throws {
        let first = Self.wave(500, [(0, 10), (40, 10)])
        let second = Self.wave(500, [(20, 10), (60, 10)])
        let scenario = Self.scenario([first, second])
        let visitors = try Crowd(scenario).visitors
        #expect(visitors.map(\.arrivalNanoseconds) == visitors.map(\.arrivalNanoseconds).sorted())
        #expect(visitors.map(\.index) == Array(0..<1_000))
        let alone = try Crowd(Self.scenario([first])).map(\.arrivalNanoseconds)
        #expect(Set(alone).isSubset(of: visitors.map(\.arrivalNanoseconds)), "another wave beside it changes nothing")
    }

    @Test(arguments: [1, 7, 999, 1_000, 54_321])
    func scaled_toAnyNumber_addsUp(visitors: Int) {
        let scenario = Self.scenario([
            Self.wave(100, [(0, 1), (9, 1)]), Self.wave(250, [(0, 1), (9, 1)]), Self.wave(3, [(0, 1), (9, 1)]),
        ])
        let plan = scenario.curve.scaled(toVisitors: visitors)
        #expect(plan.visitors == visitors)
        for (before, after) in zip(scenario.curve.waves, plan.waves) {
            let share = Double(before.visitors) / 353 * Double(visitors)
            #expect(abs(Double(after.visitors) - share) <= 1)
        }
    }

    @Test func stretched_toAnotherLength_keepsThePeopleInProportion() throws {
        let scenario = Self.scenario([
            Self.wave(500, [(0, 10), (40, 15)]),
            Wave(visitors: 12, shape: .counts(ArrivalCounts(startSeconds: 2, stepSeconds: 1, counts: [12]))),
            Wave(visitors: 300, shape: .sale(.typical(durationSeconds: 60))),
        ])
        let half = scenario.stretched(toSeconds: 30)
        #expect(half.manners.thinkMedianSeconds == scenario.manners.thinkMedianSeconds / 2)
        for (short, long) in zip(try Crowd(half), try Crowd(scenario)) {
            #expect(abs(short.arrivalNanoseconds * 2 - long.arrivalNanoseconds) < 10_000)
        }
    }

    @Test func impossibleWaves_areNamed() {
        func problem(_ shape: Wave.Shape) -> String? {
            do throws(ScenarioProblem) { try shape.check() } catch { return error.setting }
            return nil
        }
        func rates(_ points: [(Double, Double)]) -> Wave.Shape { Self.wave(1, points).shape }
        func counts(_ start: Double, _ counts: [Int]) -> Wave.Shape {
            .counts(ArrivalCounts(startSeconds: start, stepSeconds: 1, counts: counts))
        }
        #expect(problem(rates([(0, 1), (1, 1)])) == nil)
        #expect(problem(rates([(0, 1)])) == "rates")
        #expect(problem(rates([(5, 1), (1, 1)])) == "time of a rate")
        #expect(problem(rates([(0, -1), (1, 1)])) == "rate")
        #expect(problem(rates([(0, .nan), (1, 1)])) == "rate")
        #expect(problem(rates([(0, 0), (1, 0)])) == "rates")
        #expect(problem(counts(0, [1])) == nil)
        #expect(problem(counts(0, [])) == "length of the counts")
        #expect(problem(counts(-1, [1])) == "times of the counts")
        #expect(problem(counts(0, [0])) == "counts")
    }

    // MARK: Classes

    @Test func classes_comeByTheirWeights_withTheirPlaces() throws {
        var scenario = Scenario(visitors: 30_000, durationSeconds: 60, seed: 8)
        let plain = scenario.manners
        scenario.classes = [
            VisitorClass(name: "one", weight: 3, manners: plain),
            VisitorClass(name: "tabs", weight: 1, manners: VisitorKind.tabs.changed(plain, stretch: 1)),
        ]
        let visitors = try Crowd(scenario).visitors
        let people = visitors.filter { $0.person == $0.index }
        #expect(abs(Double(people.count { $0.group == 1 }) / Double(people.count) - 0.25) < 0.02)
        // The last person may find no room for all tabs.
        for person in people.dropLast() {
            let places = visitors[person.index...].prefix { $0.person == person.index }
            #expect((person.group == 1 ? 2...6 : 1...1).contains(places.count))
            #expect(places.allSatisfy { $0.group == person.group })
        }
        #expect(Set(visitors.map(\.seed)).count == visitors.count)
    }

    @Test func meanOfAFigure_isOverThoseWhoKeepTheirPlace() {
        var scenario = Scenario(visitors: 10, durationSeconds: 60, seed: 8)
        var few = scenario.manners
        few.noShowShare = 0.1
        var many = VisitorKind.tabs.changed(scenario.manners, stretch: 1)
        (many.fewestPlaces, many.mostPlaces) = (3, 3)
        many.noShowShare = 0.5
        let crawler = VisitorKind.crawler.changed(scenario.manners, stretch: 1)
        scenario.classes = [
            VisitorClass(name: "few", weight: 1, manners: few), VisitorClass(name: "many", weight: 1, manners: many),
            VisitorClass(name: "crawler", weight: 50, manners: crawler),
        ]
        #expect(abs(scenario.mean(\.noShowShare) - 0.4) < 1e-9)
    }

    @Test func plan_ofClasses_namesEachAndWhatItIsOwed() throws {
        let scenario = Scenario(visitors: 2_000, durationSeconds: 60, seed: 1).withEveryKind()
        let text = PlanText.render(try Crowd(scenario))
        for kind in VisitorKind.allCases { #expect(text.contains("  \(kind.rawValue) "), "\(kind)") }
        #expect(text.contains("one jar of cookies each"))
        #expect(text.contains("no place is owed to them"))
    }
}
