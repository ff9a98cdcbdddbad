import Primitives
import Simulation

@testable import onsale

/// Plays a crowd in virtual time through a proxy that breaks the site in one way, or in none: the visitors, the books and
/// the judge of `play`, behind them the room, the controller and the workers that production runs.
///
/// `SimulatedCrowd` with more between: requests that never arrive, connections that break, pages and cookies of others, and
/// tokens that are no good.
struct ProxiedSale {
    private struct Guest {
        var machine: VisitorMachine
        var jar = SimulatedJars.Jar()
        /// The request whose answer this one waits for; an answer to another reaches nobody.
        var awaits: Int?
        /// An answer has come over the connection.
        var isConnectionUsed = false
        var isConnected = false
        /// With the request under way a thief shows the pass of somebody who is inside.
        var isStealing = false
    }

    private enum Event {
        case arrival(Int), connected(Int), timer(Int)
        case answer(Response, sets: SimulatedJars.Jar, to: Int)
        case failure(ErrorKind, to: Int)
        case second, probes
    }

    /// Fewer than this wait: a token that is no good may be let in as a newcomer's, and says nothing.
    private static let fewestWaiting = 30
    /// So many times as long as planned a run may take until everybody has gone, and so long the workers may take after.
    private static let mostLengths = 4.0
    private static let restSeconds = 60.0
    private static let connectNanoseconds = 200 * Nanoseconds.perMicrosecond

    let rules: VisitorRules
    private let scenario: Scenario
    /// As the judge knows the site.
    private let plan: SitePlan
    private(set) var site: SimulatedSite
    private(set) var proxy: FaultyProxy
    private var guests: [Guest]
    private var requests: [FaultyProxy.Asked] = []
    private var jars = SimulatedJars()
    /// Of people who have given the slot back, each with the time at which they asked for that.
    private var used: [(jar: SimulatedJars.Jar, askedAt: Instant)] = []
    /// Of people who have gone and given nothing back, each with the time at which they went.
    private var left: [(jar: SimulatedJars.Jar, leftAt: Instant)] = []
    private var books: VisitBooks
    private var timeline: Timeline
    private var tally = Tally()
    private var exchanges: [AdmissionJournal.Exchange] = []
    private var limits: [LimitStep] = []
    private var queue = EventQueue<Event>()
    private var now = SimulationPlan.startedAt
    private var leftCount = 0
    private var draw: SplitMix64

    init(_ crowd: Crowd, plan: SitePlan, fault: Fault? = nil, excuses: Excuses = .none) throws {
        let startedAt = SimulationPlan.startedAt
        let configured = fault?.configured(plan) ?? plan
        var simulated = try SimulationPlan(plan: configured, scenario: crowd.scenario, overrides: [])
        fault?.rewrite(&simulated.settings)
        let site = SimulatedSite(
            simulated.settings,
            room: simulated.room.name,
            startedAt: startedAt,
            startedMicros: SimulationPlan.startedMicros,
            seed: crowd.scenario.seed
        )
        guard let site else { preconditionFailure("the generated site has a room and a pool") }
        self.site = site
        for var change in simulated.changes {
            fault?.rewrite(&change.settings)
            self.site.schedule(change.settings, writtenAt: Self.instant(seconds: change.seconds))
        }
        self.scenario = crowd.scenario
        self.plan = plan
        self.timeline = Timeline(excuses: excuses)
        self.rules = VisitorRules(crowd.scenario, startedAt: startedAt)
        self.guests = crowd.visitors.map { Guest(machine: VisitorMachine($0, startedAt: startedAt)) }
        self.proxy = FaultyProxy(fault, visitors: crowd.count)
        self.books = VisitBooks(visitors: crowd.count, startedAt: startedAt, openingAt: self.rules.openingAt)
        self.draw = SplitMix64(seed: crowd.scenario.seed ^ 0xABCD)
    }

