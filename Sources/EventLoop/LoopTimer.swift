import Primitives

/// A deadline on a loop. Whoever made the timer owns it: the loop does not keep it alive, and one that is released will
/// not fire. It must be released on its loop while the loop runs.
///
/// Moving the deadline later costs two stores. A connection's idle timeout is moved on every request, and pays nothing
/// for it.
public final class LoopTimer {
    private let loop: any LoopContext
    private let action: () -> Void
    /// Nil while disarmed.
    public private(set) var deadline: Instant?
    /// The wheel's.
    var link = TimerWheel.Link()
    private let keepsItself: Bool
    /// Itself, while armed, when nobody else has to keep it.
    private var keeper: LoopTimer?

    /// `action` must not hold the timer's owner, who would then never be released while he holds the timer.
    public convenience init(loop: any LoopContext, action: @escaping () -> Void) {
        self.init(loop: loop, keepsItself: false, action: action)
    }

    init(loop: any LoopContext, keepsItself: Bool, action: @escaping () -> Void) {
        self.loop = loop
        self.keepsItself = keepsItself
        self.action = action
    }

    deinit {
        guard self.link.slot != nil else { return }
        // The wheel is its loop's alone. Trapping is cheaper than a race for its links.
        self.loop.preconditionOnLoop()
        self.loop.timers.unlink(self)
    }

    public var isArmed: Bool { self.deadline != nil }

    /// Replaces the deadline, if there was one. A deadline that has passed fires in the loop's next look at its timers.
    public func arm(at deadline: Instant) {
        self.loop.preconditionOnLoop()
        self.deadline = deadline
        if self.keepsItself { self.keeper = self }
        self.loop.timers.insert(self, at: deadline, now: self.loop.now)
    }

    public func arm(afterNanoseconds nanoseconds: Int64) {
        self.arm(at: self.loop.now.advanced(byNanoseconds: nanoseconds))
    }

    /// The action will not run. Costs one store: the wheel forgets the timer when its slot comes up, or when it is
    /// released.
    public func disarm() {
        self.loop.preconditionOnLoop()
        self.abandon()
    }

    func fire() {
        self.abandon()
        self.action()
    }

    func abandon() {
        self.deadline = nil
        self.keeper = nil
    }
}
