/// Points in time as logs, status pages and the configuration write them: `2026-11-23T18:00:00.000Z`, always in UTC.
public enum RFC3339 {
    public enum Fraction: Sendable {
        case millis
        /// Microseconds when there are any; nothing otherwise.
        case microsIfAny
    }

    /// - Parameter wallMicros: microseconds since 1970; years 1 to 9999.
    public static func text(wallMicros: Int64, fraction: Fraction) -> String {
        let (days, micros) = Self.flooredDivision(wallMicros, by: 86_400_000_000)
        guard CivilDate.range.contains(days) else { return "\(wallMicros)us" }
        let date = CivilDate(daysSince1970: days)
        let seconds = micros / 1_000_000
        let rest = micros % 1_000_000
        let day = "\(Self.padded(date.year, 4))-\(Self.padded(date.month, 2))-\(Self.padded(date.day, 2))"
        let time =
            "\(Self.padded(seconds / 3_600, 2)):\(Self.padded(seconds / 60 % 60, 2)):\(Self.padded(seconds % 60, 2))"
        let part =
            switch fraction {
            case .millis: "." + Self.padded(rest / 1_000, 3)
            case .microsIfAny: rest == 0 ? "" : "." + Self.padded(rest, 6)
            }
        return "\(day)T\(time)\(part)Z"
    }

    /// The remainder is never negative: before 1970, too, a day goes from midnight on.
    private static func flooredDivision(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func padded(_ value: Int64, _ digits: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
