import DequeModule
import Primitives

/// Requests that wait for a worker, first come first served. Leaving costs the same however many wait: an entry is
/// forgotten, and its ticket passed over when its turn comes.
struct WaitingLine<Waiter> {
    private struct Entry {
        var waiter: Waiter
        let deadline: Instant
    }
    private var entries: [UInt64: Entry] = [:]
    private var order = Deque<UInt64>()
    private var nextTicket: UInt64 = 0

    var count: Int { self.entries.count }
    var isEmpty: Bool { self.entries.isEmpty }
    /// For tests: tickets kept, those of leavers included.
    var heldTickets: Int { self.order.count }

    /// The ticket with which the waiter can leave.
    mutating func add(_ waiter: Waiter, deadline: Instant) -> UInt64 {
        let ticket = self.nextTicket
        self.nextTicket += 1
        self.entries[ticket] = Entry(waiter: waiter, deadline: deadline)
        self.order.append(ticket)
        return ticket
    }

    /// Nil when the ticket's waiter has had its turn already.
    mutating func remove(ticket: UInt64) -> Waiter? {
        guard let entry = self.entries.removeValue(forKey: ticket) else { return nil }
        // Tickets of those who left are swept out when they are the majority.
        if self.order.count > 2 * self.entries.count + 64 {
            let entries = self.entries
            self.order.removeAll { entries[$0] == nil }
        }
        return entry.waiter
    }

    /// Changes the first in line, who stays there; nil when nobody waits.
    mutating func withFirst<Result>(_ body: (inout Waiter) -> Result) -> Result? {
        while let ticket = self.order.first {
            if self.entries[ticket] != nil { return body(&self.entries[ticket]!.waiter) }
            self.order.removeFirst()
        }
        return nil
    }

    mutating func popFirst() -> Waiter? {
        while let ticket = self.order.popFirst() {
            if let entry = self.entries.removeValue(forKey: ticket) { return entry.waiter }
        }
        return nil
    }

    /// Takes out those whose time is over, and tells when the next one's is.
    mutating func expire(now: Instant) -> (expired: [Waiter], next: Instant?) {
        var expired: [Waiter] = []
        var next: Instant?
        // Tickets of those who left or had their turn go as well: else they would be walked over for ever.
        self.order.removeAll { ticket in
            guard let entry = self.entries[ticket] else { return true }
            guard entry.deadline <= now else {
                next = min(next ?? entry.deadline, entry.deadline)
                return false
            }
            self.entries[ticket] = nil
            expired.append(entry.waiter)
            return true
        }
        return (expired, next)
    }

    mutating func removeAll() -> [Waiter] {
        defer {
            self.entries = [:]
            self.order.removeAll()
        }
        return self.order.compactMap { self.entries[$0]?.waiter }
    }
}
