import Primitives

@testable import Admission

/// A random history of one room: what was asked when, and what the model answered.
///
/// Limits, time steps and visitors are drawn so that every rule gets its turn: quiet and crowded lines, clocks that
/// jump ahead and back, gateways that know more than the shared state, states that vanish in part or as a whole.
struct History {
    enum Answer: Equatable {
        case join(JoinGrant)
        case tick(TickAnswer)
        case exchange(ExchangeAnswer)
        case renew(RenewAnswer)
        case count(CountAnswer)
        case reset(LineMarks)
        case allowed(AllowedRateAnswer)
        case failed(RoomError)
    }

    enum Step {
        case ask(RoomScript.Operation, KnownMarks, clockMicros: Int64, Answer)
        /// Redis lost the room.
        case loseAll
        /// Redis evicted the record alone.
        case loseRecord
    }

    private(set) var steps: [Step] = []
    private(set) var model = RoomModel()
    private(set) var journal: [JournalEntry] = []
    private var random: SplitMix64
    private var nowMicros: Int64 = 1_700_000_000_000_000
    private var limits: RoomLimits
    private var known = KnownMarks.nothing
    private var fence: Int64 = 1
    private let isOnGrid: Bool

    init(seed: UInt64, steps count: Int) {
        self.random = SplitMix64(seed: seed)
        self.isOnGrid = seed % 3 == 0
        self.limits = Self.randomLimits(nowMicros: self.nowMicros, isOnGrid: self.isOnGrid, &self.random)
        // One in ten begins without a room, so that every operation meets that answer.
        if self.chance(9, of: 10) { self.ask(.tick(RoomTick(gateway: "g", limits: self.limits))) }
        while self.steps.count < count { self.step() }
    }

    /// A history that was thought out, after a first tick with `limits`.
    init(limits: RoomLimits, _ script: [(microsLater: Int64, operation: RoomScript.Operation, known: KnownMarks)]) {
        self.random = SplitMix64(seed: 0)
        self.isOnGrid = false
        self.limits = limits
        self.ask(.tick(RoomTick(gateway: "g", limits: limits)))
        for (microsLater, operation, known) in script {
            self.nowMicros += microsLater
            self.ask(operation, known)
        }
    }

    private mutating func step() {
        self.nowMicros += self.timeStep()
        switch Int.random(in: 0..<100, using: &self.random) {
        case 0..<30: self.ask(.tick(RoomTick(gateway: "g", limits: self.limits)), self.randomKnown())
        case 30..<45: self.ask(.join(count: self.chance(1, of: 40) ? 0 : Int.random(in: 1...12, using: &self.random)))
        case 45..<80: self.ask(.exchange(gateway: "g", self.randomNumbers()))
        case 80..<85: self.ask(.renew(self.randomNumbers().map { Renewal(id: $0, expiresMicros: 1) }))
        case 85..<90: self.ask(.release(self.randomNumbers()))
        case 90..<93: self.ask(.leave(self.randomNumbers()))
        case 93..<96:
            let rateMilli = [nil, 0, Int64.random(in: 1...30_000, using: &self.random)].randomElement(
                using: &self.random
            )!
            self.fence += Int64.random(in: -2...3, using: &self.random)
            self.ask(.setAllowedRate(rateMilli: rateMilli, fence: self.fence))
        case 96..<98: self.limits = Self.randomLimits(nowMicros: self.nowMicros, isOnGrid: self.isOnGrid, &self.random)
        case 98 where self.chance(1, of: 2): self.lose()
        default: self.known = .nothing
        }
    }

    private mutating func ask(_ operation: RoomScript.Operation, _ given: KnownMarks? = nil) {
        let known = given ?? self.known
        let answer: Answer
        do throws(RoomError) {
            answer = try self.model.perform(operation, known: known, nowMicros: self.nowMicros)
        } catch {
            answer = .failed(error)
        }
        switch answer {
        case .join(let grant):
            self.known.raise(epoch: grant.epoch, issued: grant.first + grant.count - 1, serving: grant.serving)
        case .tick(let tick):
            self.known.raise(
                epoch: tick.snapshot.epoch,
                issued: tick.snapshot.issued,
                serving: tick.snapshot.serving
            )
        default: break
        }
        self.journal += self.model.takeJournal()
        self.steps.append(.ask(operation, known, clockMicros: self.nowMicros, answer))
    }

    private mutating func lose() {
        if self.chance(1, of: 2) {
            self.model = RoomModel()
            self.journal = []
            self.steps.append(.loseAll)
        } else {
            self.model.record = RoomRecord()
            // Now and then nobody knows how far the line was, and places at the door are ahead of it.
            if self.chance(1, of: 2) { self.known = .nothing }
            self.steps.append(.loseRecord)
        }
    }

