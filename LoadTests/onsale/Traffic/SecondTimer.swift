import EventLoop
import Primitives

/// Closes the seconds of a run as they end. Lives on the loop of whom it tells.
final class SecondTimer {
    private var nextAt: Instant
    private var timer: LoopTimer!

    /// - Parameters:
    ///   - firstEnd: when the first second ends.
    ///   - look: called once before seconds are closed.
    ///   - close: called for each second. A loop that stood still for several puts what happened in the first of them.
    init(
        firstEnd: Instant,
        on loop: EventLoop,
        look: @escaping (_ now: Instant) -> Void,
        close: @escaping () -> Void
    ) {
        self.nextAt = firstEnd
        self.timer = LoopTimer(loop: loop) { [weak self] in
            let now = MonotonicClock.now()
            look(now)
            while let end = self?.nextAt, end <= now {
                self?.nextAt = end.advanced(byNanoseconds: Nanoseconds.perSecond)
                close()
            }
            self?.start()
        }
    }

    func start() { self.timer.arm(at: self.nextAt) }

    func stop() { self.timer.disarm() }
}
