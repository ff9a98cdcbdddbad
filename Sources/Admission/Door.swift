/// Visitors who were called, asked, and found no token or slot: in order of number.
struct Door: Equatable, Sendable {
    struct Stay: Equatable { var sinceMicros, seenMicros: Int64 }

    private(set) var numbers: [Int64] = []
    private(set) var stays: [Int64: Stay] = [:]

    var count: Int64 { Int64(self.numbers.count) }

    mutating func stand(_ number: Int64, nowMicros: Int64) {
        if self.stays[number] == nil { self.numbers.insert(number, at: self.position(of: number)) }
        self.stays[number, default: Stay(sinceMicros: nowMicros, seenMicros: nowMicros)].seenMicros = nowMicros
    }

    /// Whether it stood here.
    mutating func leave(_ number: Int64) -> Bool {
        guard self.stays.removeValue(forKey: number) != nil else { return false }
        self.numbers.remove(at: self.position(of: number))
        return true
    }

    /// The lowest `count` at most, with the beginning of their stays.
    mutating func takeLowest(_ count: Int) -> [(number: Int64, sinceMicros: Int64)] {
        let lowest = self.numbers.prefix(count)
        let taken = lowest.map { (number: $0, sinceMicros: self.stays.removeValue(forKey: $0)!.sinceMicros) }
        self.numbers.removeFirst(lowest.count)
        return taken
    }

    /// Visitors whose gateway died would hold back everyone behind them.
    mutating func dropSilent(nowMicros: Int64) {
        let earliest = nowMicros - RoomRules.doorSilenceMicros
        guard self.stays.contains(where: { $0.value.seenMicros < earliest }) else { return }
        self.stays = self.stays.filter { $0.value.seenMicros >= earliest }
        self.numbers.removeAll { self.stays[$0] == nil }
    }

    /// Brings last asks that lie in the future to the present.
    mutating func lowerSeen(toMicros limitMicros: Int64) {
        for (number, stay) in self.stays where stay.seenMicros > limitMicros {
            self.stays[number]?.seenMicros = limitMicros
        }
    }

    private func position(of number: Int64) -> Int {
        var low = 0
        var high = self.numbers.count
        while low < high {
            let middle = (low + high) / 2
            if self.numbers[middle] < number { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
