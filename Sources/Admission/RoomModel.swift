import DequeModule

/// The rules of one room: the reference for `room.lua`, and the room itself where there is one node and no Redis.
///
/// A value; time comes in as microseconds since 1970. Limits in memory: two bits for a number handed out and come, one
/// entry for a live session (at most `slots`), for a visitor at the door (at most those called and not admitted), for
/// a mark (some thousands), for a place of an older line that was admitted, 8,192 events, and 10,000 journal entries
/// that nobody has taken.
public struct RoomModel: Equatable, Sendable {
    static let untakenJournalEntries = 10_000

    var record = RoomRecord()
    var sessions = SessionTable()
    /// Sessions that ran out in the latest silence.
    var pardoned: [Int64: Int64] = [:]
    var arrived = NumberSet()
    var exchanged = NumberSet()
    /// Ids of older lines that were admitted.
    var carried: Set<Int64> = []
    var door = Door()
    var gateways: [String: Heartbeat] = [:]
    var events = EventLog()
    /// Released ids, until no pass of them can live.
    var released = SessionTable()
    var marks = CallMarks()
    /// When the entries of the journal were written, those that are kept.
    var journalTimes = Deque<Int64>()
    private var journal: [JournalEntry] = []
    /// The room's time and the clock, during an operation.
    var now: Int64 = 0
    var clock: Int64 = 0
    /// Something outside of the record changed that the time of the record has to cover.
    var isTouched = false

    /// What a gateway last said of itself.
    struct Heartbeat: Equatable {
        var micros, healthy: Int64
        /// Since when the gateway is back from its latest silence.
        var back: Int64
    }

    /// A room that does not exist until its first `tick`.
    public init() {}

    /// The journal since the last call. Whoever runs the model takes it after each step; entries beyond the newest
    /// 10,000 are dropped in halves.
    public mutating func takeJournal() -> [JournalEntry] {
        defer { self.journal = [] }
        return self.journal
    }

    // MARK: Operations

    /// Hands out `count` (1 to `RoomRules.largestBatch`) places. While nobody is ahead and the room is open, as many
    /// of them go straight in, lowest first, as there are tokens and slots besides those for the called who are on
    /// their way.
    public mutating func join(
        count: Int,
        known: KnownMarks,
        run: Int64 = 0,
        nowMicros: Int64
    ) throws(RoomError) -> JoinGrant {
        guard (1...RoomRules.largestBatch).contains(count) else { throw .batch }
        let before = try self.enter(known, run: run, nowMicros)
        defer { self.commit(since: before) }
        let first = self.behindBlocks(count: Int64(count))
        guard first + Int64(count) - 1 <= RoomRules.lastNumber else { throw .lineFull }
        self.jumpBlocks(to: first)
        let admitted = self.isNobodyAhead(of: first) ? min(Int64(count), self.freeTurns()) : 0
        let grants = (0..<admitted).map { JournalEntry.Grant(number: first + $0, doorWaitMicros: 0) }
        for grant in grants { self.arrived.insert(grant.number) }
        self.record.issued = first + Int64(count) - 1
        self.record.serving += admitted
        self.record.direct += admitted
        self.admit(grants)
        return JoinGrant(
            line: self.line,
            first: first,
            count: Int64(count),
            admitted: admitted,
            expiresMicros: admitted > 0 ? self.now + self.record.session : 0
        )
    }

    private mutating func isNobodyAhead(of first: Int64) -> Bool {
        // The called of older lines have a horizon to ask, too.
        guard self.isOpen, !self.isWaitingForGateways, self.door.count == 0,
            self.record.olderCalled == 0 || self.now >= self.record.olderCalled + self.record.horizon,
            self.record.older.allSatisfy({ $0.serving == $0.issued })
        else { return false }
        self.skipGaps()
        return self.record.serving == first - 1
    }

    /// Takes visitors who hung up from the door; how many stood there by this gateway. Their places and their arrival
    /// stand.
    public mutating func leave(
        gateway: String,
        ids: [Int64],
        known: KnownMarks,
        run: Int64 = 0,
        nowMicros: Int64
    ) throws(RoomError) -> CountAnswer {
        try self.check(ids)
        try Self.check(gateway)
        let before = try self.enter(known, run: run, nowMicros)
        defer { self.commit(since: before) }
        var left = 0
        for case let id? in self.own(ids, known) where self.door.stay(of: id)?.gateway == gateway {
            if self.door.leave(id) { left += 1 }
        }
        self.isTouched = self.isTouched || left > 0
        return CountAnswer(line: self.line, count: left)
    }

    /// The controller's bound on the rate, nil for none; it is leased. False: a leader with a higher fence has spoken
    /// since. The controller knows nothing of the line, so its call says nothing of a loss, and ends no silence.
    public mutating func setAllowedRate(
        _ rateMilli: Int64?,
        fence: Int64,
        run: Int64 = 0,
        nowMicros: Int64
    ) throws(RoomError) -> AllowedRateAnswer {
        let before = self.record
        guard self.load(nowMicros, run: run, reckoned: nil) else { throw .noRoom }
        defer { self.commit(since: before) }
        let isTaken = fence >= self.record.fence
        if isTaken {
            self.record.fence = fence
            self.record.allowed = rateMilli.map { $0.clamped(to: RoomLimits.inflowMilliRange) } ?? -1
            self.record.allowedUntil = rateMilli == nil ? 0 : self.now + RoomRules.allowedLeaseMicros
            self.enforce(burst: self.record.burst, slots: self.record.slots)
        }
        return AllowedRateAnswer(line: self.line, isTaken: isTaken, rateMilli: self.record.rate)
    }