    // MARK: What is drawn

    private mutating func chance(_ parts: Int, of whole: Int) -> Bool {
        Int.random(in: 0..<whole, using: &self.random) < parts
    }

    /// A third of the histories keep to a grid, so that times meet the ends of windows exactly.
    private mutating func timeStep() -> Int64 {
        if self.isOnGrid { return 50_000 * [0, 1, 1, 1, 2, 4, 10, 20, 21, 60, -3].randomElement(using: &self.random)! }
        return switch Int.random(in: 0..<100, using: &self.random) {
        case 0..<10: 0
        case 10..<20: Int64.random(in: 49_998...50_001, using: &self.random)
        case 20..<60: Int64.random(in: 1...60_000, using: &self.random)
        case 60..<90: Int64.random(in: 100_000...900_000, using: &self.random)
        case 90..<96: Int64.random(in: 1_000_000...6_000_000, using: &self.random)
        case 96..<98: Int64.random(in: 60_000_000...90_000_000_000, using: &self.random)
        default: -Int64.random(in: 1...5_000_000, using: &self.random)
        }
    }

    private static func randomLimits(nowMicros: Int64, isOnGrid: Bool, _ random: inout SplitMix64) -> RoomLimits {
        func micros(_ range: ClosedRange<Int64>) -> Int64 {
            let drawn = Int64.random(in: range, using: &random)
            return isOnGrid ? drawn / 50_000 * 50_000 : drawn
        }
        return RoomLimits(
            inflowMilli: [0, 1, 333, 5_000, 40_000, 7_777_777, 100_000_000].randomElement(using: &random)!,
            burst: [1, 2, 5, 20, 1_000_000].randomElement(using: &random)!,
            slots: [0, 1, 6, 40, 100_000_000].randomElement(using: &random)!,
            sessionMicros: micros(1_000_000...20_000_000),
            claimMicros: micros(1_000_000...8_000_000),
            horizonMicros: micros(100_000...3_000_000),
            opensAtMicros: Int.random(in: 0..<5, using: &random) == 0 ? nowMicros + micros(-200_000...1_000_000) : 0
        )
    }

    /// What this gateway knows: the truth as far as it saw it; now and then more, another epoch, or a high number.
    private mutating func randomKnown() -> KnownMarks {
        var known = self.known
        switch Int.random(in: 0..<60, using: &self.random) {
        case 0..<4:
            known.issued += Int64.random(in: 0...30, using: &self.random)
            known.serving += Int64.random(in: 0...20, using: &self.random)
        case 4..<7:
            known.epoch += Int64.random(in: -1...1, using: &self.random)
            known.serving += 50
        case 7: known.issued += Int64.random(in: 0...100_000, using: &self.random)
        default: break
        }
        known.epoch = max(0, known.epoch)
        return known
    }

    private mutating func randomNumbers() -> [Int64] {
        let serving = self.model.record.serving
        var numbers: [Int64] = []
        for _ in 0..<Int.random(in: 0...14, using: &self.random) {
            switch Int.random(in: 0..<20, using: &self.random) {
            case 0: numbers.append(Int64.random(in: -1...max(1, serving), using: &self.random))
            case 1: numbers.append(serving + Int64.random(in: 1...100, using: &self.random))
            case 2: numbers += numbers.suffix(1)
            case 3..<7: numbers += self.model.door.numbers.prefix(3)
            case 7..<10: numbers += self.model.sessions.expiries.keys.sorted().suffix(2)
            default: numbers.append(max(1, serving - Int64.random(in: 0...30, using: &self.random)))
            }
        }
        return numbers
    }
}

extension RoomModel {
    mutating func perform(
        _ operation: RoomScript.Operation,
        known: KnownMarks,
        run: Int64 = 0,
        nowMicros now: Int64
    ) throws(RoomError) -> History.Answer {
        switch operation {
        case .join(let count): .join(try self.join(count: count, known: known, run: run, nowMicros: now))
        case .tick(let tick): .tick(try self.tick(tick, known: known, run: run, nowMicros: now))
        case .exchange(let gateway, let ids):
            .exchange(try self.exchange(gateway: gateway, ids: ids, known: known, run: run, nowMicros: now))
        case .renew(let renewals): .renew(try self.renew(renewals, known: known, run: run, nowMicros: now))
        case .release(let ids): .count(try self.release(ids: ids, known: known, run: run, nowMicros: now))
        case .leave(let ids): .count(try self.leave(ids: ids, known: known, run: run, nowMicros: now))
        case .setAllowedRate(let rateMilli, let fence):
            .allowed(try self.setAllowedRate(rateMilli, fence: fence, known: known, run: run, nowMicros: now))
        case .reset: .reset(try self.reset(known: known, run: run, nowMicros: now))
        }
    }
}
