import CLinux
import Glibc
import Primitives

/// The two clocks, read once a turn through the vDSO.
struct LoopClock {
    private(set) var now = Instant(nanoseconds: 0)
    private(set) var wallMicros: Int64 = 0

    init() { self.refresh() }

    mutating func refresh() {
        self.now = MonotonicClock.now()
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        self.wallMicros = Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}
