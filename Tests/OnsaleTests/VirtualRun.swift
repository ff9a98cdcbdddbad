import Admission
import Primitives
import Simulation

@testable import onsale

/// Plays a crowd in virtual time against the room's real rules and a small model of its workers: no socket, no clock, no
/// sleep. A `Fault` breaks the site in one way.
struct VirtualRun {
    struct Room {
        var ratePerSecond = 250.0
        var burst: Int64 = 40
        var slots: Int64 = 5_000
        var sessionSeconds = 20.0
        /// Inflow that one ready worker can carry.
        var ratePerWorker = 70.0
        /// Changes of the limits.
        var changes: [(seconds: Double, ratePerSecond: Double, burst: Int64)] = []
        /// When tokens that are no good are shown.
        var probeSeconds: [Double] = []
    }

    enum Happening {
        case arrive, connected, timer, tick
        case answer(Response, sentAt: Instant)
        case failure(ErrorKind, sentAt: Instant)
        case change(Int)
        case probes
    }

    static let started = Instant(nanoseconds: 1_000_000_000_000)
    static let startedMicros: Int64 = 1_795_000_000_000_000
    private static let tickNanoseconds = 100 * Nanoseconds.perMillisecond

    let crowd: Crowd
    let rules: VisitorRules
    let fault: Fault?
    private(set) var machines: [VisitorMachine]
    private(set) var evidence = Evidence(startedMicros: Self.startedMicros, timeline: Timeline())
    /// nil: the crowd goes straight to the workers.
    var room: VirtualRoom?
    var workers: VirtualWorkers
    private var outcomes: [VisitorMachine.Outcome?]
    /// When the request was sent whose answer each visitor waits for; nil: an answer reaches nobody.
    private var pending: [Instant?]
    private var leftCount = 0
    /// As of the last second.
    private var inLine = 0
    private var books: VisitBooks
    private var timeline = Timeline()
    private var tally = Tally()
    private var queue = EventQueue<(visitor: Int, happening: Happening)>()
    var now = Self.started
    var draw: SplitMix64
    private var openConnections = 0
    /// Thieves whose request under way shows the pass of somebody who is inside.
    private var stealing: Set<Int> = []
    private var writtenMicros: [Int64] = []

    init(
        _ crowd: Crowd,
        room: Room? = Room(),
        workers: VirtualWorkers.Shape = VirtualWorkers.Shape(),
        fault: Fault? = nil
    ) {
        self.crowd = crowd
        self.fault = fault
        self.rules = VisitorRules(crowd.scenario, startedAt: Self.started, hasRoom: room != nil)
        self.machines = crowd.visitors.map { VisitorMachine($0, startedAt: Self.started) }
        self.outcomes = Array(repeating: nil, count: crowd.count)
        self.pending = Array(repeating: nil, count: crowd.count)
        self.books = VisitBooks(
            visitors: crowd.count,
            startedAt: Self.started,
            openingAt: self.rules.openingAt
        )
        self.draw = SplitMix64(seed: crowd.scenario.seed ^ 0xABCD)
        self.workers = VirtualWorkers(shape: workers, startedAt: Self.started)
        self.room = room.map {
            VirtualRoom($0, visitors: crowd.count, opensAt: crowd.scenario.curve.openingSeconds, fault: fault)
        }
    }

    var seconds: Double { Double(self.now.nanoseconds(since: Self.started)) / 1e9 }
    var micros: Int64 { Self.startedMicros + self.now.nanoseconds(since: Self.started) / 1_000 }

