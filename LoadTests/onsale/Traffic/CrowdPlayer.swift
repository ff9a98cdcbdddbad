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
    private(set) var timeline = Timeline()
    /// Numbers on the places of those who have left.
    private(set) var placeNumbers: [Int64] = []
    /// Those among them who got in.
    private(set) var admittedNumbers: [Int64] = []
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

    func left(_ player: VisitorPlayer, _ outcome: VisitorMachine.Outcome) {
        self.tally.left(outcome, machine: player.machine)
        if let number = player.machine.placeNumber {
            self.placeNumbers.append(number)
            if player.machine.admittedAt != nil { self.admittedNumbers.append(number) }
        }
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
        for case let player? in self.players {
            guard let sentAt = player.sentAt, now.nanoseconds(since: sentAt) > Self.answerTimeoutNanoseconds else {
                continue
            }
            player.gaveUpWaiting()
        }
    }

    /// What the run has come to so far, the second under way included.
    var counts: Counts {
        var counts = self.timeline.total.counts
        counts.merge(self.tally.counts)
        return counts
    }
}
