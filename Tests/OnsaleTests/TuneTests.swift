import ArgumentParser
import Testing

@testable import onsale

/// The search, mostly without a simulation: a made-up landscape.
@Suite struct TuneTests {
    private static let rate = Knob(path: "rooms.sale.inflow", range: 10...1_000, unit: .perSecond)
    private static let workers = Knob(path: "pools.web.max_workers", range: 1...20, unit: .count)
    private static let share = Knob(path: "pools.web.scaling.utilization", range: 0.05...1, unit: .share)

    @Test func values_areThoseThatPeopleWrite() {
        #expect(Self.rate.text(123.4) == "120/s" && Self.rate.text(87.6) == "88/s" && Self.rate.text(5) == "10/s")
        #expect(Self.workers.text(3.4) == "3" && Self.workers.text(99) == "20")
        #expect(Self.share.text(0.7512) == "0.75" && Self.share.text(2) == "1")
    }

    /// Waits fall with the rate, and above 200 a second a promise breaks; workers cost nothing here.
    @Test func search_goesAsFarAsThePromisesHold() throws {
        var tuning = Tuning(knobs: [Self.rate, Self.workers]) { values in
            Tuning.Trial(values: values, figure: 1_000 / values[0], served: 50, broken: values[0] > 200 ? 1 : 0)
        }
        let best = try #require(try tuning.search(from: [50, 4]))
        #expect(best.broken == 0 && (180...200).contains(best.values[0]), "\(best)")
        #expect(best.values[1] == 4, "what changes nothing stays")
        #expect(tuning.trials.count < 80)
        #expect(Set(tuning.trials.map { "\($0.values)" }).count == tuning.trials.count, "nothing is played twice")
    }

    @Test func search_fromBrokenPromises_findsThemKept() throws {
        var tuning = Tuning(knobs: [Self.rate]) { values in
            Tuning.Trial(values: values, figure: 1_000 / values[0], served: 50, broken: values[0] > 200 ? 2 : 0)
        }
        #expect(try tuning.search(from: [300])?.broken == 0)
    }

    /// Of a lower rate fewer are served, which costs less; but a promise that is broken comes first.
    @Test(arguments: [0, 1])
    func search_servesNoFewer_unlessPromisesBreak(brokenAtFirst: Int) throws {
        var tuning = Tuning(knobs: [Self.rate]) { values in
            Tuning.Trial(
                values: values,
                figure: values[0],
                served: Int(min(values[0], 100) * 10),
                broken: values[0] > 60 ? brokenAtFirst : 0
            )
        }
        let best = try #require(try tuning.search(from: [200]))
        #expect(best.broken == 0, "\(best)")
        #expect(brokenAtFirst == 0 ? best.served >= 990 : best.served < 990, "\(best)")
    }

    @Test func words_sayWhatWasJudged() {
        var trial = Tuning.Trial(values: [], figure: 2, served: 1_234, broken: 0)
        #expect(trial.words(.cost, seeds: 2).hasSuffix("1,234 served, every promise kept"))
        (trial.broken, trial.missed) = (1, 2)
        let words = "promises broken with 1 of 2 seeds, objectives missed with 2 of 2 seeds"
        #expect(trial.words(.cost, seeds: 2).hasSuffix(words))
        trial = Tuning.Trial(values: [], figure: 2, served: 1_234, broken: 0, isCounted: true)
        #expect(trial.words(.cost, seeds: 2).hasSuffix("1,234 served, counted, not judged"))
    }

    @Test func search_ofSettingsThatCannotBePlayed_isNone() throws {
        var tuning = Tuning(knobs: [Self.rate]) { _ in nil }
        #expect(try tuning.search(from: [50]) == nil)
    }

    /// A number past the highest would begin again with the first, and play a crowd that was played already.
    @Test func seedsBeyondTheHighest_areRefused() throws {
        let seed = ["no.yaml", "--seed", "\(Int.max)", "--seeds"]
        let problem = try #require(throws: ValidationError.self) { try TuneCommand.parse(seed + ["2"]).run() }
        #expect(problem.message.hasPrefix("--seeds: 2 from 9223372036854775807 on go beyond "))
        // One is good, but for the file that is not there.
        #expect(throws: ExitCode.self) { try TuneCommand.parse(seed + ["1"]).run() }
    }

    @Test func diff_ofChanges_standsBelowItsKeys() {
        let text = SettingsDiff.render(
            "sluice.yaml",
            [(Self.rate, 50, 120), (Self.workers, 4, 6), (Self.share, 0.75, 0.75)]
        )
        #expect(
            text == """
                --- sluice.yaml
                +++ sluice.yaml
                   rooms:
                     sale:
                -      inflow: 50/s
                +      inflow: 120/s
                   pools:
                     web:
                -      max_workers: 4
                +      max_workers: 6
                """
        )
        #expect(SettingsDiff.render("a", [(Self.rate, 50, 50)]).contains("change nothing"))
    }
}