    /// Until everybody has gone, and for the planned length at least.
    mutating func play() {
        for visitor in self.crowd.visitors {
            self.push(Self.started.advanced(byNanoseconds: visitor.arrivalNanoseconds), visitor.index, .arrive)
        }
        self.push(Self.started, -1, .tick)
        for (index, change) in (self.room?.plan.changes ?? []).enumerated() {
            self.push(self.at(seconds: change.seconds), -1, .change(index))
        }
        for seconds in self.room?.plan.probeSeconds ?? [] { self.push(self.at(seconds: seconds), -1, .probes) }
        let end = self.at(seconds: self.crowd.scenario.durationSeconds)
        let last = self.at(seconds: self.crowd.scenario.durationSeconds * (self.room == nil ? 1 : 4))
        while let event = self.queue.pop(),
            event.at <= end || (event.at <= last && self.leftCount < self.outcomes.count)
        {
            self.now = event.at
            self.handle(event.event.visitor, event.event.happening)
        }
        for index in self.machines.indices where self.outcomes[index] == nil {
            self.act(self.machines[index].stop(), index)
        }
        self.timeline.append(self.tally, self.gauges())
        self.fillEvidence()
    }

    private func at(seconds: Double) -> Instant { Self.started.advanced(byNanoseconds: Int64(seconds * 1e9)) }

    private mutating func handle(_ index: Int, _ happening: Happening) {
        switch happening {
        case .tick: self.tick()
        case .arrive:
            self.tally.arrived()
            self.act(self.machines[index].arrive(), index)
        case .connected:
            guard self.outcomes[index] == nil else { return }
            self.tally.connected()
            self.act(self.machines[index].connected(), index)
        case .timer:
            self.tally.wasLate(nanoseconds: self.fault == .toolLate ? 400_000_000 : Int64(self.draw.nextUnit() * 3e6))
            self.act(self.machines[index].timerFired(now: self.now), index)
        case .answer(let answer, let sentAt):
            guard self.hears(index, sentAt) else { return }
            let isExit = self.machines[index].asksForExit
            let due = self.machines[index].due
            let reaction = self.machines[index].answered(answer, now: self.now, rules: self.rules)
            self.heard(reaction, index, isExit: isExit, answer, due: due, sentAt: sentAt)
        case .failure(let kind, let sentAt):
            guard self.hears(index, sentAt) else { return }
            let isExit = self.machines[index].asksForExit
            let due = self.machines[index].due
            let reaction = self.machines[index].failed(kind, nothingReceived: true, now: self.now, rules: self.rules)
            self.heard(reaction, index, isExit: isExit, nil, due: due, sentAt: sentAt)
        case .change(let change):
            self.writtenMicros.append(self.now.nanoseconds(since: Self.started) / 1_000)
            self.room?.change(to: change)
        case .probes: self.probe()
        }
    }

    /// The visitor still waits for the answer to what was sent then.
    private mutating func hears(_ index: Int, _ sentAt: Instant) -> Bool {
        guard self.pending[index] == sentAt else { return false }
        self.pending[index] = nil
        return true
    }

    private mutating func heard(
        _ reaction: VisitorMachine.Reaction,
        _ index: Int,
        isExit: Bool,
        _ response: Response?,
        due: Instant,
        sentAt: Instant
    ) {
        let (book, conduct) = self.rules.book(of: self.machines[index].visitor)
        let since = self.books.due(reaction.heard, of: book, requestDue: due)
        self.tally.heard(reaction.heard, due: since, sentAt: sentAt, now: self.now)
        if self.room != nil {
            self.noteTheft(by: index, reaction.heard)
            self.books.heard(
                reaction.heard,
                of: book,
                conduct,
                isExit: isExit,
                response: response,
                sentAt: sentAt,
                now: self.now
            )
        }
        self.act(reaction.action, index)
    }

    private mutating func act(_ action: VisitorMachine.Action, _ index: Int) {
        switch action {
        case .none: break
        case .connect:
            self.openConnections += 1
            self.push(self.now.advanced(byNanoseconds: 200_000), index, .connected)
        case .request(let request):
            self.tally.sent()
            self.pending[index] = self.now
            self.ask(request, index)
        case .requestAndVanish(let request, let until):
            self.tally.sent()
            self.ask(request, index)
            let reaction = VisitorMachine.Reaction(heard: .vanished, action: .none)
            self.heard(reaction, index, isExit: false, nil, due: request.due, sentAt: self.now)
            self.push(until, index, .timer)
        case .wait(let until):
            self.push(until, index, .timer)
        case .leave(let outcome):
            self.outcomes[index] = outcome
            self.leftCount += 1
            self.openConnections -= 1
            let keepsPlace = self.rules.manners(of: self.machines[index].visitor).keepsPlace
            self.tally.left(outcome, machine: self.machines[index], keepsPlace: keepsPlace)
        }
    }

