import Primitives

@testable import Admission

/// One room, its gateways and every one of its visitors in virtual time, in steps of 10 ms: visitors who ask again when
/// they are told to, no-shows who have gone home, sessions that are renewed, released or simply left. Seeded.
///
/// What was told to whom, and when they were inside, is kept; `LineMeasures` judges it.
struct Line {
    struct Arrivals {
        /// From and until, in seconds; equal: all at once.
        var from, until: Double
        var count: Int
    }

    struct Plan {
        var limits: RoomLimits
        var arrivals: [Arrivals]
        var seconds: Double
        /// Limits that a reload brings, with their second.
        var changes: [(second: Double, limits: RoomLimits)] = []
        /// The state cannot be reached in this time: gateways neither tick nor ask.
        var outage: ClosedRange<Double>?
        var gateways = 2
        /// Of the visitors, those who close the page right after their first look.
        var noShowShare = 0.0
        var staySeconds: ClosedRange<Double> = 5...25
        /// Of the visitors, those who give their slot back; the others leave it to expire.
        var releaseShare = 0.5
        var seed: UInt64
    }

    struct Visitor {
        enum State { case waiting, atDoor, inside, gone }
        var number: Int64
        var gateway: Int
        var isNoShow: Bool
        var state = State.waiting
        var joinedMicros: Int64
        var insideMicros: Int64 = 0
        var leavesMicros: Int64 = 0
    }

    struct Told {
        var visitor: Int
        var micros: Int64
        var range: ClosedRange<Int64>?
        var isAtJoin: Bool
    }

    /// After each step.
    struct Moment {
        var admitted, sessions, slots, door: Int64
        /// What the rate allowed since the beginning, in tokens.
        var allowed: Double
        /// Somebody waits for being called.
        var hasLine: Bool
    }

    private struct Gateway {
        var estimator = WaitEstimator()
        var serving: Int64 = 0
        var issued: Int64 = 0
        var atDoor: Set<Int64> = []
    }

    static let stepMicros: Int64 = 10_000
    static let stepsOfATick = 10
    static let startMicros: Int64 = 1_700_000_000_000_000

    let plan: Plan
    private(set) var limits: RoomLimits
    private(set) var model = RoomModel()
    private(set) var random: SplitMix64
    private(set) var visitors: [Visitor] = []
    private(set) var told: [Told] = []
    private(set) var moments: [Moment] = []
    private(set) var journal: [JournalEntry] = []
    private var gateways: [Gateway]
    /// Who does something in which step, by number - 1: numbers are handed out without gaps here.
    private var steps: [[Int]]
    private var step = 0
    private var isAway = false
    private var allowed = 0.0

    init(_ plan: Plan) {
        self.plan = plan
        self.limits = plan.limits
        self.random = SplitMix64(seed: plan.seed)
        self.gateways = Array(repeating: Gateway(), count: plan.gateways)
        self.steps = Array(repeating: [], count: Int(plan.seconds * 1e6) / Int(Self.stepMicros) + 1)
    }

    private var nowMicros: Int64 { Self.startMicros + Int64(self.step) * Self.stepMicros }
    private var second: Double { Double(self.step) * Double(Self.stepMicros) / 1e6 }

    mutating func run() throws {
        for gateway in self.gateways.indices { try self.tick(gateway) }
        while self.step < self.steps.count - 1 {
            self.step += 1
            for change in self.plan.changes where change.second <= self.second { self.limits = change.limits }
            self.isAway = self.plan.outage?.contains(self.second) ?? false
            if !self.isAway {
                for gateway in self.gateways.indices where (self.step + 3 * gateway) % Self.stepsOfATick == 0 {
                    try self.tick(gateway)
                }
                try self.askAtDoors()
            }
            if !self.isAway { try self.arrive() }
            try self.wake()
            self.journal += self.model.takeJournal()
            self.note()
        }
    }

    private mutating func note() {
        self.allowed += Double(self.model.record.rate) / 1000 * Double(Self.stepMicros) / 1e6
        self.moments.append(
            Moment(
                admitted: self.model.record.admitted,
                sessions: self.model.sessions.count,
                slots: self.model.record.slots,
                door: self.model.door.count,
                allowed: self.allowed,
                hasLine: self.model.record.issued > self.model.record.serving
            )
        )
    }

    // MARK: Gateways

    private mutating func tick(_ gateway: Int) throws {
        let answer = try self.model.tick(self.limits, nowMicros: self.nowMicros)
        self.gateways[gateway].estimator.observe(answer.snapshot)
        self.gateways[gateway].serving = answer.snapshot.serving
        self.gateways[gateway].issued = answer.snapshot.issued
        self.letIn(answer.granted.map(\.id), gateway: gateway)
    }

    /// Those whom a gateway holds at the door are asked for with its ticks.
    private mutating func askAtDoors() throws {
        for gateway in self.gateways.indices where (self.step + 3 * gateway) % Self.stepsOfATick == 0 {
            let numbers = self.gateways[gateway].atDoor.sorted()
            for start in stride(from: 0, to: numbers.count, by: RoomRules.largestBatch) {
                try self.exchange(
                    Array(numbers[start..<min(numbers.count, start + RoomRules.largestBatch)]),
                    gateway: gateway
                )
            }
        }
    }

