import Admission
import Primitives

@testable import onsale

/// A gateway with one room in virtual time: the production rules of the room and its estimates, and who holds which place
/// and pass. A `Fault` makes it break its promises.
struct VirtualRoom {
    /// What becomes of a request.
    enum Answer {
        /// Past the room, now or before: a worker answers.
        case letIn, inside
        case page(Response)
        /// At the door: a tick answers.
        case parked
        /// Never answered.
        case nothing
    }

    /// An answer that comes with a tick; no response: the visitor is let in.
    typealias Late = (visitor: Int, sentAt: Instant, response: Response?)

    private struct Holder {
        var number: Int64?
        var passUntil: Int64 = 0
        var renewedAt: Int64 = 0
        var looks: Int64 = 0
        var wasWronged = false
        var hasHeard = false
    }

    private struct Parked {
        var visitor: Int
        var sentAt: Instant
        var until: Instant
    }

    private static let gateway = "g"
    private static let doorNanoseconds = 10 * Nanoseconds.perSecond
    private static let returnNanoseconds = 3 * Nanoseconds.perSecond

    let plan: VirtualRun.Room
    let fault: Fault?
    let opensAt: Double
    /// As the configuration has it.
    private(set) var written: RoomLimits
    /// As this gateway takes it.
    private var limits: RoomLimits
    private var generation: Int64 = 1
    private var model = RoomModel()
    private var estimator = WaitEstimator()
    private var snapshot: RoomSnapshot?
    private var events: Int64?
    private var serving: Int64 = 0
    private var holders: [Holder]
    private var owners: [Int64: Int] = [:]
    /// Numbers that were kept back.
    private var keptBack: [Int64] = []
    private var tailHeldSince: Double?
    /// By whose place it is: tabs may stand there together.
    private var parked: [Int: [Parked]] = [:]
    /// Who was sent round is expected back by then.
    private var sentRound: [Int: Instant] = [:]
    private var journal = AdmissionJournal()
    /// Let in without asking the room.
    private var pastTheLine: [AdmissionJournal.Exchange] = []
    private var draw = SplitMix64(seed: 77)
    /// Microseconds since 1970; set before each call.
    var clock: Int64 = VirtualRun.startedMicros

    init(_ plan: VirtualRun.Room, visitors: Int, opensAt: Double, fault: Fault?) {
        self.plan = plan
        self.fault = fault
        self.opensAt = opensAt
        self.holders = Array(repeating: Holder(), count: visitors)
        self.written = Self.limits(plan, plan.ratePerSecond, plan.burst, opensAt: opensAt)
        self.limits = fault?.taken(self.written) ?? self.written
    }

    private static func limits(
        _ plan: VirtualRun.Room,
        _ ratePerSecond: Double,
        _ burst: Int64,
        opensAt: Double
    ) -> RoomLimits {
        RoomLimits(
            inflowMilli: Int64(ratePerSecond * 1000),
            burst: burst,
            slots: plan.slots,
            sessionMicros: Int64(plan.sessionSeconds * 1e6),
            claimMicros: 300_000_000,
            horizonMicros: 2_000_000,
            opensAtMicros: VirtualRun.startedMicros + Int64(opensAt * 1e6)
        )
    }

    var rateInForce: Double { Double(self.snapshot?.rateMilli ?? 0) / 1000 }

    // MARK: Limits

    mutating func change(to index: Int) {
        let change = self.plan.changes[index]
        let former = self.written
        self.written = Self.limits(self.plan, change.ratePerSecond, change.burst, opensAt: self.opensAt)
        let isRaise = self.written.inflowMilli > former.inflowMilli
        guard self.fault?.ignores(isRaise: isRaise) != true else { return }
        self.limits = self.fault?.taken(self.written) ?? self.written
        self.generation += 1
    }

    func steps(writtenMicros: [Int64]) -> [LimitStep] {
        func step(_ micros: Int64, _ ratePerSecond: Double, _ burst: Int64) -> LimitStep {
            LimitStep(micros: micros, rateMilli: Int64(ratePerSecond * 1000), burst: burst, slots: self.plan.slots)
        }
        return [step(0, self.plan.ratePerSecond, self.plan.burst)]
            + zip(self.plan.changes, writtenMicros).map { step($1, $0.ratePerSecond, $0.burst) }
    }

    /// What the workers can carry.
    mutating func allow(ratePerSecond: Double) {
        let rate = self.fault?.stalls(seconds: self.seconds) == true ? 0 : ratePerSecond
        _ = try? self.model.setAllowedRate(Int64(rate * 1000), fence: 1, nowMicros: self.clock)
    }

    // MARK: Requests

    /// A request does not reach the room.
    mutating func refuses() -> Bool { self.fault == .connectionsRefused && self.draw.drawFlag(share: 0.004) }

