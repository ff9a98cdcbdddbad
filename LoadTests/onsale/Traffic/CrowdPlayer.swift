import EventLoop
import HTTPWire
import Primitives
import Transport

/// Plays a crowd over real sockets, each person at the moment that the plan says, whatever became of the others.
///
/// Lives on one loop. Keeps the run's seconds as a `Timeline`, and closes each second by itself.
final class CrowdPlayer {
    static let connectTimeoutNanoseconds = 5 * Nanoseconds.perSecond
    /// People press stop after this time; longer than the gateway holds a request at the door.
    static let answerTimeoutNanoseconds = 20 * Nanoseconds.perSecond
    /// A site that keeps up answers within this time, the door of a waiting room aside.
    static let promptNanoseconds = Nanoseconds.perSecond
    /// Descriptors that are left to everything but the visitors.
    static let reservedDescriptors = 200

    let loop: EventLoop
    let crowd: Crowd
    let target: Target
    let startedAt: Instant
    let rules: VisitorRules
    /// Read into by all players, one at a time.
    var head = ResponseHead()
    var tally = Tally()
    var openConnections = 0
    /// Connections whose request waits for an answer for longer than `promptNanoseconds`, as of the last second.
    private var heldBackConnections = 0
    private(set) var timeline = Timeline()
    /// What each visitor saw of the room; nothing is written where there is none.
    var books: VisitBooks
    var probes = ProbeStock()
    /// Those who have come and not left, by their index in the crowd.
    private var players: [VisitorPlayer?]
    private var nextToCome = 0
    private var leftCount = 0
    private let mostConnections: Int
    private var arrivalTimer: LoopTimer!
    private var secondTimer: LoopTimer!
    private var nextSecondAt: Instant
    /// Adds what only others know to the gauges at the end of a second.
    var fillGauges: ((inout Gauges) -> Void)?
    private(set) var gauges = Gauges()

    /// - Parameters:
    ///   - startedAt: second 0 of the run.
    ///   - firstSecond: a run that is taken up in the middle begins with this one; those before it are left empty.
    ///   - descriptorLimit: how many this process may have open.
    init(
        _ crowd: Crowd,
        target: Target,
        startedAt: Instant,
        firstSecond: Int = 0,
        hasRoom: Bool,
        descriptorLimit: Int,
        on loop: EventLoop
    ) {
        self.loop = loop
        self.crowd = crowd
        self.target = target
        self.startedAt = startedAt
        self.rules = VisitorRules(crowd.scenario, startedAt: startedAt, hasRoom: hasRoom)
        self.books = VisitBooks(
            visitors: hasRoom ? crowd.visitors.count : 0,
            startedAt: startedAt,
            openingAt: self.rules.openingAt
        )
        self.players = Array(repeating: nil, count: crowd.visitors.count)
        self.mostConnections = max(1, descriptorLimit - Self.reservedDescriptors)
        for _ in 0..<firstSecond { self.timeline.append(Tally(), Gauges()) }
        self.nextSecondAt = startedAt.advanced(byNanoseconds: Int64(firstSecond + 1) * Nanoseconds.perSecond)
        self.arrivalTimer = LoopTimer(loop: loop) { [weak self] in self?.letCome() }
        self.secondTimer = LoopTimer(loop: loop) { [weak self] in self?.secondPassed() }
    }

    var mayConnect: Bool { self.openConnections < self.mostConnections }
    /// Kept connections are given up from here on, so that people who want to ask find a descriptor.
    var isShortOfDescriptors: Bool { self.openConnections * 4 > self.mostConnections * 3 }
    /// Most connections wait for answers that do not come: it is the site that uses them up, not the tool's plan.
    var reasonForNoConnection: ErrorKind {
        self.heldBackConnections * 2 > self.openConnections ? .crowdedOut : .toolLimit
    }
    var isEverybodyGone: Bool { self.leftCount == self.players.count }

    /// Begins to send people at `startedAt`.
    func start() {
        self.loop.preconditionOnLoop()
        self.letCome()
        self.secondTimer.arm(at: self.nextSecondAt)
    }

