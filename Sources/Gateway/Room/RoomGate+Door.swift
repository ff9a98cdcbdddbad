import Admission
import Primitives
import Rooms
import SharedState

/// The called who wait for a token or a slot: the shared state is told who comes and who goes, and tells who is let in.
extension RoomGate {
    /// A gateway without a healthy worker asks for nobody before the shared state has heard of that: they would be let in
    /// to an error. Then it lets in nobody by this gateway, and is told who came, so that they keep their claims.
    private var mayExchange: Bool { self.view.seesWorkers || self.view.isRestTold }

    func sendExchange() {
        let known = self.shared.known(at: self.tools.now)
        guard self.mayExchange, let batch = self.nextToExchange(inEpoch: known.epoch) else { return }
        self.shared.noteActivity()
        let ids = batch.map { $0.id(inEpoch: known.epoch) }
        let gateway = self.shared.gateway
        self.store.exchange(room: self.name, gateway: gateway, ids: ids, known: known) { [self] result in
            self.takeExchange(result, batch)
            self.scheduleFlush()
        }
    }

    /// A line that became too old while its visitors stood here is over; they are the first of a batch.
    private func nextToExchange(inEpoch epoch: Int64) -> [LineKey]? {
        guard let batch = self.door.nextBatch() else { return nil }
        let past = batch.prefix { !$0.isReachable(fromEpoch: epoch) }
        for key in past { self.take(.void, key, isFresh: false) }
        guard past.count < batch.count else {
            self.door.returned([], isAnswered: true)
            return nil
        }
        return Array(batch.dropFirst(past.count))
    }

    private func takeExchange(_ result: Result<ExchangeAnswer, StoreError>, _ batch: [LineKey]) {
        switch result {
        case .failure(let error):
            // They stay at the door: the right is kept, and the shared state may be back before they must go.
            _ = self.note(error, of: "exchange")
            self.door.returned(batch, isAnswered: false)
        case .success(let answer):
            self.raise(answer.line)
            self.door.returned(batch, isAnswered: true)
            let freshExpiry = answer.line.nowMicros + self.view.inForce.sessionMicros
            for (key, outcome) in zip(batch, answer.outcomes) {
                // A session that was there already is told again, and counts once: when it is told first.
                self.take(outcome, key, isFresh: outcome == .admitted(expiresMicros: freshExpiry))
            }
        }
    }

    func take(_ outcome: ExchangeOutcome, _ key: LineKey, isFresh: Bool) {
        let answer: (_ isFirst: Bool) -> RoomAnswer
        switch outcome {
        case .atDoor: return
        case .admitted(let expires):
            let isNews = self.countAdmission(of: key, isFresh: isFresh)
            if self.view.isRevoked(key, nowMicros: self.nowMicros) {
                self.view.readmit(key)
                self.shared.release(key, untilMicros: 0)
            }
            let pass = self.passOfSession(key, untilMicros: expires)
            answer = { .admitted(pass: pass, place: nil, isFirst: $0 && isNews) }
        case .notServed: answer = { _ in .waiting(key: key, place: nil) }
        case .lapsed:
            self.counts.lapsed += 1
            answer = { _ in .rejoin }
        case .ended, .void: answer = { _ in .rejoin }
        }
        let waiters = self.door.take(key)
        if !waiters.isEmpty { self.shared.ceasesToStand(key) }
        self.answer(waiters, answer)
    }

    /// Whether the visitor hears of it for the first time; who has left the door meanwhile does so when they ask again.
    private func countAdmission(of key: LineKey, isFresh: Bool) -> Bool {
        guard self.door.contains(key) else {
            if isFresh { self.shared.goesUnheard(key, now: self.tools.now) }
            return false
        }
        guard self.shared.hears(key, now: self.tools.now) || isFresh else { return false }
        self.counts.admitted += 1
        return true
    }

    /// For whom it may be that nobody waits any more: then nothing is renewed.
    private func passOfSession(_ key: LineKey, untilMicros until: Int64) -> AdmissionToken {
        let now = self.nowMicros
        if self.door.contains(key), self.view.isRenewalDue(sessionUntilMicros: until, nowMicros: now),
            let renewed = self.renew(key, nowMicros: now)
        {
            return renewed
        }
        return self.pass(key, expiresMicros: until)
    }

    func answer(_ waiters: [any RoomWaiter], _ answer: (_ isFirst: Bool) -> RoomAnswer) {
        self.shared.atDoor.giveBack(waiters.count)
        for (index, waiter) in waiters.enumerated() { waiter.roomAnswered(answer(index == 0)) }
    }

    func leaveDoor(_ key: LineKey) {
        self.shared.ceasesToStand(key)
        self.leaves.add(key)
    }

    /// Whoever is sent round is told to ask again in a second, and keeps standing at the door of the shared state
    /// for this long: else a newcomer would take the turn that comes in that second.
    private static let returnNanoseconds = 3 * Nanoseconds.perSecond

    /// A tick has come, or has not: those who have waited too long are sent round, who left is told, and who found no
    /// answer asks again.
    func reviewDoor() {
        for (key, waiters) in self.door.expire(now: self.tools.now) {
            self.shared.ceasesToStand(key)
            self.sentRound.append((key, self.tools.now.advanced(byNanoseconds: Self.returnNanoseconds)))
            self.answer(waiters) { _ in .stillAtDoor(key: key) }
        }
        while let first = self.sentRound.first, first.until <= self.tools.now {
            self.leaves.add(self.sentRound.removeFirst().key)
        }
        self.sendLeaves()
        self.door.askAgain()
        self.scheduleFlush()
    }

    /// Whoever has come back meanwhile, on whichever loop, has not left.
    func sendLeaves() {
        // The shared state forgets a silent gateway's visitors, but looks at a part of the door only: the others have to
        // be told when it is back, or each of them holds a slot for a whole session.
        if case .degraded = self.mode { return }
        guard !self.leaves.isOnTheWay, self.leaves.count > 0 else { return }
        let gone = self.shared.absent(self.leaves.all)
        let known = self.shared.known(at: self.tools.now)
        let batch = self.leaves.next { gone.contains($0) && $0.isReachable(fromEpoch: known.epoch) }
        guard let batch else { return }
        let ids = batch.map { $0.id(inEpoch: known.epoch) }
        self.store.leave(room: self.name, gateway: self.shared.gateway, ids: ids, known: known) { [self] result in
            self.leaves.returned()
            switch result {
            // Before the next tick lets in those who wait to be told of.
            case .success: self.sendLeaves()
            // Who is not taken from the door holds a turn that nobody uses: told again with the next tick.
            case .failure(let error): if self.note(error, of: "leave") { self.leaves.putBack(batch) }
            }
        }
    }
}
