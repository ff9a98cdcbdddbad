import Glibc
import Primitives

/// The clock that the event loop's deadlines are on, read at the moment itself, and on any thread.
///
/// The loop's own `now` stands still during a turn, in which hundreds of answers may be taken up: good enough for a
/// timeout, not for a measurement.
public enum MonotonicClock {
    public static func now() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }
}
