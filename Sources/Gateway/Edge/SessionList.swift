import Primitives

/// The client sessions of a loop, in no order: a session knows its index, so that joining and leaving cost the same
/// however many there are.
struct SessionList {
    /// Sessions looked at to find an idle one: as good as a list in order of age, for nothing a request.
    private static let looks = 16

    private(set) var all: ContiguousArray<ClientSession> = []

    var count: Int { self.all.count }
    var isEmpty: Bool { self.all.isEmpty }

    mutating func insert(_ session: ClientSession) {
        session.listIndex = self.all.count
        self.all.append(session)
    }

    mutating func remove(_ session: ClientSession) {
        let index = session.listIndex
        precondition(index < self.all.count && self.all[index] === session, "a session left a list that it is not in")
        let last = self.all.removeLast()
        guard last !== session else { return }
        self.all[index] = last
        last.listIndex = index
    }

    /// Of a few sessions, the one that has been idle for longest.
    func idlest(random: inout SplitMix64) -> ClientSession? {
        var found: ClientSession?
        for _ in 0..<min(Self.looks, self.all.count) {
            let candidate = self.all[Int(random.next(upperBound: UInt64(self.all.count)))]
            guard candidate.isIdle, found.map({ candidate.idleSince < $0.idleSince }) ?? true else { continue }
            found = candidate
        }
        return found
    }
}
