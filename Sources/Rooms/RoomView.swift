import Admission
import DequeModule
import Primitives
import Settings

/// What one loop knows of a room, and where that leaves a visitor: all that a position poll needs. A value without
/// clock, loop or store; a simulation asks the same questions. Times are the room's: `roomMicros` makes them of this
/// machine's.
///
/// Limits: `maxRevoked` sessions that ended early are remembered until they would have expired.
public struct RoomView: Sendable {
    public static let maxRevoked = 65_536

    /// Where a visitor stands.
    public enum Standing: Equatable, Sendable {
        /// The pass is good. `isRenewalDue`: a sixth of its session has gone, or the shared state may not know of it.
        case inside(key: LineKey, isRenewalDue: Bool)
        /// The turn has come: the place may be exchanged.
        case called(key: LineKey)
        case waiting(key: LineKey)
        /// Neither a place nor a pass that still counts.
        case newcomer
    }

    /// Why a genuine token of this room counts as none.
    public enum Objection: Equatable, Sendable {
        case foreign, expired, revoked
        /// Of a line that a reset has ended.
        case void
    }

    public let roomID: UInt64
    /// As the file has it: what counts is `inForce`.
    public private(set) var settings: RoomSettings
    public private(set) var snapshot: RoomSnapshot?
    /// The shared state has told how far the line has come, and which numbers nobody has. A gateway that has just started
    /// would count all numbers in front, called or not. Kept beside the snapshot, as what follows is: to look into an
    /// optional of that size from another module copies it, or all of the view, for each poll.
    public private(set) var knowsLine = false
    private var told = Told()
    /// Another gateway may have newer settings: what the shared state goes by is what visitors are told. Kept apart from
    /// the snapshot, which would be copied for it with each request.
    public private(set) var inForce: RoomLimits
    public private(set) var lines = KnownLines()
    /// As of the last tick, or of the last that was missed.
    public private(set) var mode = RoomMode.normal
    /// This gateway sees a healthy worker, or does not know of any.
    public private(set) var seesWorkers = true
    /// The shared state has heard that this gateway sees none, and lets in nobody by it.
    public private(set) var isRestTold = false
    @usableFromInline var offsetMicros: Int64 = 0
    /// The numbers set aside for this gateway.
    private var block: ClosedRange<Int64>?
    /// The last number that the shared state itself has handed out, as of the last news.
    private var lastOfState: Int64 = 0
    /// Passes issued in this second of the room's time or before it may be unknown to the shared state: it has lost
    /// something since.
    private var knownSinceSeconds: Int64 = 0
    private var estimator = WaitEstimator()
    /// Sessions that ended before their pass expires, with that time in microseconds, by the seats of their keys.
    private var revoked = NumberTable<Int64>()
    /// The same in the order in which they were told.
    private var revocations = Deque<(key: LineKey, until: Int64)>()
    /// They end in that order, too.
    private var areRevocationsInOrder = true
    private var sweptMicros = Int64.min

    public init(settings: RoomSettings) {
        self.roomID = AdmissionToken.roomID(named: settings.name)
        self.settings = settings
        self.inForce = RoomLimits(settings)
    }

    @inlinable public var known: KnownMarks { self.lines.marks }

    /// The room's time: that of the shared state, so that all gateways judge a token alike.
    @inlinable
    public func roomMicros(wallMicros: Int64) -> Int64 { wallMicros + self.offsetMicros }

    /// What a position takes from the latest snapshot; of no line while there is none.
    private struct Told: Sendable {
        var epoch: Int64 = -1
        var issued: Int64 = 0
        var waiting: Int64 = 0
        var opensAtMicros: Int64 = 0
        var gaps: [ClosedRange<Int64>] = []
        var older: [OlderLine] = []
    }

    /// What the shared state may have forgotten.
    public struct Retelling: Equatable, Sendable {
        /// Who stands at the door.
        public var door = false
        /// Whose session was released.
        public var releases = false
    }

    // MARK: What is learned

    public mutating func apply(_ settings: RoomSettings) {
        self.settings = settings
        if self.snapshot == nil { self.inForce = RoomLimits(settings) }
    }

    /// What the shared state has to be told again.
    public mutating func take(_ news: RoomNews) -> Retelling {
        self.mode = news.mode
        self.seesWorkers = news.seesWorkers
        self.isRestTold = news.isRestTold
        self.lastOfState = news.lastOfState
        guard let answer = news.answer else { return Retelling() }
        self.offsetMicros = news.offsetMicros
        self.block = answer.block
        let isLoss = self.observe(answer.snapshot)
        return Retelling(door: isLoss || answer.eventsLost, releases: isLoss)
    }

