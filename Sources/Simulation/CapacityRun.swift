import Admission
import Pools
import Primitives
import Rooms
import Scaling
import Settings

/// A crowd at one pool in virtual time: the rules of the room, the gateway's choice of workers, the controller's policy and
/// reconciliation are production's; who comes when is drawn from a scenario's rates. A seed repeats a run exactly.
///
/// Whole visitors with the cookies they carry are `SimulatedSite`'s. Here a visitor is a number: called, it asks within a
/// second; let in, it makes its requests, each a think time after the answer to the one before, and gives its slot back.
/// So a hundred times as many runs fit into a minute, which is what a comparison of policies needs.
public struct CapacityRun {
    private enum Event {
        case tick, signals, directory, control
        case joins
        case unguarded
        case asks(Int64)
        case request(visitor: Int, left: Int)
        case leaves(Int)
        case becomesReady(Int)
        case ends(Int)
        case looksAgain
        case line
    }

    /// Somebody in the crowd, or one request of nobody's.
    private struct Visitor {
        /// In the line; 0 for whoever came past the room.
        var number: Int64
        var isServed = false
        var isOfCrowd: Bool
    }

    private struct Job {
        var visitor: Int
        var left: Int
        var sentAt: Instant
    }

    static let start = Instant(nanoseconds: 3_600_000_000_000)
    private static let startMicros: Int64 = 1_700_000_000_000_000
    private static let tickNanoseconds = 100 * Nanoseconds.perMillisecond
    private static let controllerOffsetNanoseconds = 100 * Nanoseconds.perMillisecond
    /// A called visitor asks within this time.
    private static let askNanoseconds = Double(Nanoseconds.perSecond)

    private let scenario: CapacityScenario
    private let room: RoomSettings
    private let scaledRooms: [RoomSettings]
    private var scaler: (any PoolScaler)?
    private var random: SplitMix64
    private var pool: SimulatedPool
    private var model = RoomModel()
    private var known = KnownMarks.nothing
    private var snapshot: RoomSnapshot?
    private var roomMeter = RoomMeter()
    private var calledThrough: Int64 = 0
    private var queue = EventQueue<Event>()
    private var now: Instant
    private let end: Instant
    private let peopleFrom: Instant
    private var visitors: [Visitor] = []
    private var visitorOfNumber: [Int64: Int] = [:]
    private var jobs: [UInt64: Job] = [:]
    private var nextTicket: UInt64 = 0
    private var lineAt: Instant?
    private var admitted = 0
    private var desired: Int
    private var startCost: Int64 = 0
    private var outcome: CapacityOutcome
    private var servedAt: [Double] = []

    /// `scaler` decides in place of the production policy.
    public init(_ scenario: CapacityScenario, scaler: (any PoolScaler)? = nil, seed: UInt64) {
        self.scenario = scenario
        self.scaler = scaler
        var random = SplitMix64(seed: seed)
        let lead = Int64(scenario.warmUpSeconds) * Nanoseconds.perSecond + scenario.pool.worker.startTimeNanoseconds
        let begin = Self.start.advanced(byNanoseconds: -lead - 3 * Nanoseconds.perSecond)
        self.now = begin
        self.end = Self.start.advanced(byNanoseconds: Int64(scenario.seconds) * Nanoseconds.perSecond)
        self.peopleFrom = Self.start.advanced(byNanoseconds: -Int64(scenario.warmUpSeconds) * Nanoseconds.perSecond)
        var room = scenario.room
        room.opensAtMicros = scenario.opensAtSecond.map { Self.startMicros + Int64($0) * 1_000_000 }
        self.room = room
        self.scaledRooms = scenario.isUnguarded ? [] : [room]
        self.pool = SimulatedPool(scenario.pool, seed: random.next(), now: begin, countedFrom: begin)
        self.random = random
        self.desired = scenario.pool.minWorkers
        self.outcome = CapacityOutcome(seconds: scenario.seconds)
    }

