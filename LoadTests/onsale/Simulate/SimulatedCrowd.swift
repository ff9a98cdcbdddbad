import Admission
import Primitives
import Simulation

/// Plays a crowd against a site in virtual time: the visitors' machines and books of `play`, the parts of production
/// behind them, no socket and no clock.
///
/// Up to `mostJudged` visitors every look is played and booked, and the judge has all that `play` gives it. Larger crowds
/// are counted: who is far back in the line sleeps until called, answers are told at once with the time at which they
/// come, and neither books nor latencies are kept. Then a visitor costs the site's work and nothing else.
///
/// Limits: `mostJudged` visitors with books, see `VisitBooks`; `Scenario.mostVisitors` in all.
struct SimulatedCrowd {
    static let mostJudged = 200_000
    /// Of a crowd that is counted, a tenth of a tick's questions go to the room together.
    static let countedGatherNanoseconds = 10 * Nanoseconds.perMillisecond
    /// Longer than planned a run may take until everybody has gone.
    private static let graceSeconds = 20.0
    /// Of who is far back, between two looks on the average; and how many looks there are besides, as the turn comes near.
    private static let farLookSeconds = 20.0
    private static let nearLooks = 7
    /// Who refreshes by hand for longer than this is played.
    private static let longestEagerSeconds = 60.0

    /// A visitor on the way, and what the cookies hold.
    private struct Guest {
        var machine: VisitorMachine
        var jar = SimulatedJars.Jar()
        var sentAt: Instant
        /// Which request the visitor waits for: an answer to another one reaches nobody.
        var question: UInt32 = 0
        var isConnected = false
    }

    private enum Event {
        case arrival, second
        /// By the visitor's seat.
        case timer(Int)
        /// Kept elsewhere: millions of timers are to be small.
        indirect case answer(SimulatedSite.Delivery)
    }

    let crowd: Crowd
    let rules: VisitorRules
    private(set) var site: SimulatedSite
    private let startedAt: Instant
    /// Who is on the way, each in a seat that somebody else takes later.
    private var guests: [Guest?] = []
    private var freeSeats: [Int] = []
    private var questions: UInt32 = 0
    private var jars = SimulatedJars()
    private var sleepers: Sleepers
    /// nil: the crowd is counted.
    private var books: VisitBooks?
    private var timeline = Timeline()
    private var tally = Tally()
    private var queue = EventQueue<Event>()
    private var now: Instant
    private var coming: Crowd.Iterator
    private var next: Visitor?
    private var leftCount = 0
    private var seconds = 0
    /// Of the guests, as of now.
    private var inLine = 0
    private var inside = 0
    private var connected = 0
    /// Looks of sleepers that are not whole yet.
    private var partLooks = 0.0
    private var exchanges: [AdmissionJournal.Exchange] = []
    private var limits: [LimitStep] = []
    /// What the configuration allows at a time, for the plots; set by whoever schedules reloads.
    var inflowPerSecond: [(at: Instant, perSecond: Double)] = []
    private(set) var lastLetInAt: Instant?
    private(set) var mostWorkers = 0

    /// `isCounted`: whatever its size.
    init(_ crowd: Crowd, site: SimulatedSite, startedAt: Instant, isCounted: Bool = false) {
        self.crowd = crowd
        self.site = site
        self.startedAt = startedAt
        self.now = startedAt
        self.rules = VisitorRules(crowd.scenario, startedAt: startedAt)
        self.sleepers = Sleepers(crowd, startedAt: startedAt)
        self.coming = crowd.makeIterator()
        self.next = self.coming.next()
        guard !isCounted, !Self.mustCount(crowd) else { return }
        self.books = VisitBooks(
            visitors: crowd.scenario.visitors,
            startedAt: startedAt,
            openingAt: self.rules.openingAt
        )
    }

    var isCounted: Bool { self.books == nil }

    static func mustCount(_ crowd: Crowd) -> Bool { crowd.scenario.visitors > Self.mostJudged }

