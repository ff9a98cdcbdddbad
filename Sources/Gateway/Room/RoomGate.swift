import Admission
import DequeModule
import Primitives
import Rooms
import Settings
import SharedState
import Tokens

/// One room as one loop sees it: checks tokens, gathers what is to be asked of the shared state, keeps the books of the
/// requests that wait for the answer.
///
/// However many visitors wait, there is at most one `join`, one `exchange`, one `renew`, one `release` and one `leave`
/// of this loop on the way; what comes meanwhile makes up the next batch. A position poll asks nothing of anybody. A
/// call that fails is not repeated before the next tick has come, or has not.
///
/// Limits: `waiting_to_join` (for a place, or to hear where one stands) and `waiting_at_door` of the settings, over all
/// loops together; `mostKept` renewals, releases and leaves that the shared state has not heard of.
final class RoomGate {
    /// Renewals, releases and leaves that are kept while the shared state is away. A pass beyond them runs to its end
    /// without being renewed; a session whose release is lost ends when it would have by itself; who left the door
    /// unsaid may use up a turn.
    static let mostKept = 65_536
    /// A room that is missing is made by a tick; if it is missing again and again, joiners are told to come back.
    static let mostMissing = 10

    /// What became of a request that asked to wait.
    enum Parking {
        case parked(RoomTicket)
        case mustWait(WaitingPosition)
        case refused(GatewayError)
    }

    let name: String
    let cookies: RoomCookieNames
    let tools: LoopTools
    let store: any RoomStore
    let shared: SharedRoom
    // Shared with this type's extensions in other files, and with nobody else.
    var view: RoomView
    private(set) var page: WaitingPage
    var counts = RoomCounts()

    var joiners: [UInt64: any RoomWaiter] = [:]
    /// Who wants to know where they stand, while this gateway does not know yet: from its start to the first tick.
    var unknowing: [UInt64: (key: LineKey, waiter: any RoomWaiter)] = [:]
    var nextJoiner: UInt64 = 0
    var joins = Batch<UInt64>(largest: RoomRules.largestBatch)
    var joinsOnTheWay: [UInt64] = []
    var joinsMissed = 0
    var door = DoorQueue<any RoomWaiter>(largestBatch: RoomRules.largestBatch)
    var renewals = Batch<LineKey>(largest: RoomRules.largestBatch, mostWaiting: RoomGate.mostKept)
    /// When the passes end that were given to those in `renewals`.
    var renewedUntil: [LineKey: Int64] = [:]
    var releases = Batch<LineKey>(largest: RoomRules.largestBatch, mostWaiting: RoomGate.mostKept)
    var leaves = Batch<LineKey>(largest: RoomRules.largestBatch, mostWaiting: RoomGate.mostKept)
    /// Who waited at the door for as long as a request may, and is expected back by then: as many as can stand at the
    /// door within that time.
    var sentRound = Deque<(key: LineKey, until: Instant)>()
    private var seenReleases = 0
    var guests = GuestList()
    private var isFlushScheduled = false
    /// A call failed: the next ones wait for the news of a tick.
    var awaitsNews = false
    /// The room is configured no more; requests that came before may still be under way.
    private(set) var isDissolved = false

    init(settings: RoomSettings, tools: LoopTools, store: any RoomStore, shared: SharedRoom) {
        self.name = settings.name
        self.tools = tools
        self.store = store
        self.shared = shared
        self.view = RoomView(settings: settings)
        self.page = WaitingPage(room: settings)
        self.cookies = RoomCookieNames(room: settings.name)
    }

    func apply(_ settings: RoomSettings) {
        guard settings != self.view.settings else { return }
        self.view.apply(settings)
        self.renderPage()
    }

    /// What counts is in force, not what this gateway's file says: the page promises nothing else.
    private func renderPage() {
        self.page = WaitingPage(room: self.view.settings, claimMicros: self.view.inForce.claimMicros)
    }