    public mutating func run() -> CapacityOutcome {
        self.queue.push(.tick, at: self.now)
        self.queue.push(.directory, at: self.now)
        self.queue.push(.signals, at: self.now.advanced(byNanoseconds: Nanoseconds.perSecond))
        self.queue.push(.control, at: self.now.advanced(byNanoseconds: Self.controllerOffsetNanoseconds))
        var isCounted = false
        while let at = self.queue.nextAt(), at < self.end, let next = self.queue.pop() {
            self.now = max(self.now, next.at)
            if !isCounted, self.now >= Self.start {
                isCounted = true
                self.startCost = self.pool.workerNanoseconds(until: Self.start)
            }
            self.step(next.event)
        }
        let cost = self.pool.workerNanoseconds(until: self.end) - self.startCost
        self.outcome.workerSeconds = Double(cost) / 1e9
        self.servedAt.sort()
        self.outcome.servedAt = self.servedAt
        return self.outcome
    }

    private mutating func step(_ event: Event) {
        switch event {
        case .tick: self.tick()
        case .signals: self.signals()
        case .directory:
            self.again(.directory, 250 * Nanoseconds.perMillisecond)
            self.pool.readDirectory()
            self.serveLine()
        case .control:
            self.again(.control, Nanoseconds.perSecond)
            let state = self.pool.state
            self.control()
            self.note(state)
        case .joins: self.join()
        case .unguarded: self.request(visitor: -1, left: 1)
        case .asks(let number): self.ask(number)
        case .request(let visitor, let left): self.request(visitor: visitor, left: left)
        case .leaves(let visitor): self.leave(visitor)
        case .becomesReady(let worker):
            if self.pool.becameReady(worker, now: self.now) { self.control() }
        case .ends(let worker):
            if self.pool.ended(worker, now: self.now) { self.control() }
        case .looksAgain: self.carryOut(self.pool.timePassed(now: self.now))
        case .line:
            self.lineAt = nil
            self.serveLine()
        }
    }

    private mutating func again(_ event: Event, _ nanoseconds: Int64) {
        self.queue.push(event, at: self.now.advanced(byNanoseconds: nanoseconds))
    }

    // MARK: Time and chance

    private var wallMicros: Int64 {
        Self.startMicros + self.now.nanoseconds(since: Self.start) / Nanoseconds.perMicrosecond
    }

    /// Negative before the run.
    private var second: Int {
        let since = self.now.nanoseconds(since: Self.start)
        return Int(since >= 0 ? since / Nanoseconds.perSecond : -1)
    }

    private mutating func exponential() -> Double { -Elementary.log(1 - self.random.nextUnit()) }

    /// Chance spreads that many events of a second over the tick that begins now.
    private mutating func spread(_ event: Event, perSecond: Double) {
        var at = self.exponential()
        let mean = perSecond * Double(Self.tickNanoseconds) / 1e9
        while at < mean {
            self.again(event, Int64(at / mean * Double(Self.tickNanoseconds)))
            at += self.exponential()
        }
    }

    // MARK: The room

    private mutating func tick() {
        self.again(.tick, Self.tickNanoseconds)
        // The first workers are ready before anybody comes, or their lack is what a slow scaler remembers.
        if self.now >= self.peopleFrom {
            self.spread(.joins, perSecond: self.scenario.visitors(atSecond: self.second))
            self.spread(.unguarded, perSecond: self.scenario.unguarded(atSecond: self.second))
        }
        guard !self.scenario.isUnguarded else { return }
        let tick = RoomTick(
            gateway: SimulatedSite.gateway,
            limits: RoomLimits(self.room),
            healthy: self.pool.healthy,
            eventsSeen: self.eventsSeen
        )
        guard let answer = try? self.model.tick(tick, known: self.known, nowMicros: self.wallMicros) else {
            preconditionFailure("a room in memory answers each tick")
        }
        self.eventsSeen = answer.events
        self.known.raise(answer.snapshot)
        self.snapshot = answer.snapshot
        for grant in answer.granted where grant.expiresMicros > 0 { self.enter(grant.id) }
        while self.calledThrough < answer.snapshot.serving {
            self.calledThrough += 1
            // Whoever went straight in is past the door.
            guard let visitor = self.visitorOfNumber[self.calledThrough], visitor >= 0 else { continue }
            if self.scenario.noShowShare > 0, self.random.nextUnit() < self.scenario.noShowShare { continue }
            self.again(.asks(self.calledThrough), Int64(self.random.nextUnit() * Self.askNanoseconds))
        }
        _ = self.model.takeJournal()
    }

