/// How every operation begins and ends: the room's time, what the caller knows, and what that says of the record.
extension RoomModel {
    /// The record as it was, for `commit`.
    mutating func enter(
        _ known: KnownMarks,
        run: Int64,
        _ clock: Int64
    ) throws(RoomError) -> RoomRecord {
        let before = self.record
        guard self.load(clock, run: run, reckoned: known.reckonedMicros) else { throw .noRoom }
        self.takeIn(known, run: run)
        return before
    }

    /// Whether there is a room; if so its time and bucket are brought to now. `reckoned` is the room's time as the caller
    /// reckons it; 0: for the first time here; nil: the controller, who reckons nothing.
    mutating func load(_ clock: Int64, run: Int64, reckoned: Int64?) -> Bool {
        self.isTouched = false
        self.clock = clock
        self.now = clock
        guard self.record.epoch > 0 else { return false }
        self.setTime(run: run, reckoned: reckoned)
        self.record.refill(nowMicros: self.now)
        if self.record.lost > 0, self.now >= self.record.lostUntil { self.record.lost = 0 }
        self.noticeLostKeys()
        self.clearExpired()
        self.enforce(burst: self.record.burst, slots: self.record.slots)
        return true
    }

    /// The room's time: the clock plus `skew`. It never goes back.
    private mutating func setTime(run: Int64, reckoned: Int64?) {
        let clock = self.clock
        // Until a gateway calls it goes on by 3 seconds at most.
        guard let reckoned else {
            let latest = self.record.refilled + RoomRules.silenceMicros
            self.now = max(self.record.refilled, min(clock + self.record.skew, latest))
            self.isTouched = self.now == latest
            return
        }
        if run != 0, self.record.run != 0, run != self.record.run {
            // Another server's clock may be ahead: the room's time goes on as the caller reckons it, and where nobody
            // knows by 3 seconds at most, so that nobody is thrown out. As much as the outage was longer, sessions and
            // claims live longer. The clock of the same server is taken as it is: a call that was on its way while Redis
            // stood still looks as if that had been set forward, and passes have gone on meanwhile.
            let told = reckoned > 0 ? reckoned + RoomRules.reckoningMicros : 0
            let latest = max(self.record.refilled + RoomRules.silenceMicros, told)
            self.record.skew = min(self.record.skew, latest - clock)
        }
        // The clock was set back, or a server with an earlier clock took over: the room's time stands still.
        self.record.skew = max(self.record.skew, self.record.refilled - clock)
        self.now = clock + self.record.skew
    }

    /// After a silence: nobody could ask or renew meanwhile. Those whose sessions ran out hold good passes, and come
    /// back.
    private mutating func endSilence(_ known: KnownMarks) {
        let silence = self.now - self.record.asked
        let isOfThisLine = known.epoch == self.record.epoch
        // A room in which nobody waits is called once a second.
        if silence > RoomRules.silenceMicros || silence > RoomRules.doorSilenceMicros && self.door.count > 0 {
            self.record.away = self.now
        }
        if silence > RoomRules.silenceMicros { (self.record.silentFrom, self.record.silentTo) = self.pardon }
        self.record.asked = self.now
        if silence > RoomRules.silenceMicros {
            self.notePause(silence)
            self.record.insideUntil = isOfThisLine ? 0 : self.now + RoomRules.silenceMicros
        }
        if isOfThisLine, silence > RoomRules.silenceMicros || self.now < self.record.insideUntil {
            self.loseSessions(known.sessions)
        }
    }

    /// No gateway reached this state in such a silence, so no visitor did: it takes nothing off a claim.
    private mutating func notePause(_ silence: Int64) {
        self.record.pauses.append(.init(until: self.now, micros: silence))
        let lapsed = self.micros(ago: self.record.claim)
        self.record.pauses.removeAll { $0.until <= lapsed }
        if self.record.pauses.count > RoomRules.maxPauses { self.record.pauses.removeFirst() }
    }

    /// When that many microseconds were still to come in which visitors could ask.
    func micros(ago span: Int64) -> Int64 {
        var micros = self.now - span
        for pause in self.record.pauses.reversed() where micros < pause.until { micros -= pause.micros }
        return micros
    }

