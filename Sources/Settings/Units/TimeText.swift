import Primitives

/// Points in time as they are written in the file: ISO 8601 with a zone, `2026-11-23T18:00:00Z` or
/// `2026-11-23T19:00:00+01:00`. In the program they are microseconds since 1970.
enum TimeText {
    static func parse(_ text: String) throws(Refusal) -> Int64 {
        var cursor = Cursor(rest: text[...])
        let year = try cursor.number(digits: 4, in: 2000...9999)
        try cursor.expect("-")
        let month = try cursor.number(digits: 2, in: 1...12)
        try cursor.expect("-")
        let day = try cursor.number(digits: 2, in: 1...CivilDate.days(inMonth: month, year: year))
        guard let date = CivilDate(year: year, month: month, day: day) else { throw Refusal() }
        guard !cursor.rest.isEmpty else { throw Refusal("which is a day without a time and a zone") }
        try cursor.expect("T")
        let hour = try cursor.number(digits: 2, in: 0...23)
        try cursor.expect(":")
        let minute = try cursor.number(digits: 2, in: 0...59)
        let second = cursor.skip(":") ? try cursor.number(digits: 2, in: 0...59) : 0
        let fractionMicros = cursor.skip(".") ? try cursor.fractionMicros() : 0
        let offsetMinutes = try cursor.zoneOffsetMinutes()
        guard cursor.rest.isEmpty else { throw Refusal("which goes on behind the zone") }
        let minutes = (date.daysSince1970 * 24 + hour) * 60 + minute
        return ((minutes - offsetMinutes) * 60 + second) * 1_000_000 + fractionMicros
    }

    static func format(_ micros: Int64) -> String { RFC3339.text(wallMicros: micros, fraction: .microsIfAny) }

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
