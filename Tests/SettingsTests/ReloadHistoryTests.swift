import Settings
import Testing

/// What an operator is told of configurations that a running process has read.
@Suite struct ReloadHistoryTests {
    /// Seen before: a refused file was in the log only, and the status spoke of nothing.
    @Test func refusedReload_isAProblemUntilAGoodOneComes() throws {
        var history = ReloadHistory(startedMicros: 1_790_000_000_000_000)
        #expect(history.problem == nil)
        history.refused(atMicros: 1_790_000_060_000_000, "sluice.yaml:1:1: bad")
        #expect(
            history.problem
                == "the reload of 2026-09-21T14:14:20.000Z was refused: sluice.yaml:1:1: bad. The settings of "
                + "2026-09-21T14:13:20.000Z are in force"
        )
        history.refused(atMicros: 1_790_000_070_000_000, "worse")
        #expect(
            try #require(history.problem).contains(
                "14:14:30.000Z was refused: worse. The settings of 2026-09-21T14:13:20"
            )
        )
        history.applied(atMicros: 1_790_000_080_000_000)
        #expect(history.problem == nil && history.appliedCount == 1 && history.refusedCount == 2)
        history.refused(atMicros: 1_790_000_090_000_000, "bad again")
        #expect(try #require(history.problem).hasSuffix("The settings of 2026-09-21T14:14:40.000Z are in force"))
    }

    /// Seen before: `\x0a` between the problems, and in the middle of one.
    @Test func problems_onOneLine_haveNoLineEnds_andNoMoreThanALineHolds() {
        let problems = (1...5).map {
            SettingsProblem(
                file: "f",
                position: SourcePosition(line: $0, column: 1),
                path: "key",
                message: "bad\n value"
            )
        }
        #expect(
            SettingsError(problems).line
                == "f:1:1: key: bad  value; f:2:1: key: bad  value; f:3:1: key: bad  value; and 2 more, see `sluice check`"
        )
        #expect(SettingsError([problems[0]]).line == "f:1:1: key: bad  value")
    }
}
