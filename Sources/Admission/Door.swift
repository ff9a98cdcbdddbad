/// Visitors who were called, asked, and found no token or slot: by id, which is the order of all lines.
struct Door: Equatable, Sendable {
    struct Stay: Equatable {
        var sinceMicros: Int64
        /// The gateway that holds the visitor's request.
        var gateway: String
    }

    private(set) var ids: [Int64] = []
    private(set) var stays: [Int64: Stay] = [:]

    var count: Int64 { Int64(self.ids.count) }

    func contains(_ id: Int64) -> Bool { self.stays[id] != nil }

    /// `backMicros`: when the gateway came back from its latest silence. Of whom it told before, nobody knows whether they
    /// are there.
    mutating func stand(_ id: Int64, gateway: String, backMicros: Int64, nowMicros: Int64) {
        if self.stays[id] == nil { self.ids.insert(id, at: self.position(of: id)) }
        var stay = self.stays[id] ?? Stay(sinceMicros: nowMicros, gateway: gateway)
        stay.gateway = gateway
        if stay.sinceMicros < backMicros { stay.sinceMicros = nowMicros }
        self.stays[id] = stay
    }

    /// Whether it stood here.
    mutating func leave(_ id: Int64) -> Bool {
        guard self.stays.removeValue(forKey: id) != nil else { return false }
        self.ids.remove(at: self.position(of: id))
        return true
    }

    /// The lowest at most `count`; they leave.
    mutating func takeLowest(_ count: Int) -> [(id: Int64, stay: Stay)] {
        let lowest = self.ids.prefix(count)
        let taken = lowest.map { (id: $0, stay: self.stays.removeValue(forKey: $0)!) }
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