    /// True when the shared state has lost something since the last snapshot.
    private mutating func observe(_ snapshot: RoomSnapshot) -> Bool {
        let former = self.snapshot
        self.snapshot = snapshot
        self.knowsLine = true
        self.told = Told(
            epoch: snapshot.epoch,
            issued: snapshot.issued,
            waiting: snapshot.shownWaiting,
            opensAtMicros: snapshot.opensAtMicros,
            gaps: snapshot.gaps,
            older: snapshot.older
        )
        self.inForce = snapshot.limits
        self.lines.raise(snapshot)
        self.estimator.observe(snapshot)
        guard former?.epoch != snapshot.epoch || former?.incarnation != snapshot.incarnation else { return false }
        // Seen for the first time, a later incarnation may have begun at any moment up to now.
        let isFromItsBeginning = former == nil && snapshot.incarnation <= 1
        self.knownSinceSeconds = isFromItsBeginning ? snapshot.epoch - 1 : snapshot.nowMicros / 1_000_000
        return former != nil
    }

    /// What a verified place or pass tells of the line. True when it was news.
    public mutating func learn(_ token: AdmissionToken) -> Bool { self.lines.learn(token) }

    public mutating func raise(_ line: LineMarks) { self.lines.raise(line) }

    public mutating func issue(_ key: LineKey) { self.lines.issue(key) }

    /// The session of `key` is over, though its pass runs until `until`.
    public mutating func revoke(_ key: LineKey, untilMicros until: Int64, nowMicros now: Int64) {
        // They end in the order in which they came, unless sessions were made shorter meanwhile.
        while let first = self.revocations.first, first.until <= now {
            self.revocations.removeFirst()
            if self.revoked[first.key.seat] == first.until { self.revoked.remove(first.key.seat) }
        }
        self.sweep(nowMicros: now)
        // Full of live ones: the pass runs to its end, its slot is free already.
        guard self.revoked.count < Self.maxRevoked, self.revoked[key.seat] != until else { return }
        self.revoked.set(until, for: key.seat)
        if let last = self.revocations.last, until < last.until { self.areRevocationsInOrder = false }
        self.revocations.append((key, until))
        // Who is let in again and leaves again is there twice.
        if self.revocations.count > 2 * Self.maxRevoked {
            self.revocations.removeAll { self.revoked[$0.key.seat] != $0.until }
        }
    }

    /// Behind one of a longer session many may have ended: looked for when there is no room, once a second.
    private mutating func sweep(nowMicros now: Int64) {
        if self.revocations.isEmpty { self.areRevocationsInOrder = true }
        guard !self.areRevocationsInOrder, self.revoked.count >= Self.maxRevoked, now > self.sweptMicros else { return }
        self.sweptMicros = now + 1_000_000
        for (seat, until) in self.revoked.all where until <= now { self.revoked.remove(seat) }
        self.revocations.removeAll { self.revoked[$0.key.seat] != $0.until }
    }

    public func isRevoked(_ key: LineKey, nowMicros now: Int64) -> Bool {
        guard !self.revoked.isEmpty, let until = self.revoked[key.seat] else { return false }
        return until > now
    }

    /// The visitor was let in again: the new pass is good.
    public mutating func readmit(_ key: LineKey) {
        if !self.revoked.isEmpty { self.revoked.remove(key.seat) }
    }

    // MARK: Tokens

    /// What speaks against a genuine token of `kind`; nil when nothing does. A token of an older line is as good as
    /// one of this: the line was lost with the shared state, its visitors were not.
    public func objection(to token: AdmissionToken, as kind: AdmissionToken.Kind, nowMicros now: Int64) -> Objection? {
        guard token.kind == kind, token.room == self.roomID else { return .foreign }
        let epoch = Int64(token.epoch)
        guard Int64(token.expiresSeconds) * 1_000_000 > now, self.known.epoch - epoch <= PlaceID.oldestSeconds else {
            return .expired
        }
        guard epoch >= self.known.voidBefore else { return .void }
        return self.isRevoked(LineKey(token), nowMicros: now) ? .revoked : nil
    }

    // MARK: Standing

    /// `pass` and `place` are tokens without an objection.
    public func standing(pass: AdmissionToken?, place: AdmissionToken?, nowMicros now: Int64) -> Standing {
        if let pass { return .inside(key: LineKey(pass), isRenewalDue: self.isRenewalDue(pass, nowMicros: now)) }
        guard let place else { return .newcomer }
        let key = LineKey(place)
        return self.isCalled(key) ? .called(key: key) : .waiting(key: key)
    }

