/// Live sessions by number, with a heap by expiry so that expiring costs nothing while nothing expires.
struct SessionTable: Equatable, Sendable {
    private struct Due: Equatable { var micros, number: Int64 }

    private(set) var expiries: [Int64: Int64] = [:]
    /// For every session at least one entry that is not later than its expiry. A renewal to a later time leaves the
    /// old entry, which is put right when it comes up; a released session's entry is dropped then.
    private var heap: [Due] = []

    var count: Int64 { Int64(self.expiries.count) }

    func expiry(of number: Int64) -> Int64? { self.expiries[number] }

    mutating func set(_ number: Int64, expiresMicros: Int64) {
        let former = self.expiries.updateValue(expiresMicros, forKey: number)
        if former.map({ expiresMicros < $0 }) ?? true { self.push(Due(micros: expiresMicros, number: number)) }
    }

    /// Whether there was such a session.
    mutating func remove(_ number: Int64) -> Bool { self.expiries.removeValue(forKey: number) != nil }

    /// Ends every session whose expiry is at or before `nowMicros`, and tells which those were.
    mutating func expire(nowMicros: Int64) -> [(number: Int64, micros: Int64)] {
        var ended: [(Int64, Int64)] = []
        while let due = self.heap.first, due.micros <= nowMicros {
            self.popFirst()
            guard let expiry = self.expiries[due.number] else { continue }
            if expiry <= nowMicros {
                self.expiries.removeValue(forKey: due.number)
                ended.append((due.number, expiry))
            } else {
                self.push(Due(micros: expiry, number: due.number))
            }
        }
        return ended
    }

    /// How many expire after one time and not later than another. Costs as much as there are entries up to then.
    func count(after startMicros: Int64, upTo limitMicros: Int64) -> Int64 {
        var found: Set<Int64> = []
        var open = [0]
        while let index = open.popLast() {
            guard index < self.heap.count, self.heap[index].micros <= limitMicros else { continue }
            let number = self.heap[index].number
            if let expiry = self.expiries[number], expiry > startMicros, expiry <= limitMicros { found.insert(number) }
            open.append(2 * index + 1)
            open.append(2 * index + 2)
        }
        return Int64(found.count)
    }

    private mutating func push(_ due: Due) {
        self.heap.append(due)
        var child = self.heap.count - 1
        while child > 0, self.heap[child].micros < self.heap[(child - 1) / 2].micros {
            self.heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private mutating func popFirst() {
        self.heap.swapAt(0, self.heap.count - 1)
        self.heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < self.heap.count && self.heap[child].micros < self.heap[least].micros {
                least = child
            }
            if least == parent { return }
            self.heap.swapAt(parent, least)
            parent = least
        }
    }
}