    static func instant(seconds: Double) -> Instant {
        SimulationPlan.startedAt.advanced(byNanoseconds: Int64(seconds * 1e9))
    }

    static func seconds(_ instant: Instant) -> Double {
        Double(instant.nanoseconds(since: SimulationPlan.startedAt)) / 1e9
    }

    /// Until everybody has gone and the workers are back to the fewest.
    mutating func play() {
        for (index, guest) in self.guests.enumerated() { self.queue.push(.arrival(index), at: guest.machine.due) }
        self.queue.push(.second, at: Self.instant(seconds: 1))
        for seconds in self.plan.probeSeconds { self.queue.push(.probes, at: Self.instant(seconds: seconds)) }
        self.run(until: Self.instant(seconds: self.scenario.durationSeconds * Self.mostLengths)) {
            $0.leftCount == $0.guests.count
        }
        for index in self.guests.indices { self.act(self.guests[index].machine.stop(), index) }
        // What the room says of itself is as of its last tick.
        self.run(until: self.now.advanced(byNanoseconds: Nanoseconds.perSecond)) { _ in false }
        self.run(until: self.now.advanced(byNanoseconds: Int64(Self.restSeconds * 1e9))) {
            let workers = $0.site.poolState
            return workers.ready == $0.plan.fewestWorkers && workers.pending.isEmpty && workers.draining == 0
        }
        self.closeSecond()
    }

    /// Events of the site and of the crowd in the order of time.
    private mutating func run(until end: Instant, isDone: (Self) -> Bool) {
        while let own = self.queue.nextAt(), !isDone(self) {
            if let siteAt = self.site.nextAt, siteAt <= own {
                guard siteAt <= end else { return }
                self.site.step()
            } else {
                guard own <= end, let next = self.queue.pop() else { return }
                self.now = max(self.now, next.at)
                self.handle(next.event)
            }
            self.takeDeliveries()
        }
    }

    private mutating func handle(_ event: Event) {
        switch event {
        case .arrival(let index):
            self.tally.arrived()
            self.act(self.guests[index].machine.arrive(), index)
        case .connected(let index):
            guard !self.guests[index].machine.isGone else { return }
            self.tally.connected()
            self.guests[index].isConnected = true
            self.act(self.guests[index].machine.connected(), index)
        case .timer(let index):
            let late = self.proxy.fault == .toolLate ? 400e6 : self.draw.nextUnit() * 3e6
            self.tally.wasLate(nanoseconds: Int64(late))
            self.act(self.guests[index].machine.timerFired(now: self.now), index)
        case .answer(let response, let sets, let request): self.hear(response, sets, request)
        case .failure(let kind, let request): self.hear(nil, SimulatedJars.Jar(), request, kind)
        case .second:
            self.queue.push(.second, at: self.now.advanced(byNanoseconds: Nanoseconds.perSecond))
            self.closeSecond()
        case .probes: self.sendProbes()
        }
    }

    // MARK: Visitors

    private mutating func act(_ action: VisitorMachine.Action, _ index: Int) {
        switch action {
        case .none: break
        case .connect:
            self.guests[index].isConnectionUsed = false
            self.queue.push(.connected(index), at: self.now.advanced(byNanoseconds: Self.connectNanoseconds))
        case .request(let request): self.ask(request, index)
        case .requestAndVanish(let request, let until):
            self.ask(request, index)
            self.guests[index].awaits = nil
            self.guests[index].isConnected = false
            self.book(.vanished, index, isExit: false, nil, due: request.due, sentAt: self.now)
            self.queue.push(.timer(index), at: until)
        case .wait(let until): self.queue.push(.timer(index), at: until)
        case .leave(let outcome):
            self.leftCount += 1
            self.guests[index].isConnected = false
            let machine = self.guests[index].machine
            if outcome == .served, !machine.visitor.leavesByPage, self.guests[index].jar.pass != nil {
                self.left.append((self.guests[index].jar, self.now))
            }
            let keepsPlace = self.rules.manners(of: machine.visitor).keepsPlace
            self.tally.left(outcome, machine: machine, keepsPlace: keepsPlace)
        }
    }

