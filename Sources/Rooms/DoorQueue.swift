import DequeModule
import Primitives

/// The requests at a room's door on one loop: called visitors who wait for a token. One number may have several
/// requests, as browsers open several connections.
///
/// The shared state is told of a number once, when it comes; that it was let in comes with a tick. So a tick costs what
/// has changed, however many stand here. Generic over who waits: the gateway's exchanges, a simulation's visitors.
/// Limits: the caller's, who looks at `count`.
public struct DoorQueue<Waiter> {
    @usableFromInline
    struct Entry {
        @usableFromInline let key: LineKey
        @usableFromInline var waiters: [(ticket: UInt64, waiter: Waiter)]
        @usableFromInline let arrival: UInt64
        @usableFromInline let deadline: Instant
        @usableFromInline var isOnTheWay = false
        /// The shared state knows that it stands here.
        @usableFromInline var stands = false
        /// What the call on the way tells may be forgotten by now.
        @usableFromInline var isToAskAgain = false

        @inlinable
        init(key: LineKey, waiters: [(ticket: UInt64, waiter: Waiter)], arrival: UInt64, deadline: Instant) {
            self.key = key
            self.waiters = waiters
            self.arrival = arrival
            self.deadline = deadline
        }
    }
    /// By the seats of their keys.
    @usableFromInline var entries = NumberTable<Entry>()
    /// Everybody in the order of coming, which is that of their deadlines; those who have left are passed over.
    @usableFromInline var arrivals = Deque<(key: LineKey, arrival: UInt64)>()
    @usableFromInline var nextArrival: UInt64 = 0
    @usableFromInline var nextTicket: UInt64 = 0
    @usableFromInline var questions: Batch<LineKey>
    /// Asked about without an answer: the question is put again at the next tick.
    @usableFromInline var unanswered: [LineKey] = []
    @usableFromInline var requests = 0

    @inlinable
    public init(largestBatch: Int) { self.questions = Batch(largest: largestBatch, goesFirst: <) }

    /// Requests, however many numbers they stand for.
    @inlinable public var count: Int { self.requests }
    /// Somebody stands here of whom the shared state has to be told.
    @inlinable public var hasQuestions: Bool { self.questions.count > 0 && !self.questions.isOnTheWay }
    /// Numbers that stand here.
    @inlinable public var numbers: Int { self.entries.count }

    /// The ticket with which the waiter can leave.
    @inlinable
    public mutating func add(_ waiter: Waiter, for key: LineKey, deadline: Instant) -> UInt64 {
        let ticket = self.nextTicket
        self.nextTicket += 1
        self.requests += 1
        if self.entries.change(key.seat, { $0.waiters.append((ticket, waiter)) }) != nil { return ticket }
        self.entries.set(
            Entry(key: key, waiters: [(ticket, waiter)], arrival: self.nextArrival, deadline: deadline),
            for: key.seat
        )
        self.arrivals.append((key, self.nextArrival))
        self.nextArrival += 1
        self.questions.add(key)
        if self.arrivals.count > 2 * self.entries.count + 1_024 {
            self.arrivals.removeAll { self.entries[$0.key.seat]?.arrival != $0.arrival }
        }
        return ticket
    }

    @inlinable
    public func contains(_ key: LineKey) -> Bool { self.entries[key.seat] != nil }

    /// True when nobody stands for the number any more.
    @inlinable
    public mutating func remove(ticket: UInt64, of key: LineKey) -> Bool {
        let left = self.entries.change(key.seat) { entry -> Int? in
            guard let index = entry.waiters.firstIndex(where: { $0.ticket == ticket }) else { return nil }
            entry.waiters.remove(at: index)
            return entry.waiters.count
        }
        guard case let left?? = left else { return false }
        self.requests -= 1
        guard left == 0 else { return false }
        self.entries.remove(key.seat)
        return true
    }

    // MARK: Questions

    /// Those of whom the shared state has to be told, lowest first; nil when there are none, or while others are on the
    /// way.
    @inlinable
    public mutating func nextBatch() -> [LineKey]? {
        let batch = self.questions.next { self.entries[$0.seat].map { !$0.isOnTheWay && !$0.stands } ?? false }
        for key in batch ?? [] { self.entries.change(key.seat) { $0.isOnTheWay = true } }
        return batch
    }

    /// The call came back. Who is still here stands at the door, or is to ask again when the call failed.
    @inlinable
    public mutating func returned(_ batch: [LineKey], isAnswered: Bool) {
        self.questions.returned()
        for key in batch {
            let isToAskAgain = self.entries.change(key.seat) { entry -> Bool? in
                // Who left and came again while the call was on the way has a question of his own.
                guard entry.isOnTheWay else { return nil }
                let isToAskAgain = entry.isToAskAgain
                entry.isOnTheWay = false
                entry.isToAskAgain = false
                entry.stands = isAnswered && !isToAskAgain
                return isToAskAgain
            }
            guard case let isToAskAgain?? = isToAskAgain else { continue }
            guard isAnswered else {
                self.unanswered.append(key)
                continue
            }
            if isToAskAgain { self.questions.add(key) }
        }
    }

    /// A tick has come: what found no answer is asked again.
    @inlinable
    public mutating func askAgain() {
        for key in self.unanswered where self.contains(key) { self.questions.add(key) }
        self.unanswered.removeAll(keepingCapacity: true)
    }

    /// The shared state no longer counts the number as standing here.
    @inlinable
    public mutating func askAgain(_ key: LineKey) {
        let isOnTheWay = self.entries.change(key.seat) { entry in
            // The answer that is on the way may be from before that.
            entry.isToAskAgain = entry.isOnTheWay
            entry.stands = false
            return entry.isOnTheWay
        }
        if isOnTheWay == false { self.questions.add(key) }
    }

    /// The shared state may have forgotten who stands here: it is told of all of them again. Of those who are on the way
    /// nobody knows whether it heard of them before or after that: they follow when their call is back.
    @inlinable
    public mutating func askAllAgain() {
        self.unanswered.removeAll()
        for (seat, entry) in self.entries.all {
            if entry.isOnTheWay {
                self.entries.change(seat) { $0.isToAskAgain = true }
            } else {
                self.entries.change(seat) { $0.stands = false }
                self.questions.add(entry.key)
            }
        }
    }

    // MARK: Leaving

    /// All who stand for the number; they leave the door.
    @inlinable
    public mutating func take(_ key: LineKey) -> [Waiter] {
        guard let waiters = self.entries.remove(key.seat)?.waiters else { return [] }
        self.requests -= waiters.count
        return waiters.map(\.waiter)
    }

    /// Those whose time at the door is over, in the order of their coming. Whose answer is on the way may be let in by
    /// it, and stays until it is there.
    @inlinable
    public mutating func expire(now: Instant) -> [(key: LineKey, waiters: [Waiter])] {
        var expired: [(LineKey, [Waiter])] = []
        var kept: [(LineKey, UInt64)] = []
        while let first = self.arrivals.first {
            guard let entry = self.entries[first.key.seat], entry.arrival == first.arrival else {
                self.arrivals.removeFirst()
                continue
            }
            guard entry.deadline <= now else { break }
            self.arrivals.removeFirst()
            if entry.isOnTheWay { kept.append(first) } else { expired.append((first.key, self.take(first.key))) }
        }
        for arrival in kept.reversed() { self.arrivals.prepend(arrival) }
        return expired
    }

    @inlinable
    public mutating func removeAll() -> [(key: LineKey, waiters: [Waiter])] {
        self.entries.all.map(\.value.key).sorted().map { ($0, self.take($0)) }
    }
}
