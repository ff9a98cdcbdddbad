import EventLoop
import Primitives
import Testing

/// The wheel against a plain list of deadlines, in a time that the test moves.
@Suite struct TimerWheelTests {
    /// Steps of time from within a tick to beyond the wheel's span of 52 days.
    private static let steps: [UInt64] = [
        1, 30_000, 65_536, 1_000_000, 5_000_000, 300_000_000, 20_000_000_000, 1_200_000_000_000, 80_000_000_000_000,
        5_000_000_000_000_000,
    ]

    @Test(arguments: 0..<200 as Range<UInt64>)
    func wheel_anyHistory_firesWhatTheListSays(seed: UInt64) {
        var history = WheelHistory(seed: seed, steps: Self.steps)
        for _ in 0..<400 { history.step() }
        history.finish()
    }

    /// A loop sleeps until `nextDeadline`. Every wake-up must bring it closer to the timer, whatever the distance.
    @Test(arguments: Self.steps)
    func nextDeadline_followedFromOneToTheNext_reachesTheTimerInFewSteps(distance: UInt64) throws {
        let loop = ManualLoop(start: 123_456_789)
        var firedAt: UInt64?
        let deadline = loop.now.nanoseconds + distance
        let timer = LoopTimer(loop: loop) { firedAt = loop.now.nanoseconds }
        timer.arm(at: Instant(nanoseconds: deadline))
        var wakes = 0
        while firedAt == nil {
            let next = try #require(loop.timers.nextDeadline).nanoseconds
            #expect(next <= deadline + 65_536)
            wakes += 1
            try #require(wakes <= 10, "no end in sight")
            loop.advance(to: next)
        }
        #expect((deadline..<deadline + 65_536).contains(try #require(firedAt)))
        #expect(loop.timers.nextDeadline == nil)
    }

    @Test func armedForThePast_firesInTheNextLookOnly() {
        let loop = ManualLoop(start: 1_000_000_000)
        var fired = 0
        var timer: LoopTimer!
        timer = LoopTimer(loop: loop) {
            fired += 1
            timer.arm(afterNanoseconds: 0)
        }
        timer.arm(at: Instant(nanoseconds: 5))
        for look in 1...3 {
            #expect(loop.timers.nextDeadline.map { $0 <= loop.now } == true)
            loop.advance(to: loop.now.nanoseconds)
            #expect(fired == look)
        }
        timer = nil
    }

    @Test func released_inEveryState_leavesNothingBehind() {
        let loop = ManualLoop(start: 1_000_000_000)
        let life = LifeCount()
        for distance in [0] + Self.steps {
            for style in 0..<4 {
                do {
                    let held = life.make()
                    let timer = LoopTimer(loop: loop) { _ = held }
                    timer.arm(afterNanoseconds: Int64(distance))
                    if style == 1 { timer.arm(afterNanoseconds: Int64(distance) + 1_000_000_000) }
                    if style == 2 { timer.arm(afterNanoseconds: Int64(distance) / 2) }
                    if style == 3 { timer.disarm() }
                    #expect(loop.timers.count == 1 && life.count == 1)
                }
                #expect(loop.timers.count == 0 && life.count == 0, "\(distance) ns, style \(style)")
                #expect(loop.timers.nextDeadline == nil)
            }
        }
    }

    /// The first timer's action releases the others, which have come up in the same look.
    @Test func releasedByTheActionOfAnother_doesNotFire() {
        let loop = ManualLoop(start: 1_000_000_000)
        var others: [LoopTimer] = []
        var fired = 0
        let first = LoopTimer(loop: loop) {
            fired += 1
            others = []
        }
        first.arm(afterNanoseconds: 100_000)
        for _ in 0..<5 {
            let other = LoopTimer(loop: loop) { fired += 1 }
            other.arm(afterNanoseconds: 100_000)
            others.append(other)
        }
        loop.advance(to: 2_000_000_000)
        #expect(fired == 1 && loop.timers.count == 0)
        withExtendedLifetime(first) {}
    }

    @Test func after_itsTimer_keepsItselfUntilItFiresOrIsDisarmed() {
        let loop = ManualLoop(start: 1_000_000_000)
        let life = LifeCount()
        var fired = 0
        do {
            let held = life.make()
            loop.after(nanoseconds: 1_000_000) {
                _ = held
                fired += 1
            }
        }
        #expect(life.count == 1)
        loop.advance(to: 1_002_000_000)
        #expect(fired == 1 && life.count == 0 && loop.timers.count == 0)
        do {
            let held = life.make()
            let timer = loop.after(nanoseconds: 1_000_000_000) { _ = held }
            timer.disarm()
        }
        #expect(life.count == 0 && loop.timers.count == 0)
    }

    /// An idle timeout is moved on every request.
    @Test func movedLaterManyTimes_isLinkedOnceAndFiresOnce() {
        let loop = ManualLoop(start: 0)
        var fired = 0
        let timer = LoopTimer(loop: loop) { fired += 1 }
        for step in 0..<1_000 as Range<UInt64> {
            timer.arm(afterNanoseconds: 60_000_000_000)
            #expect(loop.timers.count == 1)
            loop.advance(to: step * 100_000_000)
        }
        #expect(fired == 0)
        loop.advance(to: 160_000_000_000)
        #expect(fired == 1 && loop.timers.count == 0)
    }
}