    private mutating func ask(_ request: VisitorMachine.Request, _ index: Int) {
        self.tally.sent()
        let jar = self.shown(by: index)
        if request.page == .exit { self.used.append((jar, self.now)) }
        let number = self.note(
            FaultyProxy.Asked(
                asker: .visitor(index),
                book: self.rules.book(of: self.guests[index].machine.visitor).index,
                shown: jar,
                isExit: request.page == .exit,
                isKept: self.guests[index].isConnectionUsed,
                sentAt: self.now
            )
        )
        self.guests[index].awaits = number
        let moment = self.moment
        switch self.proxy.way(of: &self.requests[number], moment) {
        case .passesOn: self.pass(number)
        case .answers(let response): self.relay(response, SimulatedJars.Jar(), to: number, at: self.later)
        case .fails(let kind): self.queue.push(.failure(kind, to: number), at: self.later)
        case .swallows: break
        }
        guard self.proxy.takesPlace(self.requests[number], moment) else { return }
        self.pass(self.note(FaultyProxy.Asked(asker: .proxy, sentAt: self.now)))
    }

    private var later: Instant { self.now.advanced(byNanoseconds: Nanoseconds.perMillisecond) }

    private mutating func note(_ asked: FaultyProxy.Asked) -> Int {
        self.requests.append(asked)
        return self.requests.count - 1
    }

    private mutating func pass(_ number: Int) {
        let asked = self.requests[number]
        let request = SimulatedSite.Request(
            visitor: UInt64(number),
            pass: asked.passedOn.pass,
            place: asked.passedOn.place,
            isExit: asked.isExit
        )
        self.site.ask(request, now: self.now)
    }

    private var moment: FaultyProxy.Moment {
        FaultyProxy.Moment(
            seconds: Self.seconds(self.now),
            opensAt: self.scenario.curve.openingSeconds,
            serving: self.site.snapshot?.serving ?? 0,
            issued: self.site.snapshot?.issued ?? 0
        )
    }

    private mutating func takeDeliveries() {
        guard !self.site.deliveries.isEmpty else { return }
        for delivery in self.site.deliveries {
            let number = Int(delivery.visitor)
            let sets = SimulatedJars.Jar(delivery.answer)
            let response = Response(delivery.answer)
            switch self.requests[number].asker {
            case .visitor: self.relay(response, sets, to: number, at: delivery.at)
            case .probe(let kind):
                guard response.status == 200 else { continue }
                let asked = self.requests[number]
                let result = ProbeResult(kind: kind, outcome: FaultyProxy.outcome(kind, asked, response, sets))
                self.books.answered(result, sentAt: asked.sentAt, now: delivery.at)
            case .proxy: if let place = sets.place { self.proxy.places.append(place) }
            }
        }
        self.site.forgetDeliveries()
    }

    private mutating func relay(_ response: Response, _ sets: SimulatedJars.Jar, to number: Int, at instant: Instant) {
        var moment = self.moment
        moment.seconds = Self.seconds(instant)
        var sets = sets
        switch self.proxy.relay(response, &sets, to: self.requests[number], moment) {
        case .answer(let response, let seconds):
            let at = seconds == moment.seconds ? instant : Self.instant(seconds: seconds)
            self.queue.push(.answer(response, sets: sets, to: number), at: at)
        case .failure(let kind): self.queue.push(.failure(kind, to: number), at: instant)
        }
    }

