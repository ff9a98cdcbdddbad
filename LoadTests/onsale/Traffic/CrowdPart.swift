import EventLoop
import HTTPWire
import Primitives
import Transport

/// The part of a crowd that one loop plays, with tallies, books and timers of its own.
///
/// Who waits without a connection is a `Seat` of 120 bytes, and 8 in the wheel, and becomes a `VisitorPlayer` when the
/// pause ends. Limits: those of `ConnectionBudget`; one timer of the loop for all pauses.
final class CrowdPart {
    static let connectTimeoutNanoseconds = 5 * Nanoseconds.perSecond
    /// People press stop after this time; longer than the gateway holds a request at the door.
    static let answerTimeoutNanoseconds = 20 * Nanoseconds.perSecond
    /// A site that keeps up answers within this time, the door of a waiting room aside.
    static let promptNanoseconds = Nanoseconds.perSecond
    /// Arrivals may be late by so much, and are that much apart at least. Shorter than a tick of the wheel: each of them
    /// opens a connection, and many at once would hold up the next.
    private static let gatheringNanoseconds: Int64 = 250_000

    let loop: EventLoop
    let crowd: Crowd
    /// A second gateway may join.
    var target: Target
    let room: RoomTraits
    let startedAt: Instant
    let rules: VisitorRules
    /// Read into by all players, one at a time.
    var head = ResponseHead()
    var tally = Tally()
    var connections: ConnectionBudget
    /// What each visitor saw of the room; nothing is written where there is none.
    var books: VisitBooks
    var probes = ProbeStock()
    /// Of people whose tabs have one jar, by the index of the person.
    var sharedJars: [Int: CookieJar] = [:]
    /// In line, and inside; kept up by the players.
    var waitingCount = 0
    var insideCount = 0
    /// The next request must be nearer than this for a connection to stay open.
    var keepNanoseconds = VisitorPlayer.keepNanoseconds
    /// Called at the end of each second, when it is in the box.
    var onSecond: (() -> Void)?

    private let share: CrowdShare
    /// The crowd has so many parts.
    var shareCount: Int { self.share.count }
    private let box: PartBox
    /// One for each who has come, in the order of coming.
    private(set) var seats = ContiguousArray<Seat>()
    private var words = CookieWords()
    private var wheel: SeatWheel
    /// Those whose pause is over are being woken.
    private var isWaking = false
    /// Those of the seats who have a player.
    private var awake: [VisitorPlayer] = []
    /// Players who are done with, kept until the turn is over: further up the stack they may still be at work.
    private var discharged: [VisitorPlayer] = []
    /// Those who have not come, and the first of them.
    private var coming: Crowd.Iterator
    private var nextToCome: Visitor?
    private var arrivalTimer: LoopTimer!
    private var wheelTimer: LoopTimer!
    private var secondTimer: SecondTimer!
    private var second: Int

    init(
        _ crowd: Crowd,
        share: CrowdShare,
        target: Target,
        startedAt: Instant,
        firstSecond: Int,
        hasRoom: Bool,
        room: RoomTraits,
        mostConnections: Int,
        box: PartBox,
        on loop: EventLoop
    ) {
        self.loop = loop
        self.crowd = crowd
        self.share = share
        self.target = target
        self.room = room
        self.startedAt = startedAt
        self.box = box
        self.rules = VisitorRules(crowd.scenario, startedAt: startedAt, hasRoom: hasRoom)
        self.books = VisitBooks(
            visitors: hasRoom ? crowd.count : 0,
            share: share,
            startedAt: startedAt,
            openingAt: room.isOpenFromStart ? startedAt : self.rules.openingAt
        )
        self.connections = ConnectionBudget(most: mostConnections)
        self.second = firstSecond
        self.coming = crowd.makeIterator()
        self.nextToCome = self.coming.next()
        let size = share.size(of: crowd.count)
        self.wheel = SeatWheel(seats: size, now: MonotonicClock.now())
        // Memory that nobody has written to costs nothing; to move it all in the middle of a run would make timers late.
        self.seats.reserveCapacity(size)
        self.arrivalTimer = LoopTimer(loop: loop) { [weak self] in self?.letCome() }
        self.wheelTimer = LoopTimer(loop: loop) { [weak self] in self?.pausesEnd() }
        self.secondTimer = SecondTimer(
            firstEnd: startedAt.advanced(byNanoseconds: Int64(firstSecond + 1) * Nanoseconds.perSecond),
            on: loop,
            look: { [weak self] in self?.giveUpOverdueAnswers($0) },
            close: { [weak self] in
                guard let self else { return }
                self.closeSecond(self.gauges)
            }
        )
    }