/// A random history of timers, played against the wheel and against a list.
private struct WheelHistory {
    private let seed: UInt64
    private let steps: [UInt64]
    private var generator: SplitMix64
    private let loop: ManualLoop
    private var timers: [Int: LoopTimer] = [:]
    /// What the list says: the deadline of each armed timer, and whether it had passed when it was set.
    private var deadlines: [Int: (deadline: UInt64, wasOverdue: Bool)] = [:]
    private let fired = Fired()
    private final class Fired { var names: [Int] = [] }
    private var nextName = 0

    init(seed: UInt64, steps: [UInt64]) {
        self.seed = seed
        self.steps = steps
        self.generator = SplitMix64(seed: seed)
        self.loop = ManualLoop(start: UInt64.random(in: 0...5_000_000_000_000_000, using: &self.generator))
    }

    mutating func step() {
        switch Int.random(in: 0..<10, using: &self.generator) {
        case 0..<4: self.make()
        case 4..<6: if let name = self.anyName() { self.arm(name) }
        case 6:
            if let name = self.anyName() {
                self.timers[name]!.disarm()
                self.deadlines[name] = nil
            }
        case 7:
            if let name = self.anyName() {
                self.timers[name] = nil
                self.deadlines[name] = nil
            }
        default: self.advance()
        }
        #expect(self.loop.timers.count <= self.timers.count, "seed \(self.seed)")
        if let earliest = self.deadlines.values.map(\.deadline).min() {
            // A lower bound, to within a tick.
            let next = self.loop.timers.nextDeadline?.nanoseconds ?? .max
            let bound = max(self.loop.now.nanoseconds, earliest.addingReportingOverflow(65_535).partialValue)
            #expect(next <= bound || earliest == .max, "seed \(self.seed)")
        }
    }

    mutating func finish() {
        self.timers = [:]
        #expect(self.loop.timers.count == 0 && self.loop.timers.nextDeadline == nil, "seed \(self.seed)")
    }

    private mutating func anyName() -> Int? { self.timers.keys.sorted().randomElement(using: &self.generator) }

    private mutating func make() {
        let name = self.nextName
        self.nextName += 1
        self.timers[name] = LoopTimer(loop: self.loop) { [fired = self.fired] in fired.names.append(name) }
        self.arm(name)
    }

    private mutating func arm(_ name: Int) {
        let now = self.loop.now.nanoseconds
        let step = self.steps.randomElement(using: &self.generator)!
        var deadline = now + UInt64.random(in: 0...step, using: &self.generator)
        if Int.random(in: 0..<10, using: &self.generator) == 0 { deadline = now - min(now, step) }
        if Int.random(in: 0..<50, using: &self.generator) == 0 { deadline = .max }
        self.timers[name]!.arm(at: Instant(nanoseconds: deadline))
        self.deadlines[name] = (deadline, deadline <= now)
        #expect(self.timers[name]!.deadline?.nanoseconds == deadline)
    }

    private mutating func advance() {
        let step = self.steps.randomElement(using: &self.generator)!
        let now = self.loop.now.nanoseconds + UInt64.random(in: 0...step, using: &self.generator)
        self.fired.names = []
        self.loop.advance(to: now)
        #expect(Set(self.fired.names).count == self.fired.names.count, "seed \(self.seed): one fired twice")
        var lastTick: UInt64 = 0
        for name in self.fired.names {
            guard let expected = self.deadlines.removeValue(forKey: name) else {
                Issue.record("seed \(self.seed): a timer fired that was not armed")
                continue
            }
            #expect(expected.deadline <= now, "seed \(self.seed): fired early")
            #expect(!self.timers[name]!.isArmed)
            let tick = expected.wasOverdue ? 0 : (expected.deadline + 65_535) >> 16
            #expect(tick >= lastTick, "seed \(self.seed): fired out of order")
            lastTick = tick
        }
        for (name, armed) in self.deadlines {
            // Late by less than a tick, and not at all when the deadline had passed at the time it was set.
            #expect(!armed.wasOverdue && armed.deadline > now - now % 65_536, "seed \(self.seed): \(name) is late")
            #expect(self.timers[name]!.isArmed)
        }
    }
}

/// Counts the objects that it made and that still live.
private final class LifeCount {
    private(set) var count = 0
    final class Held {
        private let owner: LifeCount
        init(_ owner: LifeCount) { self.owner = owner }
        deinit { self.owner.count -= 1 }
    }
    func make() -> Held {
        self.count += 1
        return Held(self)
    }
}

/// A loop that is nothing but a clock and timers.
// Unchecked because a test uses it on one thread only.
private final class ManualLoop: LoopContext, @unchecked Sendable {
    let index = 0
    private(set) var now: Instant
    let wallMicros: Int64 = 0
    let timers = TimerWheel()
    let buffers = BufferBudget()
    let readScratch = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    let writeScratch = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private(set) var turns: UInt64 = 0

    init(start: UInt64) {
        self.now = Instant(nanoseconds: start)
        _ = self.timers.fireDue(now: self.now)
    }

    func advance(to nanoseconds: UInt64) {
        self.now = Instant(nanoseconds: max(nanoseconds, self.now.nanoseconds))
        self.turns += 1
        _ = self.timers.fireDue(now: self.now)
    }

    func preconditionOnLoop() {}
    func submit(_ work: @escaping @Sendable () -> Void) { preconditionFailure("not used") }
    func atTurnEnd(_ action: @escaping () -> Void) { preconditionFailure("not used") }
    func onNextTurn(_ action: @escaping () -> Void) { preconditionFailure("not used") }
}
