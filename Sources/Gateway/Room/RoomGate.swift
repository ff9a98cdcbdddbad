import Admission
import Primitives
import Settings
import SharedState
import Tokens

/// One room as one loop sees it: checks tokens, gathers what is to be asked of the shared state, keeps the books of the
/// requests that wait for the answer.
///
/// However many visitors wait, there is at most one `join`, one `exchange`, one `renew`, one `release` and one `leave`
/// of this loop on the way; what comes meanwhile makes up the next batch. A position poll asks nothing of anybody.
///
/// Limits: `waiting_to_join` and `waiting_at_door` of the settings, over all loops together.
final class RoomGate {
    /// How long the front of the line is told to wait when nothing is known.
    private static let unavailableRefreshSeconds: Int64 = 3

    /// What became of a request that asked to wait.
    enum Parking {
        case parked(RoomTicket)
        case mustWait(WaitingPosition)
        case refused(GatewayError)
    }

    /// The name under which visitors stand at the door.
    static let gateway = "gateway"

    let name: String
    let cookies: RoomCookieNames
    private let tools: LoopTools
    private let store: any RoomStore
    private let shared: SharedRoom
    private var view: RoomView
    private(set) var page: WaitingPage
    private(set) var counts = RoomCounts()

    private var joiners: [UInt64: any RoomWaiter] = [:]
    private var nextJoiner: UInt64 = 0
    private var joins = Batch<UInt64>(largest: RoomRules.largestBatch)
    private var door = DoorQueue<any RoomWaiter>()
    private var isExchanging = false
    private var renewals = Batch<Int64>(largest: RoomRules.largestBatch)
    /// Numbers in `renewals` or on the way.
    private var renewing: Set<Int64> = []
    private var releases = Batch<Int64>(largest: RoomRules.largestBatch)
    private var leaves = Batch<Int64>(largest: RoomRules.largestBatch)
    /// Numbers in `leaves` or on the way.
    private var leaving: Set<Int64> = []
    private var seenReleases = 0
    private var isFlushScheduled = false

    init(settings: RoomSettings, tools: LoopTools, store: any RoomStore, shared: SharedRoom) {
        self.name = settings.name
        self.tools = tools
        self.store = store
        self.shared = shared
        self.view = RoomView(limits: settings)
        self.page = WaitingPage(room: settings)
        self.cookies = RoomCookieNames(room: settings.name)
    }

    func apply(_ settings: RoomSettings) {
        guard settings != self.view.limits else { return }
        self.view.apply(settings)
        self.page = WaitingPage(room: settings)
    }

    /// What tokens are bound to, and what one visitor may use of this gateway at once.
    var binding: VisitorBinding { self.view.limits.binding }
    var perVisitor: VisitorLimitSettings { self.view.limits.perVisitor }
    var visitors: VisitorBook { self.shared.visitors }
    func countLimitedVisitor() { self.counts.visitorsLimited += 1 }

    var roomID: UInt64 { self.view.roomID }
    var snapshot: RoomSnapshot? { self.view.snapshot }
    var mode: RoomMode { self.view.mode }
    /// Requests of this loop that wait for a place, and at the door.
    var parked: (joining: Int, atDoor: Int) { (self.joiners.count, self.door.count) }

    // MARK: The check

    /// Decides on the request in hand. `claim` says who sends it, where tokens are bound to that.
    func check(_ request: RequestInHand, claim: TokenClaim? = nil) -> GateVerdict {
        if self.view.limits.passesPreflight, request.method == .options, request.isPreflight { return .preflight }
        let now = self.tools.wallMicros
        self.shared.takeReleases(since: &self.seenReleases) { number, until in
            self.view.revoke(number, untilMicros: until, nowMicros: now)
        }
        let names = request.isSecure ? self.cookies.secure : self.cookies.plain
        let pass = self.token(.pass, named: names.pass, request, claim, nowMicros: now)
        let place = pass == nil ? self.token(.place, named: names.place, request, claim, nowMicros: now) : nil
        if let place { self.view.raise(epoch: Int64(place.epoch), issued: place.number, serving: 0) }
        switch self.view.standing(pass: pass, place: place, nowMicros: now) {
        case .inside(let number, let isRenewalDue):
            return .inside(number: number, pass: isRenewalDue ? self.renew(number, nowMicros: now) : nil)
        case .waiting(let number): return .mustWait(self.position(of: number))
        case .called(let number): return .mustAsk(.exchange(number: number))
        case .newcomer: return .mustAsk(.join)
        }
    }

