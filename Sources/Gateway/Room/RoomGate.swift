import Admission
import HTTPWire
import Primitives
import Settings
import SharedState

/// One room as one loop sees it: checks tokens, gathers what is to be asked of the shared state, parks the requests
/// that wait for the answer.
///
/// However many visitors wait, there is at most one `join`, one `exchange`, one `renew` and one `release` of this loop
/// on the way; what comes meanwhile makes up the next batch. A position poll asks nothing of anybody.
///
/// Limits: `waiting_to_join` and `waiting_at_door` of the settings, shared out over the loops; `maxRevoked` sessions
/// that ended early are remembered until they would have expired.
final class RoomGate {
    static let maxRevoked = 65_536
    /// A place is good for this long after it was given out.
    static let placeLifetimeSeconds: UInt32 = 24 * 3_600
    /// How long the front of the line is told to wait when nothing is known.
    private static let unavailableRefreshSeconds: Int64 = 3

    let name: String
    let roomID: UInt64
    let edge: Edge
    private let marks: RoomMarks
    private(set) var settings: RoomSettings
    private(set) var page: WaitingPage
    private(set) var snapshot: RoomSnapshot?
    private(set) var known = KnownMarks.nothing
    private(set) var counts = RoomCounts()
    private var estimator = WaitEstimator()
    let cookies: RoomCookies

    private var joiners: [ClientSession] = []
    private var isJoining = false
    private var door: DoorQueue
    private var isExchanging = false
    private var isFlushScheduled = false
    private var renewals: Set<Int64> = []
    private var isRenewing = false
    private var releases: [Int64] = []
    private var isReleasing = false
    /// Sessions that ended before their pass expires, with that time in microseconds.
    private var revoked: [Int64: Int64] = [:]

    init(settings: RoomSettings, marks: RoomMarks, edge: Edge) {
        self.marks = marks
        self.name = settings.name
        self.roomID = AdmissionToken.roomID(named: settings.name)
        self.edge = edge
        self.settings = settings
        self.page = WaitingPage(room: settings)
        self.cookies = RoomCookies(room: settings.name)
        self.door = DoorQueue()
    }

    func apply(_ settings: RoomSettings) {
        guard settings != self.settings else { return }
        self.settings = settings
        self.page = WaitingPage(room: settings)
    }

    var store: any RoomStore { self.edge.store }

    // MARK: The check

    /// Decides on the request that is in `edge.requestHead` and `bytes`.
    func check(_ session: ClientSession, _ bytes: UnsafeRawBufferPointer) -> GateVerdict {
        if let answer = session.request.roomAnswer {
            session.request.roomAnswer = nil
            if let verdict = self.conclude(answer, for: session) { return verdict }
            return self.join(session)
        }
        let now = self.edge.loop.wallMicros
        let names = session.connection.isSecure ? self.cookies.secure : self.cookies.plain
        if let pass = self.token(.pass, named: names.pass, bytes, now: now), self.isLive(pass, now: now) {
            session.request.session = (self, pass.number)
            self.renewIfDue(pass, session, now: now)
            return .admitted
        }
        guard let place = self.token(.place, named: names.place, bytes, now: now) else { return self.join(session) }
        self.known.raise(epoch: Int64(place.epoch), issued: place.number, serving: 0)
        guard place.number <= self.known.serving else { return .waiting(self.position(of: place.number)) }
        return self.exchange(place.number, session)
    }

    /// Nil when the visitor has to join anew.
    private func conclude(_ answer: RoomAnswer, for session: ClientSession) -> GateVerdict? {
        switch answer {
        case .admitted(let pass, let place):
            session.request.newPass = pass
            session.request.newPlace = place
            session.request.isNewcomer = true
            session.request.session = (self, pass.number)
            return .admitted
        case .waiting(let place, let isNew):
            if isNew { session.request.newPlace = place }
            return .waiting(self.position(of: place.number))
        case .stillAtDoor(let number): return .waiting(self.position(of: number, isAtDoor: true))
        case .rejoin: return nil
        case .unavailable:
            return .waiting(WaitingPosition(state: .joining, refreshSeconds: Self.unavailableRefreshSeconds))
        case .refused(let error): return .refused(error)
        }
    }