    private var eventsSeen: Int64?

    private mutating func join() {
        let isOfCrowd = self.second >= 0 && self.second < self.scenario.crowdUntilSecond
        if isOfCrowd { self.outcome.crowd += 1 }
        guard !self.scenario.isUnguarded else {
            self.visitors.append(Visitor(number: 0, isOfCrowd: isOfCrowd))
            return self.request(visitor: self.visitors.count - 1, left: self.scenario.requestsPerVisitor)
        }
        guard let grant = try? self.model.join(count: 1, known: self.known, nowMicros: self.wallMicros) else {
            // Before the room's first tick nobody comes in.
            if isOfCrowd { self.outcome.crowd -= 1 }
            return
        }
        self.known.raise(grant.line)
        self.visitors.append(Visitor(number: grant.first, isOfCrowd: isOfCrowd))
        self.visitorOfNumber[grant.first] = self.visitors.count - 1
        if grant.admitted > 0 { self.enter(grant.first) }
    }

    private mutating func ask(_ number: Int64) {
        guard self.visitorOfNumber[number] != nil else { return }
        let answer = try? self.model.exchange(
            gateway: SimulatedSite.gateway,
            ids: [number],
            known: self.known,
            nowMicros: self.wallMicros
        )
        guard let answer, let outcome = answer.outcomes.first else { return }
        self.known.raise(answer.line)
        switch outcome {
        case .admitted: self.enter(number)
        case .atDoor: break
        case .notServed: self.again(.asks(number), Nanoseconds.perSecond)
        case .lapsed, .ended, .void: self.visitorOfNumber[number] = nil
        }
    }

    private mutating func enter(_ number: Int64) {
        guard let visitor = self.visitorOfNumber.removeValue(forKey: number) else { return }
        self.pool.countAdmission()
        self.admitted += 1
        self.request(visitor: visitor, left: self.scenario.requestsPerVisitor)
    }

    private mutating func leave(_ visitor: Int) {
        let number = self.visitors[visitor].number
        guard number > 0 else { return }
        _ = try? self.model.release(ids: [number], known: self.known, nowMicros: self.wallMicros)
    }

    // MARK: Requests

    private mutating func request(visitor: Int, left: Int) {
        let job = Job(visitor: visitor, left: left, sentAt: self.now)
        if self.second >= 0 { self.outcome.requests[self.second] += 1 }
        self.pool.countArrival(isUnguarded: visitor < 0 || self.scenario.isUnguarded)
        let ticket = self.nextTicket
        self.nextTicket += 1
        let outcome = self.pool.acquire(ticket: ticket, now: self.now)
        guard outcome == .waits else { return self.finish(job, outcome) }
        self.jobs[ticket] = job
        self.watchLine()
    }

    private mutating func finish(_ job: Job, _ outcome: SimulatedPool.Outcome) {
        let second = Int(max(-1, job.sentAt.nanoseconds(since: Self.start)) / Nanoseconds.perSecond)
        let isCounted = job.sentAt >= Self.start
        var at = self.now
        switch outcome {
        case .answered(let end):
            at = end
            let objective = self.scenario.pool.scaling.latencyObjectiveNanoseconds
            if isCounted, end.nanoseconds(since: job.sentAt) > objective { self.outcome.late[second] += 1 }
            self.serve(job.visitor, at: end)
        case .failed(let failure):
            if case .late(let end) = failure { at = end }
            if isCounted { self.outcome.failed[second] += 1 }
        case .waits: preconditionFailure("a request that waits is not finished")
        }
        guard job.visitor >= 0 else { return }
        guard job.left > 1 else { return self.queue.push(.leaves(job.visitor), at: at) }
        let think = Int64(self.scenario.thinkSeconds * self.exponential() * 1e9)
        self.queue.push(.request(visitor: job.visitor, left: job.left - 1), at: at.advanced(byNanoseconds: think))
    }

