import Primitives
import Testing

@testable import SettingsFile

@Suite struct RepeatedReadingTests {
    private func instant(_ seconds: Int64) -> Instant {
        Instant(nanoseconds: 0).advanced(byNanoseconds: seconds * Nanoseconds.perSecond)
    }

    /// The reasons of a renewal that cannot be used at `seconds`, each with whether it is told.
    private func told(_ rows: [(seconds: Int64, problem: String, isRepeated: Bool)]) -> [Bool] {
        var reading = RepeatedReading()
        return rows.map { row in
            reading.fail(row.problem, now: self.instant(row.seconds), isRepeated: row.isRepeated)
        }
    }

    @Test func failed_isDueEveryThirtySeconds_untilItSucceeds() {
        var reading = RepeatedReading()
        #expect(!reading.isDue(now: self.instant(1_000)) && reading.problem == nil)
        _ = reading.fail("too many open files", now: self.instant(1_000), isRepeated: false)
        let due = [1_000, 1_029, 1_030, 2_000].map { reading.isDue(now: self.instant($0)) }
        #expect(due == [false, false, true, true])
        _ = reading.fail("too many open files", now: self.instant(1_031), isRepeated: true)
        #expect([1_060, 1_061].map { reading.isDue(now: self.instant($0)) } == [false, true])
        #expect(reading.problem == "too many open files")
        reading.succeed()
        #expect(!reading.isDue(now: self.instant(9_000)) && reading.problem == nil)
    }

    /// Otherwise a certificate that nobody mends would write a line of the log every 30 seconds.
    @Test func failedAgain_isToldOnlyIfItIsSomethingNew() {
        let told = self.told([(0, "a", false), (30, "a", true), (60, "b", true), (90, "b", true)])
        #expect(told == [true, false, true, false])
    }

    /// Whoever has put another file there, or asked for a reload, waits for an answer.
    @Test func failedWithOtherFiles_isTold_alsoInTheSameWords() {
        #expect(self.told([(0, "a", false), (10, "a", false)]) == [true, true])
    }
}