    /// Between which times sessions ran out that are kept, the first left out; noughts: none. A silence that comes while
    /// those of the one before are kept goes on with it.
    private var pardon: (from: Int64, to: Int64) {
        let isPardoned =
            self.record.silentTo > 0 && self.now >= self.record.silentTo
            && self.now < self.record.silentTo + self.record.session
        if self.now - self.record.asked > RoomRules.silenceMicros {
            return (isPardoned ? self.record.silentFrom : self.record.asked, self.now)
        }
        return isPardoned ? (self.record.silentFrom, self.record.silentTo) : (0, 0)
    }

    /// What is over is over, should the clock be set back: the room's time covers it.
    private mutating func clearExpired() {
        let (from, to) = self.pardon
        func isKept(_ micros: Int64) -> Bool { micros > from && micros <= to }
        if !self.pardoned.isEmpty, to == 0 || to == self.now {
            let before = self.pardoned.count
            self.pardoned = self.pardoned.filter { isKept($0.value) }
            if self.pardoned.count < before { self.isTouched = true }
        }
        for session in self.sessions.expire(nowMicros: self.now) {
            if isKept(session.micros) {
                self.pardoned[session.number] = session.micros
            } else {
                self.isTouched = true
            }
        }
        if !self.released.expire(nowMicros: self.now).isEmpty { self.isTouched = true }
    }

    /// An operation that changed nothing leaves the bucket's time alone too: in Redis, it writes nothing.
    mutating func commit(since before: RoomRecord) {
        guard !self.isTouched, self.record.equalsBesidesBucket(before) else { return self.notePresence() }
        self.record.tokens = before.tokens
        self.record.refilled = before.refilled
        self.record.asked = before.asked
    }

    // MARK: What the caller knows

    mutating func takeIn(_ known: KnownMarks, run: Int64, usedBlock: Int64 = 0) {
        var isBehind = run != 0 && self.record.run != 0 && run != self.record.run
        // It has heard of every loss that this state has noticed so far.
        var isAware = false
        let known = known.bounded
        if known.epoch > 0 { self.voidLines(before: known.voidBefore) }
        self.endSilence(known)
        if known.epoch > self.record.epoch {
            self.beginEpoch(known)
            isBehind = true
        } else if known.epoch == self.record.epoch, known.epoch > 0 {
            isAware = known.incarnation == self.record.incarnation
            if known.incarnation < self.record.incarnation { self.narrow(known) }
            isBehind =
                isBehind || known.incarnation > self.record.incarnation || known.serving > self.record.serving
                || known.stated > self.record.issued
                || known.issued > self.record.issued && !self.isLeased(known.issued)
        } else if known.epoch > 0, self.note(OlderLine(known)) {
            self.loseSessions(known.sessions)
        }
        if isBehind { self.regress(known.epoch == self.record.epoch ? known : .nothing, usedBlock: usedBlock) }
        if known.epoch == self.record.epoch, isBehind || !isAware {
            // Otherwise this state has told it of the gaps among its own numbers, and knows better by now which of
            // those have holders.
            self.remember(known.gaps, above: isAware ? self.record.regressed : 0)
        }
        if run != 0 { self.record.run = run }
    }

    /// Such a number may have been handed out by its gateway while this state was away: unless an answer of this state
    /// has told it (`stated`), it says nothing of what was given out here.
    private func isLeased(_ number: Int64) -> Bool {
        self.record.blocks.contains { $0.start <= number && number <= $0.end }
    }

    /// The shared state has lost something. The line goes on behind everything that may have been handed out, with an
    /// empty bucket; what was called meanwhile says nothing about the show-up ratio.
    ///
    /// How far it goes depends on the clock: should this be lost too before another gateway has heard of it, the line
    /// is made again out of the same marks, and must not come to the same numbers.
    ///
    /// A number that no answer of the state has told, far ahead of those that one has, is of a block whose lease is
    /// lost: few have one of the numbers before it. They are called with the gap, unless gateways take them out of it
    /// in time. `usedBlock` is where the block begins of which the caller handed out numbers, 0 for none: also a nearer
    /// one has few before it, who are called after those of the state's own numbers, and before those of the block.
    mutating func regress(_ known: KnownMarks, usedBlock: Int64 = 0) {
        let last = max(self.record.issued, known.issued)
        let steps = 1 + self.clock / RoomRules.regressStepMicros % RoomRules.regressSteps
        let end = min(RoomRules.lastNumber, last + steps * (RoomRules.blockSpan + RoomRules.regressGap))
        self.record.serving = max(self.record.serving, known.serving)
        // Few of the numbers before one of a block were handed out: nobody need be called one by one there.
        var proven = max(self.record.issued, self.record.serving)
        if !self.isLeased(known.stated) { proven = max(proven, known.stated) }
        if !self.isLeased(known.issued), known.issued - proven < RoomRules.blockNearest {
            proven = max(proven, known.issued)
        }
        self.addGap(from: proven + 1, to: end)
        if usedBlock <= known.issued {
            self.addGap(from: max(self.record.issued, known.stated) + 1, to: usedBlock - 1)
        }
        self.record.away = self.now
        self.record.regressed = self.record.issued
        self.record.waitsUntil = self.now + RoomRules.silenceMicros
        self.record.issued = end
        self.record.blocks.removeAll { $0.end <= end }
        self.record.incarnation = max(self.record.incarnation, known.incarnation) + 1
        self.record.tokens = 0
        // These may not be the newest limits: the next tick tells.
        self.record.heardUntil = self.now + RoomRules.silenceMicros
        self.record.sampled = self.record.serving
        self.record.sampledDirect = self.record.direct
        self.loseSessions(known.sessions)
        self.isTouched = true
        self.write(
            .regress(
                micros: self.now,
                epoch: self.record.epoch,
                incarnation: self.record.incarnation,
                issued: end
            )
        )
    }

