import Admission
import Primitives
import Simulation

/// Plays a crowd against a site in virtual time: the visitors' machines and books of `play`, the parts of production
/// behind them, no socket and no clock.
///
/// Limits: those of the books, see `VisitBooks`.
struct SimulatedCrowd {
    /// Longer than planned a run may take until everybody has gone.
    private static let graceSeconds = 20.0

    /// A visitor on the way, and what the cookies hold.
    private struct Guest {
        var machine: VisitorMachine
        var pass: AdmissionToken?
        var place: AdmissionToken?
        var sentAt: Instant
        var isConnected = false
    }

    private enum Event {
        case arrival, second
        case timer(Int)
        case answer(Int, SimulatedSite.Answer)
    }

    let crowd: Crowd
    let rules: VisitorRules
    private(set) var site: SimulatedSite
    private let startedAt: Instant
    /// By index in the crowd; nil before a visitor comes and after they have left.
    private var guests: [Guest?]
    private var books: VisitBooks
    private var timeline = Timeline()
    private var tally = Tally()
    private var queue = EventQueue<Event>()
    private var now: Instant
    private var nextToCome = 0
    private var leftCount = 0
    private var exchanges: [AdmissionJournal.Exchange] = []
    private var limits: [LimitStep] = []
    /// What the configuration allows at a time, for the plots; set by whoever schedules reloads.
    var inflowPerSecond: [(at: Instant, perSecond: Double)] = []
    private(set) var lastLetInAt: Instant?
    private(set) var mostWorkers = 0

    init(_ crowd: Crowd, site: SimulatedSite, startedAt: Instant) {
        self.crowd = crowd
        self.site = site
        self.startedAt = startedAt
        self.now = startedAt
        self.rules = VisitorRules(crowd.scenario, startedAt: startedAt)
        self.guests = Array(repeating: nil, count: crowd.visitors.count)
        self.books = VisitBooks(
            visitors: crowd.visitors.count,
            startedAt: startedAt,
            openingAt: self.rules.openingAt
        )
    }

    /// Until everybody has gone and the workers are back to the fewest, for no more than `restSeconds` after that.
    mutating func play(restSeconds: Double) {
        self.scheduleArrival()
        self.queue.push(.second, at: self.startedAt.advanced(byNanoseconds: Nanoseconds.perSecond))
        let end = self.at(seconds: self.crowd.scenario.durationSeconds + Self.graceSeconds)
        self.run(until: end) { $0.leftCount == $0.crowd.visitors.count }
        self.nextToCome = self.crowd.visitors.count
        for index in self.guests.indices where self.guests[index] != nil {
            self.act(self.guests[index]!.machine.stop(), index)
        }
        self.run(until: self.now.advanced(byNanoseconds: Int64(restSeconds * 1e9))) { $0.isAtRest }
        self.closeSecond()
        self.takeJournal()
    }

    private func at(seconds: Double) -> Instant { self.startedAt.advanced(byNanoseconds: Int64(seconds * 1e9)) }

    private var isAtRest: Bool {
        let state = self.site.poolState
        return state.ready == self.fewestWorkers && state.pending.isEmpty && state.draining == 0
    }
    private var fewestWorkers: Int { self.site.settings.pools.first?.workerBounds.lowerBound ?? 0 }

