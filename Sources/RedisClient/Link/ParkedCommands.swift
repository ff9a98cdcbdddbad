import Primitives

/// Commands that wait to be sent, for the first time or again. None of them is under way anywhere.
///
/// A heap by the moment they are due, since thousands may wait at once: parking one and taking it cost its logarithm.
struct ParkedCommands {
    private struct Entry {
        let command: RedisCommand
        let due: Instant
        /// Grows with every command that is parked.
        let order: UInt64
        /// Sent earlier should a node become ready.
        let waitsForNode: Bool
        let reason: RedisError
    }
    /// No entry is due before the one at half of its index, counted from one.
    private var entries: [Entry] = []
    private var parked: UInt64 = 0

    var count: Int { self.entries.count }
    /// When somebody has to look again.
    var next: Instant? { self.entries.first?.due }

    mutating func park(_ command: RedisCommand, until due: Instant, waitsForNode: Bool, reason: RedisError) {
        self.parked += 1
        let entry = Entry(command: command, due: due, order: self.parked, waitsForNode: waitsForNode, reason: reason)
        self.entries.append(entry)
        self.rise(self.entries.count - 1)
    }

    /// In the order in which they came. `reason` is what their caller is told should there be no other attempt.
    mutating func takeDue(now: Instant) -> [(command: RedisCommand, reason: RedisError)] {
        var taken: [Entry] = []
        while let first = self.entries.first, first.due <= now {
            taken.append(first)
            self.entries.swapAt(0, self.entries.count - 1)
            self.entries.removeLast()
            self.sink(0)
        }
        return Self.inOrder(taken)
    }

    mutating func takeWaitingForNode() -> [(command: RedisCommand, reason: RedisError)] {
        let taken = self.entries.filter { $0.waitsForNode }
        guard !taken.isEmpty else { return [] }
        self.entries.removeAll { $0.waitsForNode }
        for index in (0..<self.entries.count / 2).reversed() { self.sink(index) }
        return Self.inOrder(taken)
    }

    mutating func takeAll() -> [(command: RedisCommand, reason: RedisError)] {
        defer { self.entries = [] }
        return Self.inOrder(self.entries)
    }

    private static func inOrder(_ taken: [Entry]) -> [(command: RedisCommand, reason: RedisError)] {
        taken.sorted { $0.order < $1.order }.map { ($0.command, $0.reason) }
    }

    private mutating func rise(_ start: Int) {
        var index = start
        while index > 0, self.entries[index].due < self.entries[(index - 1) / 2].due {
            self.entries.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private mutating func sink(_ start: Int) {
        var index = start
        while 2 * index + 1 < self.entries.count {
            var least = 2 * index + 1
            if least + 1 < self.entries.count, self.entries[least + 1].due < self.entries[least].due { least += 1 }
            guard self.entries[least].due < self.entries[index].due else { return }
            self.entries.swapAt(index, least)
            index = least
        }
    }
}