    private mutating func hear(
        _ response: Response?,
        _ sets: SimulatedJars.Jar,
        _ number: Int,
        _ kind: ErrorKind = .broken
    ) {
        let asked = self.requests[number]
        guard case .visitor(let index) = asked.asker, self.guests[index].awaits == number else { return }
        self.guests[index].awaits = nil
        self.guests[index].isConnectionUsed = response != nil
        let visitor = self.guests[index].machine.visitor
        let cookies = self.rules.manners(of: visitor).cookies
        self.jars.keep(sets, of: visitor.person, cookies, own: &self.guests[index].jar)
        let isExit = self.guests[index].machine.asksForExit
        let due = self.guests[index].machine.due
        let reaction =
            if let response {
                self.guests[index].machine.answered(response, now: self.now, rules: self.rules)
            } else {
                self.guests[index].machine.failed(kind, nothingReceived: true, now: self.now, rules: self.rules)
            }
        self.noteTheft(by: index, reaction.heard, asked.shown, sets)
        self.book(reaction.heard, index, isExit: isExit, response, due: due, sentAt: asked.sentAt)
        self.act(reaction.action, index)
    }

    private mutating func book(
        _ heard: VisitorMachine.Heard,
        _ index: Int,
        isExit: Bool,
        _ response: Response?,
        due: Instant,
        sentAt: Instant
    ) {
        let (book, conduct) = self.rules.book(of: self.guests[index].machine.visitor)
        let since = self.books.due(heard, of: book, requestDue: due)
        self.tally.heard(heard, due: since, sentAt: sentAt, now: self.now)
        self.books.heard(heard, of: book, conduct, isExit: isExit, response: response, sentAt: sentAt, now: self.now)
    }

    // MARK: Tokens that are no good

    private var inLine: Int { self.guests.count { self.rules.isInLine($0.machine) } }

    /// The cookies of somebody who is inside.
    private var jarOfInsider: SimulatedJars.Jar? {
        self.guests.first {
            $0.machine.isInside && !$0.machine.isGone && $0.jar.pass != nil
                && self.rules.manners(of: $0.machine.visitor).cookies == .own
        }?.jar
    }

    /// A pass that a thief shows is none at another address, as the gateway reads it.
    private mutating func shown(by index: Int) -> SimulatedJars.Jar {
        let guest = self.guests[index]
        let manners = self.rules.manners(of: guest.machine.visitor)
        self.guests[index].isStealing = false
        if manners.cookies == .stolen, self.inLine >= Self.fewestWaiting, let stolen = self.jarOfInsider?.pass {
            self.guests[index].isStealing = true
            if self.proxy.fault == .stolenPassTaken { return SimulatedJars.Jar(pass: stolen) }
        }
        return self.jars.shown(by: guest.machine.visitor.person, manners.cookies, own: guest.jar)
    }

    private mutating func noteTheft(
        by index: Int,
        _ heard: VisitorMachine.Heard,
        _ shown: SimulatedJars.Jar,
        _ sets: SimulatedJars.Jar
    ) {
        guard self.guests[index].isStealing, heard != .vanished else { return }
        let isLetIn = heard == .exchange || heard == .inside
        let outcome = ProbeResult.Outcome(isLetIn: isLetIn, shown: shown.pass?.number, given: sets.pass?.number)
        self.books.probes.answered(ProbeResult(kind: .stolenPass, outcome: outcome))
    }

    /// What is forged or stolen the gateway takes for none before the room is asked; what is used up the room knows.
    private mutating func sendProbes() {
        guard self.inLine >= Self.fewestWaiting, let insider = self.jarOfInsider else { return }
        // Of those in line somebody who is not called before long.
        let waiting = self.guests.last { self.rules.isInLine($0.machine) && $0.jar.place != nil }?.jar
        for kind in ProbeKind.allCases {
            guard var jar = self.jar(for: kind) else { continue }
            self.books.probes.tries(kind)
            guard self.proxy.fault != .tokensRenamed else { continue }
            if self.proxy.fault?.takes(kind) == true { jar = kind == .forgedPlace ? waiting ?? jar : insider }
            self.pass(self.note(FaultyProxy.Asked(asker: .probe(kind), shown: jar, sentAt: self.now)))
        }
    }