    /// The genuine, current token of this room in the cookie of that name. Anything else is treated as none, and counted.
    private func token(
        _ kind: AdmissionToken.Kind,
        named name: [UInt8],
        _ bytes: UnsafeRawBufferPointer,
        now: Int64
    ) -> AdmissionToken? {
        guard let range = name.withUnsafeBytes({ self.edge.requestHead.cookieValue(named: $0, in: bytes) }) else {
            return nil
        }
        guard let token = self.edge.signer.verify(range.slice(of: bytes)) else {
            self.counts.tokensForged += 1
            return nil
        }
        guard token.kind == kind, token.room == self.roomID else {
            self.counts.tokensForeign += 1
            return nil
        }
        guard Int64(token.expiresSeconds) * 1_000_000 > now,
            self.known.epoch == 0 || Int64(token.epoch) == self.known.epoch
        else {
            self.counts.tokensExpired += 1
            return nil
        }
        return token
    }

    private func isLive(_ pass: AdmissionToken, now: Int64) -> Bool {
        guard !self.revoked.isEmpty, let until = self.revoked[pass.number] else { return true }
        if until <= now { self.revoked[pass.number] = nil }
        self.counts.tokensRevoked += 1
        return false
    }

    private func position(of number: Int64, isAtDoor: Bool = false) -> WaitingPosition {
        let ahead = max(0, number - self.known.serving - 1)
        let opensAt = self.settings.opensAtMicros ?? 0
        let refresh =
            isAtDoor
            ? 1
            : self.estimator.pollSeconds(
                ahead: ahead,
                horizonMicros: self.settings.horizonMicros,
                configuredMilli: self.settings.inflowMilli,
                random: self.edge.random.next()
            )
        return WaitingPosition(
            state: isAtDoor ? .atDoor : .waiting,
            number: number,
            ahead: ahead,
            waiting: max(0, self.known.issued - self.known.serving),
            estimateSeconds: self.estimator.estimate(
                ahead: ahead,
                configuredMilli: self.settings.inflowMilli
            ),
            refreshSeconds: refresh,
            opensInSeconds: max(0, (opensAt - self.edge.loop.wallMicros + 999_999) / 1_000_000)
        )
    }

    // MARK: Joining

    private func join(_ session: ClientSession) -> GateVerdict {
        guard self.joiners.count < max(1, self.edge.limits.waitingToJoin / self.edge.loopCount) else {
            return .refused(.joinsFull)
        }
        self.joiners.append(session)
        self.scheduleFlush()
        return .parked
    }

    private func sendJoin() {
        guard !self.isJoining, !self.joiners.isEmpty else { return }
        self.isJoining = true
        let batch = Array(self.joiners.prefix(RoomRules.largestBatch))
        self.joiners.removeFirst(batch.count)
        self.store.join(room: self.name, count: batch.count) { [self] result in
            self.isJoining = false
            self.takeJoin(result, batch)
            self.scheduleFlush()
        }
    }

    private func takeJoin(_ result: Result<JoinGrant, StoreError>, _ batch: [ClientSession]) {
        switch result {
        case .failure(let error):
            self.noteFailure(error, of: "join")
            for session in batch { self.answer(session, .unavailable) }
        case .success(let grant):
            let last = grant.first + grant.count - 1
            self.known.raise(epoch: grant.epoch, issued: last, serving: grant.serving)
            self.marks.raise(room: self.name, epoch: grant.epoch, issued: last, serving: grant.serving)
            self.counts.joined += UInt64(batch.count)
            for (index, session) in batch.enumerated() {
                let number = grant.first + Int64(index)
                let place = self.makePlace(number: number)
                if Int64(index) < grant.admitted {
                    self.counts.admitted += 1
                    let pass = self.makePass(number: number, expiresMicros: grant.expiresMicros)
                    self.answer(session, .admitted(pass: pass, place: place))
                } else {
                    self.answer(session, .waiting(place: place, isNew: true))
                }
            }
        }
    }

    private func answer(_ session: ClientSession, _ answer: RoomAnswer) {
        guard !session.connection.isClosed else { return }
        session.request.doorNumber = nil
        session.request.roomAnswer = answer
        session.roomAnswered()
    }

