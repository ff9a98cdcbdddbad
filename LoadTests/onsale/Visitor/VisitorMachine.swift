import Primitives

/// One visitor's way through the sale: arrive, join, wait as told, get in, browse, leave.
///
/// A value without clock or socket: whoever plays it carries out the `Action` that each call returns and reports what
/// came of it. At any time exactly one thing is pending: a connection, a response, or a pause.
struct VisitorMachine: Sendable {
    private enum Step: Equatable, Sendable {
        case away, connecting, asking, gone
        case pausing(until: Instant)
    }

    let visitor: Visitor
    private var step = Step.away
    /// When the pending request was due.
    private(set) var due: Instant
    private(set) var isInside = false
    /// The number on the visitor's place, once told.
    private(set) var placeNumber: Int64?
    private(set) var joinedAt: Instant?
    private(set) var admittedAt: Instant?
    /// When patience ends; known with the first response in line.
    private var leavesAt: Instant?
    /// Pages seen since being let in.
    private(set) var requestsDone = 0
    private var retries = 0
    private var pauses = 0
    /// How many requests have been sent, so that each has a mark of its own.
    private var requestsSent: UInt32 = 0
    /// For how long the network goes away with the next request; nil when it stays.
    private var vanishNanoseconds: Int64?
    /// Asks for one page after the other, in or not.
    private var goesOn = false
    private var isConnected = false
    private var connectionWasUsed = false

    init(_ visitor: Visitor, startedAt: Instant) {
        self.visitor = visitor
        self.due = startedAt.advanced(byNanoseconds: visitor.arrivalNanoseconds)
    }

    /// A visitor in line between two looks: as little as is needed to go on later.
    struct Rest: Sendable {
        let visitor: Visitor
        let number: Int64
        let joinedAt: Instant
        let leavesAt: Instant
    }

    /// nil unless the visitor has a place, is not in, and waits for the next look.
    var rest: Rest? {
        guard case .pausing = self.step, !self.isInside, self.retries == 0, let number = self.placeNumber,
            let joinedAt = self.joinedAt, let leavesAt = self.leavesAt
        else { return nil }
        return Rest(visitor: self.visitor, number: number, joinedAt: joinedAt, leavesAt: leavesAt)
    }

    /// Goes on where that was taken, with the next look at that time.
    init(_ rest: Rest, startedAt: Instant, until: Instant) {
        self.init(rest.visitor, startedAt: startedAt)
        self.step = .pausing(until: until)
        self.placeNumber = rest.number
        self.joinedAt = rest.joinedAt
        self.leavesAt = rest.leavesAt
    }

    var isGone: Bool { self.step == .gone }
    /// A connection or a response is pending.
    var isBusy: Bool { self.step == .connecting || self.step == .asking }
    /// The pending request is for the page that gives the slot back.
    var asksForExit: Bool { self.nextPage == .exit }
    /// Has a place and is not in yet.
    var isInLine: Bool { self.placeNumber != nil && !self.isInside && !self.isGone }

    mutating func arrive() -> Action {
        precondition(self.step == .away, "a visitor arrives once")
        return self.ask()
    }

    mutating func connected() -> Action {
        precondition(self.step == .connecting, "connected without having asked to")
        self.isConnected = true
        self.connectionWasUsed = false
        return self.ask()
    }

    /// The server closed the connection while nothing was pending on it.
    mutating func connectionEnded() {
        precondition(self.step != .asking, "a response is pending: report a failure")
        self.isConnected = false
    }

    /// A timer may be in flight when the visitor leaves or an earlier one is fired late: both are legal.
    mutating func timerFired(now: Instant) -> Action {
        guard case .pausing(let until) = self.step else { return .none }
        if now < until { return .wait(until: until) }
        if let leavesAt = self.leavesAt, !self.isInside, now >= leavesAt { return self.leave(.abandoned) }
        self.due = until
        return self.ask()
    }