    /// Begins to send people at `startedAt`.
    func start() {
        self.loop.preconditionOnLoop()
        self.letCome()
        self.secondTimer.start()
    }

    // MARK: Coming, pausing, leaving

    private func letCome() {
        let now = MonotonicClock.now()
        while let visitor = self.nextToCome {
            guard self.share.contains(visitor.index) else {
                self.nextToCome = self.coming.next()
                continue
            }
            let due = self.startedAt.advanced(byNanoseconds: visitor.arrivalNanoseconds)
            guard due <= now else {
                // Those who come within so short a time come together: a turn of the loop for each costs more than they do.
                return self.arrivalTimer.arm(at: max(due, now.advanced(byNanoseconds: Self.gatheringNanoseconds)))
            }
            self.nextToCome = self.coming.next()
            self.tally.wasLate(nanoseconds: now.nanoseconds(since: due))
            self.tally.arrived()
            self.seats.append(Seat(visitor.kept))
            let machine = VisitorMachine(visitor, startedAt: self.startedAt)
            self.seat(VisitorPlayer(machine, seat: self.seats.count - 1, crowd: self)).arrive()
        }
    }

    /// The player has a seat from now on.
    private func seat(_ player: VisitorPlayer) -> VisitorPlayer {
        player.awakeIndex = self.awake.count
        self.awake.append(player)
        self.seats[player.seat].player = player
        return player
    }

    /// The seat has no player from now on.
    private func unseat(_ player: VisitorPlayer) {
        self.seats[player.seat].player = nil
        let last = self.awake.removeLast()
        if last !== player {
            self.awake[player.awakeIndex] = last
            last.awakeIndex = player.awakeIndex
        }
        if self.discharged.isEmpty {
            self.loop.onNextTurn { [weak self] in self?.discharged.removeAll(keepingCapacity: true) }
        }
        self.discharged.append(player)
    }

    /// Until then the visitor does nothing; who has no connection meanwhile, and time, needs no player.
    func pauses(_ player: VisitorPlayer, until: Instant) {
        self.wheel.insert(player.seat, at: until)
        if !self.isWaking, self.wheelTimer.deadline.map({ until < $0 }) ?? true { self.armWheel() }
        guard player.mayRest, until.nanoseconds(since: self.loop.now) > VisitorPlayer.keepNanoseconds,
            let rest = player.machine.resting(startedAt: self.startedAt), let cookies = self.words.pack(player.cookies)
        else { return }
        self.seats[player.seat].rest = rest
        self.seats[player.seat].cookies = cookies
        self.unseat(player)
    }

    private func armWheel() {
        guard let next = self.wheel.nextDeadline else { return }
        if let armed = self.wheelTimer.deadline, armed <= next { return }
        self.wheelTimer.arm(at: next)
    }

    private func pausesEnd() {
        let now = MonotonicClock.now()
        self.isWaking = true
        while let seat = self.wheel.takeDue(now: now) {
            if let player = self.seats[seat].player {
                player.timerFired(now: now)
            } else if let machine = self.restingMachine(seat) {
                let player = VisitorPlayer(machine, seat: seat, crowd: self)
                player.wakes(self.words.unpack(self.seats[seat].cookies), until: machine.pausedUntil)
                self.seats[seat].rest.isSomebody = false
                self.seat(player).timerFired(now: now)
            }
        }
        self.isWaking = false
        self.armWheel()
    }