    /// An answer does not reach the visitor.
    mutating func losesAnswer(_ index: Int, isExit: Bool) -> Bool {
        // Every connection is kept, so all but the first request come over one that was used.
        let isKept = self.holders[index].looks > 1 && !isExit
        let mayLose = self.fault == .answersLost || self.fault == .answersLostOnKept && isKept
        guard mayLose, self.draw.drawFlag(share: 0.02) else {
            self.holders[index].hasHeard = true
            return false
        }
        // Nor did the place.
        if !self.holders[index].hasHeard {
            self.holders[index].number = nil
            self.holders[index].passUntil = 0
        }
        return true
    }

    /// An error of the gateway's own.
    mutating func error() -> Response? {
        guard self.fault == .serverErrors || self.fault == .unsignedErrors, self.draw.drawFlag(share: 0.004) else {
            return nil
        }
        var response = Response(status: 503, isGatewayError: self.fault == .serverErrors)
        response.hasMark = false
        return response
    }

    mutating func ask(_ index: Int, isExit: Bool) -> Answer {
        self.holders[index].looks += 1
        let session = Int64(self.plan.sessionSeconds * 1e6)
        if let number = self.holders[index].number, self.holders[index].passUntil > self.clock {
            if self.wrongs(index, .letInTwice) { return .page(self.page(number, index)) }
            if isExit, self.fault != .slotsNotGivenBack {
                _ = try? self.model.release(ids: [number], known: .nothing, nowMicros: self.clock)
                self.holders[index].passUntil = 0
            } else if self.clock - self.holders[index].renewedAt >= session / 6 {
                let renewal = Renewal(id: number, expiresMicros: self.holders[index].passUntil)
                _ = try? self.model.renew([renewal], known: .nothing, nowMicros: self.clock)
                self.enters(index)
            }
            return .inside
        }
        if self.fault == .visitorForgotten, index == self.holders.count / 2 { return .nothing }
        if self.mustRejoin(index) { self.holders[index].number = nil }
        guard let number = self.holders[index].number else { return self.join(index) }
        guard number <= self.serving, !self.isStarved(number) else { return .page(self.page(number, index)) }
        return self.exchange(number, index)
    }

    private mutating func join(_ index: Int) -> Answer {
        if self.fault == .numbersKeptBack, self.seconds > self.opensAt, index.isMultiple(of: 20), !self.keptBack.isEmpty
        {
            let number = self.keptBack.removeFirst()
            self.holders[index].number = number
            self.owners[number] = index
            return .page(self.page(number, index))
        }
        let keeps = self.fault == .numbersKeptBack && self.seconds < self.opensAt && index.isMultiple(of: 20)
        guard let grant = try? self.model.join(count: keeps ? 2 : 1, known: .nothing, nowMicros: self.clock) else {
            return .nothing
        }
        self.takeJournal()
        if keeps { self.keptBack.append(grant.first + 1) }
        self.holders[index].number = grant.first
        self.owners[grant.first] = index
        if grant.admitted > 0 {
            self.enters(index)
            return .letIn
        }
        if self.fault == .newcomersFirst, index.isMultiple(of: 30), self.serving > 0 {
            self.enters(index)
            self.pastTheLine.append(.init(micros: self.clock, number: grant.first, doorWaitMicros: 0))
            return .letIn
        }
        return .page(self.page(grant.first, index))
    }

    private mutating func exchange(_ number: Int64, _ index: Int) -> Answer {
        let answer = try? self.model.exchange(
            gateway: Self.gateway,
            ids: [number],
            known: .nothing,
            nowMicros: self.clock
        )
        self.takeJournal()
        switch answer?.outcomes.first {
        case .admitted:
            self.enters(index)
            return .letIn
        case .atDoor: return .parked
        case .notServed: return .page(self.page(number, index))
        case .lapsed, .ended, .void:
            self.holders[index].number = nil
            return self.join(index)
        case nil: return .nothing
        }
    }

    private mutating func enters(_ index: Int) {
        self.holders[index].passUntil = self.clock + Int64(self.plan.sessionSeconds * 1e6)
        self.holders[index].renewedAt = self.clock
    }

    /// Shows no cookie: whoever held a place under this index is gone for good.
    mutating func forget(_ index: Int) { self.holders[index] = Holder() }

    mutating func park(_ index: Int, visitor: Int, sentAt: Instant) {
        let until = sentAt.advanced(byNanoseconds: Self.doorNanoseconds)
        self.parked[index, default: []].append(Parked(visitor: visitor, sentAt: sentAt, until: until))
        self.sentRound[index] = nil
    }

    // MARK: Ticks