    /// The first genuine, current token of this room among the cookies of that name. Whatever else is there is treated
    /// as none, and counted: a cookie that somebody planted locks nobody out.
    private func token(
        _ kind: AdmissionToken.Kind,
        named name: [UInt8],
        _ request: RequestInHand,
        _ claim: TokenClaim?,
        nowMicros now: Int64
    ) -> AdmissionToken? {
        var found: AdmissionToken?
        _ = request.anyCookie(named: name) { text in
            let token: AdmissionToken
            switch self.tools.signer.check(text, claim: claim) {
            case .genuine(let genuine): token = genuine
            case .elsewhere:
                self.counts.tokensElsewhere += 1
                return false
            case .forged:
                self.counts.tokensForged += 1
                return false
            }
            switch self.view.objection(to: token, as: kind, nowMicros: now) {
            case nil:
                found = token
                return true
            case .foreign: self.counts.tokensForeign += 1
            case .expired: self.counts.tokensExpired += 1
            case .revoked: self.counts.tokensRevoked += 1
            }
            return false
        }
        return found
    }

    /// What the visitor with that place is shown.
    func position(of number: Int64, isAtDoor: Bool = false) -> WaitingPosition {
        self.view.position(
            of: number,
            isAtDoor: isAtDoor,
            nowMicros: self.tools.wallMicros,
            random: self.tools.random.next()
        )
    }

    /// What a visitor is shown who could be given no place.
    var joiningPosition: WaitingPosition {
        WaitingPosition(state: .joining, refreshSeconds: Self.unavailableRefreshSeconds, mode: self.view.mode)
    }

    // MARK: Waiting

    func park(_ waiter: any RoomWaiter, _ question: RoomQuestion) -> Parking {
        self.scheduleFlush()
        switch question {
        case .join:
            guard self.shared.joining.take(limit: self.tools.limits.waitingToJoin) else { return .refused(.joinsFull) }
            let id = self.nextJoiner
            self.nextJoiner += 1
            self.joiners[id] = waiter
            self.joins.add(id)
            return .parked(RoomTicket(question: .join, id: id))
        case .exchange(let number):
            // No tick comes any more: it is another gateway's door that opens.
            if self.tools.isDraining { return .mustWait(self.position(of: number, isAtDoor: true)) }
            guard self.shared.atDoor.take(limit: self.tools.limits.waitingAtDoor) else {
                return .mustWait(self.position(of: number, isAtDoor: true))
            }
            let deadline = self.tools.now.advanced(byNanoseconds: self.tools.limits.doorTimeoutNanoseconds)
            let id = self.door.add(waiter, number: number, deadline: deadline)
            return .parked(RoomTicket(question: question, id: id))
        }
    }

    /// A parked request's client has gone.
    func leave(_ ticket: RoomTicket) {
        switch ticket.question {
        case .join:
            guard self.joiners.removeValue(forKey: ticket.id) != nil else { return }
            self.shared.joining.giveBack()
            // Clients that come and go while the shared state is silent leave nothing behind.
            if self.joins.count > 2 * self.joiners.count + RoomRules.largestBatch {
                self.joins.drop { self.joiners[$0] == nil }
            }
        case .exchange(let number):
            let before = self.door.count
            let isLast = self.door.remove(ticket: ticket.id, number: number)
            self.shared.atDoor.giveBack(before - self.door.count)
            if isLast { self.leaveDoor([number]) }
        }
    }

    private func leaveDoor(_ numbers: [Int64]) {
        for number in numbers where self.leaving.insert(number).inserted { self.leaves.add(number) }
        self.scheduleFlush()
    }

