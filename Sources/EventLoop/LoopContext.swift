import Primitives

/// What belongs to one loop: its clock, its timers and the order of its work. `EventLoop` in production; tests drive a
/// virtual one, so that what stands on this protocol alone can be played in virtual time.
///
/// A loop takes *turns*. In each it deals with what is ready, then with what was submitted, then with what was put off
/// from the turn before, then with the timers that are due, and last with what was asked for the turn's end.
public protocol LoopContext: AnyObject, Sendable {
    /// The loop's number in its process, from zero.
    var index: Int { get }
    /// Monotonic time, read once a turn: it stands still during a turn.
    var now: Instant { get }
    /// Wall-clock time in microseconds since 1970, read once a turn.
    var wallMicros: Int64 { get }
    var timers: TimerWheel { get }
    /// What the loop's streams may keep in memory.
    var buffers: BufferBudget { get }
    /// Two areas that a turn may scribble in, so that a message may be built from one that was just read. What is in
    /// them is not kept beyond a call.
    var readScratch: UnsafeMutableRawBufferPointer { get }
    var writeScratch: UnsafeMutableRawBufferPointer { get }
    /// How many turns there were.
    var turns: UInt64 { get }

    /// True when the caller is on the loop.
    var isOnLoop: Bool { get }
    /// Traps when the caller is not on the loop. Cheaper than asking.
    func preconditionOnLoop()
    /// Runs `work` on the loop, in the order of submission. From any thread.
    func submit(_ work: @escaping @Sendable () -> Void)
    /// Runs `action` when the events of this turn have been dealt with: what they left behind travels as one batch.
    func atTurnEnd(_ action: @escaping () -> Void)
    /// Runs `action` in the next turn, after that turn's events: how long work gives way to other connections.
    func onNextTurn(_ action: @escaping () -> Void)
}

extension LoopContext {
    /// For loops that are played on the thread of a test.
    public var isOnLoop: Bool { true }

    /// Runs `action` once. The timer keeps itself alive until it fires or is disarmed.
    @discardableResult
    public func after(nanoseconds: Int64, _ action: @escaping () -> Void) -> LoopTimer {
        let timer = LoopTimer(loop: self, node: TimerNode(keepsItself: true, action: action))
        timer.arm(afterNanoseconds: nanoseconds)
        return timer
    }
}
