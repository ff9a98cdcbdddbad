import Foundation
import Primitives

@testable import onsale

/// Plays a crowd in virtual time against a small model of the room and its workers: no socket, no clock, no sleep.
///
/// The model is only good enough to take every visitor through every state and to fill a report; the room's real rules
/// live elsewhere.
struct VirtualRun {
    struct Backend {
        var slotsPerWorker = 8
        var serviceNanoseconds = 20 * Nanoseconds.perMillisecond
        var queuePerWorker = 64
        var fewestWorkers = 1
        var mostWorkers = 6
        var startSeconds = 3.0
    }

    struct Room {
        var ratePerSecond = 250.0
        var burst = 40.0
        /// Inflow that one ready worker can carry.
        var ratePerWorker = 70.0
        var reloadSeconds: Double?
        var ratePerSecondAfterReload = 320.0
    }

    private enum Happening {
        case arrive, connected, timer
        case answer(Response, sentAt: Instant)
        case failure(ErrorKind, sentAt: Instant)
        case tick
    }

    private struct Event {
        let at: Instant
        let order: Int
        let visitor: Int
        let happening: Happening
    }

    static let started = Instant(nanoseconds: 1_000_000_000_000)
    static let startedMicros: Int64 = 1_795_000_000_000_000

    let crowd: Crowd
    let rules: VisitorRules
    let backend: Backend
    /// nil: the crowd goes straight to the workers.
    let room: Room?
    private(set) var machines: [VisitorMachine]
    private(set) var outcomes: [VisitorMachine.Outcome?]
    private(set) var evidence = Evidence(startedMicros: Self.startedMicros, timeline: Timeline())
    private var timeline = Timeline()
    private var tally = Tally()
    private var heap: [Event] = []
    private var orders = 0
    private var now = Self.started
    private var draw: SplitMix64
    private var numbers: [Int: Int64] = [:]
    private var exchanged: Set<Int> = []
    private var issued: Int64 = 0
    private var serving = 0.0
    private var tokens = 0.0
    private var tokensAt = Self.started
    private var slotsFreeAt: [Instant] = []
    private var readyWorkers: Int
    private var desiredWorkers: Int
    private var pendingWorkers: [Instant] = []
    private var connections = 0
    private var leftInLine = 0
    private var exchanges: [AdmissionJournal.Exchange] = []
    private var limits: [AdmissionJournal.Limits] = []

    init(_ crowd: Crowd, room: Room? = Room(), backend: Backend = Backend()) {
        self.crowd = crowd
        self.rules = VisitorRules(crowd.scenario, startedAt: Self.started, hasRoom: room != nil)
        self.backend = backend
        self.room = room
        self.machines = crowd.visitors.map { VisitorMachine($0, startedAt: Self.started) }
        self.outcomes = Array(repeating: nil, count: crowd.visitors.count)
        self.draw = SplitMix64(seed: crowd.scenario.seed ^ 0xABCD)
        self.readyWorkers = backend.fewestWorkers
        self.desiredWorkers = backend.fewestWorkers
        self.tokens = room?.burst ?? 0
        self.slotsFreeAt = Array(repeating: Self.started, count: backend.slotsPerWorker * backend.fewestWorkers)
    }

    mutating func play() {
        for visitor in self.crowd.visitors {
            self.push(Self.started.advanced(byNanoseconds: visitor.arrivalNanoseconds), visitor.index, .arrive)
        }
        let ticks = Int(self.crowd.scenario.durationSeconds * 10)
        for tick in 1...ticks {
            self.push(Self.started.advanced(byNanoseconds: Int64(tick) * 100_000_000), -1, .tick)
        }
        if self.room != nil { self.journalLimits() }
        let end = Self.started.advanced(byNanoseconds: Int64(self.crowd.scenario.durationSeconds * 1e9))
        while let event = self.pop(), event.at <= end {
            self.now = event.at
            self.handle(event)
        }
        for index in self.machines.indices where self.outcomes[index] == nil {
            self.act(self.machines[index].stop(), index)
        }
        self.timeline.append(self.tally, self.gauges())
        self.evidence.timeline = self.timeline
        if self.room != nil {
            self.evidence.journal = AdmissionJournal(exchanges: self.exchanges, limits: self.limits)
            self.evidence.configuredRateMilli = self.room.map { Int64($0.ratePerSecond * 1000) }
            self.evidence.placeNumbers = self.machines.compactMap(\.placeNumber)
            self.evidence.admittedNumbers = self.machines.filter { $0.admittedAt != nil }.compactMap(\.placeNumber)
            self.evidence.roomAdmitted = self.exchanges.count
            self.evidence.workerBounds = Evidence.WorkerBounds(
                fewest: self.backend.fewestWorkers,
                most: self.backend.mostWorkers
            )
        }
    }