    mutating func tick(seconds: Double, now: Instant) -> [Late] {
        let tick = RoomTick(
            gateway: Self.gateway,
            limits: self.limits,
            generation: self.generation,
            healthy: 1,
            eventsSeen: self.events
        )
        guard let answer = try? self.model.tick(tick, known: .nothing, nowMicros: self.clock) else { return [] }
        self.takeJournal()
        self.snapshot = answer.snapshot
        self.events = answer.events
        self.serving = answer.snapshot.serving
        self.estimator.observe(answer.snapshot)
        var late: [Late] = []
        for grant in answer.granted {
            guard let index = self.owners[grant.id] else { continue }
            self.enters(index)
            for parking in self.parked.removeValue(forKey: index) ?? [] {
                late.append((parking.visitor, parking.sentAt, nil))
            }
        }
        for index in self.parked.keys.sorted() where self.parked[index]!.contains(where: { $0.until <= now }) {
            var page = self.page(self.holders[index].number ?? 0, index)
            page.standing = .atDoor
            for parking in self.parked.removeValue(forKey: index)! {
                late.append((parking.visitor, parking.sentAt, page))
            }
            self.sentRound[index] = now.advanced(byNanoseconds: Self.returnNanoseconds)
        }
        let gone = self.sentRound.filter { $0.value <= now }.keys.compactMap { self.holders[$0].number }
        self.sentRound = self.sentRound.filter { $0.value > now }
        if !gone.isEmpty {
            _ = try? self.model.leave(gateway: Self.gateway, ids: gone.sorted(), known: .nothing, nowMicros: self.clock)
        }
        return late
    }

    private mutating func takeJournal() {
        for entry in self.model.takeJournal() {
            var fields: [String: String] = [:]
            let words = entry.fields
            for index in stride(from: 0, to: words.count, by: 2) { fields[words[index]] = words[index + 1] }
            try? self.journal.take(fields: fields)
        }
    }

    // MARK: What visitors are shown

    private mutating func page(_ number: Int64, _ index: Int) -> Response {
        let shown = self.fault?.shown(number) ?? number
        let ahead = max(0, number - self.serving - 1)
        var page = WaitingPage(number: shown)
        page.position = max(1, shown - self.serving)
        page.waiting = max(0, (self.snapshot?.issued ?? 0) - self.serving)
        page.estimateSeconds = self.estimator.estimate(ahead: ahead, configuredMilli: self.limits.inflowMilli)
        page.refreshSeconds = self.estimator.pollSeconds(
            ahead: ahead,
            horizonMicros: self.limits.horizonMicros,
            configuredMilli: self.limits.inflowMilli,
            random: self.draw.next()
        )
        page.opensInSeconds = max(0, (self.written.opensAtMicros - self.clock + 999_999) / 1_000_000)
        let looks = self.holders[index].looks
        let moment = Fault.Moment(seconds: self.seconds, opensAt: self.opensAt, looks: looks)
        self.fault?.spoil(&page, index: index, moment, &self.draw)
        let standing = self.fault?.standing(moment) ?? .waiting
        var response = Response(status: 200, standing: standing, page: page)
        response.retryAfterSeconds = page.refreshSeconds
        return response
    }

    // MARK: Faults

    /// Once for each tenth visitor.
    private mutating func wrongs(_ index: Int, _ fault: Fault) -> Bool {
        guard self.fault == fault, index.isMultiple(of: 10), !self.holders[index].wasWronged else { return false }
        self.holders[index].wasWronged = true
        return true
    }

    private mutating func mustRejoin(_ index: Int) -> Bool {
        guard let number = self.holders[index].number, number > self.serving, index.isMultiple(of: 50) else {
            return false
        }
        return self.fault == .placeRenewed || self.wrongs(index, .placeForgotten)
    }

    private mutating func isStarved(_ number: Int64) -> Bool {
        if self.fault == .tailHeldBack { return self.holdsTail(number) }
        let isStarved = self.fault == .lowestStarved || self.fault == .lowestJoining
        return isStarved && number <= 200 && self.seconds < self.opensAt + 22
    }

    private var seconds: Double { Double(self.clock - VirtualRun.startedMicros) / 1e6 }

    /// The last of the line are kept for twelve seconds.
    private mutating func holdsTail(_ number: Int64) -> Bool {
        guard self.seconds > 56, number > (self.snapshot?.issued ?? 0) - 8 else { return false }
        let since = self.tailHeldSince ?? self.seconds
        self.tailHeldSince = since
        return self.seconds < since + 12
    }

    /// The journal as the room tells it.
    func toldJournal() -> AdmissionJournal {
        let exchanges = self.journal.exchanges + self.pastTheLine
        let told = exchanges.enumerated().flatMap { self.fault?.told($1, of: $0) ?? [$1] }
        return AdmissionJournal(exchanges: told, limits: self.journal.limits)
    }
}