    /// The caller has not heard of the latest loss. What it was told before is no gap, should whoever called first have
    /// known less: its people are called by number. What else it knows, it knows of the same loss.
    private mutating func narrow(_ known: KnownMarks) {
        self.narrowGaps(to: max(known.stated, known.serving))
        guard self.isWaitingForGateways else { return }
        if known.serving > self.record.serving, known.serving <= self.record.issued {
            self.record.serving = known.serving
            self.record.sampled = self.record.serving
            self.record.sampledDirect = self.record.direct
        }
        self.loseSessions(known.sessions)
    }

    /// Stretches of the line that were skipped before this state lost something: nobody need be called one by one
    /// there. What overlaps a gap of the record is known here, and better; but what lies between the last number before
    /// the latest loss and what that skipped this state has never handed out.
    private mutating func remember(_ gaps: [ClosedRange<Int64>], above floor: Int64) {
        for gap in gaps where gap.upperBound > self.record.serving && gap.upperBound <= self.record.issued {
            var from = max(gap.lowerBound, floor + 1)
            let isBeforeLatest = gap.upperBound < self.record.gaps.last?.to ?? 0
            for own in self.record.gaps where own.from <= gap.upperBound && from <= own.to {
                from = isBeforeLatest ? max(own.to, self.record.regressed) + 1 : gap.upperBound + 1
            }
            self.addGap(from: from, to: gap.upperBound)
        }
    }

    /// `count` sessions were live: those that are not here keep their slots for one session's length.
    private mutating func loseSessions(_ count: Int64) {
        let lost = max(self.record.lost, count - self.sessions.count)
        guard lost > self.record.lost else { return }
        self.record.lost = lost
        self.record.lostUntil = self.now + self.record.session
    }

    /// The room is not there: the caller's line is made again, or a new one begins with a full bucket.
    mutating func create(_ limits: RoomLimits, _ known: KnownMarks, run: Int64, usedBlock: Int64) {
        let reckoned = known.reckonedMicros
        let known = known.bounded
        self.marks = CallMarks()
        self.events = EventLog()
        self.record = RoomRecord()
        // The room's time goes on from where the caller knows it to be.
        if reckoned > 0 {
            self.now = max(reckoned, min(self.clock, reckoned + RoomRules.reckoningMicros))
            self.record.skew = self.now - self.clock
        }
        self.record.refilled = self.now
        self.record.asked = self.now
        self.record.run = run
        self.record.session = limits.sessionMicros
        self.isTouched = true
        // Which silence these ran out in is forgotten; time may begin anew before that.
        for (id, expiry) in self.pardoned { self.sessions.set(id, expiresMicros: expiry) }
        self.pardoned = [:]
        guard known.epoch > 0 else {
            self.forgetLine()
            self.record.epoch = max(1, self.clock / 1_000_000)
            self.record.tokens = limits.burst * RoomRules.nanoTokens
            return
        }
        self.clearExpired()
        self.record.epoch = known.epoch
        self.record.incarnation = 0
        self.record.voidBefore = known.voidBefore
        self.regress(known, usedBlock: usedBlock)
        self.remember(known.gaps, above: 0)
    }

