import EventLoop
import HTTPWire
import Primitives
import Transport

/// Plays a crowd against a site of which the tool knows nothing but the address: each visitor with a browser.
///
/// Lives on one loop. Keeps the run's seconds as a `Timeline`, as `CrowdPlayer` does for the tool's own gateway.
final class SiteCrowd: BrowserHost {
    /// Different complaints that are kept in words.
    private static let mostComplaints = 20

    let loop: EventLoop
    let crowd: Crowd
    let target: SiteTarget
    let pages: PagePlan
    let startedAt: Instant
    let rules: VisitorRules
    var head = ResponseHead(limits: HTTP1Codec.limits)
    private var tally = Tally()
    private(set) var timeline = Timeline()
    private(set) var books: VisitBooks
    private(set) var gauges = Gauges()
    /// What was wrong with pages, in words, and how often.
    private(set) var complaints: [String: Int] = [:]
    /// Pages that nobody could look into, and why, in words.
    private(set) var unreadPages = 0
    private(set) var remarks: Set<String> = []
    /// Lines of Sluice in which visitors have stood.
    private(set) var lines: Set<LinePlace.Line> = []
    /// TLS handshakes that were abbreviated.
    private(set) var resumed = 0
    private(set) var connections: ConnectionBudget
    /// Those who have come and not left, by their index in the crowd.
    private var players: [SitePlayer?]
    /// Those who have not come, and the first of them.
    private var coming: Crowd.Iterator
    private var nextToCome: Visitor?
    /// Cookies of people with several tabs, by the index of the person.
    private var sharedCookies: [Int: CookieBox] = [:]
    private var leftCount = 0
    private var arrivalTimer: LoopTimer!
    private var secondTimer: SecondTimer!

    /// - Parameters:
    ///   - startedAt: second 0 of the run.
    ///   - descriptorLimit: how many this process may have open.
    init(
        _ crowd: Crowd,
        target: SiteTarget,
        pages: PagePlan,
        startedAt: Instant,
        descriptorLimit: Int,
        on loop: EventLoop
    ) {
        self.loop = loop
        self.crowd = crowd
        self.target = target
        self.pages = pages
        self.startedAt = startedAt
        self.rules = VisitorRules(anySite: crowd.scenario, startedAt: startedAt)
        self.books = VisitBooks(
            visitors: crowd.count,
            startedAt: startedAt,
            openingAt: self.rules.openingAt
        )
        self.players = Array(repeating: nil, count: crowd.count)
        self.coming = crowd.makeIterator()
        self.nextToCome = self.coming.next()
        self.connections = ConnectionBudget(most: max(1, descriptorLimit - ConnectionBudget.reservedDescriptors))
        self.arrivalTimer = LoopTimer(loop: loop) { [weak self] in self?.letCome() }
        self.secondTimer = SecondTimer(
            firstEnd: startedAt.advanced(byNanoseconds: Nanoseconds.perSecond),
            on: loop,
            look: { [weak self] in self?.giveUpOverduePages($0) },
            close: { [weak self] in
                guard let self else { return }
                self.closeSecond(self.standing)
            }
        )
    }

    /// What the run has come to so far, the second under way included.
    var counts: Counts {
        var counts = self.timeline.total.counts
        counts.merge(self.tally.counts)
        return counts
    }
    var isEverybodyGone: Bool { self.leftCount == self.players.count }

    /// Begins to send people at `startedAt`.
    func start() {
        self.loop.preconditionOnLoop()
        self.letCome()
        self.secondTimer.start()
    }

    private func letCome() {
        let now = MonotonicClock.now()
        while let visitor = self.nextToCome {
            let due = self.startedAt.advanced(byNanoseconds: visitor.arrivalNanoseconds)
            guard due <= now else { return self.arrivalTimer.arm(at: due) }
            self.nextToCome = self.coming.next()
            self.tally.wasLate(nanoseconds: now.nanoseconds(since: due))
            self.tally.arrived()
            let player = SitePlayer(visitor, crowd: self)
            self.players[visitor.index] = player
            player.arrive()
        }
    }

    // MARK: What players tell

