/// The rules of one room: the reference for `room.lua`, and the room itself where there is one node and no Redis.
///
/// A value; time comes in as microseconds since 1970. Limits in memory: two bits for a number handed out and come, one
/// entry for a live session (at most `slots`), for a visitor at the door (at most those called and not admitted), for
/// a mark (20 a second over the claim window), and 10,000 journal entries that nobody has taken.
public struct RoomModel: Equatable, Sendable {
    static let untakenJournalEntries = 10_000

    var record = RoomRecord()
    var sessions = SessionTable()
    var arrived = NumberSet()
    var exchanged = NumberSet()
    var door = Door()
    var marks = CallMarks()
    private var journal: [JournalEntry] = []
    /// Something outside of the record changed that the time of the record has to cover.
    private var isTouched = false

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
    /// of them as there are tokens and slots go straight in, lowest first.
    public mutating func join(
        count: Int,
        known: KnownMarks,
        run: Int64 = 0,
        nowMicros: Int64
    ) throws(RoomError) -> JoinGrant {
        guard (1...RoomRules.largestBatch).contains(count) else { throw .batch }
        let before = try self.enter(nowMicros)
        defer { self.commit(since: before) }
        let first = self.record.issued + 1
        guard self.record.issued + Int64(count) <= RoomRules.lastNumber else { throw .lineFull }
        var admitted: Int64 = 0
        if nowMicros >= self.record.opens, self.record.issued == self.record.serving, self.door.count == 0 {
            self.sessions.expire(nowMicros: nowMicros)
            admitted = min(Int64(count), self.turns())
        }
        let grants = (0..<admitted).map { JournalEntry.Grant(number: first + $0, doorWaitMicros: 0) }
        for grant in grants { self.arrived.insert(grant.number) }
        self.record.issued += Int64(count)
        self.record.serving += admitted
        self.record.direct += admitted
        self.admit(grants, nowMicros: nowMicros)
        return JoinGrant(
            line: self.line(nowMicros),
            first: first,
            count: Int64(count),
            admitted: admitted,
            expiresMicros: admitted > 0 ? nowMicros + self.record.session : 0
        )
    }

    /// Exchanges places for sessions, and lets in whoever else stands at the door, in order of number. A visitor for
    /// whom there is no token or slot stays at the door and keeps a claim on the next ones, whoever asks.
    public mutating func exchange(
        gateway: String,
        ids numbers: [Int64],
        known: KnownMarks,
        run: Int64 = 0,
        nowMicros: Int64
    ) throws(RoomError) -> ExchangeAnswer {
        guard numbers.count <= RoomRules.largestBatch else { throw .batch }
        let before = try self.enter(nowMicros)
        defer { self.commit(since: before) }
        self.sessions.expire(nowMicros: nowMicros)
        let lapsedUpTo = self.serving(atMicros: nowMicros - self.record.claim)
        let expiry = nowMicros + self.record.session
        let left = self.turns()
        let decided = numbers.map { self.verdict($0, lapsedUpTo: lapsedUpTo) }
        let asking = Set(zip(numbers, decided).lazy.filter { $0.1 == nil }.map { $0.0 })
        for number in asking { self.arrived.insert(number) }
        var admitted = asking.sorted()
        if Int64(asking.count) <= left, self.door.count == 0 {
            self.admit(admitted.map { .init(number: $0, doorWaitMicros: 0) }, nowMicros: nowMicros)
        } else {
            for number in asking { self.door.stand(number, nowMicros: nowMicros) }
            if !asking.isEmpty { self.isTouched = true }
            admitted = self.settleDoor(left, nowMicros: nowMicros)
        }
        let isIn = Set(admitted)
        return ExchangeAnswer(
            line: self.line(nowMicros),
            outcomes: zip(numbers, decided).map { number, verdict in
                verdict ?? (isIn.contains(number) ? .admitted(expiresMicros: expiry) : .atDoor)
            }
        )
    }

