import Primitives

/// Commands that wait to be sent, for the first time or again. None of them is under way anywhere.
struct ParkedCommands {
    private struct Entry {
        let command: RedisCommand
        let due: Instant
        /// Sent earlier should a node become ready.
        let waitsForNode: Bool
        let reason: RedisError
    }
    private var entries: [Entry] = []

    var count: Int { self.entries.count }
    /// When somebody has to look again.
    var next: Instant? { self.entries.map(\.due).min() }

    mutating func park(_ command: RedisCommand, until due: Instant, waitsForNode: Bool, reason: RedisError) {
        self.entries.append(Entry(command: command, due: due, waitsForNode: waitsForNode, reason: reason))
    }

    /// In the order in which they came. `reason` is what their caller is told should there be no other attempt.
    mutating func takeDue(now: Instant) -> [(command: RedisCommand, reason: RedisError)] {
        self.take { $0.due <= now }
    }

    mutating func takeWaitingForNode() -> [(command: RedisCommand, reason: RedisError)] {
        self.take { $0.waitsForNode }
    }

    mutating func takeAll() -> [(command: RedisCommand, reason: RedisError)] { self.take { _ in true } }

    private mutating func take(_ condition: (Entry) -> Bool) -> [(command: RedisCommand, reason: RedisError)] {
        let taken = self.entries.filter(condition)
        guard !taken.isEmpty else { return [] }
        self.entries.removeAll(where: condition)
        return taken.map { ($0.command, $0.reason) }
    }
}