    mutating func answered(_ response: Response, now: Instant, rules: VisitorRules) -> Reaction {
        precondition(self.step == .asking, "a response without a request")
        self.isConnected = response.keepsConnection
        self.connectionWasUsed = true
        switch response.status {
        case 500...:
            let kind = Self.blame(response, rules)
            return self.stumble(kind, retryAfterSeconds: response.retryAfterSeconds, now: now, rules: rules)
        case 403 where rules.manners(of: self.visitor).isRude, 429 where rules.manners(of: self.visitor).isRude:
            return self.turnedAway(now: now, rules: rules)
        case 400...:
            return self.stumble(.rejected, retryAfterSeconds: response.retryAfterSeconds, now: now, rules: rules)
        case _ where response.standing.isOutside:
            guard let page = response.page else {
                return self.stumble(.badAnswer, retryAfterSeconds: nil, now: now, rules: rules)
            }
            let heard: Heard = response.standing == .atDoor ? .doorPage : .waitingPage
            return Reaction(heard: heard, action: self.standInLine(page, response, now: now, rules: rules))
        case _ where !rules.isAnySite && (response.standing == .admitted) != rules.hasRoom:
            // Past a room nobody is answered without its say, and without a room nobody is admitted.
            return self.stumble(.badAnswer, retryAfterSeconds: nil, now: now, rules: rules)
        case _ where response.fault != nil:
            return self.stumble(response.fault ?? .badAnswer, retryAfterSeconds: nil, now: now, rules: rules)
        case _ where !response.hasMark:
            return self.stumble(.foreignPage, retryAfterSeconds: nil, now: now, rules: rules)
        case _ where !rules.hasRoom && !rules.isAnySite && now < rules.openingAt:
            return Reaction(heard: .inside, action: self.watchForOpening(now: now, rules: rules))
        default:
            return self.proceed(response.standing, now: now, rules: rules)
        }
    }

    /// The gateway signs its errors with a field, the workers theirs with the mark of the request; any
    /// other site signs nothing.
    private static func blame(_ response: Response, _ rules: VisitorRules) -> ErrorKind {
        switch (response.isGatewayError, response.hasMark) {
        case (false, _) where rules.isAnySite: .siteError
        case (true, false): .gatewayError
        case (false, true): .workerError
        case (true, true), (false, false): .unsignedError
        }
    }

    /// The connection could not be opened, broke, or the response did not come in time.
    /// - Parameter nothingReceived: no byte of a response had come.
    mutating func failed(_ kind: ErrorKind, nothingReceived: Bool, now: Instant, rules: VisitorRules) -> Reaction {
        precondition(self.step == .connecting || self.step == .asking, "a failure without anything pending")
        self.isConnected = false
        if kind == .broken, nothingReceived, self.step == .asking, self.connectionWasUsed {
            self.connectionWasUsed = false
            return Reaction(heard: .staleConnection, action: self.ask())
        }
        return self.stumble(kind, retryAfterSeconds: nil, now: now, rules: rules)
    }

    /// The run is over; wherever the visitor is.
    mutating func stop() -> Action {
        self.isGone ? .none : self.leave(.unfinished)
    }

    private mutating func standInLine(
        _ page: WaitingPage,
        _ response: Response,
        now: Instant,
        rules: VisitorRules
    ) -> Action {
        self.retries = 0
        self.isInside = false
        if let number = page.number { self.placeNumber = number }
        if self.joinedAt == nil { self.joinedAt = now }
        if self.visitor.isNoShow, page.number != nil { return self.leave(.noShow) }
        let manners = rules.manners(of: self.visitor)
        guard manners.waitsInLine else { return self.goOn(manners, now: now) }
        // Who comes early has made up their mind to wait for the opening: patience counts from there.
        let openingIn = page.opensInSeconds.clamped(to: 0...1_000_000) * Nanoseconds.perSecond
        let leavesAt =
            self.leavesAt
            ?? now.advanced(byNanoseconds: openingIn).advanced(byNanoseconds: self.visitor.patienceNanoseconds)
        self.leavesAt = leavesAt
        if let shortest = page.estimateSeconds?.lowerBound {
            let wait = shortest.clamped(to: 0...1_000_000) * Nanoseconds.perSecond
            if now.advanced(byNanoseconds: wait) > leavesAt { return self.leave(.abandoned) }
        }
        let refresh = self.refreshNanoseconds(page, response, now: now, rules: rules)
        self.maySoonVanish(manners)
        return self.pause(until: min(now.advanced(byNanoseconds: refresh), leavesAt))
    }

    private func refreshNanoseconds(
        _ page: WaitingPage,
        _ response: Response,
        now: Instant,
        rules: VisitorRules
    ) -> Int64 {
        if let eager = rules.eagerRefreshNanoseconds(of: self.visitor, now: now) { return eager }
        if let own = rules.manners(of: self.visitor).ownPaceSeconds { return Int64(own * 1e9) }
        let told = page.refreshSeconds > 0 ? page.refreshSeconds : response.retryAfterSeconds ?? 0
        guard told > 0 else { return VisitorRules.unnamedRefreshNanoseconds }
        return (told.clamped(to: 0...1_000) * Nanoseconds.perSecond).clamped(to: VisitorRules.refreshNanoseconds)
    }