    /// Each request that comes a sixth of the session or more after the pass was issued renews it: so a session lasts
    /// from the last request to within a sixth, at a cost of six renewals a session at most.
    ///
    /// A pass from the future was issued before the shared state came back with an earlier time: until that time has
    /// come it would look fresh, and its session lapse in the state meanwhile. Renewed, it is of this time. A gateway
    /// that has not heard of the room's time yet cannot tell.
    private func isRenewalDue(_ pass: AdmissionToken, nowMicros now: Int64) -> Bool {
        let issued = Int64(pass.issuedSeconds)
        // A pass of an older line may have been issued in the second in which this one began.
        let since =
            Int64(pass.epoch) < self.known.epoch
            ? max(self.knownSinceSeconds, self.known.epoch) : self.knownSinceSeconds
        let isFromTheFuture = self.knowsLine && issued * 1_000_000 > now
        return issued <= since || isFromTheFuture || (now - issued * 1_000_000) * 6 >= self.inForce.sessionMicros
    }

    /// The same of a session that its visitor hears of only now: of one who was let in when the gateway that held the
    /// request was killed, or who has lost the pass. What is left of it may be over before the next page.
    public func isRenewalDue(sessionUntilMicros until: Int64, nowMicros now: Int64) -> Bool {
        (until - now) * 6 <= self.inForce.sessionMicros * 5
    }

    public func isCalled(_ key: LineKey) -> Bool { key.number <= self.serving(of: Int64(key.epoch)) }

    /// Now-serving of that line, as far as it is known.
    private func serving(of epoch: Int64) -> Int64 {
        if epoch == self.known.epoch { return self.known.serving }
        let told = self.told.older.first { $0.epoch == epoch }?.serving
        return max(told ?? 0, self.lines.older.first { $0.epoch == epoch }?.serving ?? 0)
    }

    // MARK: Position

    /// What the visitor with that place is shown. `random` spreads the refreshes of those who came together.
    public func position(of key: LineKey, isAtDoor: Bool = false, nowMicros now: Int64, random: UInt64)
        -> WaitingPosition
    {
        let ahead = self.placesAhead(of: key)
        let opensAt = self.knowsLine ? self.told.opensAtMicros : self.settings.opensAtMicros ?? 0
        return WaitingPosition(
            state: isAtDoor ? .atDoor : .waiting,
            number: key.number,
            isKnown: self.knowsLine,
            ahead: ahead,
            waiting: max(ahead, self.waiting),
            estimateSeconds: self.estimateSeconds(ahead: ahead),
            refreshSeconds: self.refreshSeconds(ahead: ahead, isAtDoor: isAtDoor, nowMicros: now, random: random),
            opensInSeconds: max(0, (opensAt - now + 999_999) / 1_000_000),
            mode: self.mode
        )
    }

    private func estimateSeconds(ahead: Int64) -> ClosedRange<Int64>? {
        self.estimator.estimate(ahead: ahead, configuredMilli: self.inForce.inflowMilli)
    }

    /// How long whoever has that number of the newest line is told to wait; nil: that is not known.
    public func estimateSeconds(number: Int64) -> ClosedRange<Int64>? {
        self.estimateSeconds(ahead: self.placesAhead(of: LineKey(epoch: UInt32(self.known.epoch), number: number)))
    }

    /// All who wait, as of the last tick and what came since.
    private var waiting: Int64 {
        guard self.told.epoch == self.known.epoch else { return max(0, self.known.issued - self.known.serving) }
        let skipped = self.skipped(before: self.known.issued).map { Int64($0.count) } ?? 0
        return self.told.waiting + max(0, self.known.issued - self.told.issued - skipped)
    }

    /// Places before this one that have not been called: those of older lines first, and none where numbers were
    /// skipped.
    private func placesAhead(of key: LineKey) -> Int64 {
        let epoch = Int64(key.epoch)
        var ahead: Int64 = 0
        for line in self.told.older where line.epoch < epoch { ahead += max(0, line.issued - line.serving) }
        guard epoch == self.known.epoch else {
            // Of a line that the shared state has not heard of yet, only those count who have shown themselves.
            let lowest = self.lines.older.first { $0.epoch == epoch }?.lowest ?? key.number
            let isTold = self.told.older.contains { $0.epoch == epoch }
            let before = isTold ? self.serving(of: epoch) : max(self.serving(of: epoch), lowest - 1)
            return ahead + max(0, key.number - before - 1)
        }
        ahead += max(0, key.number - self.known.serving - 1)
        // Every poll comes by here: nothing is copied.
        guard self.told.epoch == self.known.epoch else { return max(0, ahead) }
        for gap in self.told.gaps { ahead -= self.uncalled(of: gap, before: key.number) }
        if let skipped = self.skipped(before: key.number) { ahead -= self.uncalled(of: skipped, before: key.number) }
        return max(0, ahead)
    }