    private func letCome() {
        let now = MonotonicClock.now()
        while self.nextToCome < self.crowd.visitors.count {
            let visitor = self.crowd.visitors[self.nextToCome]
            let due = self.startedAt.advanced(byNanoseconds: visitor.arrivalNanoseconds)
            guard due <= now else { return self.arrivalTimer.arm(at: due) }
            self.nextToCome += 1
            self.tally.wasLate(nanoseconds: now.nanoseconds(since: due))
            self.tally.arrived()
            let player = VisitorPlayer(visitor, crowd: self)
            self.players[visitor.index] = player
            player.arrive()
        }
    }

    /// Books what came of one request.
    func heard(
        _ heard: VisitorMachine.Heard,
        _ player: VisitorPlayer,
        isExit: Bool,
        response: Response?,
        due: Instant,
        sentAt: Instant,
        now: Instant
    ) {
        let index = player.machine.visitor.index
        let since = self.books.due(heard, of: index, requestDue: due)
        self.tally.heard(heard, due: since, sentAt: sentAt, now: now)
        guard self.rules.hasRoom else { return }
        self.books.heard(heard, of: index, isExit: isExit, response: response, sentAt: sentAt, now: now)
    }

    /// Some visitor on the way of whom that holds.
    func anybody(_ holds: (VisitorMachine) -> Bool) -> VisitorPlayer? {
        for case let player? in self.players where !player.machine.isGone && holds(player.machine) { return player }
        return nil
    }

    func left(_ player: VisitorPlayer, _ outcome: VisitorMachine.Outcome) {
        self.tally.left(outcome, machine: player.machine)
        self.leftCount += 1
        // Further up the stack the player is still at work.
        let index = player.machine.visitor.index
        self.loop.onNextTurn { self.players[index] = nil }
    }

    /// Nobody comes any more, and who is under way stops. The seconds go on.
    func stopVisitors() {
        self.loop.preconditionOnLoop()
        self.arrivalTimer.disarm()
        self.nextToCome = self.crowd.visitors.count
        for player in self.players { player?.stop() }
    }

    /// Closes the second under way, and the books.
    func finish() {
        self.loop.preconditionOnLoop()
        self.stopVisitors()
        self.secondTimer.disarm()
        self.closeSecond()
    }

    private func secondPassed() {
        let now = MonotonicClock.now()
        self.giveUpOverdueAnswers(now)
        // A loop that stood still for several seconds puts what happened in the first of them.
        while self.nextSecondAt <= now {
            self.nextSecondAt = self.nextSecondAt.advanced(byNanoseconds: Nanoseconds.perSecond)
            self.closeSecond()
        }
        self.secondTimer.arm(at: self.nextSecondAt)
    }

    private func closeSecond() {
        self.gauges = self.measureGauges()
        self.timeline.append(self.tally, self.gauges)
        self.tally.reset()
    }

    private func measureGauges() -> Gauges {
        var gauges = Gauges()
        for case let player? in self.players {
            if player.machine.isInLine { gauges.waiting += 1 }
            if player.machine.isInside, !player.machine.isGone { gauges.inside += 1 }
        }
        gauges.openConnections = self.openConnections
        self.fillGauges?(&gauges)
        return gauges
    }

    /// Once a second for all, instead of a timer for each request: a response that takes so long is an error in any case.
    private func giveUpOverdueAnswers(_ now: Instant) {
        self.heldBackConnections = 0
        for case let player? in self.players {
            guard let sentAt = player.sentAt else { continue }
            let waited = now.nanoseconds(since: sentAt)
            if waited > Self.promptNanoseconds { self.heldBackConnections += 1 }
            if waited > Self.answerTimeoutNanoseconds { player.gaveUpWaiting() }
        }
    }

    /// What the run has come to so far, the second under way included.
    var counts: Counts {
        var counts = self.timeline.total.counts
        counts.merge(self.tally.counts)
        return counts
    }
}
