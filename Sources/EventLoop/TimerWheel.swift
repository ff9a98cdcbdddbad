import Primitives

/// The deadlines of one loop: a hierarchical wheel of six levels with 64 slots each. Confined to its loop.
///
/// Time is cut into ticks of 2^16 ns (about 65 µs). A level's slot is as wide as the whole level below it; a timer is
/// linked into the lowest level on which its tick and the current one differ, so that linking and unlinking cost the
/// same however many timers there are. When time reaches a slot of a higher level, its timers move to lower levels: at
/// most five moves in a timer's life. Source: Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (SOSP 1987).
///
/// A timer fires no earlier than its deadline, and in the order of ticks; timers of one tick fire in no stated order.
/// The wheel does not retain its timers: one that is released leaves at once and takes along what its action holds.
///
/// Limits: none on the number of timers, each of which is its own link; deadlines may be as late as `distantFuture`.
public final class TimerWheel {
    private static let tickBits: UInt64 = 16
    private static let levelBits: UInt64 = 6
    private static let slotsPerLevel = 64
    private static let levels = 6
    /// Beyond the wheel's span of 52 days: looked at again when time enters the next span.
    private static let beyondSlot = levels * slotsPerLevel
    /// Deadlines that had passed when they were set.
    private static let overdueSlot = beyondSlot + 1
    /// Timers whose turn to fire has come.
    private static let firingSlot = beyondSlot + 2
    /// Timers on their way from one slot to others.
    private static let asideSlot = beyondSlot + 3

    /// Where a timer is linked, kept in the timer itself.
    struct Link {
        unowned(unsafe) var next: TimerNode?
        unowned(unsafe) var previous: TimerNode?
        /// Nil while not linked.
        var slot: Int?
        /// The tick in which the timer comes up; zero for one that is overdue.
        var tick: UInt64 = 0
    }

    /// The first timer of each slot. A slot's timers form a ring, so that its last one is the first one's `previous`.
    private var heads = ContiguousArray<Unmanaged<TimerNode>?>(repeating: nil, count: asideSlot + 1)
    /// A bit for each slot of a level that holds a timer.
    private var occupied = ContiguousArray<UInt64>(repeating: 0, count: levels)
    /// All ticks up to this one have been dealt with.
    private var tick: UInt64 = 0
    private var isClosed = false
    /// Timers that are linked; among them such as were disarmed or moved and have not come up since.
    public private(set) var count = 0

    public init() {}

    /// No timer is due before it; nil when there is none.
    public var nextDeadline: Instant? {
        if self.heads[Self.overdueSlot] != nil { return Self.start(ofTick: self.tick) }
        return self.nextOccupied.map { Self.start(ofTick: $0.tick) }
    }

    /// True when the next call of `fireDue` has something to do, however early it comes.
    var hasOverdue: Bool { self.heads[Self.overdueSlot] != nil }

    /// Runs the actions of the timers that are due, and returns how many there were. A timer that is armed for `now` or
    /// earlier meanwhile comes up in the next call: the clock stands still during a turn, so that a timer which arms
    /// itself again would otherwise come up for ever.
    public func fireDue(now: Instant) -> Int {
        precondition(self.heads[Self.firingSlot] == nil, "timers fire one after the other")
        while let timer = self.first(of: Self.overdueSlot) {
            self.unlink(timer)
            self.link(timer, into: Self.firingSlot)
        }
        self.advance(to: now.nanoseconds >> Self.tickBits)
        var fired = 0
        while let timer = self.first(of: Self.firingSlot) {
            self.unlink(timer)
            // It may have been disarmed or moved since it was linked, also by an action of this very turn.
            guard let deadline = timer.deadline else { continue }
            if deadline > now {
                self.place(timer, atTick: Self.tick(of: deadline))
            } else {
                fired += 1
                timer.fire()
            }
        }
        return fired
    }

    /// Moves every timer of the ticks up to `target` to the list of those that fire.
    private func advance(to target: UInt64) {
        precondition(target >= self.tick, "time went back")
        while let next = self.nextOccupied, next.tick <= target {
            self.tick = next.tick
            self.empty(next.slot)
        }
        self.tick = target
    }

    /// Gives each timer of `slot` a place as seen from the current tick, and leaves out those that were disarmed.
    private func empty(_ slot: Int) {
        // A timer may find its new place in the same list.
        while let timer = self.first(of: slot) {
            self.unlink(timer)
            self.link(timer, into: Self.asideSlot)
        }
        while let timer = self.first(of: Self.asideSlot) {
            self.unlink(timer)
            guard let deadline = timer.deadline else { continue }
            self.place(timer, atTick: Self.tick(of: deadline))
        }
    }

