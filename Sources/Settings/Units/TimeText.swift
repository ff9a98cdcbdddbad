/// Points in time as they are written in the file: ISO 8601 with a zone, `2026-11-23T18:00:00Z` or
/// `2026-11-23T19:00:00+01:00`. In the program they are microseconds since 1970.
enum TimeText {
    static func parse(_ text: String) throws(Refusal) -> Int64 {
        var cursor = Cursor(rest: text[...])
        let year = try cursor.number(digits: 4, in: 2000...9999)
        try cursor.expect("-")
        let month = try cursor.number(digits: 2, in: 1...12)
        try cursor.expect("-")
        let day = try cursor.number(digits: 2, in: 1...self.days(inMonth: month, year: year))
        guard !cursor.rest.isEmpty else { throw Refusal("which is a day without a time and a zone") }
        try cursor.expect("T")
        let hour = try cursor.number(digits: 2, in: 0...23)
        try cursor.expect(":")
        let minute = try cursor.number(digits: 2, in: 0...59)
        let second = cursor.skip(":") ? try cursor.number(digits: 2, in: 0...59) : 0
        let fractionMicros = cursor.skip(".") ? try cursor.fractionMicros() : 0
        let offsetMinutes = try cursor.zoneOffsetMinutes()
        guard cursor.rest.isEmpty else { throw Refusal("which goes on behind the zone") }
        let minutes = (self.daysSince1970(year: year, month: month, day: day) * 24 + hour) * 60 + minute
        return ((minutes - offsetMinutes) * 60 + second) * 1_000_000 + fractionMicros
    }

    static func format(_ micros: Int64) -> String {
        let (days, rest) = micros.quotientAndRemainder(dividingBy: 86_400_000_000)
        let (year, month, day) = self.civil(daysSince1970: days)
        let seconds = rest / 1_000_000
        let fraction = rest % 1_000_000
        let date = "\(self.padded(year, 4))-\(self.padded(month, 2))-\(self.padded(day, 2))"
        let time = [seconds / 3600, seconds / 60 % 60, seconds % 60].map { self.padded($0, 2) }.joined(separator: ":")
        return fraction == 0 ? "\(date)T\(time)Z" : "\(date)T\(time).\(self.padded(fraction, 6))Z"
    }

    private static func padded(_ value: Int64, _ digits: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    private static func days(inMonth month: Int64, year: Int64) -> Int64 {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return switch month {
        case 2: isLeap ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Years are counted from March, so that the leap day is a year's last and months have a regular length.
    private static func daysSince1970(year: Int64, month: Int64, day: Int64) -> Int64 {
        let marchYear = month <= 2 ? year - 1 : year
        let monthFromMarch = (month + 9) % 12
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        return marchYear * 365 + marchYear / 4 - marchYear / 100 + marchYear / 400 + dayOfYear - 719_468
    }

    private static func civil(daysSince1970 days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        // Taking every year for a leap year is too early by a few years at most; the loop makes them up.
        var year = 1970 + days / 366
        while self.daysSince1970(year: year + 1, month: 1, day: 1) <= days { year += 1 }
        var month: Int64 = 1
        var dayOfYear = days - self.daysSince1970(year: year, month: 1, day: 1)
        while dayOfYear >= self.days(inMonth: month, year: year) {
            dayOfYear -= self.days(inMonth: month, year: year)
            month += 1
        }
        return (year, month, dayOfYear + 1)
    }

    /// Reads the text from the left; whatever does not fit is refused.
    private struct Cursor {
        var rest: Substring

        mutating func number(digits: Int, in range: ClosedRange<Int64>) throws(Refusal) -> Int64 {
            let text = self.rest.prefix(digits)
            guard text.count == digits, text.allSatisfy(\.isASCIIDigit), let value = Int64(text) else {
                throw Refusal()
            }
            guard range.contains(value) else {
                throw Refusal("in which \(text) is outside of \(range.lowerBound) to \(range.upperBound)")
            }
            self.rest.removeFirst(digits)
            return value
        }

        mutating func skip(_ character: Character) -> Bool {
            guard self.rest.first == character else { return false }
            self.rest.removeFirst()
            return true
        }

        mutating func expect(_ character: Character) throws(Refusal) {
            guard self.skip(character) else { throw Refusal() }
        }

        mutating func fractionMicros() throws(Refusal) -> Int64 {
            let digits = self.rest.prefix { $0.isASCIIDigit }
            guard (1...6).contains(digits.count) else { throw Refusal("which is finer than a microsecond") }
            self.rest.removeFirst(digits.count)
            return Int64(digits + String(repeating: "0", count: 6 - digits.count)) ?? 0
        }

        mutating func zoneOffsetMinutes() throws(Refusal) -> Int64 {
            if self.skip("Z") { return 0 }
            guard let sign = self.rest.first, sign == "+" || sign == "-" else {
                throw Refusal("which has no zone: end it with Z, or with an offset such as +01:00")
            }
            self.rest.removeFirst()
            let hours = try self.number(digits: 2, in: 0...14)
            try self.expect(":")
            let minutes = try self.number(digits: 2, in: 0...59)
            return (sign == "-" ? -1 : 1) * (hours * 60 + minutes)
        }
    }
}