    /// Until everybody has gone and the workers are back to the fewest, for no more than `restSeconds` after that.
    mutating func play(restSeconds: Double) {
        self.scheduleArrival()
        self.queue.push(.second, at: self.startedAt.advanced(byNanoseconds: Nanoseconds.perSecond))
        let end = self.at(seconds: self.crowd.scenario.durationSeconds + Self.graceSeconds)
        self.run(until: end) { $0.leftCount == $0.crowd.scenario.visitors }
        self.stopVisitors()
        // What the room says of itself is as of its last tick.
        self.run(until: self.now.advanced(byNanoseconds: Nanoseconds.perSecond)) { _ in false }
        self.run(until: self.now.advanced(byNanoseconds: Int64(restSeconds * 1e9))) { $0.isAtRest }
        self.closeSecond()
        if self.isCounted { self.timeline.append(self.tally, self.gauges) }
        self.takeJournal()
    }

    private mutating func stopVisitors() {
        self.next = nil
        self.tally.ended(.unfinished, count: self.sleepers.removeAll())
        for seat in self.guests.indices where self.guests[seat] != nil {
            self.tracking(seat) { $0.act($0.guests[seat]!.machine.stop(), seat, $0.now) }
        }
    }

    private func at(seconds: Double) -> Instant { self.startedAt.advanced(byNanoseconds: Int64(seconds * 1e9)) }

    private var isAtRest: Bool {
        let state = self.site.poolState
        return state.ready == self.fewestWorkers && state.pending.isEmpty && state.draining == 0
    }
    private var fewestWorkers: Int { self.site.poolSettings.workerBounds.lowerBound }

    /// Events of the site and of the crowd in the order of time.
    private mutating func run(until end: Instant, isDone: (Self) -> Bool) {
        while let own = self.queue.nextAt(), !isDone(self) {
            if let siteAt = self.site.nextAt, siteAt <= own {
                guard siteAt <= end else { break }
                self.site.step()
                if self.sleepers.count > 0 { self.wakeSleepers() }
            } else {
                guard own <= end, let next = self.queue.pop() else { break }
                self.now = max(self.now, next.at)
                self.handle(next.event)
            }
            self.takeDeliveries()
        }
        self.now = max(self.now, min(end, self.site.now))
    }

    private mutating func takeDeliveries() {
        guard !self.site.deliveries.isEmpty else { return }
        for delivery in self.site.deliveries {
            if self.isCounted {
                self.deliver(delivery)
            } else {
                self.queue.push(.answer(delivery), at: delivery.at)
            }
        }
        self.site.forgetDeliveries()
    }

    private mutating func deliver(_ delivery: SimulatedSite.Delivery) {
        let seat = Int(delivery.visitor & 0xFFFF_FFFF)
        guard self.guests[seat]?.question == UInt32(delivery.visitor >> 32) else { return }
        self.guests[seat]!.question = 0
        self.tracking(seat) { $0.hear(delivery.answer, seat, delivery.at) }
    }

    // MARK: Visitors

    private mutating func scheduleArrival() {
        guard let next = self.next else { return }
        self.queue.push(.arrival, at: self.startedAt.advanced(byNanoseconds: next.arrivalNanoseconds))
    }

    private mutating func handle(_ event: Event) {
        switch event {
        case .second:
            self.queue.push(.second, at: self.now.advanced(byNanoseconds: Nanoseconds.perSecond))
            self.closeSecond()
        case .arrival:
            guard let visitor = self.next else { return }
            self.next = self.coming.next()
            self.scheduleArrival()
            self.noteInTime()
            self.tally.arrived()
            let seat = self.seat(Guest(machine: VisitorMachine(visitor, startedAt: self.startedAt), sentAt: self.now))
            self.tracking(seat) { $0.act($0.guests[seat]!.machine.arrive(), seat, $0.now) }
        case .timer(let seat):
            guard self.guests[seat] != nil else { return }
            self.noteInTime()
            self.tracking(seat) { $0.act($0.guests[seat]!.machine.timerFired(now: $0.now), seat, $0.now) }
        case .answer(let delivery): self.deliver(delivery)
        }
    }

    /// A simulated timer is never late.
    private mutating func noteInTime() { if !self.isCounted { self.tally.wasLate(nanoseconds: 0) } }

    private mutating func seat(_ guest: Guest) -> Int {
        guard let seat = self.freeSeats.popLast() else {
            self.guests.append(guest)
            return self.guests.count - 1
        }
        self.guests[seat] = guest
        return seat
    }

    /// Keeps count of where the guests are, over whatever happens to one of them.
    private mutating func tracking(_ seat: Int, _ body: (inout Self) -> Void) {
        self.count(seat, -1)
        body(&self)
        self.count(seat, 1)
    }

