/// A day of the Gregorian calendar, from the year 1 to the year 9999.
public struct CivilDate: Equatable, Hashable, Sendable {
    /// 1970-01-01 is day 0.
    public let daysSince1970: Int64
    public let year: Int64
    /// 1 to 12.
    public let month: Int64
    /// 1 to 31.
    public let day: Int64

    /// The days that this calendar knows.
    public static let range: ClosedRange<Int64> = -719_162...2_932_896

    public init(daysSince1970: Int64) {
        precondition(Self.range.contains(daysSince1970), "a day between the years 1 and 9999")
        self.daysSince1970 = daysSince1970
        // Years are counted from March, so that the leap day is a year's last and months have a regular length.
        let days = daysSince1970 + 719_468  // since 0000-03-01
        let era = days / 146_097
        let dayOfEra = days % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        self.month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        self.day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        self.year = yearOfEra + era * 400 + (self.month <= 2 ? 1 : 0)
    }

    /// Nil for a day that the calendar does not have, such as the 29th of February of most years.
    public init?(year: Int64, month: Int64, day: Int64) {
        guard (1...9999).contains(year), (1...12).contains(month) else { return nil }
        guard (1...Self.days(inMonth: month, year: year)).contains(day) else { return nil }
        let marchYear = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        self.daysSince1970 =
            marchYear * 365 + marchYear / 4 - marchYear / 100 + marchYear / 400 + dayOfYear - 719_468
        self.year = year
        self.month = month
        self.day = day
    }

    public static func days(inMonth month: Int64, year: Int64) -> Int64 {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return switch month {
        case 2: isLeap ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// 0 for Sunday to 6 for Saturday.
    public var weekday: Int { Int((self.daysSince1970 % 7 + 11) % 7) }
}
