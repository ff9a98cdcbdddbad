import Primitives
import Testing

@Suite struct CalendarTests {
    /// Expected values from `date -u -d @SECONDS`.
    @Test(
        arguments: [
            (-719_162, 1, 1, 1, 1), (-1, 1969, 12, 31, 3), (0, 1970, 1, 1, 4), (11_016, 2000, 2, 29, 2),
            (11_017, 2000, 3, 1, 3), (20_780, 2026, 11, 23, 1), (47_540, 2100, 2, 28, 0), (47_541, 2100, 3, 1, 1),
            (2_932_896, 9999, 12, 31, 5),
        ] as [(Int64, Int64, Int64, Int64, Int)]
    )
    func date_knownDays_areThose(days: Int64, year: Int64, month: Int64, day: Int64, weekday: Int) throws {
        let date = CivilDate(daysSince1970: days)
        #expect(date.year == year && date.month == month && date.day == day && date.weekday == weekday)
        #expect(CivilDate(year: year, month: month, day: day) == date)
    }

    /// Day after day over two eras of leap years: every day follows the one before, and both ways agree.
    @Test func date_everyDay_followsTheOneBefore() throws {
        var before = CivilDate(daysSince1970: -150_000)
        for days in -149_999...200_000 as ClosedRange<Int64> {
            let date = CivilDate(daysSince1970: days)
            let isSameMonth = date.day == before.day + 1 && date.month == before.month && date.year == before.year
            let isNextMonth =
                date.day == 1 && before.day == CivilDate.days(inMonth: before.month, year: before.year)
                && date.month == before.month % 12 + 1 && date.year == before.year + (before.month == 12 ? 1 : 0)
            guard isSameMonth || isNextMonth, date.weekday == (before.weekday + 1) % 7,
                CivilDate(year: date.year, month: date.month, day: date.day) == date
            else {
                Issue.record("day \(days): \(date) after \(before)")
                return
            }
            before = date
        }
    }

    @Test(arguments: [
        (2026, 2, 29), (2100, 2, 29), (2026, 4, 31), (2026, 13, 1), (2026, 0, 1), (2026, 1, 0), (0, 1, 1),
    ])
    func date_thatTheCalendarHasNot_isNil(year: Int, month: Int, day: Int) {
        #expect(CivilDate(year: Int64(year), month: Int64(month), day: Int64(day)) == nil)
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400_000_000, "2000-02-29T00:00:00.000Z"),
            (-1_000, "1969-12-31T23:59:59.999Z"), (1_795_456_800_999_999, "2026-11-23T18:00:00.999Z"),
            (.max, "9223372036854775807us"),
        ] as [(Int64, String)]
    )
    func rfc3339_millis_areCutOff(micros: Int64, text: String) {
        #expect(RFC3339.text(wallMicros: micros, fraction: .millis) == text)
    }

    @Test(
        arguments: [
            (1_795_456_800_000_000, "2026-11-23T18:00:00Z"), (1_795_456_800_000_001, "2026-11-23T18:00:00.000001Z"),
        ] as [(Int64, String)]
    )
    func rfc3339_micros_areShownWhenThereAreAny(micros: Int64, text: String) {
        #expect(RFC3339.text(wallMicros: micros, fraction: .microsIfAny) == text)
    }
}