    private mutating func ask(_ request: VisitorMachine.Request, _ index: Int) {
        guard self.room != nil else { return self.work(index, standing: .unguarded) }
        self.room!.clock = self.micros
        let later = self.now.advanced(byNanoseconds: 5_000_000)
        if self.room!.refuses() { return self.push(later, index, .failure(.refused, sentAt: self.now)) }
        if let error = self.room!.error() { return self.answer(error, to: index, after: 900_000) }
        let holder = self.holder(of: index)
        let answer = self.room!.ask(holder, isExit: request.page == .exit)
        if case .parked = answer { return self.room!.park(holder, visitor: index, sentAt: self.now) }
        // What was decided stands, though nobody hears of it.
        if self.room!.losesAnswer(index, isExit: request.page == .exit) {
            return self.push(later, index, .failure(.broken, sentAt: self.now))
        }
        switch answer {
        case .letIn: self.work(index, standing: .admitted, isLetIn: true)
        case .inside: self.work(index, standing: .admitted)
        case .page(let response): self.answer(response, to: index, after: self.lineNanoseconds())
        case .parked, .nothing: break
        }
    }

    /// Whose cookies the visitor shows. Who shows none is a stranger to the room, and so is a thief, whose address is not
    /// that of the pass.
    private mutating func holder(of index: Int) -> Int {
        let visitor = self.machines[index].visitor
        switch self.rules.manners(of: visitor).cookies {
        case .own: return index
        case .shared: return visitor.person
        case .none: break
        case .stolen:
            self.stealing.remove(index)
            guard self.inLine >= 30 else { break }
            let victim = self.machines.firstIndex { $0.isInside && !$0.isGone && self.keeps($0.visitor) }
            if victim != nil { self.stealing.insert(index) }
            if let victim, self.fault == .stolenPassTaken { return victim }
        }
        self.room!.forget(index)
        return index
    }

    private func keeps(_ visitor: Visitor) -> Bool { self.rules.manners(of: visitor).cookies == .own }

    private mutating func noteTheft(by index: Int, _ heard: VisitorMachine.Heard) {
        guard self.stealing.contains(index), heard != .vanished else { return }
        let isLetIn = heard == .exchange || heard == .inside
        self.books.probes.answered(ProbeResult(kind: .stolenPass, isLetIn: isLetIn))
    }

    private mutating func lineNanoseconds() -> Int64 {
        Int64(self.draw.drawLogNormal(median: 0.6e6, spread: 0.5))
            + (self.fault == .waitingPagesLate ? 4_000_000_000 : 0)
    }

    private mutating func answer(_ response: Response, to index: Int, after nanoseconds: Int64, sentAt: Instant? = nil)
    {
        let at = max(self.now.advanced(byNanoseconds: nanoseconds), self.thaw)
        self.push(at, index, .answer(response, sentAt: sentAt ?? self.now))
    }

    /// Nothing comes out of a frozen site before this.
    private var thaw: Instant {
        guard self.fault == .frozenForTwo, (30..<32).contains(self.seconds) else { return self.now }
        return self.at(seconds: 32)
    }

    /// A worker's page; 503 from a full queue, and a direct one refuses connections now and then.
    private mutating func work(
        _ index: Int,
        standing: Response.Standing,
        isLetIn: Bool = false,
        sentAt: Instant? = nil
    ) {
        guard let nanoseconds = self.workers.serve(now: self.now, &self.draw) else {
            if self.draw.drawFlag(share: 0.15) {
                let later = self.now.advanced(byNanoseconds: 5_000_000)
                return self.push(later, index, .failure(.broken, sentAt: self.now))
            }
            return self.answer(Response(status: 503, retryAfterSeconds: 1), to: index, after: 900_000, sentAt: sentAt)
        }
        var response = Response(status: 200, standing: standing)
        var late: Int64 = 0
        if standing == .admitted, let fault = self.fault {
            // Whose exit page is lost, is out all the same.
            response.hasMark = self.machines[index].asksForExit || !fault.spoilsPage(&self.draw)
            late = fault.latenessInside(seconds: self.seconds, isLetIn: isLetIn, &self.draw)
        }
        self.answer(response, to: index, after: max(nanoseconds + 400_000 + late, self.workersThaw), sentAt: sentAt)
    }

