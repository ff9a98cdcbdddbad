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

    private enum Event {
        case arrival, second
        /// By the visitor's seat.
        case timer(UInt32)
        /// Kept elsewhere: millions of timers are to be small.
        indirect case answer(SimulatedSite.Delivery)
    }

    let crowd: Crowd
    let rules: VisitorRules
    private(set) var site: SimulatedSite
    private let startedAt: Instant
    private var guests = SimulatedGuests()
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
    /// How far sleepers have been woken.
    private var wokenUpTo: Int64 = 0
    /// Looks of sleepers that are not whole yet.
    private var partLooks = 0.0
    private var exchanges: [AdmissionJournal.Exchange] = []
    private var limits: [LimitStep] = []
    /// What the configuration allows at a time, for the plots; set by whoever schedules reloads.
    var inflowPerSecond: [(at: Instant, perSecond: Double)] = []
    private(set) var lastLetInAt: Instant?
    private(set) var mostWorkers = 0

    /// - Parameters:
    ///   - isOpenFromStart: the room has no opening, whatever the crowd believes.
    ///   - isCounted: whatever its size.
    init(
        _ crowd: Crowd,
        site: SimulatedSite,
        startedAt: Instant,
        isOpenFromStart: Bool = false,
        isCounted: Bool = false
    ) {
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
            openingAt: isOpenFromStart ? startedAt : self.rules.openingAt
        )
    }

    var isCounted: Bool { self.books == nil }

    static func mustCount(_ crowd: Crowd) -> Bool { crowd.scenario.visitors > Self.mostJudged }

    /// Until everybody has gone and the workers are back to the fewest, for no more than `restSeconds` after that.
    mutating func play(restSeconds: Double) {
        self.scheduleArrival()
        self.queue.push(.second, at: self.startedAt.advanced(byNanoseconds: Nanoseconds.perSecond))
        let end = self.at(seconds: self.crowd.scenario.durationSeconds + Self.graceSeconds)
        self.run(until: end, orUntil: .allHaveGone)
        self.stopVisitors()
        // What the room says of itself is as of its last tick.
        self.run(until: self.now.advanced(byNanoseconds: Nanoseconds.perSecond))
        self.run(until: self.now.advanced(byNanoseconds: Int64(restSeconds * 1e9)), orUntil: .workersRest)
        self.closeSecond()
        if self.isCounted { self.timeline.append(self.tally, self.gauges) }
        self.takeJournal()
    }

    private mutating func stopVisitors() {
        self.next = nil
        self.tally.ended(.unfinished, count: self.sleepers.removeAll())
        for seat in self.guests.seats.indices where !self.guests.seats[seat].isGone {
            self.tracking(seat) { $0.act($0.guests.seats[seat].machine.stop(), seat, $0.now) }
        }
    }

    private func at(seconds: Double) -> Instant { self.startedAt.advanced(byNanoseconds: Int64(seconds * 1e9)) }

    private enum Goal { case allHaveGone, workersRest }

    private func isReached(_ goal: Goal) -> Bool {
        switch goal {
        case .allHaveGone: self.leftCount == self.crowd.scenario.visitors
        case .workersRest: self.isAtRest
        }
    }

    private var isAtRest: Bool {
        let state = self.site.poolState
        return state.ready == self.fewestWorkers && state.pending.isEmpty && state.draining == 0
    }
    private var fewestWorkers: Int { self.site.poolSettings.workerBounds.lowerBound }

    /// Events of the site and of the crowd in the order of time.
    private mutating func run(until end: Instant, orUntil goal: Goal? = nil) {
        while let own = self.queue.nextAt(), !(goal.map(self.isReached) ?? false) {
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
        guard !self.guests.seats[seat].isGone, self.guests.seats[seat].question == UInt32(delivery.visitor >> 32) else {
            return
        }
        self.guests.seats[seat].question = 0
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
            let seat = self.guests.sit(
                .init(machine: VisitorMachine(visitor, startedAt: self.startedAt), sentAt: self.now)
            )
            self.tracking(seat) { $0.act($0.guests.seats[seat].machine.arrive(), seat, $0.now) }
        case .timer(let packed):
            let seat = Int(packed)
            guard !self.guests.seats[seat].isGone else { return }
            self.noteInTime()
            self.tracking(seat) { $0.act($0.guests.seats[seat].machine.timerFired(now: $0.now), seat, $0.now) }
        case .answer(let delivery): self.deliver(delivery)
        }
    }

    /// A simulated timer is never late.
    private mutating func noteInTime() { if !self.isCounted { self.tally.wasLate(nanoseconds: 0) } }

    /// Keeps count of where the guests are, over whatever happens to one of them.
    private mutating func tracking(_ seat: Int, _ body: (inout Self) -> Void) {
        let before = self.guests.seats[seat].presence
        body(&self)
        self.guests.moved(from: before, seat)
    }

    private mutating func act(_ action: VisitorMachine.Action, _ seat: Int, _ now: Instant) {
        switch action {
        case .none: break
        case .connect:
            self.tally.connected()
            self.guests.seats[seat].isConnected = true
            self.act(self.guests.seats[seat].machine.connected(), seat, now)
        case .request(let request): self.ask(request, seat, now)
        case .requestAndVanish(let request, let until):
            self.ask(request, seat, now)
            self.guests.seats[seat].question = 0
            self.guests.seats[seat].isConnected = false
            self.book(.vanished, seat, isExit: false, nil, due: request.due, now)
            self.setTimer(seat, at: until)
        case .wait(let until):
            if self.isCounted, self.fallsAsleep(seat) { return }
            self.setTimer(seat, at: until)
            // As in `play`: a connection is kept for as long as the next request is near.
            guard until.nanoseconds(since: now) > VisitorPlayer.keepNanoseconds else { return }
            self.guests.seats[seat].isConnected = false
            self.guests.seats[seat].machine.connectionEnded()
        case .leave(let outcome):
            let keepsPlace = self.rules.manners(of: self.guests.seats[seat].machine.visitor).keepsPlace
            self.tally.left(outcome, machine: self.guests.seats[seat].machine, keepsPlace: keepsPlace)
            self.leftCount += 1
            self.guests.leave(seat)
        }
    }

    private mutating func setTimer(_ seat: Int, at instant: Instant) {
        self.queue.push(.timer(UInt32(seat)), at: instant)
    }

    private mutating func ask(_ request: VisitorMachine.Request, _ seat: Int, _ now: Instant) {
        self.tally.sent()
        self.questions = self.questions == .max ? 1 : self.questions + 1
        self.guests.seats[seat].sentAt = now
        self.guests.seats[seat].question = self.questions
        let jar = self.jars.shown(
            by: self.guests.seats[seat].machine.visitor.person,
            self.cookies(seat),
            own: self.guests.seats[seat].jar
        )
        let site = SimulatedSite.Request(
            visitor: UInt64(self.questions) << 32 | UInt64(seat),
            pass: jar.pass,
            place: jar.place,
            isExit: request.page == .exit
        )
        self.site.ask(site, now: now)
    }

    private func cookies(_ seat: Int) -> CookieHabit {
        self.rules.manners(of: self.guests.seats[seat].machine.visitor).cookies
    }

    private mutating func keep(_ set: SimulatedJars.Jar, _ seat: Int) {
        let person = self.guests.seats[seat].machine.visitor.person
        self.jars.keep(set, of: person, self.cookies(seat), own: &self.guests.seats[seat].jar)
    }

    private mutating func hear(_ answer: SimulatedSite.Answer, _ seat: Int, _ now: Instant) {
        let response = self.response(answer, seat)
        let isExit = self.guests.seats[seat].machine.asksForExit
        let due = self.guests.seats[seat].machine.due
        let reaction = self.guests.seats[seat].machine.answered(response, now: now, rules: self.rules)
        if reaction.heard == .exchange { self.lastLetInAt = max(now, self.lastLetInAt ?? now) }
        self.book(reaction.heard, seat, isExit: isExit, response, due: due, now)
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
        guard !self.isCounted else { return self.tally.counted(heard) }
        let (index, conduct) = self.rules.book(of: self.guests.seats[seat].machine.visitor)
        let since = self.books?.due(heard, of: index, requestDue: due) ?? due
        let sentAt = self.guests.seats[seat].sentAt
        self.tally.heard(heard, due: since, sentAt: sentAt, now: now)
        self.books?.heard(
            heard,
            of: index,
            conduct,
            isExit: isExit,
            response: response,
            sentAt: sentAt,
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

    /// Nothing but the told wait changes anything before a visitor is called: true when this one is put aside until then.
    private mutating func fallsAsleep(_ seat: Int) -> Bool {
        guard let rest = self.guests.seats[seat].machine.rest, let place = self.guests.seats[seat].jar.place,
            rest.number > self.site.serving ?? 0
        else { return false }
        let manners = self.rules.manners(of: rest.visitor)
        let isEager = rest.visitor.eagerRefreshNanoseconds != nil
        guard !isEager || manners.eagerWindowSeconds <= Self.longestEagerSeconds, manners.ownPaceSeconds == nil else {
            return false
        }
        self.sleepers.add(Sleepers.Sleeper(rest: rest, place: place))
        self.guests.leave(seat)
        return true
    }

    /// Those who have been called ask with their next look, somewhere in the second or two between two of them.
    private mutating func wakeSleepers() {
        guard let serving = self.site.serving, serving > self.wokenUpTo else { return }
        self.wokenUpTo = serving
        while let sleeper = self.sleepers.wake(upTo: serving, now: self.site.now) {
            var draw = sleeper.rest.visitor.generator(ordinal: 4_000_000)
            // The longer of two pauses is twice as likely to be the one that the call falls into.
            let pause = draw.nextUnit() < 1.0 / 3 ? 1.0 : 2.0
            let until = self.site.now.advanced(byNanoseconds: Int64(draw.nextUnit() * pause * 1e9))
            let machine = VisitorMachine(sleeper.rest, startedAt: self.startedAt, until: until)
            let seat = self.guests.sit(.init(machine: machine, jar: .init(place: sleeper.place), sentAt: until))
            self.guests.moved(from: .init(), seat)
            self.tally.looked(Self.nearLooks)
            self.setTimer(seat, at: until)
        }
    }

    private mutating func countSleepers() {
        var lost = self.sleepers.leave(inSecond: self.seconds)
        let site = self.site
        lost += self.sleepers.leaveTold(after: self.seconds, parts: Int(Self.farLookSeconds), now: self.now) {
            site.shortestWaitSeconds(number: $0)
        }
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
        gauges.waiting = self.guests.present.inLine + self.sleepers.count
        gauges.inside = self.guests.present.inside
        gauges.openConnections = self.guests.present.connected
        gauges.take(self.site.poolState)
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
        evidence.roomCount = .init(answer: self.site.snapshot.map { Int($0.admitted) })
        return evidence
    }
}