    private mutating func serve(_ visitor: Int, at end: Instant) {
        guard visitor >= 0, !self.visitors[visitor].isServed else { return }
        self.visitors[visitor].isServed = true
        if self.visitors[visitor].isOfCrowd { self.servedAt.append(Double(end.nanoseconds(since: Self.start)) / 1e9) }
    }

    private mutating func serveLine() {
        for (ticket, outcome) in self.pool.serveLine(now: self.now) {
            guard let job = self.jobs.removeValue(forKey: ticket) else { continue }
            self.finish(job, outcome)
        }
        self.watchLine()
    }

    private mutating func watchLine() {
        guard let at = self.pool.lineAt, self.lineAt.map({ at < $0 }) ?? true else { return }
        self.lineAt = at
        self.queue.push(.line, at: max(at, self.now))
    }

    // MARK: The controller

    private mutating func signals() {
        self.again(.signals, Nanoseconds.perSecond)
        if let slowdown = self.scenario.slowdowns.last(where: { $0.second <= self.second }) {
            if self.pool.slowness != slowdown.factor { self.pool.slowness = slowdown.factor }
        }
        guard !self.scenario.signalsLost.contains(self.second) else { return }
        var sights: [String: RoomMeter.Sight] = [:]
        if let snapshot = self.snapshot { sights[self.room.name] = RoomMeter.Sight(snapshot) }
        self.pool.reportSignals(rooms: self.roomMeter.read(sights), now: self.now)
        self.serveLine()
    }

    private mutating func control() {
        let rate: Int64?
        let steps: [SimulatedPool.Step]
        if var scaler = self.scaler {
            let answer = self.pool.control(
                by: &scaler,
                rooms: self.scaledRooms,
                wallMicros: self.wallMicros,
                now: self.now
            )
            self.scaler = scaler
            self.desired = answer.order.workers
            rate = answer.order.admissionRateMilli
            steps = answer.steps
        } else {
            let answer = self.pool.control(self.scaledRooms, wallMicros: self.wallMicros, now: self.now)
            self.desired = self.pool.decision?.desiredWorkers ?? self.desired
            rate = self.scenario.isUnguarded ? nil : answer.rateMilli
            steps = answer.steps
        }
        if let rate { _ = try? self.model.setAllowedRate(rate, fence: 1, nowMicros: self.wallMicros) }
        self.carryOut(steps)
    }

    private mutating func carryOut(_ steps: [SimulatedPool.Step]) {
        for step in steps {
            switch step {
            case .becomesReady(let worker, var at):
                if let slowdown = self.scenario.startSlowdown, self.second >= slowdown.second {
                    let start = Double(at.nanoseconds(since: self.now)) * slowdown.factor
                    at = self.now.advanced(byNanoseconds: Int64(start))
                }
                if self.scenario.startTimeVaries {
                    let start = Double(at.nanoseconds(since: self.now)) * (0.5 + self.exponential() / 2)
                    at = self.now.advanced(byNanoseconds: Int64(start))
                }
                self.queue.push(.becomesReady(worker), at: at)
            case .ends(let worker, let at): self.queue.push(.ends(worker), at: at)
            case .looksAgain(let at): self.queue.push(.looksAgain, at: at)
            }
        }
    }

    /// `state` is what was decided on.
    private mutating func note(_ state: PoolState) {
        let second = self.second
        guard second >= 0 else { return }
        self.outcome.seconds.append(
            CapacityOutcome.Second(
                second: second,
                decision: self.pool.decision,
                desired: self.desired,
                ready: state.ready,
                pending: state.pending.count,
                waiting: Int(self.snapshot?.shownWaiting ?? 0),
                admitted: self.admitted,
                inFlight: self.pool.report?.signals.inFlight ?? 0
            )
        )
        self.admitted = 0
        guard self.scenario.crashes.contains(second) else { return }
        guard let worker = self.pool.reconciliation.workers.first(where: { $0.state == .ready }) else { return }
        self.outcome.requestsLost += self.pool.inFlight(of: worker.number, now: self.now)
        if self.pool.ended(worker.number, now: self.now) {
            self.pool.readDirectory()
            self.control()
        }
    }
}