    /// What tokens are bound to, and what one visitor may use of this gateway at once.
    var binding: VisitorBinding { self.view.settings.binding }
    var perVisitor: VisitorLimitSettings { self.view.settings.perVisitor }
    var visitors: VisitorBook { self.shared.visitors }
    func countLimitedVisitor() { self.counts.visitorsLimited += 1 }

    var roomID: UInt64 { self.view.roomID }
    var snapshot: RoomSnapshot? { self.view.snapshot }
    var mode: RoomMode { self.view.mode }
    /// Requests of this loop that wait for a place, and at the door.
    var parked: (joining: Int, atDoor: Int) { (self.joiners.count, self.door.count) }
    /// The room's time, by which tokens are judged.
    var nowMicros: Int64 { self.view.roomMicros(wallMicros: self.tools.wallMicros) }

    // MARK: The check

    /// Decides on the request in hand. `claim` says who sends it, where tokens are bound to that.
    func check(_ request: RequestInHand, claim: TokenClaim? = nil) -> GateVerdict {
        if self.view.settings.passesPreflight, request.method == .options, request.isPreflight { return .preflight }
        let now = self.nowMicros
        self.hearReleases(nowMicros: now)
        let pass = self.pass(in: request, claim, nowMicros: now)
        let place = pass == nil ? self.place(in: request, claim, nowMicros: now) : nil
        self.learn(pass ?? place)
        switch self.view.standingInPlace(pass: pass, place: place, nowMicros: now) {
        case .inside(let key, let isRenewalDue):
            return .inside(key: key, pass: isRenewalDue ? self.renew(key, nowMicros: now) : nil)
        case .waiting(let key):
            return self.tellsPositions ? .mustWait(self.position(of: key)) : .mustAsk(.position(key: key))
        case .called(let key): return .mustAsk(.exchange(key: key))
        case .newcomer: return .mustAsk(.join)
        }
    }

    /// What other loops have learned of sessions.
    @inline(__always)
    private func hearReleases(nowMicros now: Int64) {
        self.shared.takeReleases(since: &self.seenReleases) { key, until in
            if until > 0 { self.endSession(key, untilMicros: until, nowMicros: now) } else { self.view.readmit(key) }
        }
    }

    /// What the visitor with that place is shown.
    func position(of key: LineKey, isAtDoor: Bool = false) -> WaitingPosition {
        self.view.positionInPlace(
            of: key,
            isAtDoor: isAtDoor,
            nowMicros: self.nowMicros,
            random: self.tools.random.next()
        )
    }

    /// What a visitor is shown who could be given no place.
    var joiningPosition: WaitingPosition {
        self.view.joining(nowMicros: self.nowMicros, random: self.tools.random.next())
    }

    func place(_ key: LineKey) -> AdmissionToken {
        self.view.place(key, keyID: self.tools.signer.signingKeyID, nowMicros: self.nowMicros)
    }

