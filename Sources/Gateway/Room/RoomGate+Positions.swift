import Rooms

/// Where visitors stand while this gateway does not know it: it has started a moment ago, and its first tick is on the
/// way. They wait for that, for a second at most; then the shared state counts as away, and no position is told.
extension RoomGate {
    /// The line is known, or will not be for a while.
    var tellsPositions: Bool {
        if case .degraded = self.mode { return true }
        return self.view.knowsLine
    }

    func parkUnknowing(_ waiter: any RoomWaiter, _ key: LineKey) -> Parking {
        // Where nothing is to come that could be waited for.
        guard !self.tellsPositions, !self.tools.isDraining,
            self.shared.joining.take(limit: self.tools.limits.waitingToJoin)
        else { return .mustWait(self.position(of: key)) }
        let id = self.nextJoiner
        self.nextJoiner += 1
        self.unknowing[id] = (key, waiter)
        return .parked(RoomTicket(question: .position(key: key), id: id))
    }

    /// A tick has come, or none will.
    func tellUnknowing() {
        guard !self.unknowing.isEmpty else { return }
        for id in self.unknowing.keys.sorted() {
            self.answerUnknowing(id) { self.view.isCalled($0) ? .called(key: $0) : .waiting(key: $0, place: nil) }
        }
    }

    func answerUnknowing(_ id: UInt64, _ answer: (LineKey) -> RoomAnswer) {
        guard let (key, waiter) = self.unknowing.removeValue(forKey: id) else { return }
        self.shared.joining.giveBack()
        waiter.roomAnswered(answer(key))
    }
}
