import Primitives

/// When the pauses of a part of a crowd end: one deadline a seat, 8 bytes each. A value; time is an argument.
///
/// A wheel of two levels, like the loop's own, but its links are numbers in an array instead of objects: a million people
/// who wait need no million timers. Deadlines are rounded up to ticks of 0.7 ms: those who are due
/// within one are woken together, which costs the loop a turn instead of one for each. The near wheel holds the
/// next 11 seconds, a slot for each tick; the far one 3 hours, a slot for each turn of the near one, and what is later
/// is looked at again then. A seat is in at most one slot; there is no way to take it out again, so whoever is woken looks
/// whether there is still something to do.
struct SeatWheel: Sendable {
    static let tickNanoseconds: UInt64 = 700_000
    static let bytesPerSeat = 8
    private static let nearBits: UInt32 = 14
    private static let nearSlots: UInt32 = 1 << nearBits
    private static let farSlots: UInt32 = 1 << 10
    private static let none = UInt32.max

    private let origin: UInt64
    /// The first seat of each slot.
    private var near = ContiguousArray<UInt32>(repeating: none, count: Int(nearSlots))
    private var far = ContiguousArray<UInt32>(repeating: none, count: Int(farSlots))
    /// A bit for each slot of the near wheel that is not empty.
    private var occupied = ContiguousArray<UInt64>(repeating: 0, count: Int(nearSlots / 64))
    private var farCount = 0
    private var nearCount = 0
    /// By seat: the next one in its slot, and its tick.
    private var links = ContiguousArray<(next: UInt32, tick: UInt32)>()
    /// Ticks up to this one have been dealt with, but for those in `firing`.
    private var tick: UInt32 = 0
    private var firing = none

    /// - Parameters:
    ///   - seats: how many there may be at most.
    ///   - now: no deadline is waited for that lies before it.
    init(seats: Int, now: Instant) {
        self.origin = now.nanoseconds / Self.tickNanoseconds
        self.links.reserveCapacity(seats)
    }

    /// `seat` must not be in the wheel.
    mutating func insert(_ seat: Int, at deadline: Instant) {
        while self.links.count <= seat { self.links.append((Self.none, 0)) }
        let ceiling =
            deadline.nanoseconds / Self.tickNanoseconds + (deadline.nanoseconds % Self.tickNanoseconds == 0 ? 0 : 1)
        let ticks = ceiling > self.origin ? ceiling - self.origin : 0
        // What is due already comes up with the next tick: within one look a seat is woken once.
        self.links[seat].tick = max(UInt32(clamping: ticks), self.tick &+ 1)
        self.place(UInt32(seat))
    }

    /// A seat whose pause is over; nil when there is none by now.
    mutating func takeDue(now: Instant) -> Int? {
        let today = UInt32(clamping: max(now.nanoseconds / Self.tickNanoseconds, self.origin) - self.origin)
        while self.firing == Self.none {
            guard let next = self.nextTick(through: today) else {
                self.tick = max(self.tick, today)
                return nil
            }
            self.tick = next
            if next & (Self.nearSlots - 1) == 0 { self.bringNear(next >> Self.nearBits) }
            self.light(next & (Self.nearSlots - 1))
        }
        let seat = self.firing
        self.firing = self.links[Int(seat)].next
        return Int(seat)
    }

    /// Nothing is due before it; nil when nothing is.
    var nextDeadline: Instant? {
        if self.firing != Self.none { return self.start(of: self.tick) }
        guard self.nearCount > 0 || self.farCount > 0 else { return nil }
        return self.nextTick(through: self.tick &+ Self.nearSlots).map(self.start)
    }

    private func start(of tick: UInt32) -> Instant {
        Instant(nanoseconds: (self.origin + UInt64(tick)) * Self.tickNanoseconds)
    }

    /// The next tick that has something to do: a slot that is not empty, or the beginning of a turn of the near wheel.
    private func nextTick(through last: UInt32) -> UInt32? {
        var candidate = self.tick &+ 1
        let turn = (self.tick >> Self.nearBits &+ 1) << Self.nearBits
        while candidate <= last {
            if candidate == turn, self.farCount > 0 { return turn }
            let slot = candidate & (Self.nearSlots - 1)
            let word = self.occupied[Int(slot >> 6)] >> UInt64(slot & 63)
            if word == 0 {
                candidate = (candidate | 63) &+ 1
                // Beyond a turn of the wheel nothing can be found.
                if candidate &- self.tick > Self.nearSlots { return nil }
                continue
            }
            let found = candidate + UInt32(word.trailingZeroBitCount)
            return found <= last ? found : nil
        }
        return nil
    }

    /// Links a seat into the slot of its tick.
    private mutating func place(_ seat: UInt32) {
        let due = self.links[Int(seat)].tick
        if due - self.tick < Self.nearSlots { return self.placeNear(seat, due) }
        let turn = min(due >> Self.nearBits, (self.tick >> Self.nearBits) + Self.farSlots - 1)
        let slot = Int(turn & (Self.farSlots - 1))
        self.links[Int(seat)].next = self.far[slot]
        self.far[slot] = seat
        self.farCount += 1
    }

    private mutating func placeNear(_ seat: UInt32, _ due: UInt32) {
        let slot = Int(due & (Self.nearSlots - 1))
        self.links[Int(seat)].next = self.near[slot]
        self.near[slot] = seat
        self.occupied[slot >> 6] |= 1 << UInt64(slot & 63)
        self.nearCount += 1
    }

    /// The near wheel begins a turn: who is due in it comes over from the far one.
    private mutating func bringNear(_ turn: UInt32) {
        let slot = Int(turn & (Self.farSlots - 1))
        var seat = self.far[slot]
        self.far[slot] = Self.none
        while seat != Self.none {
            let next = self.links[Int(seat)].next
            self.farCount -= 1
            self.place(seat)
            seat = next
        }
    }

    /// Those of a slot are the next to be taken.
    private mutating func light(_ slot: UInt32) {
        let slot = Int(slot)
        self.firing = self.near[slot]
        self.near[slot] = Self.none
        self.occupied[slot >> 6] &= ~(1 << UInt64(slot & 63))
        var seat = self.firing
        while seat != Self.none {
            self.nearCount -= 1
            seat = self.links[Int(seat)].next
        }
    }
}
