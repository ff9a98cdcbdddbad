import Primitives

@testable import Admission

/// Visitors and gateways around one model, in steps of 20 milliseconds: enough of the outside world to ask whether
/// the rules keep their promises. Seeded; everything that was admitted is in `journal`.
struct Crowd {
    struct Visitor {
        enum State { case asks(atMicros: Int64), atDoor, inside(untilMicros: Int64) }
        var number: Int64
        var state: State
        var gateway: Int
    }

    static let stepMicros: Int64 = 20_000
    static let tickMicros: Int64 = 200_000

    var model = RoomModel()
    var limits: RoomLimits
    var random: SplitMix64
    var nowMicros: Int64 = 1_700_000_000_000_000
    /// Those who were called, will come, and have not left: in order of number.
    var visitors: [Visitor] = []
    var journal: [JournalEntry] = []
    var snapshot: RoomSnapshot
    /// Highest number of live sessions that was seen after any step.
    var mostSessions: Int64 = 0
    /// A session began although the slots in force were taken.
    var slotsWereExceeded = false

    var gateways = 2
    var arrivalsPerSecond = 0.0
    var noShowShare = 0.0
    /// How often a visitor at the door hangs up, per second.
    var hangUpsPerSecond = 0.0
    var stayMicros: ClosedRange<Int64> = 1_000_000...5_000_000

    init(limits: RoomLimits, seed: UInt64) throws {
        self.limits = limits
        self.random = SplitMix64(seed: seed)
        self.snapshot = try self.model.tick(limits, known: .nothing, nowMicros: self.nowMicros).snapshot
    }

    mutating func join(_ count: Int) throws {
        guard count > 0 else { return }
        let grant = try self.model.join(count: count, nowMicros: self.nowMicros)
        for number in grant.first..<grant.first + grant.admitted {
            self.visitors.append(Visitor(number: number, state: self.inside(), gateway: self.anyGateway()))
        }
        self.snapshot.serving = max(self.snapshot.serving, grant.serving)
    }

    mutating func run(seconds: Double) throws {
        let end = self.nowMicros + Int64(seconds * 1e6)
        while self.nowMicros < end { try self.step() }
    }

    mutating func step() throws {
        self.nowMicros += Self.stepMicros
        let former = self.model.sessions.count
        // Whichever slots were in force during this step: they change with its first tick.
        let slots = max(self.model.record.slots, self.limits.slots)
        try self.join(self.count(perSecond: self.arrivalsPerSecond))
        for gateway in 0..<self.gateways {
            // Gateways tick out of step with each other.
            let phase = self.nowMicros / Self.stepMicros + Int64(gateway * 3)
            let isTick = phase % (Self.tickMicros / Self.stepMicros) == 0
            if isTick { try self.tick(gateway: gateway) }
            try self.ask(gateway: gateway, withDoor: isTick)
        }
        if self.model.sessions.count > max(former, slots) { self.slotsWereExceeded = true }
        try self.goAway()
        try self.hangUp()
        self.journal += self.model.takeJournal()
        self.mostSessions = max(self.mostSessions, self.model.sessions.count)
    }

    private mutating func tick(gateway: Int) throws {
        let answer = try self.model.tick(self.limits, known: .nothing, nowMicros: self.nowMicros)
        for number in self.snapshot.serving..<answer.snapshot.serving where self.random.nextUnit() >= self.noShowShare {
            // Near the front one asks every second or two, so the next ask is at most two seconds away.
            let asksMicros = self.nowMicros + Int64.random(in: 0...2_000_000, using: &self.random)
            self.visitors.append(
                Visitor(number: number + 1, state: .asks(atMicros: asksMicros), gateway: self.anyGateway())
            )
        }
        self.snapshot = answer.snapshot
        self.admit(Set(answer.granted.map(\.id)), gateway: gateway)
    }

    private mutating func ask(gateway: Int, withDoor: Bool) throws {
        var asking: [Int] = []
        for (index, visitor) in self.visitors.enumerated() where visitor.gateway == gateway {
            switch visitor.state {
            case .atDoor where withDoor: asking.append(index)
            case .asks(let atMicros) where atMicros <= self.nowMicros: asking.append(index)
            default: break
            }
        }
        guard !asking.isEmpty else { return }
        asking.shuffle(using: &self.random)
        let answer = try self.model.exchange(asking.map { self.visitors[$0].number }, nowMicros: self.nowMicros)
        var lost: Set<Int64> = []
        for (index, outcome) in zip(asking, answer.outcomes) {
            switch outcome {
            case .admitted: self.visitors[index].state = self.inside()
            case .atDoor: self.visitors[index].state = .atDoor
            case .notServed, .lapsed, .ended, .void: lost.insert(self.visitors[index].number)
            }
        }
        self.visitors.removeAll { lost.contains($0.number) }
    }

    /// Visitors of this gateway that another question let in; other gateways learn it when they ask.
    private mutating func admit(_ numbers: Set<Int64>, gateway: Int) {
        guard !numbers.isEmpty else { return }
        for index in self.visitors.indices
        where self.visitors[index].gateway == gateway && numbers.contains(self.visitors[index].number) {
            self.visitors[index].state = self.inside()
        }
    }

    private mutating func goAway() throws {
        var leaving: [Int64] = []
        let nowMicros = self.nowMicros
        self.visitors.removeAll { visitor in
            guard case .inside(let untilMicros) = visitor.state, untilMicros <= nowMicros else { return false }
            leaving.append(visitor.number)
            return true
        }
        _ = try self.model.release(leaving, nowMicros: self.nowMicros)
    }

    private mutating func hangUp() throws {
        guard self.count(perSecond: self.hangUpsPerSecond) > 0 else { return }
        let atDoor = self.visitors.indices.filter { if case .atDoor = self.visitors[$0].state { true } else { false } }
        guard let index = atDoor.randomElement(using: &self.random) else { return }
        let visitor = self.visitors.remove(at: index)
        // Half of them vanish with their gateway, which then says nothing.
        if Bool.random(using: &self.random) {
            _ = try self.model.leave([visitor.number], nowMicros: self.nowMicros)
        }
    }

    private mutating func inside() -> Visitor.State {
        .inside(untilMicros: self.nowMicros + Int64.random(in: self.stayMicros, using: &self.random))
    }

    private mutating func anyGateway() -> Int { Int.random(in: 0..<self.gateways, using: &self.random) }

    private mutating func count(perSecond: Double) -> Int {
        let mean = perSecond * Double(Self.stepMicros) / 1e6
        return Int(mean) + (self.random.nextUnit() < mean - mean.rounded(.down) ? 1 : 0)
    }
}
