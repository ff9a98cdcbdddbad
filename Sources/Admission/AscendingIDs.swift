/// Ids of one call, each once, lowest first.
struct AscendingIDs {
    let ids: [Int64]

    init(_ ids: [Int64]) {
        guard zip(ids, ids.dropFirst()).contains(where: { $0 >= $1 }) else {
            self.ids = ids
            return
        }
        var ascending: [Int64] = []
        for id in ids.sorted() where id != ascending.last { ascending.append(id) }
        self.ids = ascending
    }

    private init(ascending ids: [Int64]) { self.ids = ids }

    func filter(_ isKept: (Int64) -> Bool) -> AscendingIDs { AscendingIDs(ascending: self.ids.filter(isKept)) }

    func contains(_ id: Int64) -> Bool {
        var low = 0
        var high = self.ids.count
        while low < high {
            let middle = (low + high) / 2
            if self.ids[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low < self.ids.count && self.ids[low] == id
    }
}