    /// How many numbers of a gap, which nobody has, would have been called before this one.
    private func uncalled(of gap: ClosedRange<Int64>, before number: Int64) -> Int64 {
        max(0, min(gap.upperBound, number - 1) - max(gap.lowerBound, self.known.serving + 1) + 1)
    }

    /// What lies between the last number that the shared state handed out and those that were set aside for this
    /// gateway, or for another one: as soon as those are used, nobody will have it.
    private func skipped(before number: Int64) -> ClosedRange<Int64>? {
        guard self.knowsLine else { return nil }
        let issued = max(self.told.issued, self.lastOfState)
        guard number > issued else { return nil }
        if let block = self.block, block.contains(number) {
            return issued + 1 < block.lowerBound ? issued + 1...block.lowerBound - 1 : nil
        }
        guard case .degraded = self.mode, number > issued + Self.nearestBlock else { return nil }
        return issued + 1...number - 1
    }

    /// Blocks begin at least so far behind the last number handed out.
    private static let nearestBlock: Int64 = 4_096

    // MARK: When to come back

    private func refreshSeconds(ahead: Int64, isAtDoor: Bool, nowMicros now: Int64, random: UInt64) -> Int64 {
        if case .degraded = self.mode { return self.retrySeconds(nowMicros: now, random: random) }
        // Nobody is let in, and everybody is told as soon as that changes: what is at the door need not ask in step.
        if isAtDoor { return self.mode == .held ? 2 + Int64(random % 4) : 1 }
        return self.estimator.pollSeconds(
            ahead: ahead,
            horizonMicros: self.inForce.horizonMicros,
            configuredMilli: self.inForce.inflowMilli,
            random: random
        )
    }

    /// What a visitor is shown who could be given no place.
    public func joining(nowMicros now: Int64, random: UInt64) -> WaitingPosition {
        WaitingPosition(
            state: .joining,
            refreshSeconds: self.retrySeconds(nowMicros: now, random: random),
            mode: self.mode
        )
    }

    /// While the shared state is away: 3 to 5 seconds at first, 3 to 10 after half a minute, so that those who were
    /// sent away together do not come back in step.
    private func retrySeconds(nowMicros now: Int64, random: UInt64) -> Int64 {
        var outage: Int64 = 0
        if case .degraded(let since) = self.mode { outage = max(0, now - self.offsetMicros - since) / 1_000_000 }
        return 3 + Int64(random % UInt64(min(8, 3 + outage / 6)))
    }

    // MARK: Tokens for visitors

    /// A place is good for this long after it was given out.
    public static let placeLifetimeSeconds: Int64 = 24 * 3_600

    public func place(_ key: LineKey, keyID: UInt8, nowMicros now: Int64) -> AdmissionToken {
        let seconds = now / 1_000_000
        let until = UInt32(clamping: seconds + Self.placeLifetimeSeconds)
        return self.token(.place, key, keyID, from: UInt32(clamping: seconds), until: until)
    }

    public func pass(_ key: LineKey, expiresMicros: Int64, keyID: UInt8, nowMicros now: Int64) -> AdmissionToken {
        let from = UInt32(clamping: now / 1_000_000)
        // Both rounded down, so that what is left of a session when it is renewed is never less than it should be.
        return self.token(.pass, key, keyID, from: from, until: max(from, UInt32(clamping: expiresMicros / 1_000_000)))
    }

    private func token(
        _ kind: AdmissionToken.Kind,
        _ key: LineKey,
        _ keyID: UInt8,
        from: UInt32,
        until: UInt32
    ) -> AdmissionToken {
        AdmissionToken(
            kind: kind,
            keyID: keyID,
            lane: 0,
            room: self.roomID,
            epoch: key.epoch,
            number: key.number,
            issuedSeconds: from,
            expiresSeconds: until
        )
    }
}

extension RoomLimits {
    public init(_ room: RoomSettings) {
        self.init(
            inflowMilli: room.inflowMilli,
            burst: room.burst,
            slots: room.slots,
            sessionMicros: room.sessionMicros,
            claimMicros: room.claimWindowMicros,
            horizonMicros: room.horizonMicros,
            opensAtMicros: room.opensAtMicros ?? 0
        )
    }
}
