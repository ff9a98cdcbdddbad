import Primitives

@testable import Admission

/// A random history of one room: what several gateways asked when, and what the model answered.
///
/// Limits, time steps, visitors and mishaps are drawn so that every rule gets its turn: quiet and crowded lines, clocks
/// that jump ahead and back, states that vanish or come back as they once were, gateways that know more or less of it,
/// have other files, restart, or lose an answer. `violations` says where a promise was broken.
struct History {
    enum Answer: Equatable {
        case join(JoinGrant)
        case tick(TickAnswer)
        case exchange(ExchangeAnswer)
        case renew(RenewAnswer)
        case count(CountAnswer)
        case allowed(AllowedRateAnswer)
        case reset(LineMarks)
        case failed(RoomError)
    }

    struct Question {
        var operation: RoomScript.Operation
        var known: KnownMarks
        var run: Int64
        var clockMicros: Int64
    }

    enum Step {
        case ask(Question, Answer)
        /// Redis lost the room.
        case loseAll
        /// Redis evicted the record alone.
        case loseRecord
        /// Redis evicted another key alone; the next question follows at once.
        case loseKey(RoomModel.WatchedKey)
        /// A copy of all keys is put away; later all keys are as they were then.
        case save
        case restore
    }

    private(set) var steps: [Step] = []
    private(set) var model = RoomModel()
    private(set) var journal: [JournalEntry] = []
    private(set) var witness = Witness()
    /// How many stood at the door after each question.
    private(set) var doors: [Int64] = []
    var random: SplitMix64
    /// Redis's clock, which is set forward and back.
    var nowMicros: Int64 = 1_700_000_000_000_000
    /// What has passed in truth: by it the gateways reckon.
    private(set) var passedMicros: Int64 = 0
    var gateways: [HistoryGateway] = []
    private var saved: (model: RoomModel, journal: [JournalEntry])?
    private var run: Int64 = 7
    private var fence: Int64 = 1
    /// After a loss: who must be the first to ask, for the loss to be within what the room promises to survive.
    private var firstToAsk: Int?
    /// A line that nobody knows begins in another second than the one before it.
    private var newLineMicros: Int64 = 0
    /// How often the clock was set forward.
    private(set) var forwardSteps = 0
    /// How many exchanges made sessions anew that had run out in a silence.
    private(set) var madeAnew = 0
    private let isOnGrid: Bool

    init(seed: UInt64, steps count: Int) {
        self.random = SplitMix64(seed: seed)
        self.isOnGrid = seed % 3 == 0
        let limits = self.randomLimits()
        self.gateways = (0..<3).map { HistoryGateway(name: "gate-\($0)", limits: limits) }
        // One in ten begins without a room, so that every operation meets that answer.
        if self.chance(9, of: 10) { self.tick(0) }
        while self.steps.count < count { self.step() }
    }

    /// A history that was thought out, of one gateway, after a first tick with `limits`.
    init(limits: RoomLimits, _ script: [(microsLater: Int64, operation: RoomScript.Operation)]) {
        self.random = SplitMix64(seed: 0)
        self.isOnGrid = false
        self.gateways = [HistoryGateway(name: "g", limits: limits)]
        self.ask(.tick(RoomTick(gateway: "g", limits: limits)), by: 0)
        for (microsLater, operation) in script {
            self.goOn(by: microsLater)
            self.ask(operation, by: 0)
        }
    }

    var violations: [String] { self.witness.violations }

    // MARK: Steps

    private mutating func goOn(by micros: Int64) {
        self.nowMicros += micros
        self.passedMicros += max(0, micros)
    }

    private mutating func step() {
        let next = max(self.nowMicros + self.timeStep(), self.witness.earliestClock, self.newLineMicros)
        self.goOn(by: next - self.nowMicros)
        if let first = self.firstToAsk { return self.chance(1, of: 3) ? self.askAsController() : self.tick(first) }
        let index = Int.random(in: 0..<self.gateways.count, using: &self.random)
        switch Int.random(in: 0..<100, using: &self.random) {
        case 0..<32: self.tick(index)
        case 32..<47:
            self.ask(.join(count: self.chance(1, of: 40) ? 0 : Int.random(in: 1...12, using: &self.random)), by: index)
        case 47..<74: self.ask(.exchange(gateway: self.gateways[index].name, self.randomIDs(index)), by: index)
        case 74..<81: self.ask(.renew(self.randomRenewals(index)), by: index)
        case 81..<85: self.ask(.release(self.randomIDs(index)), by: index)
        case 85..<88:
            self.ask(.leave(gateway: self.gateways[index].name, self.randomIDs(index)), by: index)
        case 88..<91: self.askAsController()
        case 91: self.gateways[index].changeFile(self.randomLimits(), &self.random)
        case 92: self.loseKey()
        case 93: self.handOutAlone(index)
        case 94: self.setClockForward()
        case 95: self.save()
        case 96..<98: self.mishap()
        case 98 where self.chance(1, of: 2):
            self.ask(.reset, by: index)
            // Two operators at once: the second one's line is over already.
            if self.chance(1, of: 2) { self.ask(.reset, by: (index + 1) % self.gateways.count) }
        default: self.gateways[index].restart()
        }
    }

    private mutating func tick(_ index: Int) {
        let healthy: [Int64?] = [nil, nil, 0, 3]
        let tick = self.gateways[index].tick(
            healthy: healthy.randomElement(using: &self.random)!,
            wantsBlock: self.chance(3, of: 4)
        )
        self.ask(.tick(tick), by: index)
    }