    private func answer(_ waiters: [any RoomWaiter], _ answer: RoomAnswer) {
        self.shared.atDoor.giveBack(waiters.count)
        for waiter in waiters { waiter.roomAnswered(answer) }
    }

    // MARK: Joining

    private func sendJoin() {
        guard let batch = self.joins.next(isStillWanted: { self.joiners[$0] != nil }) else { return }
        self.shared.noteActivity()
        self.store.join(room: self.name, count: batch.count, known: self.shared.known) { [self] result in
            self.joins.returned()
            self.takeJoin(result, batch)
            self.scheduleFlush()
        }
    }

    private func takeJoin(_ result: Result<JoinGrant, StoreError>, _ batch: [UInt64]) {
        switch result {
        case .failure(let error):
            self.noteFailure(error, of: "join")
            for id in batch { self.answerJoiner(id, .unavailable) }
        case .success(let grant):
            self.view.raise(grant.line)
            self.shared.raise(grant.line)
            self.counts.joined += UInt64(batch.count)
            for (index, id) in batch.enumerated() {
                let number = grant.first + Int64(index)
                let place = self.place(number)
                if Int64(index) < grant.admitted {
                    self.counts.admitted += 1
                    let pass = self.pass(number, expiresMicros: grant.expiresMicros)
                    self.answerJoiner(id, .admitted(pass: pass, place: place))
                } else {
                    self.answerJoiner(id, .waiting(place: place, isNew: true))
                }
            }
        }
    }

    /// One who left meanwhile is told nothing; the number is lost, and calls for it count as no-shows.
    private func answerJoiner(_ id: UInt64, _ answer: RoomAnswer) {
        guard let waiter = self.joiners.removeValue(forKey: id) else { return }
        self.shared.joining.giveBack()
        waiter.roomAnswered(answer)
    }

    private func place(_ number: Int64) -> AdmissionToken {
        self.view.place(number: number, keyID: self.tools.signer.signingKeyID, nowMicros: self.tools.wallMicros)
    }

    private func pass(_ number: Int64, expiresMicros: Int64) -> AdmissionToken {
        self.view.pass(
            number: number,
            expiresMicros: expiresMicros,
            keyID: self.tools.signer.signingKeyID,
            nowMicros: self.tools.wallMicros
        )
    }

    // MARK: The door

    private func sendExchange() {
        guard !self.isExchanging else { return }
        let batch = self.door.nextBatch(limit: RoomRules.largestBatch)
        guard !batch.isEmpty else { return }
        self.isExchanging = true
        self.shared.noteActivity()
        self.store.exchange(room: self.name, gateway: Self.gateway, ids: batch, known: self.shared.known) {
            [self] result in
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
        }
    }

    /// Visitors at the door whose turn came with somebody else's question.
    private func admit(_ granted: [DoorGrant]) {
        for grant in granted where self.door.contains(grant.id) {
            self.take(.admitted(expiresMicros: grant.expiresMicros), grant.id)
        }
    }

    private func take(_ outcome: ExchangeOutcome, _ number: Int64) {
        let answer: RoomAnswer
        switch outcome {
        case .atDoor: return self.door.markAsked([number])
        case .admitted(let expires):
            self.counts.admitted += 1
            self.view.readmit(number)
            answer = .admitted(pass: self.pass(number, expiresMicros: expires), place: nil)
        case .notServed: answer = .waiting(place: self.place(number), isNew: false)
        case .lapsed:
            self.counts.lapsed += 1
            answer = .rejoin
        case .ended, .void: answer = .rejoin
        }
        self.answer(self.door.take(number), answer)
    }

    /// The next tick has come: those at the door ask again, those who have waited too long are sent round.
    private func reviewDoor() {
        let expired = self.door.expire(now: self.tools.now)
        self.leaveDoor(expired.map(\.number))
        for (number, waiters) in expired { self.answer(waiters, .stillAtDoor(number: number)) }
        self.door.askAgain()
        self.scheduleFlush()
    }