    /// Of somebody who waits without a connection; nil when nobody does on that seat.
    private func restingMachine(_ seat: Int) -> VisitorMachine? {
        let rest = self.seats[seat].rest
        guard rest.isSomebody else { return nil }
        return VisitorMachine(self.crowd.visitor(self.seats[seat].visitor), rest, startedAt: self.startedAt)
    }

    func left(_ player: VisitorPlayer, _ outcome: VisitorMachine.Outcome) {
        self.left(player.machine, outcome)
        self.unseat(player)
    }

    private func left(_ machine: VisitorMachine, _ outcome: VisitorMachine.Outcome) {
        let keepsPlace = self.rules.manners(of: machine.visitor).keepsPlace
        self.tally.left(outcome, machine: machine, keepsPlace: keepsPlace)
        self.box.oneLeft()
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
        let (index, conduct) = self.rules.book(of: player.machine.visitor)
        let since = self.books.due(heard, of: index, requestDue: due)
        self.tally.heard(heard, due: since, sentAt: sentAt, now: now)
        guard self.rules.hasRoom else { return }
        self.judgeTheft(by: player, heard)
        if isExit, case .error = heard { self.probes.forget(player.machine.visitor.index) }
        self.books.heard(heard, of: index, conduct, isExit: isExit, response: response, sentAt: sentAt, now: now)
    }

    /// Some visitor on the way of whom that holds, and their cookies.
    func anybody(_ holds: (VisitorMachine) -> Bool) -> (machine: VisitorMachine, cookies: CookieJar)? {
        for seat in self.seats.indices {
            if let player = self.seats[seat].player {
                if !player.machine.isGone, holds(player.machine) { return (player.machine, player.cookies) }
            } else if let machine = self.restingMachine(seat), holds(machine) {
                return (machine, self.words.unpack(self.seats[seat].cookies))
            }
        }
        return nil
    }

    // MARK: End

    /// Nobody comes any more, and who is under way stops. The seconds go on.
    func stopVisitors() {
        self.loop.preconditionOnLoop()
        self.arrivalTimer.disarm()
        self.nextToCome = nil
        for player in self.awake { player.stop() }
        for seat in self.seats.indices {
            guard var machine = self.restingMachine(seat), case .leave(let outcome) = machine.stop() else { continue }
            self.seats[seat].rest.isSomebody = false
            self.left(machine, outcome)
        }
        self.waitingCount = 0
        self.insideCount = 0
    }

    /// Closes the second under way, with things as they stand now, and the books. That everybody stops then is the end of
    /// the watching, not of their waiting.
    func finish() {
        self.loop.preconditionOnLoop()
        let gauges = self.gauges
        self.stopVisitors()
        self.secondTimer.stop()
        self.onSecond = nil
        self.closeSecond(gauges)
    }

    // MARK: Seconds

    private var gauges: Gauges {
        var gauges = Gauges()
        gauges.waiting = self.waitingCount
        gauges.inside = self.insideCount
        gauges.openConnections = self.connections.open
        return gauges
    }

    private func closeSecond(_ gauges: Gauges) {
        self.box.put(HeldSecond(second: self.second, tally: self.tally, gauges: gauges))
        self.second += 1
        self.tally.reset()
        self.onSecond?()
    }

    /// Once a second for all, instead of a timer for each request: a response that takes so long is an error in any case.
    private func giveUpOverdueAnswers(_ now: Instant) {
        self.connections.heldBack = 0
        for player in self.awake {
            guard let sentAt = player.sentAt else { continue }
            let waited = now.nanoseconds(since: sentAt)
            if waited > Self.promptNanoseconds { self.connections.heldBack += 1 }
            if waited > Self.answerTimeoutNanoseconds { player.gaveUpWaiting() }
        }
    }
}
