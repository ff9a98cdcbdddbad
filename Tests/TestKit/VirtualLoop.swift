import EventLoop
import Primitives

/// A loop of a `VirtualWorld`: no thread, no descriptors, the world's time.
// Unchecked because a test drives it on one thread.
public final class VirtualLoop: LoopContext, @unchecked Sendable {
    public let index: Int
    /// The world keeps its loops.
    private weak var owner: VirtualWorld?
    private let seed: UInt64
    public private(set) var now: Instant
    public let timers = TimerWheel()
    public let buffers = BufferBudget()
    public let readScratch: UnsafeMutableRawBufferPointer
    public let writeScratch: UnsafeMutableRawBufferPointer
    public private(set) var turns: UInt64 = 0

    /// Things that happen at a time, in order of time and then of being planned.
    private struct Event {
        let time: Instant
        let sequence: UInt64
        let action: () -> Void
    }
    private var events: [Event] = []
    private var lastSubmission: Instant
    private var turnEndActions: [() -> Void] = []
    private var nextTurnActions: [() -> Void] = []

    init(world: VirtualWorld, index: Int) {
        self.owner = world
        self.seed = world.seed
        self.index = index
        self.now = world.now
        self.lastSubmission = world.now
        self.readScratch = .allocate(byteCount: EventLoop.scratchBytes, alignment: 64)
        self.writeScratch = .allocate(byteCount: EventLoop.scratchBytes, alignment: 64)
        // The wheel learns what time it is.
        _ = self.timers.fireDue(now: world.now)
    }

    deinit {
        self.readScratch.deallocate()
        self.writeScratch.deallocate()
    }

    public var wallMicros: Int64 {
        VirtualWorld.wallMicrosAtZero + Int64(self.now.nanoseconds / 1_000) + self.world.wallShiftMicros
    }

    public var world: VirtualWorld {
        guard let owner = self.owner else { preconditionFailure("seed \(self.seed): the world has ended") }
        return owner
    }

    /// Between turns everything belongs to the test.
    public var isOnLoop: Bool { self.owner?.current.map { $0 === self } ?? true }

    public func preconditionOnLoop() {
        precondition(
            self.owner?.current === self,
            "seed \(self.seed): something of loop \(self.index) was used elsewhere"
        )
    }

    public func submit(_ work: @escaping @Sendable () -> Void) {
        let arrival = self.world.now.advanced(byNanoseconds: self.world.random(self.world.submitDelayNanoseconds))
        self.lastSubmission = max(self.lastSubmission, arrival)
        self.plan(at: self.lastSubmission, work)
    }

    public func atTurnEnd(_ action: @escaping () -> Void) {
        self.preconditionOnLoop()
        self.turnEndActions.append(action)
    }

    public func onNextTurn(_ action: @escaping () -> Void) {
        self.preconditionOnLoop()
        self.nextTurnActions.append(action)
    }

    /// Runs `action` in the loop's first turn that is not before `time`.
    func plan(at time: Instant, _ action: @escaping () -> Void) {
        let event = Event(time: time, sequence: self.world.nextSequence(), action: action)
        var low = 0
        var high = self.events.count
        while low < high {
            let middle = (low + high) / 2
            if self.events[middle].time <= time { low = middle + 1 } else { high = middle }
        }
        self.events.insert(event, at: low)
    }

    // MARK: Turns

    /// When the loop has something to do; nil when it has nothing.
    var nextThing: Instant? {
        if !self.nextTurnActions.isEmpty { return self.world.now }
        guard let timer = self.timers.nextDeadline else { return self.events.first?.time }
        return min(timer, self.events.first?.time ?? timer)
    }

    func beginTurn() {
        self.now = self.world.now
        self.turns += 1
    }

    func takeTurn() {
        let deferred = self.nextTurnActions
        self.nextTurnActions = []
        let due = self.events.prefix { $0.time <= self.now }
        self.events.removeFirst(due.count)
        for event in due { event.action() }
        for action in deferred { action() }
        _ = self.timers.fireDue(now: self.now)
        while !self.turnEndActions.isEmpty {
            let actions = self.turnEndActions
            self.turnEndActions = []
            for action in actions { action() }
        }
    }
}