    /// Where no room keeps a place, people look at the page again and again, and all at once when the sale opens.
    private mutating func watchForOpening(now: Instant, rules: VisitorRules) -> Action {
        if self.visitor.isNoShow { return self.leave(.noShow) }
        self.retries = 0
        self.pauses += 1
        if let eager = rules.eagerRefreshNanoseconds(of: self.visitor, now: now) {
            return self.pause(until: now.advanced(byNanoseconds: eager))
        }
        var draw = self.visitor.generator(ordinal: 2_000_000 + self.pauses)
        let manners = rules.manners(of: self.visitor)
        let seconds = draw.drawLogNormal(median: manners.refreshMedianSeconds, spread: manners.refreshSpread)
        let reactionSeconds = draw.drawUniform(0...manners.openingReactionSeconds)
        let atOpening = rules.openingAt.advanced(byNanoseconds: Int64(reactionSeconds * 1e9))
        return self.pause(until: min(now.advanced(byNanoseconds: Int64(seconds * 1e9)), atOpening))
    }

    private mutating func proceed(_ standing: Response.Standing, now: Instant, rules: VisitorRules) -> Reaction {
        let manners = rules.manners(of: self.visitor)
        // Who shows no pass is let in anew with each page. Rooms of other makes do not say that somebody is in: who has
        // waited and gets the page is.
        let isAdmitted = standing == .admitted && (!self.isInside || !manners.keepsPlace)
        let hasWaited = standing == .unguarded && self.joinedAt != nil && !self.isInside
        let heard: Heard = isAdmitted || hasWaited ? .exchange : .inside
        if self.admittedAt == nil { self.admittedAt = now }
        self.isInside = true
        self.retries = 0
        self.requestsDone += 1
        if self.requestsDone >= self.visitor.requestCount {
            return Reaction(heard: heard, action: self.leave(.served))
        }
        return Reaction(heard: heard, action: self.think(manners, now: now))
    }

    /// Until the next page.
    private mutating func think(_ manners: Manners, now: Instant) -> Action {
        var draw = self.visitor.generator(ordinal: self.requestsDone)
        var seconds = draw.drawLogNormal(median: manners.thinkMedianSeconds, spread: manners.thinkSpread)
        seconds = min(seconds, manners.longestThinkSeconds)
        if self.requestsDone == self.visitor.requestCount - 1 { seconds += manners.basketSeconds }
        self.maySoonVanish(manners)
        return self.pause(until: now.advanced(byNanoseconds: Int64(seconds * 1e9)))
    }

    /// A crawler takes the waiting page for a page, and asks for the next one.
    private mutating func goOn(_ manners: Manners, now: Instant) -> Action {
        self.goesOn = true
        self.requestsDone += 1
        guard self.requestsDone < self.visitor.requestCount else { return self.leave(.abandoned) }
        return self.think(manners, now: now)
    }

    private mutating func maySoonVanish(_ manners: Manners) {
        guard manners.lossShare > 0 else { return }
        // Apart from the ordinals of all other draws.
        var draw = self.visitor.generator(ordinal: 3_000_000 + Int(self.requestsSent))
        guard draw.drawFlag(share: manners.lossShare) else { return }
        let seconds = draw.drawLogNormal(median: manners.lossMedianSeconds, spread: manners.lossSpread)
        self.vanishNanoseconds = Int64(min(seconds, manners.longestLossSeconds) * 1e9)
    }

    /// Comes again at the visitor's own pace, and does not take the refusal for an error.
    private mutating func turnedAway(now: Instant, rules: VisitorRules) -> Reaction {
        let manners = rules.manners(of: self.visitor)
        self.pauses += 1
        if !manners.waitsInLine { return Reaction(heard: .turnedAway, action: self.goOn(manners, now: now)) }
        let leavesAt = self.leavesAt ?? now.advanced(byNanoseconds: self.visitor.patienceNanoseconds)
        self.leavesAt = leavesAt
        let pause = manners.ownPaceSeconds.map { Int64($0 * 1e9) } ?? VisitorRules.unnamedRefreshNanoseconds
        return Reaction(
            heard: .turnedAway,
            action: self.pause(until: min(now.advanced(byNanoseconds: pause), leavesAt))
        )
    }