    /// The occupied slot that time reaches first, and the tick in which it does. A lower level's slots all come before
    /// those of a higher one: what lies on a level differs from the current tick on that level, and on none above it.
    private var nextOccupied: (tick: UInt64, slot: Int)? {
        for level in 0..<Self.levels where self.occupied[level] != 0 {
            let index = UInt64(self.occupied[level].trailingZeroBitCount)
            let shift = UInt64(level) * Self.levelBits
            let span = shift + Self.levelBits
            return ((self.tick >> span) << span | index << shift, level * Self.slotsPerLevel + Int(index))
        }
        guard self.heads[Self.beyondSlot] != nil else { return nil }
        let span = UInt64(Self.levels) * Self.levelBits
        return ((self.tick >> span &+ 1) << span, Self.beyondSlot)
    }

    // MARK: For timers

    /// Links `timer` so that it comes up at `deadline`; it leaves the slot in which it is now. One that is linked for an
    /// earlier time stays there, unless that has passed, and finds its new place when it comes up: moving a deadline later
    /// costs two stores.
    func insert(_ timer: TimerNode, at deadline: Instant, now: Instant) {
        let tick = deadline <= now ? 0 : Self.tick(of: deadline)
        if timer.link.slot != nil {
            guard tick < timer.link.tick || timer.link.tick == 0 else { return }
            self.unlink(timer)
        }
        guard !self.isClosed else { return }
        if tick == 0 {
            timer.link.tick = 0
            self.link(timer, into: Self.overdueSlot)
        } else {
            self.place(timer, atTick: tick)
        }
    }

    func unlink(_ timer: TimerNode) {
        let slot = timer.link.slot!
        let next = timer.link.next!
        if next === timer {
            self.heads[slot] = nil
            if slot < Self.beyondSlot {
                self.occupied[slot / Self.slotsPerLevel] &= ~(1 << UInt64(slot % Self.slotsPerLevel))
            }
        } else {
            let previous = timer.link.previous!
            previous.link.next = next
            next.link.previous = previous
            if self.heads[slot]!.toOpaque() == Unmanaged.passUnretained(timer).toOpaque() {
                self.heads[slot] = Unmanaged.passUnretained(next)
            }
        }
        timer.link.next = nil
        timer.link.previous = nil
        timer.link.slot = nil
        self.count -= 1
    }

    /// The loop has ended: nothing fires any more, and timers that keep themselves are let go.
    func close() {
        self.isClosed = true
        for slot in self.heads.indices {
            while let timer = self.first(of: slot) {
                self.unlink(timer)
                timer.abandon()
            }
        }
    }

    // MARK: Slots

    /// The first tick at whose start the deadline has passed.
    private static func tick(of deadline: Instant) -> UInt64 {
        let (whole, part) = deadline.nanoseconds.quotientAndRemainder(dividingBy: 1 << Self.tickBits)
        return part == 0 ? whole : whole + 1
    }

    private static func start(ofTick tick: UInt64) -> Instant {
        Instant(nanoseconds: tick > .max >> Self.tickBits ? .max : tick << Self.tickBits)
    }

    private func place(_ timer: TimerNode, atTick tick: UInt64) {
        timer.link.tick = tick
        guard tick > self.tick else { return self.link(timer, into: Self.firingSlot) }
        let level = (63 - (tick ^ self.tick).leadingZeroBitCount) / Int(Self.levelBits)
        guard level < Self.levels else { return self.link(timer, into: Self.beyondSlot) }
        let index = Int(tick >> (UInt64(level) * Self.levelBits)) & (Self.slotsPerLevel - 1)
        self.occupied[level] |= 1 << UInt64(index)
        self.link(timer, into: level * Self.slotsPerLevel + index)
    }

    private func link(_ timer: TimerNode, into slot: Int) {
        timer.link.slot = slot
        self.count += 1
        guard let head = self.first(of: slot) else {
            timer.link.next = timer
            timer.link.previous = timer
            self.heads[slot] = Unmanaged.passUnretained(timer)
            return
        }
        let last = head.link.previous!
        timer.link.next = head
        timer.link.previous = last
        last.link.next = timer
        head.link.previous = timer
    }

    private func first(of slot: Int) -> TimerNode? { self.heads[slot]?.takeUnretainedValue() }
}
