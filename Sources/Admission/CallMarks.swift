/// When now-serving came to stand where: the newest moves, with strictly rising times and numbers.
struct CallMarks: Equatable, Sendable {
    struct Mark: Equatable {
        var micros, serving: Int64
        /// Places admitted in the moment they joined, up to this mark: they were never called.
        var direct: Int64
    }

    private(set) var marks: [Mark] = []

    /// The newest mark at or before `micros`; nil when all are younger.
    func newest(atOrBefore micros: Int64) -> Mark? {
        let later = self.firstLater(than: micros)
        return later == 0 ? nil : self.marks[later - 1]
    }

    mutating func append(_ mark: Mark) { self.marks.append(mark) }

    mutating func removeNewest() { self.marks.removeLast() }

    mutating func remove(atOrBefore micros: Int64) { self.marks.removeFirst(self.firstLater(than: micros)) }

    /// At most `count` marks later than `micros` and before `end`.
    func marks(after micros: Int64, before end: Int64, count: Int) -> [Mark] {
        Array(self.marks[self.firstLater(than: micros)...].prefix(count).prefix { $0.micros < end })
    }

    mutating func remove(at micros: Int64) { self.marks.remove(at: self.firstLater(than: micros - 1)) }

    private func firstLater(than micros: Int64) -> Int {
        var low = 0
        var high = self.marks.count
        while low < high {
            let middle = (low + high) / 2
            if self.marks[middle].micros <= micros { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
