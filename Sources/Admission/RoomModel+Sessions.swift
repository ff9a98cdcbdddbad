/// Sessions: renewed, made anew after a loss, released.
extension RoomModel {
    /// The new expiry of each session that is live, or that was forgotten and whose pass has not expired; nil for the
    /// others. A pass proves that its number was called.
    public mutating func renew(
        _ renewals: [Renewal],
        known: KnownMarks,
        run: Int64 = 0,
        nowMicros: Int64
    ) throws(RoomError) -> RenewAnswer {
        let ids = renewals.map(\.id)
        try self.check(ids)
        var known = known
        if known.epoch > 0, let highest = ids.max() {
            known.serving = max(known.serving, highest)
            known.issued = max(known.issued, highest)
        }
        let before = try self.enter(known, run: run, nowMicros)
        defer { self.commit(since: before) }
        let expiry = self.now + self.record.session
        var adopted: [Int64] = []
        var expiries: [Int64?] = []
        for (id, renewal) in zip(self.own(ids, known), renewals) {
            guard let id, self.canLive(id, passUntil: renewal.expiresMicros, &adopted) else {
                expiries.append(nil)
                continue
            }
            self.sessions.set(id, expiresMicros: expiry)
            self.isTouched = true
            expiries.append(expiry)
        }
        self.adopt(adopted)
        return RenewAnswer(line: self.line, expiries: expiries)
    }

    private mutating func canLive(_ id: Int64, passUntil: Int64, _ adopted: inout [Int64]) -> Bool {
        if self.sessions.expiry(of: id) != nil { return true }
        guard passUntil > self.now, self.released.expiry(of: id) == nil else { return false }
        adopted.append(id)
        return true
    }

    /// Sessions that were lost, or ran out in a silence, made anew.
    mutating func adopt(_ ids: [Int64]) {
        guard !ids.isEmpty else { return }
        for id in ids {
            if id > 0 { self.arrived.insert(id) }
            self.noteAdmitted(id)
            self.begin(session: id)
            _ = self.door.leave(id)
        }
        self.record.lost = max(0, self.record.lost - Int64(ids.count))
        self.write(.adopt(micros: self.now, ids: ids))
    }

    /// Ends sessions; how many slots became free. No pass of these is good any more, on any gateway.
    public mutating func release(
        ids: [Int64],
        known: KnownMarks,
        run: Int64 = 0,
        nowMicros: Int64
    ) throws(RoomError) -> CountAnswer {
        try self.check(ids)
        let before = try self.enter(known, run: run, nowMicros)
        defer { self.commit(since: before) }
        var freed = 0
        for case let id? in self.own(ids, known) {
            let expiry = self.sessions.expiry(of: id)
            if self.sessions.remove(id) { freed += 1 }
            let wasPardoned = !self.pardoned.isEmpty && self.pardoned.removeValue(forKey: id) != nil
            self.isTouched = self.isTouched || expiry != nil || wasPardoned
            guard expiry != nil || self.released.expiry(of: id) == nil else { continue }
            self.released.set(id, expiresMicros: max(expiry ?? 0, self.now + self.record.session))
            self.tell(.released, id)
        }
        return CountAnswer(line: self.line, count: freed)
    }
}
