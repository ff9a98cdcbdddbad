import Primitives

/// A deadline on a loop. Whoever made the timer owns it: the loop does not keep it alive, and one that is released does
/// not fire. Used on its loop only, but may be released anywhere.
///
/// Moving the deadline later costs two stores. A connection's idle timeout is moved on every request, and pays nothing
/// for it.
public final class LoopTimer {
    private let loop: any LoopContext
    private let node: TimerNode

    /// `action` must not hold the timer's owner, who would then never be released while he holds the timer.
    public convenience init(loop: any LoopContext, action: @escaping () -> Void) {
        self.init(loop: loop, node: TimerNode(keepsItself: false, action: action))
    }

    init(loop: any LoopContext, node: TimerNode) {
        self.loop = loop
        self.node = node
    }

    deinit {
        // Such a node is linked only while it keeps itself.
        if self.node.keepsItself { return }
        if self.loop.isOnLoop {
            self.node.abandon()
            if self.node.link.slot != nil { self.loop.timers.unlink(self.node) }
        } else {
            let orphan = Orphan(node: self.node, wheel: self.loop.timers)
            self.loop.submit { orphan.unlink() }
        }
    }

    /// Nil while disarmed.
    public var deadline: Instant? { self.node.deadline }
    public var isArmed: Bool { self.node.deadline != nil }

    /// Replaces the deadline, if there was one. A deadline that has passed fires in the loop's next look at its timers.
    public func arm(at deadline: Instant) {
        self.loop.preconditionOnLoop()
        self.node.deadline = deadline
        if self.node.keepsItself { self.node.keeper = self.node }
        self.loop.timers.insert(self.node, at: deadline, now: self.loop.now)
    }

    public func arm(afterNanoseconds nanoseconds: Int64) {
        self.arm(at: self.loop.now.advanced(byNanoseconds: nanoseconds))
    }

    /// The action will not run. Costs a store: the wheel forgets the timer when its slot comes up, or when the timer is
    /// released.
    public func disarm() {
        self.loop.preconditionOnLoop()
        self.node.abandon()
        if self.node.keepsItself, self.node.link.slot != nil { self.loop.timers.unlink(self.node) }
    }
}

/// What the wheel links: kept by the timer, or by itself.
final class TimerNode {
    let keepsItself: Bool
    private let action: () -> Void
    fileprivate(set) var deadline: Instant?
    /// The wheel's.
    var link = TimerWheel.Link()
    /// Itself, while armed, when nobody else has to keep it.
    fileprivate var keeper: TimerNode?

    init(keepsItself: Bool, action: @escaping () -> Void) {
        self.keepsItself = keepsItself
        self.action = action
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

/// The node of a timer that was released away from its loop, on its way back there.
// Unchecked because nobody else has the node any more, and `unlink` runs on the wheel's loop.
private struct Orphan: @unchecked Sendable {
    let node: TimerNode
    let wheel: TimerWheel

    func unlink() {
        self.node.abandon()
        if self.node.link.slot != nil { self.wheel.unlink(self.node) }
    }
}