    // MARK: Sessions

    /// The renewed pass; nil while the shared state is away.
    private func renew(_ number: Int64, nowMicros now: Int64) -> AdmissionToken? {
        guard self.store.outage == nil else { return nil }
        if self.renewing.insert(number).inserted { self.renewals.add(number) }
        self.scheduleFlush()
        return self.pass(number, expiresMicros: now + self.view.limits.sessionMicros)
    }

    private func sendRenewals() {
        guard let batch = self.renewals.next() else { return }
        let now = self.tools.wallMicros
        let renewals = batch.map { Renewal(id: $0, expiresMicros: now + 1) }
        self.store.renew(room: self.name, renewals, known: self.shared.known) { [self] result in
            self.renewals.returned()
            self.renewing.subtract(batch)
            switch result {
            case .failure(let error): self.noteFailure(error, of: "renew")
            case .success(let answer):
                let now = self.tools.wallMicros
                for (number, expiry) in zip(batch, answer.expiries) where expiry == nil {
                    self.shared.release(number, untilMicros: now + self.view.limits.sessionMicros)
                }
            }
            self.scheduleFlush()
        }
    }

    /// The origin says that the visitor is done: the slot is free at once, the pass no more good on any loop.
    func release(_ number: Int64) {
        self.shared.release(number, untilMicros: self.tools.wallMicros + self.view.limits.sessionMicros)
        self.releases.add(number)
        self.counts.released += 1
        self.scheduleFlush()
    }

    private func sendReleases() {
        guard let batch = self.releases.next() else { return }
        self.store.release(room: self.name, ids: batch, known: self.shared.known) { [self] result in
            self.releases.returned()
            // A lost release costs a slot until the session would have expired by itself.
            if case .failure(let error) = result { self.noteFailure(error, of: "release") }
            self.scheduleFlush()
        }
    }

    private func sendLeaves() {
        let batch = self.leaves.next { number in
            let isGone = !self.door.contains(number)
            if !isGone { self.leaving.remove(number) }
            return isGone
        }
        guard let batch else { return }
        // A failure needs no answer: the shared state forgets silent visitors by itself.
        self.store.leave(room: self.name, ids: batch, known: self.shared.known) { [self] _ in
            self.leaves.returned()
            self.leaving.subtract(batch)
            self.scheduleFlush()
        }
    }

    // MARK: Batches

    /// What gathered during this turn travels when the turn is over.
    private func scheduleFlush() {
        guard !self.isFlushScheduled else { return }
        self.isFlushScheduled = true
        self.tools.loop.atTurnEnd { [self] in
            self.isFlushScheduled = false
            self.sendJoin()
            self.sendExchange()
            self.sendRenewals()
            self.sendReleases()
            self.sendLeaves()
        }
    }

    private func noteFailure(_ error: StoreError, of operation: String) {
        self.counts.storeFailures += 1
        self.tools.log.debug(
            "the shared state did not answer",
            metadata: ["room": "\(self.name)", "operation": "\(operation)", "error": "\(error)"]
        )
    }

    // MARK: Ticks and the end

    /// A tick's result, from whichever loop asked for it.
    func take(_ answer: TickAnswer) {
        self.view.observe(answer.snapshot)
        self.admit(answer.granted)
        self.reviewDoor()
    }

    /// No tick's result: the shared state is away. Those at the door are not kept beyond their time.
    func missedTick() { self.reviewDoor() }

    /// The gateway shuts down: those at the door are sent round at once, to stand at the next gateway's.
    func closeDoor() {
        let standing = self.door.removeAll()
        self.leaveDoor(standing.map(\.number))
        for (number, waiters) in standing { self.answer(waiters, .stillAtDoor(number: number)) }
    }

    /// The room is configured no more: who waits here asks the routes again.
    func dissolve() {
        for (_, waiters) in self.door.removeAll() { self.answer(waiters, .dissolved) }
        for id in self.joiners.keys.sorted() { self.answerJoiner(id, .dissolved) }
    }
}