    func heard(
        _ heard: VisitorMachine.Heard,
        _ player: SitePlayer,
        response: Response?,
        due: Instant,
        sentAt: Instant,
        now: Instant
    ) {
        let (index, conduct) = self.rules.book(of: player.machine.visitor)
        let since = self.books.due(heard, of: index, requestDue: due)
        self.tally.heard(heard, due: since, sentAt: sentAt, now: now)
        // Which page gives a slot back, nobody knows here.
        self.books.heard(heard, of: index, conduct, isExit: false, response: response, sentAt: sentAt, now: now)
    }

    /// The jar that a newcomer's browser has: one for all tabs of a person, else one of its own.
    func cookieBox(for visitor: Visitor) -> CookieBox {
        guard self.rules.manners(of: visitor).cookies == .shared else { return CookieBox() }
        let box = self.sharedCookies[visitor.person] ?? CookieBox()
        self.sharedCookies[visitor.person] = box
        return box
    }

    func left(_ player: SitePlayer, _ outcome: VisitorMachine.Outcome) {
        let keepsPlace = self.rules.manners(of: player.machine.visitor).keepsPlace
        self.tally.left(outcome, machine: player.machine, keepsPlace: keepsPlace)
        self.leftCount += 1
        // Further up the stack the player is still at work.
        let index = player.machine.visitor.index
        self.loop.onNextTurn { self.players[index] = nil }
    }

    func complain(_ words: String) {
        guard self.complaints[words] != nil || self.complaints.count < Self.mostComplaints else { return }
        self.complaints[words, default: 0] += 1
    }

    /// The page may be good, but says nothing.
    func remark(_ words: String) {
        self.unreadPages += 1
        if self.remarks.count < Self.mostComplaints { self.remarks.insert(words) }
    }

    func saw(_ line: LinePlace.Line) { self.lines.insert(line) }
    func wasLate(nanoseconds: Int64) { self.tally.wasLate(nanoseconds: nanoseconds) }
    func sentRequest() { self.tally.sent() }
    func gaveUpConnection() { self.tally.gaveUpConnection() }

    // MARK: What browsers need

    var reasonAgainstConnecting: ErrorKind? {
        self.connections.mayOpen ? nil : self.connections.reasonForNone
    }

    func connectionBegan() { self.connections.open += 1 }
    func connectionEnded() { self.connections.open -= 1 }
    func askedAgain() {
        self.tally.heard(.staleConnection, due: self.startedAt, sentAt: self.startedAt, now: self.startedAt)
    }

    func connectionOpened(isResumed: Bool) {
        self.tally.connected()
        if isResumed { self.resumed += 1 }
    }

    // MARK: Time

    /// Nobody comes any more, and who is under way stops. The seconds go on.
    func stopVisitors() {
        self.loop.preconditionOnLoop()
        self.arrivalTimer.disarm()
        self.nextToCome = nil
        for player in self.players { player?.stop() }
    }

    /// Closes the second under way, with things as they stand now, and the books.
    func finish() {
        self.loop.preconditionOnLoop()
        let gauges = self.standing
        self.stopVisitors()
        self.secondTimer.stop()
        self.closeSecond(gauges)
    }

    private var standing: Gauges {
        var gauges = Gauges()
        for case let player? in self.players where !player.machine.isGone {
            if player.isWaiting { gauges.waiting += 1 } else if player.machine.isInside { gauges.inside += 1 }
        }
        gauges.openConnections = self.connections.open
        return gauges
    }

    private func closeSecond(_ gauges: Gauges) {
        self.gauges = gauges
        self.timeline.append(self.tally, gauges)
        self.tally.reset()
    }

    /// Once a second for all, instead of a timer for each page: a page that takes so long is an error in any case.
    private func giveUpOverduePages(_ now: Instant) {
        self.connections.heldBack = 0
        for case let player? in self.players {
            guard let askedAt = player.askedAt else { continue }
            let waited = now.nanoseconds(since: player.sentAt ?? askedAt)
            if waited > CrowdPart.promptNanoseconds { self.connections.heldBack += 1 }
            if waited > CrowdPart.answerTimeoutNanoseconds { player.gaveUpWaiting() }
        }
    }
}
