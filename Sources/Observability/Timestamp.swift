import Glibc

/// The wall clock, for logs.
public enum Timestamp {
    /// Microseconds since 1970.
    public static func wallMicros() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}