    func pass(_ key: LineKey, expiresMicros: Int64) -> AdmissionToken {
        self.view.pass(
            key,
            expiresMicros: expiresMicros,
            keyID: self.tools.signer.signingKeyID,
            nowMicros: self.nowMicros
        )
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
        case .position(let key): return self.parkUnknowing(waiter, key)
        case .exchange(let key):
            // No tick comes any more: it is another gateway's door that opens.
            if self.tools.isDraining { return .mustWait(self.position(of: key, isAtDoor: true)) }
            guard self.shared.atDoor.take(limit: self.tools.limits.waitingAtDoor) else {
                return .mustWait(self.position(of: key, isAtDoor: true))
            }
            let deadline = self.tools.now.advanced(byNanoseconds: self.tools.limits.doorTimeoutNanoseconds)
            if !self.door.contains(key) { self.shared.stands(key) }
            let id = self.door.add(waiter, for: key, deadline: deadline)
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
        case .position:
            if self.unknowing.removeValue(forKey: ticket.id) != nil { self.shared.joining.giveBack() }
        case .exchange(let key):
            let before = self.door.count
            let isLast = self.door.remove(ticket: ticket.id, of: key)
            self.shared.atDoor.giveBack(before - self.door.count)
            if isLast { self.leaveDoor(key) }
        }
    }

    // MARK: Batches

    /// What gathered during this turn travels when the turn is over. Who left the door is told with the next tick.
    func scheduleFlush() {
        guard !self.isFlushScheduled else { return }
        self.isFlushScheduled = true
        self.tools.loop.atTurnEnd { [self] in
            self.isFlushScheduled = false
            if case .degraded = self.mode { return self.joinFromBlock() }
            guard !self.awaitsNews else { return }
            // Those at the door first: a newcomer takes what they leave.
            self.sendExchange()
            self.sendJoin()
            self.sendRenewals()
            self.sendReleases()
        }
    }

    /// What a failed call means for the next ones. True when the same call may be made again later.
    func note(_ error: StoreError, of operation: String) -> Bool {
        self.counts.storeFailures += 1
        self.tools.log.debug(
            "the shared state did not answer",
            metadata: ["room": "\(self.name)", "operation": "\(operation)", "error": "\(error)"]
        )
        switch error {
        case .unavailable, .notNow, .unanswered, .noRoom:
            self.awaitsNews = true
            // The room ticks at once, also when it is idle: that makes it anew, or shows that the state is away.
            self.shared.noteActivity()
            return true
        case .lineFull, .refused: return false
        }
    }

    /// How the line stands, as an answer of the shared state tells.
    func raise(_ line: LineMarks) {
        self.view.raise(line)
        self.shared.raise(line)
    }

    // MARK: Ticks and the end

    /// The news of a tick, from whichever loop asked for it.
    func take(_ news: RoomNews) {
        let voidBefore = self.view.known.voidBefore
        let retelling = self.view.take(news)
        if self.page.claimMicros != self.view.inForce.claimMicros { self.renderPage() }
        self.awaitsNews = false
        if let answer = news.answer { self.takeEvents(answer) }
        // Requests hear of what ends sessions when they come, guests within a tick.
        if !self.guests.isEmpty { self.hearReleases(nowMicros: self.nowMicros) }
        if self.view.known.voidBefore != voidBefore { self.endVoidStays() }
        if retelling.door { self.door.askAllAgain() }
        if retelling.releases { self.releaseAgain() }
        if self.tellsPositions { self.tellUnknowing() }
        self.reviewDoor()
    }

    private func takeEvents(_ answer: TickAnswer) {
        let now = self.nowMicros
        let epoch = answer.snapshot.epoch
        for id in answer.released {
            guard let key = LineKey(id: id, inEpoch: epoch) else { continue }
            self.endSession(key, untilMicros: now + self.view.inForce.sessionMicros, nowMicros: now)
        }
        for grant in answer.granted {
            guard let key = LineKey(id: grant.id, inEpoch: epoch), self.door.contains(key) else { continue }
            if grant.expiresMicros > 0 {
                // Whoever is told first, on whichever loop, is new inside.
                self.take(.admitted(expiresMicros: grant.expiresMicros), key, isFresh: false)
            } else {
                // The session ran out before the visitor heard of it, as in an outage: the shared state knows whether
                // it is made anew.
                self.door.askAgain(key)
            }
        }
    }

    /// The gateway shuts down: those at the door are sent round at once, to stand at the next gateway's.
    func closeDoor() {
        self.tellUnknowing()
        for (key, waiters) in self.door.removeAll() {
            self.leaveDoor(key)
            self.answer(waiters) { _ in .stillAtDoor(key: key) }
        }
        self.sendLeaves()
    }

    /// The room is configured no more: who waits here asks the routes again.
    func dissolve() {
        self.isDissolved = true
        self.dismissGuests()
        for (key, waiters) in self.door.removeAll() {
            self.shared.ceasesToStand(key)
            self.answer(waiters) { _ in .dissolved }
        }
        for id in self.joiners.keys.sorted() { self.answerJoiner(id, .dissolved) }
        for id in self.unknowing.keys.sorted() { self.answerUnknowing(id) { _ in .dissolved } }
    }
}
