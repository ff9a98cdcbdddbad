import Primitives

/// Visitors who were called, asked, and found no token or slot: by id, which is the order of all lines.
struct Door: Equatable, Sendable {
    struct Stay: Equatable {
        var sinceMicros: Int64
        /// The gateway that holds the visitor's request.
        var gateway: String
    }

    private(set) var ids: [Int64] = []
    private var table = NumberTable<Stay>()

    var count: Int64 { Int64(self.ids.count) }

    func contains(_ id: Int64) -> Bool { self.table[id] != nil }

    func stay(of id: Int64) -> Stay? { self.table[id] }

    /// All of them, for whoever looks at each.
    var stays: [Int64: Stay] { Dictionary(uniqueKeysWithValues: self.table.all.map { ($0.number, $0.value) }) }

    /// `backMicros`: when the gateway came back from its latest silence. Of whom it told before, nobody knows whether they
    /// are there.
    mutating func stand(_ id: Int64, gateway: String, backMicros: Int64, nowMicros: Int64) {
        let former = self.table[id]
        if former == nil { self.ids.insert(id, at: self.position(of: id)) }
        var stay = former ?? Stay(sinceMicros: nowMicros, gateway: gateway)
        stay.gateway = gateway
        if stay.sinceMicros < backMicros { stay.sinceMicros = nowMicros }
        self.table.set(stay, for: id)
    }

    /// Whether it stood here.
    mutating func leave(_ id: Int64) -> Bool {
        guard self.table.remove(id) != nil else { return false }
        self.ids.remove(at: self.position(of: id))
        return true
    }

    /// The lowest at most `count`; they leave.
    mutating func takeLowest(_ count: Int) -> [(id: Int64, stay: Stay)] {
        // An array of its own: a slice would make the removal copy all who stand here.
        let lowest = Array(self.ids.prefix(count))
        let taken = lowest.map { (id: $0, stay: self.table.remove($0)!) }
        self.ids.removeFirst(lowest.count)
        return taken
    }

    /// At most `count` ids above `id`; 0: from the lowest on.
    func ids(after id: Int64, count: Int) -> ArraySlice<Int64> {
        self.ids[(id == 0 ? 0 : self.position(of: id + 1))...].prefix(count)
    }

    private func position(of id: Int64) -> Int {
        var low = 0
        var high = self.ids.count
        while low < high {
            let middle = (low + high) / 2
            if self.ids[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
