extension RoomModel {
    /// The step that moves the room on: creates or restores it, takes the limits, ends sessions, lets in who stands at
    /// the door, and calls the next places. It is harmless to tick more often than needed, and from
    /// several gateways.
    public mutating func tick(
        _ tick: RoomTick,
        known: KnownMarks,
        run: Int64 = 0,
        nowMicros: Int64
    ) throws(RoomError) -> TickAnswer {
        let limits = tick.limits
        let before = self.record
        let isThere = self.load(nowMicros)
        self.takeIn(known, isThere: isThere, burst: limits.burst, nowMicros: nowMicros)
        self.record.inflow = limits.inflowMilli
        self.record.session = limits.sessionMicros
        self.record.claim = limits.claimMicros
        self.record.horizon = limits.horizonMicros
        self.record.opens = limits.opensAtMicros
        self.enforce(burst: limits.burst, slots: limits.slots, nowMicros: nowMicros)
        self.sessions.expire(nowMicros: nowMicros)
        self.door.dropSilent(nowMicros: nowMicros)
        let settled = self.settleDoor(self.turns(), nowMicros: nowMicros)
        self.sampleShowUp(nowMicros: nowMicros)
        self.callNext(nowMicros: nowMicros)
        self.writeMark(nowMicros: nowMicros)
        let snapshot = self.snapshot(nowMicros: nowMicros)
        self.commit(since: before)
        return TickAnswer(
            snapshot: snapshot,
            granted: settled.map { DoorGrant(id: $0, expiresMicros: nowMicros + self.record.session) }
        )
    }

    /// Where now-serving stood at `micros`; for times before the oldest mark, where it stood just before that mark.
    func serving(atMicros micros: Int64) -> Int64 {
        self.marks.newest(atOrBefore: micros)?.serving ?? self.record.floor
    }

    private func snapshot(nowMicros: Int64) -> RoomSnapshot {
        RoomSnapshot(
            nowMicros: nowMicros,
            epoch: self.record.epoch,
            issued: self.record.issued,
            serving: self.record.serving,
            admitted: self.record.admitted,
            sessions: self.sessions.count,
            door: self.door.count,
            rateMilli: self.record.rate,
            tokensNano: self.record.tokens,
            burst: self.record.burst,
            slots: self.record.slots,
            showUpPermille: (self.record.showUp + 500) / 1000,
            opensAtMicros: self.record.opens
        )
    }

    // MARK: What gateways know

    private mutating func takeIn(_ known: KnownMarks, isThere: Bool, burst: Int64, nowMicros: Int64) {
        var serving: Int64 = 0
        var issued: Int64 = 0
        if known.epoch > 0 {
            serving = min(known.serving, RoomRules.lastNumber)
            issued = max(min(known.issued, RoomRules.lastNumber), serving)
        }
        if !isThere {
            self.create(
                epoch: max(1, known.epoch),
                issued: issued,
                serving: serving,
                burst: burst,
                nowMicros: nowMicros
            )
        } else if known.epoch > self.record.epoch {
            self.beginEpoch(known.epoch, issued: issued, serving: serving)
        } else if known.epoch == self.record.epoch {
            self.restore(issued: issued, serving: serving)
        }
    }

    /// A new room starts with a full bucket. A restored one starts with an empty bucket: what it spent is not known.
    /// Bitmaps and sessions that outlived the record stay: they keep anybody from being admitted twice.
    private mutating func create(epoch: Int64, issued: Int64, serving: Int64, burst: Int64, nowMicros: Int64) {
        self.marks = CallMarks()
        self.record = RoomRecord()
        self.record.epoch = epoch
        self.record.issued = issued
        self.record.serving = serving
        self.record.sampled = serving
        self.record.refilled = nowMicros
        if issued == 0 { self.record.tokens = burst * RoomRules.nanoTokens }
        self.touch()
    }