    /// Events of the site and of the crowd in the order of time.
    private mutating func run(until end: Instant, isDone: (Self) -> Bool) {
        while let own = self.queue.nextAt(), !isDone(self) {
            if let siteAt = self.site.nextAt, siteAt <= own {
                guard siteAt <= end else { break }
                self.site.step()
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
            self.queue.push(.answer(Int(delivery.visitor), delivery.answer), at: delivery.at)
        }
        self.site.forgetDeliveries()
    }

    // MARK: Visitors

    private mutating func scheduleArrival() {
        guard self.nextToCome < self.crowd.visitors.count else { return }
        let nanoseconds = self.crowd.visitors[self.nextToCome].arrivalNanoseconds
        self.queue.push(.arrival, at: self.startedAt.advanced(byNanoseconds: nanoseconds))
    }

    private mutating func handle(_ event: Event) {
        switch event {
        case .second:
            self.queue.push(.second, at: self.now.advanced(byNanoseconds: Nanoseconds.perSecond))
            self.closeSecond()
        case .arrival:
            guard self.nextToCome < self.crowd.visitors.count else { return }
            let visitor = self.crowd.visitors[self.nextToCome]
            self.nextToCome += 1
            self.scheduleArrival()
            self.tally.wasLate(nanoseconds: 0)
            self.tally.arrived()
            var machine = VisitorMachine(visitor, startedAt: self.startedAt)
            let action = machine.arrive()
            self.guests[visitor.index] = Guest(machine: machine, sentAt: self.now)
            self.act(action, visitor.index)
        case .timer(let index):
            guard self.guests[index] != nil else { return }
            self.tally.wasLate(nanoseconds: 0)
            self.act(self.guests[index]!.machine.timerFired(now: self.now), index)
        case .answer(let index, let answer): self.hear(answer, index)
        }
    }

    private mutating func act(_ action: VisitorMachine.Action, _ index: Int) {
        switch action {
        case .none: break
        case .connect:
            self.tally.connected()
            self.guests[index]!.isConnected = true
            self.act(self.guests[index]!.machine.connected(), index)
        case .request(let request): self.ask(request, index)
        case .wait(let until):
            self.queue.push(.timer(index), at: until)
            // As in `play`: a connection is kept for as long as the next request is near.
            guard until.nanoseconds(since: self.now) > VisitorPlayer.keepNanoseconds else { return }
            self.guests[index]!.isConnected = false
            self.guests[index]!.machine.connectionEnded()
        case .leave(let outcome):
            self.tally.left(outcome, machine: self.guests[index]!.machine)
            self.leftCount += 1
            self.guests[index] = nil
        }
    }

    private mutating func ask(_ request: VisitorMachine.Request, _ index: Int) {
        self.tally.sent()
        self.guests[index]!.sentAt = self.now
        let guest = self.guests[index]!
        self.site.ask(
            SimulatedSite.Request(
                visitor: UInt32(index),
                pass: guest.pass,
                place: guest.place,
                isExit: request.page == .exit
            ),
            now: self.now
        )
    }

    private mutating func hear(_ answer: SimulatedSite.Answer, _ index: Int) {
        guard let guest = self.guests[index] else { return }
        let response = self.response(answer, index)
        let reaction = self.guests[index]!.machine.answered(response, now: self.now, rules: self.rules)
        let due = guest.machine.due
        self.tally.heard(reaction.heard, due: due, sentAt: guest.sentAt, now: self.now)
        self.books.heard(
            reaction.heard,
            of: index,
            isExit: guest.machine.asksForExit,
            response: response,
            sentAt: guest.sentAt,
            now: self.now
        )
        if reaction.heard == .exchange { self.lastLetInAt = self.now }
        self.act(reaction.action, index)
    }

    /// What the visitor reads, once the cookies are put away.
    private mutating func response(_ answer: SimulatedSite.Answer, _ index: Int) -> Response {
        switch answer {
        case .outside(let position, let place):
            if let place { self.guests[index]!.place = place }
            var page = WaitingPage(
                number: position.number,
                refreshSeconds: position.refreshSeconds,
                opensInSeconds: position.opensInSeconds
            )
            page.position = position.number == nil ? 0 : position.ahead + 1
            page.waiting = position.waiting
            page.estimateSeconds = position.estimateSeconds
            return Response(
                status: 200,
                standing: position.state == .atDoor ? .atDoor : .waiting,
                page: page,
                retryAfterSeconds: position.refreshSeconds
            )
        case .inside(let pass, let place):
            if let pass { self.guests[index]!.pass = pass }
            if let place { self.guests[index]!.place = place }
            return Response(status: 200, standing: .admitted)
        case .failed(let status, let isGateways):
            return Response(status: status, retryAfterSeconds: 1, isGatewayError: isGateways, hasMark: !isGateways)
        }
    }

    // MARK: Books

    private mutating func closeSecond() {
        var gauges = Gauges()
        for case let guest? in self.guests {
            if guest.machine.isInLine { gauges.waiting += 1 }
            if guest.machine.isInside { gauges.inside += 1 }
            if guest.isConnected { gauges.openConnections += 1 }
        }
        gauges.workersReady = self.site.poolState.ready
        gauges.workersDesired = self.site.decision?.desiredWorkers
        gauges.limitPerSecond = self.inflowPerSecond.last { $0.at <= self.now }?.perSecond
        gauges.effectiveLimitPerSecond = self.site.snapshot.map { Double($0.rateMilli) / 1000 }
        self.mostWorkers = max(self.mostWorkers, self.site.poolState.ready)
        self.timeline.append(self.tally, gauges)
        self.tally.reset()
        self.takeJournal()
    }

    private mutating func takeJournal() {
        for entry in self.site.takeJournal() {
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