    /// What is already decided about a number that asks; nil when it may go in.
    private func verdict(_ number: Int64, lapsedUpTo: Int64) -> ExchangeOutcome? {
        guard number >= 1, number <= self.record.serving else { return .notServed }
        if self.exchanged.contains(number) {
            return self.sessions.expiry(of: number).map { .admitted(expiresMicros: $0) } ?? .ended
        }
        return number <= lapsedUpTo && !self.arrived.contains(number) ? .lapsed : nil
    }

    /// The new expiry of each session that is still live, nil for the others.
    public mutating func renew(
        _ renewals: [Renewal],
        known: KnownMarks,
        run: Int64 = 0,
        nowMicros: Int64
    ) throws(RoomError) -> RenewAnswer {
        let numbers = renewals.map(\.id)
        guard numbers.count <= RoomRules.largestBatch else { throw .batch }
        let before = try self.enter(nowMicros)
        defer { self.commit(since: before) }
        self.sessions.expire(nowMicros: nowMicros)
        let expiry = nowMicros + self.record.session
        var expiries: [Int64?] = []
        for number in numbers {
            let isLive = self.sessions.expiry(of: number) != nil
            if isLive { self.sessions.set(number, expiresMicros: expiry) }
            expiries.append(isLive ? expiry : nil)
        }
        return RenewAnswer(line: self.line(nowMicros), expiries: expiries)
    }

    /// Ends sessions; how many slots became free.
    public mutating func release(
        ids numbers: [Int64],
        known: KnownMarks,
        run: Int64 = 0,
        nowMicros: Int64
    ) throws(RoomError) -> CountAnswer {
        guard numbers.count <= RoomRules.largestBatch else { throw .batch }
        let before = try self.enter(nowMicros)
        defer { self.commit(since: before) }
        self.sessions.expire(nowMicros: nowMicros)
        var freed = 0
        for number in numbers where self.sessions.remove(number) { freed += 1 }
        return CountAnswer(line: self.line(nowMicros), count: freed)
    }

    /// Takes visitors who hung up from the door; how many stood there. Their places and their arrival stand.
    public mutating func leave(
        ids numbers: [Int64],
        known: KnownMarks,
        run: Int64 = 0,
        nowMicros: Int64
    ) throws(RoomError) -> CountAnswer {
        guard numbers.count <= RoomRules.largestBatch else { throw .batch }
        let before = try self.enter(nowMicros)
        defer { self.commit(since: before) }
        var left = 0
        for number in numbers where self.door.leave(number) { left += 1 }
        return CountAnswer(line: self.line(nowMicros), count: left)
    }

    /// The controller's bound on the rate, nil for none. False: a leader with a higher fence has spoken since.
    public mutating func setAllowedRate(
        _ rateMilli: Int64?,
        fence: Int64,
        known: KnownMarks,
        run: Int64 = 0,
        nowMicros: Int64
    ) throws(RoomError) -> AllowedRateAnswer {
        let before = try self.enter(nowMicros)
        defer { self.commit(since: before) }
        let isTaken = fence >= self.record.fence
        if isTaken {
            self.record.fence = fence
            self.record.allowed = rateMilli.map { $0.clamped(to: RoomLimits.inflowMilliRange) } ?? -1
            self.enforce(burst: self.record.burst, slots: self.record.slots, nowMicros: nowMicros)
        }
        return AllowedRateAnswer(line: self.line(nowMicros), isTaken: isTaken, rateMilli: self.record.rate)
    }

    /// Ends the line: all places and passes are void, and a new line begins.
    public mutating func reset(
        known: KnownMarks,
        run: Int64 = 0,
        nowMicros: Int64
    ) throws(RoomError) -> LineMarks {
        let before = try self.enter(nowMicros)
        defer { self.commit(since: before) }
        return self.line(nowMicros)
    }

    func line(_ nowMicros: Int64) -> LineMarks {
        LineMarks(
            epoch: self.record.epoch,
            incarnation: 1,
            issued: self.record.issued,
            serving: self.record.serving,
            nowMicros: nowMicros
        )
    }