    /// Ends the line: all its places and passes, and those of older lines, are void, and a new line begins. Refused
    /// when the caller knows another line than the room's: a repeated call ends no second one.
    public mutating func reset(
        known: KnownMarks,
        run: Int64 = 0,
        nowMicros: Int64
    ) throws(RoomError) -> LineMarks {
        let before = try self.enter(known, run: run, nowMicros)
        defer { self.commit(since: before) }
        guard known.epoch == 0 || known.epoch == self.record.epoch else {
            throw .void("VOID the line of epoch \(known.epoch) is over: the room's is \(self.record.epoch)")
        }
        self.forgetLine()
        self.gateways = [:]
        self.record.epoch = max(self.record.epoch + 1, self.now / 1_000_000)
        self.record.voidBefore = self.record.epoch
        self.record.incarnation = 1
        self.record.issued = 0
        self.record.serving = 0
        self.record.sampled = 0
        self.record.admitted = 0
        self.record.tokens = 0
        self.record.older = []
        self.record.lost = 0
        self.record.isHeld = false
        self.isTouched = true
        self.write(.reset(micros: self.now, epoch: self.record.epoch))
        return self.line
    }

    // MARK: Steps shared by the operations

    var line: LineMarks {
        LineMarks(
            epoch: self.record.epoch,
            incarnation: self.record.incarnation,
            issued: self.record.issued,
            serving: self.record.serving,
            nowMicros: self.now
        )
    }

    /// Nobody is called or let in before the opening, a time of the clock, nor by limits that are not known to be the
    /// newest.
    var isOpen: Bool {
        let left = self.record.heardUntil - self.now
        return self.clock >= self.record.opens && (left <= 0 || left > RoomRules.silenceMicros)
    }

    /// How many visitors may be admitted now. A closed room, a rate of zero, or workers that are all away, hold
    /// everybody, called before or not, whatever the bucket still has.
    ///
    /// After a silence gateways, and the loops of each, come back one after the other: for a second nobody goes in, so that
    /// all have said who stands at their doors, and the lowest go first.
    func turns() -> Int64 {
        guard self.isOpen, self.record.rate > 0, !self.record.isHeld else { return 0 }
        let away = self.record.away
        guard away == 0 || self.now < away || self.now >= away + RoomRules.doorSilenceMicros else { return 0 }
        return max(0, min(self.record.tokens / RoomRules.nanoTokens, self.freeSlots))
    }

    /// Turns that nobody has been called for. The called have a horizon to ask; who stayed away longer finds a turn of
    /// the next ones, so that no-shows keep nobody out.
    private func freeTurns() -> Int64 {
        let turns = self.turns()
        guard turns > 0 else { return 0 }
        let outstanding = self.outstanding(sinceMicros: self.micros(ago: self.record.horizon))
        guard outstanding > 0 else { return turns }
        let expected = outstanding * self.showUp.ratio + RoomRules.partsPerMillion - 1
        return max(0, turns - expected / RoomRules.partsPerMillion)
    }

    var freeSlots: Int64 { self.record.slots - self.sessions.count - self.record.lost }

    mutating func admit(_ grants: [JournalEntry.Grant]) {
        guard !grants.isEmpty else { return }
        for grant in grants {
            self.noteAdmitted(grant.number)
            self.begin(session: grant.number)
        }
        self.record.tokens -= Int64(grants.count) * RoomRules.nanoTokens
        self.record.admitted += Int64(grants.count)
        self.write(.exchange(micros: self.now, grants: grants))
    }

    mutating func begin(session id: Int64) {
        self.sessions.set(id, expiresMicros: self.now + self.record.session)
        if !self.pardoned.isEmpty { self.pardoned[id] = nil }
    }

    mutating func noteAdmitted(_ id: Int64) {
        if id > 0 { self.exchanged.insert(id) } else { self.carried.insert(id) }
    }

    /// The bucket was refilled at the old rate up to now, so a change never reaches back in time.
    mutating func enforce(burst: Int64, slots: Int64) {
        let rate = self.record.rateInForce(nowMicros: self.now)
        guard rate != self.record.rate || burst != self.record.burst || slots != self.record.slots else { return }
        self.record.rate = rate
        self.record.burst = burst
        self.record.slots = slots
        self.record.tokens = min(self.record.tokens, burst * RoomRules.nanoTokens)
        self.write(.limits(micros: self.now, rateMilli: rate, burst: burst, slots: slots))
    }

    mutating func write(_ entry: JournalEntry) {
        if self.journal.count == Self.untakenJournalEntries {
            self.journal.removeFirst(Self.untakenJournalEntries / 2)
        }
        self.journal.append(entry)
        self.journalTimes.append(entry.micros)
        self.isTouched = true
    }
}
