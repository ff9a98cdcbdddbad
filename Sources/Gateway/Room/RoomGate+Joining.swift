import Admission
import Rooms
import SharedState

/// How newcomers get their places.
extension RoomGate {
    func sendJoin() {
        // Those who hold places of an older line go before newcomers, so the shared state has to know of them first. The
        // next tick tells it, and comes back here.
        guard !self.shared.hasUntoldLine else { return self.shared.noteActivity() }
        guard let batch = self.joins.next(isStillWanted: { self.joiners[$0] != nil }) else { return }
        self.joinsOnTheWay = batch
        self.shared.noteActivity()
        self.shared.asks(for: batch.count)
        self.store.join(room: self.name, count: batch.count, known: self.shared.known(at: self.tools.now)) {
            [self] result in
            self.joins.returned()
            self.joinsOnTheWay = []
            self.takeJoin(result, batch)
            self.scheduleFlush()
        }
    }

    private func takeJoin(_ result: Result<JoinGrant, StoreError>, _ batch: [UInt64]) {
        var mayBeDone = false
        if case .failure(.unanswered) = result { mayBeDone = true }
        self.shared.askedFor(batch.count, mayBeDone: mayBeDone)
        switch result {
        case .failure(let error):
            let mayAskAgain = self.note(error, of: "join")
            if error == .noRoom { self.joinsMissed += 1 }
            // They wait for the next tick: the room is made anew, or the state counts as away and a block serves them.
            guard !mayAskAgain || self.joinsMissed > Self.mostMissing else { return self.joins.putBack(batch) }
            self.joinsMissed = 0
            for id in batch { self.answerJoiner(id, .unavailable) }
        case .success(let grant):
            self.joinsMissed = 0
            self.raise(grant.line)
            self.counts.joined += UInt64(batch.count)
            for (index, id) in batch.enumerated() { self.seat(id, in: grant, index: Int64(index)) }
        }
    }

    private func seat(_ id: UInt64, in grant: JoinGrant, index: Int64) {
        let key = LineKey(epoch: UInt32(clamping: grant.epoch), number: grant.first + index)
        let place = self.place(key)
        guard index < grant.admitted else { return self.answerJoiner(id, .waiting(key: key, place: place)) }
        self.counts.admitted += 1
        let pass = self.pass(key, expiresMicros: grant.expiresMicros)
        self.answerJoiner(id, .admitted(pass: pass, place: place, isFirst: true))
    }

    /// While the shared state is away, newcomers get the numbers that were set aside, in the order of their coming:
    /// first those whose call is still on the way, and will find nobody when it comes back.
    func joinFromBlock() {
        let waiting = self.joinsOnTheWay + self.joins.removeAll()
        for id in waiting where self.joiners[id] != nil {
            guard let key = self.shared.takeNumber() else {
                self.answerJoiner(id, .unavailable)
                continue
            }
            self.view.issue(key)
            self.counts.joined += 1
            self.answerJoiner(id, .waiting(key: key, place: self.place(key)))
        }
    }

    /// One who left meanwhile is told nothing; the number is lost, and calls for it count as no-shows.
    func answerJoiner(_ id: UInt64, _ answer: RoomAnswer) {
        guard let waiter = self.joiners.removeValue(forKey: id) else { return }
        self.shared.joining.giveBack()
        waiter.roomAnswered(answer)
    }
}
