import Glibc

/// Wall-clock time as logs and status pages show it.
public enum Timestamp {
    public static func wallMicros() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }

    /// RFC 3339 in UTC with milliseconds: `2026-11-23T18:00:00.000Z`.
    /// - Parameter wallMicros: microseconds since 1970.
    public static func text(wallMicros: Int64) -> String {
        let (seconds, micros) = wallMicros.quotientAndRemainder(dividingBy: 1_000_000)
        // Before 1970 the remainder is negative.
        var time = time_t(micros < 0 ? seconds - 1 : seconds)
        let millis = (micros < 0 ? micros + 1_000_000 : micros) / 1_000
        var parts = tm()
        guard gmtime_r(&time, &parts) != nil else { return "\(wallMicros)us" }
        let date =
            "\(parts.tm_year + 1_900)-\(self.padded(Int(parts.tm_mon) + 1, 2))-\(self.padded(Int(parts.tm_mday), 2))"
        let hours = "\(self.padded(Int(parts.tm_hour), 2)):\(self.padded(Int(parts.tm_min), 2))"
        return "\(date)T\(hours):\(self.padded(Int(parts.tm_sec), 2)).\(self.padded(Int(millis), 3))Z"
    }

    private static func padded(_ value: Int, _ width: Int) -> String {
        let digits = "\(value)"
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