    /// The caller knows a younger line: this state is from before its creation. Its own line is an older one then,
    /// unless a reset has ended it. The bucket, the limits and the controller's bound stay: they belong to the backend.
    private mutating func beginEpoch(_ known: KnownMarks) {
        let line = OlderLine(epoch: self.record.epoch, issued: self.record.issued, serving: self.record.serving)
        let live = self.sessions.count
        self.forgetLine()
        self.loseSessions(max(known.sessions, live))
        self.record.epoch = known.epoch
        self.record.incarnation = 0
        self.record.issued = 0
        self.record.serving = 0
        self.note(line)
    }

    /// All that belongs to the line alone.
    mutating func forgetLine() {
        self.sessions = SessionTable()
        self.pardoned = [:]
        self.released = SessionTable()
        self.arrived = NumberSet()
        self.exchanged = NumberSet()
        self.carried = []
        self.door = Door()
        self.events = EventLog()
        self.marks = CallMarks()
        self.record.direct = 0
        self.record.sampledDirect = 0
        self.record.floor = 0
        self.record.mark = 0
        self.record.markServing = 0
        self.record.markDirect = 0
        self.record.coarse = 0
        self.record.swept = 0
        self.record.insideUntil = 0
        self.record.regressed = 0
        self.record.waitsUntil = 0
        self.record.silentFrom = 0
        self.record.silentTo = 0
        self.record.gaps = []
        self.record.blocks = []
    }

    // MARK: Older lines

    /// Opens an older line, or raises it. Whether it was not known before: then its people spend what the bucket has.
    @discardableResult
    mutating func note(_ line: OlderLine) -> Bool {
        guard line.epoch < self.record.epoch, line.epoch >= self.record.voidBefore, line.issued > 0,
            self.record.epoch - line.epoch <= PlaceID.oldestSeconds
        else { return false }
        if let index = self.record.older.firstIndex(where: { $0.epoch == line.epoch }) {
            let issued = max(self.record.older[index].issued, line.issued)
            self.record.older[index].issued = issued
            self.record.older[index].serving = min(issued, max(self.record.older[index].serving, line.serving))
            return false
        }
        let position = self.record.older.firstIndex { $0.epoch > line.epoch } ?? self.record.older.count
        if self.record.older.count == RoomRules.maxOlderLines {
            // The oldest is given up; its places are void, as gateways hear: its visitors get new ones.
            var lines = self.record.older
            lines.insert(line.bounded, at: position)
            lines.removeFirst()
            self.record.older = lines
            self.record.voidBefore = max(self.record.voidBefore, lines[0].epoch)
            guard position > 0 else { return false }
        } else {
            self.record.older.insert(line.bounded, at: position)
        }
        self.record.tokens = 0
        return true
    }

    private mutating func voidLines(before epoch: Int64) {
        self.record.voidBefore = max(self.record.voidBefore, epoch)
        self.record.older.removeAll { $0.epoch < self.record.voidBefore }
    }

    // MARK: Ids

    /// Refuses batches that are too large, and ids that are none.
    func check(_ ids: [Int64]) throws(RoomError) {
        guard ids.count <= RoomRules.largestBatch else { throw .batch }
        for id in ids where !PlaceID.isValid(id) { throw .refused("BADARG \(id) names no place") }
    }

    /// What the caller's ids are in the room's current line; nil for those that are void.
    func own(_ ids: [Int64], _ known: KnownMarks) -> [Int64?] {
        let back = known.epoch == 0 ? 0 : self.record.epoch - known.epoch
        return ids.map { id in
            guard back <= PlaceID.oldestSeconds else { return nil }
            let own = id - PlaceID.lineSpan * back
            guard own > PlaceID.lowest, PlaceID.place(own, current: self.record.epoch).epoch >= self.record.voidBefore
            else { return nil }
            return own
        }
    }
}

extension KnownMarks {
    /// Within what a record can hold, and in order.
    fileprivate var bounded: KnownMarks {
        guard self.epoch > 0 else { return .nothing }
        var bounded = self
        bounded.serving = min(self.serving, RoomRules.lastNumber)
        bounded.issued = max(min(self.issued, RoomRules.lastNumber), bounded.serving)
        bounded.stated = min(self.stated, bounded.issued)
        bounded.voidBefore = min(self.voidBefore, self.epoch)
        return bounded
    }
}

extension OlderLine {
    fileprivate init(_ known: KnownMarks) {
        self.init(epoch: known.epoch, issued: known.issued, serving: known.serving)
    }

    /// Called are only places that were handed out.
    fileprivate var bounded: OlderLine {
        OlderLine(epoch: self.epoch, issued: self.issued, serving: min(self.issued, self.serving))
    }
}
