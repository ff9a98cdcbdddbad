/// What can happen in a simulated pool.
enum PoolEvent {
    case tick
    case second
    case request(left: Int)
    case finished(worker: Int, startedAt: Int64)
    case workerReady(Int)
}

/// A binary heap of things to happen, the earliest on top; of the same instant, the one scheduled first.
struct EventHeap {
    private struct Entry {
        let at: Int64
        let order: Int
        let event: PoolEvent
    }

    private var entries: [Entry] = []
    private var scheduled = 0

    mutating func schedule(_ event: PoolEvent, atNanoseconds at: Int64) {
        self.scheduled += 1
        let entry = Entry(at: at, order: self.scheduled, event: event)
        var hole = self.entries.count
        self.entries.append(entry)
        while hole > 0 {
            let parent = (hole - 1) / 2
            guard Self.isBefore(entry, self.entries[parent]) else { break }
            self.entries[hole] = self.entries[parent]
            hole = parent
        }
        self.entries[hole] = entry
    }

    mutating func popFirst() -> (event: PoolEvent, atNanoseconds: Int64)? {
        guard !self.entries.isEmpty else { return nil }
        let first = self.entries[0]
        let last = self.entries.removeLast()
        if !self.entries.isEmpty { self.sink(last) }
        return (first.event, first.at)
    }

    /// On the bare memory: most of a run in a debug build is spent here.
    private mutating func sink(_ entry: Entry) {
        self.entries.withUnsafeMutableBufferPointer { entries in
            var hole = 0
            while true {
                var child = 2 * hole + 1
                guard child < entries.count else { break }
                if child + 1 < entries.count, Self.isBefore(entries[child + 1], entries[child]) { child += 1 }
                guard Self.isBefore(entries[child], entry) else { break }
                entries[hole] = entries[child]
                hole = child
            }
            entries[hole] = entry
        }
    }

    private static func isBefore(_ left: Entry, _ right: Entry) -> Bool {
        left.at != right.at ? left.at < right.at : left.order < right.order
    }
}
