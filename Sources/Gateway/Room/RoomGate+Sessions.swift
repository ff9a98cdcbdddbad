import Admission
import Rooms
import SharedState

/// Those inside: their passes are renewed with the response that is under way, and the shared state is told.
extension RoomGate {
    /// The renewed pass. It holds while the shared state is away: it is told when it is back, and makes the session anew
    /// if it has forgotten it. Nil when too many wait to be told of.
    func renew(_ key: LineKey, nowMicros now: Int64) -> AdmissionToken? {
        let pass = self.pass(key, expiresMicros: now + self.view.inForce.sessionMicros)
        guard self.renewedUntil[key] != nil || self.renewals.add(key) else { return nil }
        self.renewedUntil[key] = Int64(pass.expiresSeconds) * 1_000_000
        self.scheduleFlush()
        return pass
    }

    func sendRenewals() {
        let known = self.shared.known(at: self.tools.now)
        let wanted = self.renewals.next { key in
            if key.isReachable(fromEpoch: known.epoch) { return true }
            self.renewedUntil[key] = nil
            return false
        }
        guard let batch = wanted else { return }
        let renewed = batch.map { ($0, self.renewedUntil.removeValue(forKey: $0) ?? 0) }
        let calls = renewed.map { Renewal(id: $0.id(inEpoch: known.epoch), expiresMicros: $1) }
        self.store.renew(room: self.name, calls, known: known) { [self] result in
            self.renewals.returned()
            switch result {
            case .failure(let error): if self.note(error, of: "renew") { self.renewAgain(renewed) }
            case .success(let answer):
                self.raise(answer.line)
                self.take(answer, of: renewed)
            }
            self.scheduleFlush()
        }
    }

    private func renewAgain(_ renewed: [(key: LineKey, untilMicros: Int64)]) {
        for (key, until) in renewed { self.renewedUntil[key] = max(until, self.renewedUntil[key] ?? 0) }
        self.renewals.putBack(renewed.map(\.key))
        // What there was no room for is forgotten.
        if self.renewals.isFull { self.forgetRenewals() }
    }

    private func forgetRenewals() {
        let kept = Set(self.renewals.all)
        self.renewedUntil = self.renewedUntil.filter { kept.contains($0.key) }
    }

    /// A session that was released is over on every loop. Where the pass that was told had expired by then, nothing is
    /// known of the session: a loop that saw an older pass last tells of it late, and hears of nothing, while another
    /// loop or gateway has given a newer one, which is told in its turn. A pass that has expired is over by itself.
    private func take(_ answer: RenewAnswer, of renewed: [(key: LineKey, untilMicros: Int64)]) {
        let until = self.nowMicros + self.view.inForce.sessionMicros
        for ((key, passUntil), expiry) in zip(renewed, answer.expiries)
        where expiry == nil && passUntil > answer.line.nowMicros { self.shared.release(key, untilMicros: until) }
    }

    /// The origin says that the visitor is done: the slot is free at once, the pass no more good on any loop. Other
    /// gateways learn it with their next tick.
    func release(_ key: LineKey) {
        self.shared.release(key, untilMicros: self.nowMicros + self.view.inForce.sessionMicros)
        self.releases.add(key)
        self.counts.released += 1
        self.scheduleFlush()
    }

    /// The shared state has lost something: it would make a released session anew for a pass that had not run out. One
    /// loop tells it for all.
    func releaseAgain() {
        guard let snapshot = self.view.snapshot else { return }
        for key in self.shared.takeReleasesToTell(after: snapshot.line, nowMicros: self.nowMicros) {
            self.releases.add(key)
        }
    }

    func sendReleases() {
        let known = self.shared.known(at: self.tools.now)
        guard let batch = self.releases.next(isStillWanted: { $0.isReachable(fromEpoch: known.epoch) }) else { return }
        let ids = batch.map { $0.id(inEpoch: known.epoch) }
        self.store.release(room: self.name, ids: ids, known: known) { [self] result in
            self.releases.returned()
            switch result {
            case .failure(let error): if self.note(error, of: "release") { self.releases.putBack(batch) }
            case .success(let answer): self.raise(answer.line)
            }
            self.scheduleFlush()
        }
    }
}