    /// The gateways are ahead of the shared state by a whole epoch: its bitmaps are another line's. The bucket, the
    /// limits and the controller's bound stay: they belong to the backend.
    private mutating func beginEpoch(_ epoch: Int64, issued: Int64, serving: Int64) {
        self.sessions = SessionTable()
        self.arrived = NumberSet()
        self.exchanged = NumberSet()
        self.door = Door()
        self.marks = CallMarks()
        self.record.epoch = epoch
        self.record.issued = issued
        self.record.serving = serving
        self.record.sampled = serving
        self.record.direct = 0
        self.record.sampledDirect = 0
        self.record.floor = 0
        self.record.mark = 0
        self.record.markServing = 0
        self.record.markDirect = 0
    }

    /// A shared state that lost its last second goes on where the gateways saw it, so no number is handed out twice.
    /// Arrivals of that second are lost: the show-up ratio is not measured over it.
    private mutating func restore(issued: Int64, serving: Int64) {
        self.record.issued = max(self.record.issued, issued)
        guard serving > self.record.serving else { return }
        self.record.serving = serving
        self.record.sampled = serving
        self.record.sampledDirect = self.record.direct
    }

    // MARK: Calling

    /// Every called place is looked at once, two horizons after its call: by then it has come or is late.
    private mutating func sampleShowUp(nowMicros: Int64) {
        guard let mark = self.marks.newest(atOrBefore: nowMicros - 2 * self.record.horizon),
            mark.serving > self.record.sampled
        else { return }
        let directs = mark.direct - self.record.sampledDirect
        let places = mark.serving - self.record.sampled - directs
        if places > 0 {
            let bits = self.arrived.count(above: self.record.sampled, upTo: mark.serving)
            let arrived = max(0, min(places, bits - directs))
            let weight = RoomRules.showUpMemoryPlaces + places
            let sum = self.record.showUp * RoomRules.showUpMemoryPlaces + arrived * RoomRules.partsPerMillion
            self.record.showUp = max(RoomRules.leastShowUp, (sum + weight / 2) / weight)
        }
        self.record.sampled = mark.serving
        self.record.sampledDirect = mark.direct
    }

    /// Calls as many as should use up the tokens and slots of the next horizon, given how many of the called show up.
    /// Generous on purpose: `exchange` alone decides who goes in.
    private mutating func callNext(nowMicros: Int64) {
        guard nowMicros >= self.record.opens, self.record.issued > self.record.serving, self.record.rate > 0 else {
            return
        }
        let inflow = self.record.rate * self.record.horizon
        let free = max(0, self.record.slots - self.sessions.count)
        let want = min(free, (self.record.tokens + inflow) / RoomRules.nanoTokens)
        let before = self.serving(atMicros: nowMicros - self.record.horizon)
        let outstanding =
            self.record.serving - before - self.arrived.count(above: before, upTo: self.record.serving)
        let lack = (want - self.door.count) * RoomRules.partsPerMillion - self.record.showUp * outstanding
        guard lack > 0 else { return }
        let share = (lack + self.record.showUp - 1) / self.record.showUp
        let span = (self.record.burst * RoomRules.nanoTokens + inflow) / RoomRules.nanoTokens
        let cap = RoomRules.callCapFactor * span - outstanding
        self.record.serving += max(0, min(share, self.record.issued - self.record.serving, cap))
    }

    /// A mark that takes in a later move keeps its first time: if it moved along, it would never grow old.
    private mutating func writeMark(nowMicros: Int64) {
        guard self.record.serving != self.record.markServing else { return }
        if self.record.mark > 0, nowMicros - self.record.mark < RoomRules.markGapMicros {
            self.marks.removeNewest()
        } else {
            self.pruneMarks(nowMicros: nowMicros)
            self.record.mark = nowMicros
        }
        self.record.markServing = self.record.serving
        self.record.markDirect = self.record.direct
        self.marks.append(
            .init(micros: self.record.mark, serving: self.record.serving, direct: self.record.direct)
        )
    }

    /// Marks that no rule looks at any more go; `floor` remembers where they ended.
    private mutating func pruneMarks(nowMicros: Int64) {
        let cutoff = nowMicros - max(self.record.claim, 2 * self.record.horizon)
        guard let mark = self.marks.newest(atOrBefore: cutoff) else { return }
        self.record.floor = max(self.record.floor, mark.serving)
        self.marks.remove(atOrBefore: cutoff)
    }
}