    private func makePlace(number: Int64) -> AdmissionToken {
        let now = UInt32(clamping: self.edge.loop.wallMicros / 1_000_000)
        return AdmissionToken(
            kind: .place,
            keyID: self.edge.signer.signingKeyID,
            lane: 0,
            room: self.roomID,
            epoch: UInt32(clamping: self.known.epoch),
            number: number,
            issuedSeconds: now,
            expiresSeconds: now + Self.placeLifetimeSeconds
        )
    }

    private func makePass(number: Int64, expiresMicros: Int64) -> AdmissionToken {
        AdmissionToken(
            kind: .pass,
            keyID: self.edge.signer.signingKeyID,
            lane: 0,
            room: self.roomID,
            epoch: UInt32(clamping: self.known.epoch),
            number: number,
            issuedSeconds: UInt32(clamping: self.edge.loop.wallMicros / 1_000_000),
            expiresSeconds: UInt32(clamping: expiresMicros / 1_000_000)
        )
    }

    // MARK: The door

    private func exchange(_ number: Int64, _ session: ClientSession) -> GateVerdict {
        guard self.door.count < max(1, self.edge.limits.waitingAtDoor / self.edge.loopCount) else {
            return .waiting(self.position(of: number, isAtDoor: true))
        }
        let deadline = self.edge.loop.now.advanced(byNanoseconds: self.edge.limits.doorTimeoutNanoseconds)
        session.request.doorNumber = number
        self.door.add(session, number: number, deadline: deadline)
        self.scheduleFlush()
        return .parked
    }

    /// A parked request's client has gone.
    func leave(_ session: ClientSession) {
        guard let number = session.request.doorNumber else { return self.joiners.removeAll { $0 === session } }
        if self.door.remove(session, number: number) { self.leaveDoor([number]) }
    }

    private func leaveDoor(_ numbers: [Int64]) {
        // A failure needs no answer: the shared state forgets silent visitors by itself.
        self.store.leave(room: self.name, numbers: numbers) { _ in }
    }

    private func sendExchange() {
        guard !self.isExchanging else { return }
        let batch = self.door.nextBatch(limit: RoomRules.largestBatch)
        guard !batch.isEmpty else { return }
        self.isExchanging = true
        self.store.exchange(room: self.name, numbers: batch) { [self] result in
            self.isExchanging = false
            self.takeExchange(result, batch)
            self.scheduleFlush()
        }
    }

    private func takeExchange(_ result: Result<ExchangeAnswer, StoreError>, _ batch: [Int64]) {
        switch result {
        case .failure(let error):
            // They stay at the door: the right is kept, and the shared state may be back before they must go.
            self.noteFailure(error, of: "exchange")
            self.door.markAsked(batch)
        case .success(let answer):
            for (number, outcome) in zip(batch, answer.outcomes) { self.take(outcome, number) }
            self.admit(answer.others)
        }
    }

    /// Visitors at the door whose turn came with somebody else's question. Those of other loops ask on the next tick.
    private func admit(_ others: DoorAdmissions) {
        for number in others.numbers where self.door.contains(number) {
            self.take(.admitted(expiresMicros: others.expiresMicros), number)
        }
    }

    private func take(_ outcome: ExchangeOutcome, _ number: Int64) {
        let answer: RoomAnswer
        switch outcome {
        case .atDoor:
            self.door.markAsked([number])
            return
        case .admitted(let expires):
            self.counts.admitted += 1
            answer = .admitted(pass: self.makePass(number: number, expiresMicros: expires), place: nil)
        case .notServed: answer = .waiting(place: self.makePlace(number: number), isNew: false)
        case .lapsed:
            self.counts.lapsed += 1
            answer = .rejoin
        case .ended: answer = .rejoin
        }
        for session in self.door.take(number) { self.answer(session, answer) }
    }

    /// The next tick has come: those at the door ask again, those who have waited too long are sent round.
    private func reviewDoor() {
        let expired = self.door.expire(now: self.edge.loop.now)
        if !expired.isEmpty { self.leaveDoor(expired.map(\.number)) }
        for (number, sessions) in expired {
            for session in sessions { self.answer(session, .stillAtDoor(number: number)) }
        }
        self.door.askAgain()
        self.scheduleFlush()
    }

