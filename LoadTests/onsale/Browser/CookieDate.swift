import Primitives

/// The date in `Expires` of a cookie, read as browsers read it (RFC 6265 section 5.1.1): the words in any order, anything
/// between them, years of two digits from 1970 to 2069.
enum CookieDate {
    private static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

    /// Seconds since 1970; nil for what is no date.
    static func seconds<Bytes: Collection<UInt8>>(_ text: Bytes) -> Int64? {
        var (time, day, month, year): ([Int64]?, Int64?, Int64?, Int64?)
        for word in text.split(whereSeparator: Self.isDelimiter) {
            if time == nil, let found = Self.time(Array(word)) {
                time = found
            } else if day == nil, let found = Self.number(word, digits: 1...2) {
                day = found
            } else if month == nil, let found = Self.month(word) {
                month = found
            } else if year == nil, let found = Self.number(word, digits: 2...4) {
                year = found
            }
        }
        guard let time, let day, let month, var year, time[0] < 24, time[1] < 60, time[2] < 60 else { return nil }
        if year < 100 { year += year < 70 ? 2000 : 1900 }
        guard year >= 1601, let date = CivilDate(year: year, month: month, day: day) else { return nil }
        return date.daysSince1970 * 86_400 + time[0] * 3_600 + time[1] * 60 + time[2]
    }

    private static func isDelimiter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x09, 0x20...0x2F, 0x3B...0x40, 0x5B...0x60, 0x7B...0x7E: true
        default: false
        }
    }

    /// Digits at the beginning, and behind them the end of the word or whatever is no digit.
    private static func number<Bytes: Collection<UInt8>>(_ word: Bytes, digits: ClosedRange<Int>) -> Int64? {
        let found = word.prefix { ASCII.isDigit($0) }
        guard digits.contains(found.count) else { return nil }
        return found.reduce(0) { $0 * 10 + Int64($1 - ASCII.zero) }
    }

    /// `9:05:00`, and whatever behind it.
    private static func time(_ word: [UInt8]) -> [Int64]? {
        let parts = word.split(separator: ASCII.colon, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].allSatisfy(ASCII.isDigit), parts[1].allSatisfy(ASCII.isDigit) else {
            return nil
        }
        let numbers = parts.compactMap { Self.number($0, digits: 1...2) }
        return numbers.count == 3 ? numbers : nil
    }

    private static func month<Bytes: Collection<UInt8>>(_ word: Bytes) -> Int64? {
        let name = String(decoding: word.prefix(3).map(ASCII.lowercased), as: UTF8.self)
        return Self.months.firstIndex(of: name).map { Int64($0) + 1 }
    }
}