    /// As the site reads what is shown; nil: there is nobody yet to take the token from.
    private func jar(for kind: ProbeKind) -> SimulatedJars.Jar? {
        switch kind {
        case .forgedPlace, .forgedPass, .stolenPass: return SimulatedJars.Jar()
        case .usedPass, .usedPlace:
            let settled = self.used.first {
                self.now.nanoseconds(since: $0.askedAt) >= ProbeStock.settlingNanoseconds && $0.jar.pass != nil
            }
            return settled.map { kind == .usedPass ? .init(pass: $0.jar.pass) : .init(place: $0.jar.place) }
        case .expiredPass:
            let session = Int64(self.plan.sessionSeconds) * Nanoseconds.perSecond + ProbeStock.settlingNanoseconds
            return self.left.first { self.now.nanoseconds(since: $0.leftAt) >= session }
                .map { .init(pass: $0.jar.pass) }
        }
    }

    // MARK: Books

    private var gauges: Gauges {
        var gauges = Gauges()
        gauges.waiting = self.inLine
        gauges.inside = self.guests.count { $0.machine.isInside && !$0.machine.isGone }
        gauges.openConnections = self.guests.count(where: \.isConnected)
        gauges.take(self.site.poolState)
        if self.proxy.fault == .statusLies { gauges.workersTold = self.plan.mostWorkers }
        gauges.workersDesired = self.site.decision?.desiredWorkers
        let micros = self.now.nanoseconds(since: SimulationPlan.startedAt) / 1_000
        gauges.limitPerSecond = self.schedule.written.last { $0.micros <= micros }.map { Double($0.rateMilli) / 1000 }
        gauges.effectiveLimitPerSecond = self.site.snapshot.map { Double($0.rateMilli) / 1000 }
        return gauges
    }

    private var schedule: LimitSchedule {
        self.plan.schedule(
            openingMicros: Int64(self.scenario.curve.openingSeconds * 1e6),
            writtenMicros: self.plan.changes.map { Int64($0.seconds * 1e6) },
            objectives: self.scenario.objectives
        )
    }

    private mutating func closeSecond() {
        self.timeline.append(self.tally, self.gauges)
        self.tally.reset()
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

    /// All that the judge is given.
    var evidence: Evidence {
        var evidence = Evidence(startedMicros: SimulationPlan.startedMicros, timeline: self.timeline)
        evidence.books = self.books
        evidence.schedule = self.schedule
        evidence.sessionMicros = Int64(self.plan.sessionSeconds) * 1_000_000
        let told = self.exchanges.enumerated().flatMap { self.proxy.fault?.told($1, of: $0) ?? [$1] }
        evidence.journal = AdmissionJournal(exchanges: told, limits: self.limits)
        evidence.journal.sort()
        evidence.roomCount = .init(answer: self.site.snapshot.map { Int($0.admitted) })
        evidence.workerBounds = .init(fewest: self.plan.fewestWorkers, most: self.plan.mostWorkers)
        evidence.agentCount = 2
        if self.proxy.fault == .agentLost { evidence.missingShares = ["agent 2 was lost"] }
        evidence.ending = Evidence.Ending(
            status: "exit code 0",
            isClean: true,
            nanoseconds: 90_000_000,
            leftProcesses: self.proxy.fault == .leavesProcess ? 1 : 0
        )
        return evidence
    }

    /// What the judge makes of the sale, when all is over.
    static func verdict(_ scenario: Scenario, plan: SitePlan, fault: Fault? = nil) throws -> Verdict {
        var sale = try ProxiedSale(try Crowd(scenario), plan: plan, fault: fault)
        sale.play()
        return Judge(objectives: scenario.objectives, evidence: sale.evidence).verdict()
    }
}