    // MARK: Sessions

    private func renewIfDue(_ pass: AdmissionToken, _ session: ClientSession, now: Int64) {
        let left = Int64(pass.expiresSeconds) * 1_000_000 - now
        guard left < self.settings.sessionMicros / 2, self.store.outage == nil else { return }
        self.renewals.insert(pass.number)
        self.scheduleFlush()
        session.request.newPass = self.makePass(
            number: pass.number,
            expiresMicros: now + self.settings.sessionMicros
        )
    }

    private func sendRenewals() {
        guard !self.isRenewing, !self.renewals.isEmpty else { return }
        self.isRenewing = true
        let batch = Array(self.renewals.prefix(RoomRules.largestBatch))
        self.renewals.subtract(batch)
        self.store.renew(room: self.name, numbers: batch) { [self] result in
            self.isRenewing = false
            switch result {
            case .failure(let error): self.noteFailure(error, of: "renew")
            case .success(let expiries):
                let now = self.edge.loop.wallMicros
                for (number, expiry) in zip(batch, expiries) where expiry == nil {
                    self.revoke(number, until: now + self.settings.sessionMicros)
                }
            }
            self.scheduleFlush()
        }
    }

    /// The origin says that the visitor is done: the slot is free at once.
    func release(_ number: Int64) {
        self.revoke(number, until: self.edge.loop.wallMicros + self.settings.sessionMicros)
        self.releases.append(number)
        self.counts.released += 1
        self.scheduleFlush()
    }

    private func revoke(_ number: Int64, until: Int64) {
        if self.revoked.count >= Self.maxRevoked {
            let now = self.edge.loop.wallMicros
            self.revoked = self.revoked.filter { $0.value > now }
        }
        // Full of live ones: the pass runs to its end, its slot is free already.
        guard self.revoked.count < Self.maxRevoked else { return }
        self.revoked[number] = until
    }

    private func sendReleases() {
        guard !self.isReleasing, !self.releases.isEmpty else { return }
        self.isReleasing = true
        let batch = Array(self.releases.prefix(RoomRules.largestBatch))
        self.releases.removeFirst(batch.count)
        self.store.release(room: self.name, numbers: batch) { [self] result in
            self.isReleasing = false
            // A lost release costs a slot until the session would have expired by itself.
            if case .failure(let error) = result { self.noteFailure(error, of: "release") }
            self.scheduleFlush()
        }
    }

    // MARK: Batches

    /// What gathered during this turn travels when the turn is over.
    private func scheduleFlush() {
        guard !self.isFlushScheduled else { return }
        self.isFlushScheduled = true
        self.edge.loop.atTurnEnd { [self] in
            self.isFlushScheduled = false
            self.sendJoin()
            self.sendExchange()
            self.sendRenewals()
            self.sendReleases()
        }
    }

    private func noteFailure(_ error: StoreError, of operation: String) {
        self.counts.storeFailures += 1
        self.edge.log.debug(
            "the shared state did not answer",
            metadata: ["room": "\(self.name)", "operation": "\(operation)", "error": "\(error)"]
        )
    }

    /// A tick's result, from whichever loop asked for it.
    func take(_ answer: TickAnswer) {
        let snapshot = answer.snapshot
        self.snapshot = snapshot
        self.known.raise(epoch: snapshot.epoch, issued: snapshot.issued, serving: snapshot.serving)
        self.estimator.observe(snapshot)
        self.admit(answer.others)
        self.reviewDoor()
    }

    /// No tick's result: the shared state is away. Those at the door are not kept beyond their time.
    func missedTick() { self.reviewDoor() }

    var parked: (joining: Int, atDoor: Int) { (self.joiners.count, self.door.count) }

    /// The room is configured no more: who waits here asks the routes again.
    func dissolve() {
        let sessions = self.joiners + self.door.removeAll()
        self.joiners = []
        for session in sessions where !session.connection.isClosed { session.roomAnswered() }
    }
}