    /// It knows nothing of the line, and learns nothing.
    private mutating func askAsController() {
        let bounds: [Int64?] = [nil, 0, Int64.random(in: 1...30_000, using: &self.random)]
        self.fence += Int64.random(in: -2...3, using: &self.random)
        let bound = bounds.randomElement(using: &self.random)!
        self.ask(.setAllowedRate(rateMilli: bound, fence: self.fence), by: nil)
    }

    /// `index` is nil for the controller.
    private mutating func ask(_ operation: RoomScript.Operation, by index: Int?) {
        let question = Question(
            operation: operation,
            known: index.map { self.gateways[$0].known(atMicros: self.passedMicros) } ?? .nothing,
            run: self.run,
            clockMicros: self.nowMicros
        )
        let before = self.model
        let answer: Answer
        do throws(RoomError) {
            answer = try self.model.perform(question)
        } catch {
            answer = .failed(error)
        }
        if index != nil, answer != .failed(.noRoom) { self.firstToAsk = nil }
        let written = self.model.takeJournal()
        self.journal += written
        if case .exchange = operation {
            self.madeAnew += written.count { if case .adopt = $0 { true } else { false } }
        }
        self.steps.append(.ask(question, answer))
        self.doors.append(self.model.door.count)
        self.witness.see(
            question,
            answer,
            passedMicros: self.passedMicros,
            before: before,
            after: self.model,
            written: written
        )
        // Now and then an answer is lost.
        guard let index else { return }
        if self.gateways.count == 1 || !self.chance(1, of: 12) {
            self.gateways[index].take(answer, atMicros: self.passedMicros)
        }
    }

    private mutating func handOutAlone(_ index: Int) {
        guard let number = self.gateways[index].handOutAlone() else { return }
        self.witness.handOut(epoch: self.gateways[index].known.epoch, number...number)
    }

    // MARK: Mishaps

    private mutating func save() {
        self.saved = (self.model, self.journal)
        self.steps.append(.save)
    }

    /// A loss that the room survives by promise: whoever asks first knows the newest, or nothing at all (then a new
    /// line begins); or the server changed, and the copy is of the newest incarnation.
    private mutating func mishap() {
        let newest = self.gateways.indices.filter { self.witness.isNewest(self.gateways[$0].known) }
        switch Int.random(in: 0..<4, using: &self.random) {
        case 0, 1:
            guard let saved = self.saved else { return }
            let isNearest = self.witness.isNewest(saved.model)
            if self.chance(1, of: 2), let first = newest.first(where: { self.knowsMore($0, than: saved.model) }) {
                self.firstToAsk = first
            } else if isNearest {
                self.run += 1
            } else if let first = newest.randomElement(using: &self.random) {
                self.run += 1
                self.firstToAsk = first
            } else {
                return
            }
            self.restore(saved)
        case 2:
            guard let first = newest.randomElement(using: &self.random) else { return }
            self.firstToAsk = first
            self.model.record = RoomRecord()
            self.steps.append(.loseRecord)
            self.witness.lose()
        default:
            self.firstToAsk = newest.randomElement(using: &self.random)
            if self.firstToAsk == nil || self.chance(1, of: 3) {
                self.firstToAsk = 0
                self.gateways[0].restart()
                self.goOn(by: max(0, self.witness.earliestClock - self.nowMicros) + 1_000_000)
                self.newLineMicros = self.nowMicros
            }
            self.model = RoomModel()
            self.journal = []
            self.steps.append(.loseAll)
            self.witness.lose()
        }
    }

    private mutating func loseKey() {
        guard self.model.record.epoch > 0 else { return }
        let present = RoomModel.WatchedKey.allCases.filter { self.model.isPresent($0) }
        // Few rooms have an older line.
        let rare = present.filter { $0 == .early || $0 == .carried }
        guard let key = (rare.isEmpty ? present : rare).randomElement(using: &self.random) else { return }
        self.model.forget(key)
        self.witness.lose(key)
        self.steps.append(.loseKey(key))
        self.tick(Int.random(in: 0..<self.gateways.count, using: &self.random))
    }

    /// The first to ask after it can tell: it has had an answer before.
    private mutating func setClockForward() {
        let knowing = self.gateways.indices.filter {
            self.gateways[$0].known(atMicros: self.passedMicros).reckonedMicros > 0
        }
        guard let first = knowing.randomElement(using: &self.random) else { return }
        self.firstToAsk = first
        self.nowMicros += [500_000, 2_000_000, 30_000_000, 3_600_000_000].randomElement(using: &self.random)!
        self.forwardSteps += 1
    }

    private mutating func restore(_ saved: (model: RoomModel, journal: [JournalEntry])) {
        self.model = saved.model
        self.journal = saved.journal
        self.steps.append(.restore)
        self.witness.lose()
    }

    private func knowsMore(_ index: Int, than model: RoomModel) -> Bool {
        let known = self.gateways[index].known
        let record = model.record
        guard known.epoch == record.epoch else { return known.epoch > record.epoch }
        return known.incarnation > record.incarnation || known.serving > record.serving
            || known.stated > record.issued || known.issued > max(record.issued, record.blocks.last?.end ?? 0)
    }
}

extension RoomModel {
    /// As if that key of Redis was gone. What stands at the door is in several.
    fileprivate mutating func forget(_ key: WatchedKey) {
        switch key {
        case .sessions: (self.sessions, self.pardoned) = (SessionTable(), [:])
        case .arrived: self.arrived = NumberSet()
        case .exchanged: self.exchanged = NumberSet()
        case .door, .owners, .early: self.door = Door()
        case .events: self.events = EventLog()
        case .released: self.released = SessionTable()
        case .carried: self.carried = []
        }
    }
}