    private mutating func count(_ seat: Int, _ sign: Int) {
        guard let guest = self.guests[seat] else { return }
        if guest.machine.isInLine { self.inLine += sign }
        if guest.machine.isInside { self.inside += sign }
        if guest.isConnected { self.connected += sign }
    }

    private mutating func act(_ action: VisitorMachine.Action, _ seat: Int, _ now: Instant) {
        switch action {
        case .none: break
        case .connect:
            self.tally.connected()
            self.guests[seat]!.isConnected = true
            self.act(self.guests[seat]!.machine.connected(), seat, now)
        case .request(let request): self.ask(request, seat, now)
        case .requestAndVanish(let request, let until):
            self.ask(request, seat, now)
            self.guests[seat]!.question = 0
            self.guests[seat]!.isConnected = false
            self.book(.vanished, seat, isExit: false, nil, due: request.due, now)
            self.queue.push(.timer(seat), at: until)
        case .wait(let until):
            if self.isCounted, self.fallsAsleep(seat) { return }
            self.queue.push(.timer(seat), at: until)
            // As in `play`: a connection is kept for as long as the next request is near.
            guard until.nanoseconds(since: now) > VisitorPlayer.keepNanoseconds else { return }
            self.guests[seat]!.isConnected = false
            self.guests[seat]!.machine.connectionEnded()
        case .leave(let outcome):
            let machine = self.guests[seat]!.machine
            let keepsPlace = self.rules.manners(of: machine.visitor).keepsPlace
            self.tally.left(outcome, machine: machine, keepsPlace: keepsPlace)
            self.leftCount += 1
            self.empty(seat)
        }
    }

    private mutating func empty(_ seat: Int) {
        self.guests[seat] = nil
        self.freeSeats.append(seat)
    }

    private mutating func ask(_ request: VisitorMachine.Request, _ seat: Int, _ now: Instant) {
        self.tally.sent()
        self.questions = self.questions == .max ? 1 : self.questions + 1
        self.guests[seat]!.sentAt = now
        self.guests[seat]!.question = self.questions
        let guest = self.guests[seat]!
        let visitor = guest.machine.visitor
        let jar = self.jars.shown(by: visitor, self.rules.manners(of: visitor), own: guest.jar)
        let site = SimulatedSite.Request(
            visitor: UInt64(self.questions) << 32 | UInt64(seat),
            pass: jar.pass,
            place: jar.place,
            isExit: request.page == .exit
        )
        self.site.ask(site, now: now)
    }

    private mutating func keep(_ set: SimulatedJars.Jar, _ seat: Int) {
        guard let visitor = self.guests[seat]?.machine.visitor else { return }
        self.jars.keep(set, of: visitor, self.rules.manners(of: visitor), own: &self.guests[seat]!.jar)
    }

    private mutating func hear(_ answer: SimulatedSite.Answer, _ seat: Int, _ now: Instant) {
        guard let guest = self.guests[seat] else { return }
        let response = self.response(answer, seat)
        let reaction = self.guests[seat]!.machine.answered(response, now: now, rules: self.rules)
        if reaction.heard == .exchange { self.lastLetInAt = max(now, self.lastLetInAt ?? now) }
        let machine = guest.machine
        self.book(reaction.heard, seat, isExit: machine.asksForExit, response, due: machine.due, now)
        self.act(reaction.action, seat, now)
    }

    private mutating func book(
        _ heard: VisitorMachine.Heard,
        _ seat: Int,
        isExit: Bool,
        _ response: Response?,
        due: Instant,
        _ now: Instant
    ) {
        guard self.books != nil, let guest = self.guests[seat] else { return self.tally.counted(heard) }
        let (index, conduct) = self.rules.book(of: guest.machine.visitor)
        let since = self.books?.due(heard, of: index, requestDue: due) ?? due
        self.tally.heard(heard, due: since, sentAt: guest.sentAt, now: now)
        self.books?.heard(
            heard,
            of: index,
            conduct,
            isExit: isExit,
            response: response,
            sentAt: guest.sentAt,
            now: now
        )
    }

    /// What the visitor reads, once the cookies are put away.
    private mutating func response(_ answer: SimulatedSite.Answer, _ seat: Int) -> Response {
        let set = SimulatedJars.Jar(answer)
        if set.pass != nil || set.place != nil { self.keep(set, seat) }
        return Response(answer)
    }

    // MARK: Those far back

