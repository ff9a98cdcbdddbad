import Primitives

/// The requests at a room's door on one loop: called visitors who wait for a token. One number may have several
/// requests, as browsers open several connections.
struct DoorQueue {
    private struct Entry {
        var sessions: [ClientSession]
        let deadline: Instant
        /// Asked since the last tick: the answer will be the same until the next one.
        var hasAsked = false
    }
    private var entries: [Int64: Entry] = [:]
    /// Numbers that are to ask, kept apart so that a turn need not look at all who wait.
    private var unasked: Set<Int64> = []

    var count: Int { self.entries.count }

    mutating func add(_ session: ClientSession, number: Int64, deadline: Instant) {
        if self.entries[number] == nil {
            self.entries[number] = Entry(sessions: [session], deadline: deadline)
            self.unasked.insert(number)
        } else {
            self.entries[number]!.sessions.append(session)
        }
    }

    func contains(_ number: Int64) -> Bool { self.entries[number] != nil }

    /// True when nobody stands for the number any more.
    mutating func remove(_ session: ClientSession, number: Int64) -> Bool {
        guard let index = self.entries[number]?.sessions.firstIndex(where: { $0 === session }) else { return false }
        self.entries[number]!.sessions.remove(at: index)
        guard self.entries[number]!.sessions.isEmpty else { return false }
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

    mutating func take(_ number: Int64) -> [ClientSession] {
        let sessions = self.entries[number]?.sessions ?? []
        self.forget(number)
        return sessions
    }

    /// Those whose time at the door is over.
    mutating func expire(now: Instant) -> [(number: Int64, sessions: [ClientSession])] {
        let expired = self.entries.filter { $0.value.deadline <= now && $0.value.hasAsked }
        for number in expired.keys { self.forget(number) }
        return expired.map { ($0.key, $0.value.sessions) }
    }

    mutating func removeAll() -> [ClientSession] {
        let sessions = self.entries.values.flatMap(\.sessions)
        self.entries = [:]
        self.unasked = []
        return sessions
    }

    private mutating func forget(_ number: Int64) {
        self.entries[number] = nil
        self.unasked.remove(number)
    }
}