    private mutating func handle(_ event: Event) {
        let index = event.visitor
        switch event.happening {
        case .tick: self.tick()
        case .arrive:
            self.tally.arrived()
            self.act(self.machines[index].arrive(), index)
        case .connected:
            guard self.outcomes[index] == nil else { return }
            self.tally.connected()
            self.act(self.machines[index].connected(), index)
        case .timer:
            self.tally.wasLate(nanoseconds: Int64(self.draw.nextUnit() * 3e6))
            self.act(self.machines[index].timerFired(now: self.now), index)
        case .answer(let answer, let sentAt):
            let due = self.machines[index].due
            let reaction = self.machines[index].answered(answer, now: self.now, rules: self.rules)
            self.tally.heard(reaction.heard, due: due, sentAt: sentAt, now: self.now)
            self.act(reaction.action, index)
        case .failure(let kind, let sentAt):
            let due = self.machines[index].due
            let reaction = self.machines[index].failed(
                kind,
                nothingReceived: true,
                now: self.now,
                rules: self.rules
            )
            self.tally.heard(reaction.heard, due: due, sentAt: sentAt, now: self.now)
            self.act(reaction.action, index)
        }
    }

    private mutating func act(_ action: VisitorMachine.Action, _ index: Int) {
        switch action {
        case .none: break
        case .connect:
            self.connections += 1
            self.push(self.now.advanced(byNanoseconds: 200_000), index, .connected)
        case .request(let request):
            self.tally.sent()
            self.ask(request, index)
        case .wait(let until):
            self.push(until, index, .timer)
        case .leave(let outcome):
            self.outcomes[index] = outcome
            if self.numbers[index] != nil, !self.exchanged.contains(index) { self.leftInLine += 1 }
            self.tally.left(outcome, machine: self.machines[index])
        }
    }

    private mutating func ask(_ request: VisitorMachine.Request, _ index: Int) {
        guard self.room != nil, !self.exchanged.contains(index) else {
            self.work(index, standing: self.room == nil ? .unguarded : .admitted)
            return
        }
        let number = self.numbers[index] ?? self.issued + 1
        if self.numbers[index] == nil {
            self.issued += 1
            self.numbers[index] = number
        }
        self.refill()
        if Double(number) <= self.serving, self.tokens >= 1 {
            self.tokens -= 1
            self.exchanged.insert(index)
            let micros = Self.startedMicros + self.now.nanoseconds(since: Self.started) / 1000
            self.exchanges.append(AdmissionJournal.Exchange(micros: micros, number: number, doorWaitMicros: 0))
            self.work(index, standing: .admitted)
            return
        }
        let ahead = max(Double(number) - self.serving, 0)
        let seconds = ahead / max(self.rate, 1)
        let opensIn = max(
            self.crowd.scenario.curve.openingSeconds - Double(self.now.nanoseconds(since: Self.started)) / 1e9,
            0
        )
        var page = WaitingPage(number: number)
        page.position = Int64(ahead)
        page.estimateSeconds = Int64(seconds * 0.8)...Int64(seconds * 1.3 + 1)
        page.refreshSeconds = Int64((seconds / 3).clamped(to: 1...12))
        page.opensInSeconds = Int64(opensIn.rounded(.up))
        var answer = Response(status: 200)
        answer.standing = .waiting
        answer.page = page
        let latency = Int64(self.draw.drawLogNormal(median: 0.6e6, spread: 0.5))
        self.push(self.now.advanced(byNanoseconds: latency), index, .answer(answer, sentAt: self.now))
    }

    /// A queue before a number of slots; a full queue answers 503, and a direct one refuses connections now and then.
    private mutating func work(_ index: Int, standing: Response.Standing) {
        var earliest = 0
        for slot in self.slotsFreeAt.indices where self.slotsFreeAt[slot] < self.slotsFreeAt[earliest] {
            earliest = slot
        }
        let service = Int64(
            self.draw.drawLogNormal(median: Double(self.backend.serviceNanoseconds), spread: 0.5)
        )
        let start = max(self.slotsFreeAt[earliest], self.now)
        let queued = Double(start.nanoseconds(since: self.now)) / Double(self.backend.serviceNanoseconds)
        if queued * Double(self.slotsFreeAt.count) > Double(self.backend.queuePerWorker * self.readyWorkers) {
            if self.draw.drawFlag(share: 0.15) {
                let later = self.now.advanced(byNanoseconds: 5_000_000)
                self.push(later, index, .failure(.broken, sentAt: self.now))
            } else {
                let answer = Response(status: 503, retryAfterSeconds: 1)
                self.push(self.now.advanced(byNanoseconds: 900_000), index, .answer(answer, sentAt: self.now))
            }
            return
        }
        self.slotsFreeAt[earliest] = start.advanced(byNanoseconds: service)
        var answer = Response(status: 200)
        answer.standing = standing
        self.push(self.slotsFreeAt[earliest].advanced(byNanoseconds: 400_000), index, .answer(answer, sentAt: self.now))
    }

    private var configuredRate: Double {
        guard let room = self.room else { return 0 }
        let elapsed = Double(self.now.nanoseconds(since: Self.started)) / 1e9
        if let reload = room.reloadSeconds, elapsed >= reload { return room.ratePerSecondAfterReload }
        return room.ratePerSecond
    }

