import Primitives

/// A deadline on a loop. Moving it later costs two stores: the entry in the loop's heap stays where it is and is put
/// back when it comes up too early. A connection's idle timeout is moved on every request, and pays nothing for it.
public final class LoopTimer {
    private let loop: any LoopContext
    private let action: () -> Void
    /// Nil while disarmed.
    public private(set) var deadline: Instant?
    /// The earliest entry for this timer in the heap. Later ones, left over from a move to an earlier time, are ignored.
    private var queued: Instant?

    public init(loop: any LoopContext, action: @escaping () -> Void) {
        self.loop = loop
        self.action = action
    }

    public var isArmed: Bool { self.deadline != nil }

    public func arm(at deadline: Instant) {
        self.loop.preconditionOnLoop()
        self.deadline = deadline
        if let queued = self.queued, queued <= deadline { return }
        self.queued = deadline
        self.loop.timers.insert(self, at: deadline)
    }

    public func arm(afterNanoseconds nanoseconds: Int64) {
        self.arm(at: self.loop.now.advanced(byNanoseconds: nanoseconds))
    }

    /// The loop forgets the timer, and what its action holds, when the queued entry comes up.
    public func disarm() {
        self.loop.preconditionOnLoop()
        self.deadline = nil
    }

    /// Its entry came up. True when the deadline has really come; otherwise it is queued again, or dropped.
    func isDue(entry: Instant, now: Instant) -> Bool {
        guard self.queued == entry else { return false }
        self.queued = nil
        guard let deadline = self.deadline else { return false }
        guard deadline <= now else {
            self.queued = deadline
            self.loop.timers.insert(self, at: deadline)
            return false
        }
        return true
    }

    func fire() {
        self.deadline = nil
        self.action()
    }
}
