import Primitives

/// The client connections of a loop, in no order: a connection knows its index, so that joining and leaving cost the
/// same however many there are.
struct ConnectionList {
    /// Connections looked at to find an idle one: as good as a list in order of age, for nothing a request.
    private static let looks = 16

    private(set) var all: ContiguousArray<any ClientConnection> = []

    var count: Int { self.all.count }
    var isEmpty: Bool { self.all.isEmpty }

    mutating func insert(_ connection: any ClientConnection) {
        connection.listIndex = self.all.count
        self.all.append(connection)
    }

    mutating func remove(_ connection: any ClientConnection) {
        let index = connection.listIndex
        precondition(
            index < self.all.count && self.all[index] === connection,
            "a connection left a list that it is not in"
        )
        let last = self.all.removeLast()
        guard last !== connection else { return }
        self.all[index] = last
        last.listIndex = index
    }

    /// Of a few connections, the one that has been idle for longest.
    func idlest(random: inout SplitMix64) -> (any ClientConnection)? {
        var found: (any ClientConnection)?
        for _ in 0..<min(Self.looks, self.all.count) {
            let candidate = self.all[Int(random.next(upperBound: UInt64(self.all.count)))]
            guard candidate.isIdle, found.map({ candidate.idleSince < $0.idleSince }) ?? true else { continue }
            found = candidate
        }
        return found
    }
}