    private var rate: Double { min(self.configuredRate, (self.room?.ratePerWorker ?? 0) * Double(self.readyWorkers)) }

    private mutating func refill() {
        let elapsed = Double(self.now.nanoseconds(since: self.tokensAt)) / 1e9
        self.tokens = min(self.tokens + elapsed * self.rate, self.room?.burst ?? 0)
        self.tokensAt = self.now
    }

    private mutating func journalLimits() {
        let micros = Self.startedMicros + self.now.nanoseconds(since: Self.started) / 1000
        let limits = AdmissionJournal.Limits(
            micros: micros,
            rateMilli: Int64(self.rate * 1000),
            burst: Int64(self.room?.burst ?? 0),
            slots: 2000
        )
        if self.limits.last?.rateMilli != limits.rateMilli { self.limits.append(limits) }
    }

    private mutating func tick() {
        let elapsed = Double(self.now.nanoseconds(since: Self.started)) / 1e9
        if let room = self.room {
            self.refill()
            if elapsed >= self.crowd.scenario.curve.openingSeconds {
                // The model knows who has left the line; the real room has to infer it.
                let ahead = Double(self.exchanged.count + self.leftInLine) + self.tokens + self.rate * 1.5
                self.serving = min(max(self.serving, ahead), Double(self.issued))
            }
            self.scale(elapsed, room)
            self.journalLimits()
            if let reload = room.reloadSeconds, self.evidence.reload == nil, elapsed >= reload {
                let micros = Self.startedMicros + Int64(reload * 1e6)
                self.evidence.reload = Evidence.Reload(
                    writtenMicros: micros,
                    rateMilliBefore: Int64(room.ratePerSecond * 1000),
                    rateMilliAfter: Int64(room.ratePerSecondAfterReload * 1000),
                    visibleMicros: micros + 212_000
                )
            }
        }
        if Int((elapsed * 10).rounded()).isMultiple(of: 10) {
            self.timeline.append(self.tally, self.gauges())
            self.tally.reset()
        }
    }

    private mutating func scale(_ elapsed: Double, _ room: Room) {
        let inLine = Double(self.machines.count { $0.isInLine })
        let opening = self.crowd.scenario.curve.openingSeconds
        let wanted = inLine > 200 && elapsed > opening - 6 ? self.backend.mostWorkers : self.backend.fewestWorkers
        if wanted > self.desiredWorkers {
            self.desiredWorkers += 1
            self.pendingWorkers.append(
                self.now.advanced(byNanoseconds: Int64(self.backend.startSeconds * 1e9))
            )
        } else if wanted < self.desiredWorkers, Int(elapsed * 10).isMultiple(of: 15), inLine < 50 {
            self.desiredWorkers -= 1
            self.readyWorkers -= 1
            self.slotsFreeAt.removeLast(self.backend.slotsPerWorker)
        }
        while let first = self.pendingWorkers.first, first <= self.now {
            self.pendingWorkers.removeFirst()
            self.readyWorkers += 1
            self.slotsFreeAt += Array(repeating: self.now, count: self.backend.slotsPerWorker)
        }
    }

    private func gauges() -> Gauges {
        var gauges = Gauges()
        gauges.waiting = self.machines.count { $0.isInLine }
        gauges.inside = self.machines.count { $0.isInside && !$0.isGone }
        gauges.openConnections = self.connections - self.outcomes.count { $0 != nil }
        gauges.workersReady = self.room == nil ? nil : self.readyWorkers
        gauges.workersDesired = self.room == nil ? nil : self.desiredWorkers
        gauges.limitPerSecond = self.room == nil ? nil : self.configuredRate
        gauges.effectiveLimitPerSecond = self.room == nil ? nil : self.rate
        return gauges
    }

    private mutating func push(_ at: Instant, _ visitor: Int, _ happening: Happening) {
        self.orders += 1
        self.heap.append(Event(at: at, order: self.orders, visitor: visitor, happening: happening))
        var child = self.heap.count - 1
        while child > 0, Self.isBefore(self.heap[child], self.heap[(child - 1) / 2]) {
            self.heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private mutating func pop() -> Event? {
        guard let first = self.heap.first else { return nil }
        let last = self.heap.removeLast()
        if self.heap.isEmpty { return first }
        self.heap[0] = last
        var parent = 0
        while true {
            let left = parent * 2 + 1
            guard left < self.heap.count else { return first }
            let right = left + 1
            let smaller = right < self.heap.count && Self.isBefore(self.heap[right], self.heap[left]) ? right : left
            guard Self.isBefore(self.heap[smaller], self.heap[parent]) else { return first }
            self.heap.swapAt(parent, smaller)
            parent = smaller
        }
    }

    private static func isBefore(_ left: Event, _ right: Event) -> Bool {
        (left.at.nanoseconds, left.order) < (right.at.nanoseconds, right.order)
    }
}