    private mutating func exchange(_ numbers: [Int64], gateway: Int) throws {
        guard !numbers.isEmpty else { return }
        let answer = try self.model.exchange(numbers, nowMicros: self.nowMicros)
        for (number, outcome) in zip(numbers, answer.outcomes) {
            switch outcome {
            case .admitted: self.letIn([number], gateway: gateway)
            case .atDoor:
                self.gateways[gateway].atDoor.insert(number)
                self.visitors[Int(number) - 1].state = .atDoor
            case .notServed: self.askAgain(Int(number) - 1)
            case .lapsed, .ended, .void: self.visitors[Int(number) - 1].state = .gone
            }
        }
    }

    private mutating func letIn(_ numbers: [Int64], gateway: Int) {
        for number in numbers where self.visitors[Int(number) - 1].gateway == gateway {
            let index = Int(number) - 1
            self.gateways[gateway].atDoor.remove(number)
            guard self.visitors[index].state == .waiting || self.visitors[index].state == .atDoor else { continue }
            self.visitors[index].state = .inside
            self.visitors[index].insideMicros = self.nowMicros
            let stay = Double.random(in: self.plan.staySeconds, using: &self.random)
            self.visitors[index].leavesMicros = self.nowMicros + Int64(stay * 1e6)
            self.wake(index, inMicros: min(Int64(stay * 1e6), self.limits.sessionMicros / 6))
        }
    }

    // MARK: Visitors

    private mutating func arrive() throws {
        let before = self.second - Double(Self.stepMicros) / 1e6
        func due(_ arrivals: Arrivals, _ second: Double) -> Int {
            if second < arrivals.from { return 0 }
            if second >= arrivals.until { return arrivals.count }
            return Int(Double(arrivals.count) * (second - arrivals.from) / (arrivals.until - arrivals.from))
        }
        let count = self.plan.arrivals.reduce(0) { $0 + due($1, self.second) - due($1, before) }
        for gateway in self.gateways.indices {
            // Evenly shared, the rest to a gateway that changes.
            let rest = (gateway + self.step) % self.gateways.count < count % self.gateways.count ? 1 : 0
            try self.join(count / self.gateways.count + rest, gateway: gateway)
        }
    }

    private mutating func join(_ count: Int, gateway: Int) throws {
        var left = count
        while left > 0 {
            let grant = try self.model.join(count: min(left, RoomRules.largestBatch), nowMicros: self.nowMicros)
            left -= Int(grant.count)
            for number in grant.first..<grant.first + grant.count {
                self.visitors.append(
                    Visitor(
                        number: number,
                        gateway: gateway,
                        isNoShow: self.random.nextUnit() < self.plan.noShowShare,
                        joinedMicros: self.nowMicros
                    )
                )
            }
            self.gateways[gateway].serving = max(self.gateways[gateway].serving, grant.serving)
            self.letIn(Array(grant.first..<grant.first + grant.admitted), gateway: gateway)
            for number in grant.first + grant.admitted..<grant.first + grant.count {
                self.look(Int(number) - 1, isAtJoin: true)
            }
        }
    }

    private mutating func wake(_ index: Int, inMicros micros: Int64) {
        let step = self.step + max(1, Int(micros / Self.stepMicros))
        if step < self.steps.count { self.steps[step].append(index) }
    }

    private mutating func askAgain(_ index: Int) { self.wake(index, inMicros: 1_000_000) }

    /// A look at the page: what it says is noted, and the visitor comes back when it says so.
    private mutating func look(_ index: Int, isAtJoin: Bool) {
        let visitor = self.visitors[index]
        let gateway = self.gateways[visitor.gateway]
        let ahead = max(0, visitor.number - gateway.serving - 1)
        let seconds = gateway.estimator.pollSeconds(
            ahead: ahead,
            horizonMicros: self.limits.horizonMicros,
            configuredMilli: self.limits.inflowMilli,
            random: self.random.next()
        )
        if !visitor.isNoShow {
            let range = gateway.estimator.estimate(ahead: ahead, configuredMilli: self.limits.inflowMilli)
            self.told.append(Told(visitor: index, micros: self.nowMicros, range: range, isAtJoin: isAtJoin))
            // The way there and back, and a page that is not a clock.
            self.wake(index, inMicros: seconds * 1_000_000 + Int64.random(in: 30_000...250_000, using: &self.random))
        } else {
            self.visitors[index].state = .gone
        }
    }

    private mutating func wake() throws {
        var asking: [[Int64]] = Array(repeating: [], count: self.gateways.count)
        var renewing: [Int64] = []
        var leaving: [Int64] = []
        for index in self.steps[self.step] {
            let visitor = self.visitors[index]
            switch visitor.state {
            case .waiting where visitor.number <= self.gateways[visitor.gateway].serving:
                asking[visitor.gateway].append(visitor.number)
            case .waiting: self.look(index, isAtJoin: false)
            case .inside where visitor.leavesMicros <= self.nowMicros:
                self.visitors[index].state = .gone
                if self.random.nextUnit() < self.plan.releaseShare { leaving.append(visitor.number) }
            case .inside:
                renewing.append(visitor.number)
                self.wake(
                    index,
                    inMicros: min(visitor.leavesMicros - self.nowMicros, self.limits.sessionMicros / 6)
                )
            case .atDoor, .gone: break
            }
        }
        self.steps[self.step] = []
        if self.isAway {
            for number in asking.joined() { self.askAgain(Int(number) - 1) }
            return
        }
        for gateway in self.gateways.indices { try self.exchange(asking[gateway], gateway: gateway) }
        if !renewing.isEmpty { _ = try self.model.renew(renewing, nowMicros: self.nowMicros) }
        if !leaving.isEmpty { _ = try self.model.release(leaving, nowMicros: self.nowMicros) }
    }
}