    /// Nothing that a visitor hears before being called changes anything: true when this one is put aside until then.
    private mutating func fallsAsleep(_ seat: Int) -> Bool {
        guard let rest = self.guests[seat]!.machine.rest, let place = self.guests[seat]!.jar.place,
            rest.number > self.site.snapshot?.serving ?? 0
        else { return false }
        let manners = self.rules.manners(of: rest.visitor)
        let isEager = rest.visitor.eagerRefreshNanoseconds != nil
        guard !isEager || manners.eagerWindowSeconds <= Self.longestEagerSeconds, manners.ownPaceSeconds == nil else {
            return false
        }
        self.sleepers.add(Sleepers.Sleeper(rest: rest, place: place))
        self.empty(seat)
        return true
    }

    /// Those who have been called ask with their next look, somewhere in the second or two between two of them.
    private mutating func wakeSleepers() {
        guard let serving = self.site.snapshot?.serving else { return }
        while let sleeper = self.sleepers.wake(upTo: serving, now: self.site.now) {
            var draw = sleeper.rest.visitor.generator(ordinal: 4_000_000)
            // The longer of two pauses is twice as likely to be the one that the call falls into.
            let pause = draw.nextUnit() < 1.0 / 3 ? 1.0 : 2.0
            let until = self.site.now.advanced(byNanoseconds: Int64(draw.nextUnit() * pause * 1e9))
            let machine = VisitorMachine(sleeper.rest, startedAt: self.startedAt, until: until)
            let seat = self.seat(Guest(machine: machine, jar: .init(place: sleeper.place), sentAt: until))
            self.count(seat, 1)
            self.tally.looked(Self.nearLooks)
            self.queue.push(.timer(seat), at: until)
        }
    }

    private mutating func countSleepers() {
        let lost = self.sleepers.leave(inSecond: self.seconds)
        self.tally.ended(.abandoned, count: lost)
        self.leftCount += lost
        self.partLooks += Double(self.sleepers.count) / Self.farLookSeconds
        let distance = abs(self.now.nanoseconds(since: self.rules.openingAt))
        if Double(distance) / 1e9 <= self.crowd.scenario.manners.eagerWindowSeconds {
            self.partLooks += self.sleepers.eagerPerSecond
        }
        self.tally.looked(Int(self.partLooks))
        self.partLooks -= Double(Int(self.partLooks))
    }

    // MARK: Books

    private var gauges: Gauges {
        var gauges = Gauges()
        gauges.waiting = self.inLine + self.sleepers.count
        gauges.inside = self.inside
        gauges.openConnections = self.connected
        gauges.workersReady = self.site.poolState.ready
        gauges.workersDesired = self.site.decision?.desiredWorkers
        gauges.limitPerSecond = self.inflowPerSecond.last { $0.at <= self.now }?.perSecond
        gauges.effectiveLimitPerSecond = self.site.snapshot.map { Double($0.rateMilli) / 1000 }
        return gauges
    }

    private mutating func closeSecond() {
        self.mostWorkers = max(self.mostWorkers, self.site.poolState.ready)
        if self.isCounted {
            self.countSleepers()
        } else {
            self.timeline.append(self.tally, self.gauges)
            self.tally.reset()
        }
        self.seconds += 1
        self.takeJournal()
    }

    private mutating func takeJournal() {
        let journal = self.site.takeJournal()
        // Of a crowd that is counted only the count is kept, which the room keeps itself.
        guard !self.isCounted else { return }
        for entry in journal {
            switch entry {
            case .exchange(let micros, let grants):
                self.exchanges += grants.map {
                    AdmissionJournal.Exchange(micros: micros, number: $0.number, doorWaitMicros: $0.doorWaitMicros)
                }
            case .limits(let micros, let rateMilli, let burst, let slots):
                self.limits.append(LimitStep(micros: micros, rateMilli: rateMilli, burst: burst, slots: slots))
            case .adopt, .regress, .reset: break
            }
        }
    }

    /// All that the judge needs of the run; what was written into the settings is the caller's to add.
    func evidence(startedMicros: Int64) -> Evidence {
        var evidence = Evidence(startedMicros: startedMicros, timeline: self.timeline)
        evidence.books = self.books
        evidence.journal = AdmissionJournal(exchanges: self.exchanges, limits: self.limits)
        evidence.journal.sort()
        evidence.roomAdmitted = self.site.snapshot.map { Int($0.admitted) }
        return evidence
    }
}
