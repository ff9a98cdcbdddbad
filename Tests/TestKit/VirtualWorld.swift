import EventLoop
import Primitives

/// Several loops in a time of their own, played on the thread of a test: the same seed gives the same run.
///
/// Time moves from one thing to do to the next, and by some microseconds for every turn, so that work which puts itself
/// off for ever does not hold time still. Which loop goes first, and how long work that is sent to another loop travels,
/// comes from the seed.
// Unchecked because a test drives it, and everything in it, on one thread.
public final class VirtualWorld: @unchecked Sendable {
    /// How long what is submitted to a loop travels. The order of submission is kept.
    public var submitDelayNanoseconds: ClosedRange<Int64> = 0...200_000
    /// How long a turn takes.
    public var turnNanoseconds: ClosedRange<Int64> = 1_000...20_000
    /// More turns than this in one `run` mean that the run does not come to an end.
    public var maxTurnsPerRun = 20_000_000
    /// By how much the machine's wall clock was set ahead, or back.
    public var wallShiftMicros: Int64 = 0

    public let seed: UInt64
    public private(set) var now: Instant
    public private(set) var loops: [VirtualLoop] = []
    public private(set) var turns: UInt64 = 0
    /// The loop whose turn it is.
    private(set) var current: VirtualLoop?
    private var generator: SplitMix64
    private var sequence: UInt64 = 0

    /// Wall-clock time when `now` is zero: 2023-11-14 22:13:20 UTC.
    static let wallMicrosAtZero: Int64 = 1_700_000_000_000_000

    public init(seed: UInt64, startNanoseconds: UInt64 = 1_000_000_000) {
        self.seed = seed
        self.generator = SplitMix64(seed: seed)
        self.now = Instant(nanoseconds: startNanoseconds)
    }

    /// The loop's index is the number of loops before it.
    public func makeLoop() -> VirtualLoop {
        let loop = VirtualLoop(world: self, index: self.loops.count)
        self.loops.append(loop)
        return loop
    }

    // MARK: Chance

    public func random(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self.generator) }
    public func random(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &self.generator) }
    /// True once in `count` times.
    public func oneIn(_ count: Int) -> Bool { self.random(1...count) == 1 }
    public func pick<Element>(_ elements: [Element]) -> Element? { elements.randomElement(using: &self.generator) }

    func nextSequence() -> UInt64 {
        self.sequence += 1
        return self.sequence
    }

    // MARK: Playing

    /// Runs `body` as a turn of `loop`, now, and hands over what it returns.
    @discardableResult
    public func run<Result>(on loop: VirtualLoop, _ body: () throws -> Result) rethrows -> Result {
        precondition(self.current == nil, "a turn does not run inside another")
        return try self.turn(of: loop, body)
    }

    /// Plays until nothing is left to do. False when there is still something after `nanoseconds`.
    @discardableResult
    public func runUntilIdle(withinNanoseconds nanoseconds: Int64 = 3_600 * Nanoseconds.perSecond) -> Bool {
        let end = self.now.advanced(byNanoseconds: nanoseconds)
        return self.play(until: end) { false } == .idle
    }

    /// Plays until then; time stands at `nanoseconds` later, or a turn later, also when there is nothing to do.
    public func run(forNanoseconds nanoseconds: Int64) {
        let end = self.now.advanced(byNanoseconds: nanoseconds)
        _ = self.play(until: end) { false }
        self.now = max(self.now, end)
    }

    /// Plays until `condition` holds after a turn. False when it does not within `nanoseconds`.
    public func run(withinNanoseconds nanoseconds: Int64, until condition: () -> Bool) -> Bool {
        if condition() { return true }
        let end = self.now.advanced(byNanoseconds: nanoseconds)
        return self.play(until: end, condition) == .holds
    }

    private enum Outcome { case idle, timeIsUp, holds }

    private func play(until end: Instant, _ condition: () -> Bool) -> Outcome {
        for _ in 0..<self.maxTurnsPerRun {
            guard let next = self.loops.compactMap(\.nextThing).min() else { return .idle }
            guard next <= end else { return .timeIsUp }
            self.now = max(self.now, next)
            let ready = self.loops.filter { $0.nextThing.map { $0 <= self.now } ?? false }
            self.turn(of: self.pick(ready)!) {}
            if condition() { return .holds }
        }
        preconditionFailure("seed \(self.seed): no end after \(self.maxTurnsPerRun) turns")
    }

    private func turn<Result>(of loop: VirtualLoop, _ body: () throws -> Result) rethrows -> Result {
        self.current = loop
        defer {
            self.current = nil
            self.now = self.now.advanced(byNanoseconds: self.random(self.turnNanoseconds))
        }
        self.turns += 1
        loop.beginTurn()
        let result = try body()
        loop.takeTurn()
        return result
    }
}