    // MARK: Steps shared by the operations

    /// Whether there is a room; if so its clock and bucket are brought to now.
    mutating func load(_ nowMicros: Int64) -> Bool {
        self.isTouched = false
        guard self.record.epoch > 0 else { return false }
        if nowMicros < self.record.refilled { self.clockSetBack(nowMicros) }
        self.record.refill(nowMicros: nowMicros)
        return true
    }

    private mutating func enter(_ nowMicros: Int64) throws(RoomError) -> RoomRecord {
        let before = self.record
        guard self.load(nowMicros) else { throw .noRoom }
        return before
    }

    /// An operation that changed nothing leaves the bucket's time alone too: in Redis, it writes nothing.
    mutating func commit(since before: RoomRecord) {
        guard !self.isTouched, self.record.equalsBesidesBucket(before) else { return }
        self.record.tokens = before.tokens
        self.record.refilled = before.refilled
    }

    /// The clock was set back: what lies in the future is brought to the present, or it would block the room until the
    /// clock has caught up. The bucket gains nothing from it. `refilled` is the detector: whatever writes a mark or a
    /// visitor at the door writes it too.
    private mutating func clockSetBack(_ nowMicros: Int64) {
        if self.record.mark > nowMicros {
            self.marks.remove(atOrAfter: nowMicros)
            self.marks.append(
                .init(micros: nowMicros, serving: self.record.markServing, direct: self.record.markDirect)
            )
            self.record.mark = nowMicros
        }
        self.door.lowerSeen(toMicros: nowMicros)
        self.sessions.lower(toMicros: nowMicros + self.record.session)
        self.record.refilled = nowMicros
        self.isTouched = true
    }

    /// How many visitors may be admitted now. A rate of zero holds everybody, whatever the bucket still has.
    func turns() -> Int64 {
        guard self.record.rate > 0 else { return 0 }
        return max(0, min(self.record.tokens / RoomRules.nanoTokens, self.record.slots - self.sessions.count))
    }

    /// Admits the lowest places at the door while there are tokens and slots, whichever gateway holds their requests:
    /// so nobody is ever admitted past a lower place that is at the door.
    mutating func settleDoor(_ left: Int64, nowMicros: Int64) -> [Int64] {
        let taken = self.door.takeLowest(Int(min(left, Int64(RoomRules.largestBatch))))
        self.admit(
            taken.map { .init(number: $0.number, doorWaitMicros: max(0, nowMicros - $0.sinceMicros)) },
            nowMicros: nowMicros
        )
        return taken.map { $0.number }
    }

    private mutating func admit(_ grants: [JournalEntry.Grant], nowMicros: Int64) {
        guard !grants.isEmpty else { return }
        for grant in grants {
            self.exchanged.insert(grant.number)
            self.sessions.set(grant.number, expiresMicros: nowMicros + self.record.session)
        }
        self.record.tokens -= Int64(grants.count) * RoomRules.nanoTokens
        self.record.admitted += Int64(grants.count)
        self.write(.exchange(micros: nowMicros, grants: grants))
    }

    /// The bucket was refilled at the old rate up to now, so a change never reaches back in time.
    mutating func enforce(burst: Int64, slots: Int64, nowMicros: Int64) {
        var rate = self.record.inflow
        if self.record.allowed >= 0 { rate = min(rate, self.record.allowed) }
        guard rate != self.record.rate || burst != self.record.burst || slots != self.record.slots else { return }
        self.record.rate = rate
        self.record.burst = burst
        self.record.slots = slots
        self.record.tokens = min(self.record.tokens, burst * RoomRules.nanoTokens)
        self.write(.limits(micros: nowMicros, rateMilli: rate, burst: burst, slots: slots))
    }

    private mutating func write(_ entry: JournalEntry) {
        if self.journal.count == Self.untakenJournalEntries {
            self.journal.removeFirst(Self.untakenJournalEntries / 2)
        }
        self.journal.append(entry)
    }

    mutating func touch() { self.isTouched = true }
}
