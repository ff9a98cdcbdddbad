import Primitives

/// The requests at a room's door on one loop: called visitors who wait for a token. One number may have several
/// requests, as browsers open several connections.
///
/// Generic over who waits: the gateway's exchanges, a simulation's visitors. Limits: the caller's, who looks at `count`.
struct DoorQueue<Waiter> {
    private struct Entry {
        var waiters: [(ticket: UInt64, waiter: Waiter)]
        let deadline: Instant
        /// Has asked since the last tick: the answer will be the same until the next one.
        var hasAsked = false
    }
    private var entries: [Int64: Entry] = [:]
    /// Numbers that are to ask, kept apart so that a turn need not look at all who wait.
    private var unasked: Set<Int64> = []
    private var nextTicket: UInt64 = 0
    /// Requests, however many numbers they stand for.
    private(set) var count = 0

    /// The ticket with which the waiter can leave.
    mutating func add(_ waiter: Waiter, number: Int64, deadline: Instant) -> UInt64 {
        let ticket = self.nextTicket
        self.nextTicket += 1
        self.count += 1
        if self.entries[number] == nil {
            self.entries[number] = Entry(waiters: [(ticket, waiter)], deadline: deadline)
            self.unasked.insert(number)
        } else {
            self.entries[number]!.waiters.append((ticket, waiter))
        }
        return ticket
    }

    func contains(_ number: Int64) -> Bool { self.entries[number] != nil }

    /// True when nobody stands for the number any more.
    mutating func remove(ticket: UInt64, number: Int64) -> Bool {
        guard let index = self.entries[number]?.waiters.firstIndex(where: { $0.ticket == ticket }) else { return false }
        self.entries[number]!.waiters.remove(at: index)
        self.count -= 1
        guard self.entries[number]!.waiters.isEmpty else { return false }
        self.forget(number)
        return true
    }

    /// Numbers that have not asked since the last tick, lowest first; they count as on their way.
    mutating func nextBatch(limit: Int) -> [Int64] {
        guard !self.unasked.isEmpty else { return [] }
        let batch = Array(self.unasked.sorted().prefix(limit))
        self.unasked.subtract(batch)
        return batch
    }

    mutating func markAsked(_ numbers: [Int64]) {
        for number in numbers { self.entries[number]?.hasAsked = true }
    }

    /// A new tick: everybody may ask again.
    mutating func askAgain() {
        for (number, entry) in self.entries where entry.hasAsked {
            self.entries[number]!.hasAsked = false
            self.unasked.insert(number)
        }
    }

    /// All who stand for the number; they leave the door.
    mutating func take(_ number: Int64) -> [Waiter] {
        guard let waiters = self.entries[number]?.waiters else { return [] }
        self.count -= waiters.count
        self.forget(number)
        return waiters.map(\.waiter)
    }

    /// Those whose time at the door is over, lowest number first.
    mutating func expire(now: Instant) -> [(number: Int64, waiters: [Waiter])] {
        let numbers = self.entries.filter { $0.value.deadline <= now && $0.value.hasAsked }.keys.sorted()
        return numbers.map { ($0, self.take($0)) }
    }

    mutating func removeAll() -> [(number: Int64, waiters: [Waiter])] {
        self.entries.keys.sorted().map { ($0, self.take($0)) }
    }

    private mutating func forget(_ number: Int64) {
        self.entries[number] = nil
        self.unasked.remove(number)
    }
}