    private mutating func stumble(
        _ kind: ErrorKind,
        retryAfterSeconds: Int64?,
        now: Instant,
        rules: VisitorRules
    ) -> Reaction {
        let manners = rules.manners(of: self.visitor)
        guard kind.isWorthRetry, self.retries < manners.mostRetries else {
            return Reaction(heard: .error(kind), action: self.leave(.failed))
        }
        self.retries += 1
        self.pauses += 1
        let pauseSeconds: Double
        switch self.visitor.retryHabit {
        case .immediate:
            pauseSeconds = manners.immediateRetrySeconds * Double(1 << min(self.retries - 1, 10))
        case .fixed:
            pauseSeconds = manners.fixedRetrySeconds
        case .fullJitter:
            // Apart from the think times' ordinals, so that an error does not change how long a visitor thinks later.
            var draw = self.visitor.generator(ordinal: 1_000_000 + self.pauses)
            let longest = manners.jitterRetrySeconds * Double(1 << min(self.retries - 1, 10))
            let told = manners.isRude ? 0 : (retryAfterSeconds ?? 0).clamped(to: 0...300)
            pauseSeconds = max(draw.drawUniform(0...longest), Double(told))
        }
        let until = now.advanced(byNanoseconds: Int64(pauseSeconds * 1e9))
        return Reaction(heard: .error(kind), action: self.pause(until: until))
    }

    private mutating func ask() -> Action {
        guard self.isConnected else {
            self.step = .connecting
            return .connect
        }
        self.step = .asking
        self.requestsSent += 1
        let mark = RequestMark(visitor: self.visitor.index, ordinal: self.requestsSent)
        let request = Request(page: self.nextPage, mark: mark, due: self.due)
        // The page that gives the slot back is never lost: from then on nobody would know who is inside.
        guard let vanish = self.vanishNanoseconds, request.page != .exit else { return .request(request) }
        self.vanishNanoseconds = nil
        let until = self.due.advanced(byNanoseconds: vanish)
        self.step = .pausing(until: until)
        self.due = until
        self.isConnected = false
        return .requestAndVanish(request, until: until)
    }

    private var nextPage: Page {
        guard self.isInside || self.goesOn else { return .entrance }
        let isLast = self.isInside && self.requestsDone == self.visitor.requestCount - 1
        return isLast && self.visitor.leavesByPage ? .exit : .browse(self.requestsDone)
    }

    private mutating func pause(until: Instant) -> Action {
        self.step = .pausing(until: until)
        self.due = until
        return .wait(until: until)
    }

    private mutating func leave(_ outcome: Outcome) -> Action {
        self.step = .gone
        self.isConnected = false
        return .leave(outcome)
    }
}

extension Comparable {
    func clamped(to range: ClosedRange<Self>) -> Self { min(max(self, range.lowerBound), range.upperBound) }
}

/// To and from what a crowd keeps of who waits without a connection.
extension VisitorMachine {
    /// nil when the visitor does anything else, or has more to remember than is kept.
    func resting(startedAt: Instant) -> RestingVisitor? {
        guard case .pausing(let until) = self.step, !self.isConnected,
            let number = UInt32(exactly: self.placeNumber ?? 0), self.placeNumber != 0,
            let done = UInt16(exactly: self.requestsDone), let retries = UInt8(exactly: self.retries),
            let pauses = UInt32(exactly: self.pauses), self.vanishNanoseconds == nil
        else { return nil }
        var rest = RestingVisitor()
        rest.isSomebody = true
        rest.pausedUntil = until.nanoseconds(since: startedAt)
        rest.joinedAt = self.joinedAt?.nanoseconds(since: startedAt)
        rest.admittedAt = self.admittedAt?.nanoseconds(since: startedAt)
        rest.leavesAt = self.leavesAt?.nanoseconds(since: startedAt)
        rest.placeNumber = number
        rest.requestsSent = self.requestsSent
        rest.pauses = pauses
        rest.requestsDone = done
        rest.retries = retries
        rest.isInside = self.isInside
        rest.connectionWasUsed = self.connectionWasUsed
        rest.goesOn = self.goesOn
        return rest
    }

    init(_ visitor: Visitor, _ rest: RestingVisitor, startedAt: Instant) {
        self.visitor = visitor
        self.step = .pausing(until: startedAt.advanced(byNanoseconds: rest.pausedUntil))
        self.due = startedAt.advanced(byNanoseconds: rest.pausedUntil)
        self.joinedAt = rest.joinedAt.map(startedAt.advanced)
        self.admittedAt = rest.admittedAt.map(startedAt.advanced)
        self.leavesAt = rest.leavesAt.map(startedAt.advanced)
        self.placeNumber = rest.placeNumber == 0 ? nil : Int64(rest.placeNumber)
        self.requestsSent = rest.requestsSent
        self.pauses = Int(rest.pauses)
        self.requestsDone = Int(rest.requestsDone)
        self.retries = Int(rest.retries)
        self.isInside = rest.isInside
        self.connectionWasUsed = rest.connectionWasUsed
        self.goesOn = rest.goesOn
    }

    /// When the present pause ends; nil when there is none.
    var pausedUntil: Instant? {
        guard case .pausing(let until) = self.step else { return nil }
        return until
    }
}