    /// Until workers that stand still answer again.
    private var workersThaw: Int64 {
        guard self.fault == .workersStandStill, (30..<30.7).contains(self.seconds) else { return 0 }
        return Int64((30.7 - self.seconds) * 1e9)
    }

    // MARK: The room's clock

    private mutating func tick() {
        if self.room != nil {
            self.room!.clock = self.micros
            if self.fault != .workersStay || self.inLine > 50 {
                let isSoon = self.seconds > self.crowd.scenario.curve.openingSeconds - 6
                self.workers.scale(inLine: self.inLine, isSoon: isSoon, now: self.now)
            }
            self.room!.allow(ratePerSecond: self.room!.plan.ratePerWorker * Double(self.workers.ready))
            for (index, sentAt, response) in self.room!.tick(seconds: self.seconds, now: self.now) {
                if let response {
                    self.answer(response, to: index, after: 300_000, sentAt: sentAt)
                } else {
                    self.work(index, standing: .admitted, isLetIn: true, sentAt: sentAt)
                }
            }
        }
        self.push(self.now.advanced(byNanoseconds: Self.tickNanoseconds), -1, .tick)
        guard Int((self.seconds * 10).rounded()).isMultiple(of: 10), self.seconds > 0 else { return }
        let gauges = self.gauges()
        self.inLine = gauges.waiting
        self.timeline.append(self.tally, gauges)
        self.tally.reset()
    }

    private mutating func probe() {
        guard self.inLine >= 30 else { return }
        for kind in ProbeKind.allCases {
            self.books.probes.tries(kind)
            guard self.fault != .tokensRenamed else { continue }
            self.books.probes.answered(ProbeResult(kind: kind, isLetIn: self.fault?.takes(kind) ?? false))
        }
    }

    private func gauges() -> Gauges {
        var gauges = Gauges()
        gauges.waiting = self.machines.count { self.rules.isInLine($0) }
        gauges.inside = self.machines.count { $0.isInside && !$0.isGone }
        gauges.openConnections = self.openConnections
        guard let room = self.room else { return gauges }
        gauges.workersReady = self.workers.ready
        gauges.workersDesired = self.workers.desired
        gauges.limitPerSecond = Double(room.written.inflowMilli) / 1000
        gauges.effectiveLimitPerSecond = room.rateInForce
        return gauges
    }

    private mutating func fillEvidence() {
        self.evidence.timeline = self.timeline
        guard let room = self.room else { return }
        self.evidence.books = self.books
        self.evidence.schedule = LimitSchedule(
            written: room.steps(writtenMicros: self.writtenMicros),
            openingMicros: Int64(self.crowd.scenario.curve.openingSeconds * 1e6),
            reloadMicros: self.crowd.scenario.objectives.reloadNanoseconds / 1_000,
            startMicros: 4_000_000
        )
        self.evidence.agentCount = 2
        if self.fault == .agentLost { self.evidence.missingShares = ["agent 2 was lost"] }
        self.evidence.sessionMicros = Int64(room.plan.sessionSeconds * 1e6)
        self.evidence.journal = room.toldJournal()
        self.evidence.roomAdmitted = self.evidence.journal.exchanges.count
        self.evidence.workerBounds = .init(fewest: self.workers.shape.fewest, most: self.workers.shape.most)
        self.evidence.ending = Evidence.Ending(
            status: "exit code 0",
            isClean: true,
            nanoseconds: 90_000_000,
            leftProcesses: self.fault == .leavesProcess ? 1 : 0
        )
    }

    private mutating func push(_ at: Instant, _ visitor: Int, _ happening: Happening) {
        self.queue.push((visitor, happening), at: at)
    }
}
