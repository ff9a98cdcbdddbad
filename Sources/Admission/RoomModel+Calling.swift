/// Whom the room calls, and when now-serving came to stand where.
extension RoomModel {
    /// Where now-serving stood at `micros`; for times before the oldest mark, where it stood just before that mark.
    func serving(atMicros micros: Int64) -> Int64 {
        self.marks.newest(atOrBefore: micros)?.serving ?? self.record.floor
    }

    /// Calls as many as should use up the tokens and slots of the next horizon. A few are called to spare, for nobody comes
    /// evenly; but no more of them than a horizon's inflow, or in a slow room they would stand at the door for long. It
    /// is generous on purpose: `exchange` alone decides who goes in, and who comes too early stands at the door a moment.
    /// Others are called in the place of those who have not come within half a horizon, by which most have asked. A horizon
    /// and an eighth is waited for them where the bucket holds a horizon's inflow, for then no token is lost meanwhile; and
    /// where the slots bind, for there who comes too early stands at the door for a session, and who comes late finds the
    /// slot taken by a number behind. There nobody is called to spare. Older lines come first.
    mutating func callNext() {
        guard self.isOpen, self.record.rate > 0, !self.record.isHeld else { return }
        let isOlderWaiting = self.record.older.contains { $0.serving < $0.issued }
        if !isOlderWaiting { self.skipGaps() }
        guard self.record.slots > 0, isOlderWaiting || self.record.issued > self.record.serving else { return }
        let inflow = self.record.rate * self.record.horizon
        let free = max(0, self.freeSlots + self.expectedEnds())
        let want = min(free, (self.record.tokens + inflow) / RoomRules.nanoTokens)
        if isOlderWaiting { return self.callOlder(want - self.door.count) }
        let showUp = self.showUp.ratio
        let spare = min(free - want, Int64(Double(4 * want).squareRoot()) + 1, inflow / RoomRules.nanoTokens)
        let isHasty = want + spare < free && self.record.burst * RoomRules.nanoTokens < inflow
        let patience = isHasty ? self.record.horizon / 2 : self.record.horizon * 9 / 8
        let outstanding = self.outstanding(sinceMicros: self.now - patience)
        let lack = (want + spare - self.door.count) * RoomRules.partsPerMillion - showUp * outstanding
        guard lack > 0 else { return }
        let share = (lack + showUp - 1) / showUp
        let span = (self.record.burst * RoomRules.nanoTokens + inflow) / RoomRules.nanoTokens
        let cap = RoomRules.callCapFactor * (span + spare) - outstanding
        self.advanceServing(by: max(0, min(share, cap)))
    }

    /// How many of those called since then have not asked yet.
    func outstanding(sinceMicros micros: Int64) -> Int64 {
        let called = self.places(above: self.serving(atMicros: micros), upTo: self.record.serving)
        return called.count - called.arrived
    }

    /// Nothing is known of who of an older line still comes: it is called at some times the rate, as long as too few
    /// stand at the door. While nobody comes at all the numbers may be holes: all of them are called within 30 seconds.
    private mutating func callOlder(_ lack: Int64) {
        guard lack > 0 else { return }
        let elapsed = min(max(0, self.now - self.record.olderCalled), self.record.horizon)
        let paced = self.record.rate * elapsed / RoomRules.nanoTokens
        var left = RoomRules.olderCallFactor * min(lack, paced)
        if self.door.count == 0 {
            let all = self.record.older.reduce(0) { $0 + $1.issued }
            let window = RoomRules.olderCallMicros
            left = max(left, all * (min(elapsed, window) / 1_000) / (window / 1_000))
        }
        guard left > 0 else { return }
        self.record.olderCalled = self.now
        for index in self.record.older.indices {
            let step = min(left, self.record.older[index].issued - self.record.older[index].serving)
            self.record.older[index].serving += step
            left -= step
        }
    }

    // MARK: Marks

    /// A mark that takes in a later move keeps its first time: if it moved along, it would never grow old.
    mutating func writeMark() {
        guard self.record.serving != self.record.markServing else { return }
        if self.record.mark > 0, self.now - self.record.mark < RoomRules.markGapMicros {
            self.marks.removeNewest()
        } else {
            self.pruneMarks()
            self.record.mark = self.now
        }
        self.record.markServing = self.record.serving
        self.record.markDirect = self.record.direct
        self.marks.append(
            .init(micros: self.record.mark, serving: self.record.serving, direct: self.record.direct)
        )
        self.thinMarks()
    }

    /// Marks that no rule looks at any more go; `floor` remembers where they ended.
    private mutating func pruneMarks() {
        let settled = self.now - RoomRules.showUpSettledHorizons * self.record.horizon
        let cutoff = min(self.micros(ago: self.record.claim), settled)
        guard let mark = self.marks.newest(atOrBefore: cutoff) else { return }
        self.record.floor = max(self.record.floor, mark.serving)
        self.marks.remove(atOrBefore: cutoff)
    }

    /// A long claim window needs no fine marks. A few at a time are looked at; the newest before the fine ones stays.
    private mutating func thinMarks() {
        let spacing = self.record.claim / RoomRules.marksOfAClaim
        let coarse = self.marks.marks(
            after: self.record.coarse,
            before: self.now - 4 * self.record.horizon,
            count: RoomRules.marksThinnedAtOnce + 1
        )
        for mark in coarse.dropLast() {
            if mark.micros - self.record.coarse < spacing {
                self.marks.remove(at: mark.micros)
            } else {
                self.record.coarse = mark.micros
            }
        }
    }
}
