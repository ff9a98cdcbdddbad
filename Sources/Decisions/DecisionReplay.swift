import Primitives
import Scaling

/// Feeds a journal's signals and pools to the policy again, by the journal's own limits or by others.
///
/// By its own, each decision has to come out as it is journalled. By others it shows what the policy would have wanted at
/// each of these moments; how the crowd and the workers would have answered to that it cannot know: they are fed as they
/// were.
public struct DecisionReplay: Sendable {
    /// A decision, as it was and as it would have been.
    public struct Step: Equatable, Sendable {
        public let entry: DecisionEntry
        public let decision: ScalingDecision

        public var isSame: Bool { self.decision == self.entry.decision }
        /// Workers more than were decided.
        public var difference: Int { self.decision.desiredWorkers - self.entry.decision.desiredWorkers }
    }

    /// What `take` made of a record.
    public enum Outcome: Equatable, Sendable {
        case step(Step)
        /// A new policy begins: another controller leads, or entries before it were lost.
        case beginning(fresh: Bool)
        /// The policy goes on.
        case continuation
        /// An entry that nothing is known before: its head is missing, or entries between were lost.
        case skipped
    }

    private struct Line: Sendable {
        var policy: ScalingPolicy
        var next: Int64
        var fence: Int64
        /// The policy was taken as a head tells it: the next entry's starts are in it already.
        var isAtHead: Bool
    }

    /// By which it is replayed; nil: by the journalled ones.
    private let limits: ScalingLimits?
    private var lines: [String: Line] = [:]
    private var controllers: [Int64: String] = [:]

    public init(limits: ScalingLimits? = nil) { self.limits = limits }

    public mutating func take(_ record: DecisionRecord) -> Outcome {
        switch record {
        case .head(let head): self.begin(head)
        case .entry(let entry): self.decide(entry)
        }
    }

    private mutating func begin(_ head: DecisionHead) -> Outcome {
        self.controllers[head.fence] = head.controller
        if var line = self.lines[head.controller], line.next == head.next {
            if line.fence != head.fence {
                line.policy.beginTerm()
                line.fence = head.fence
                self.lines[head.controller] = line
            }
            return .continuation
        }
        let isFresh = head.next == 1
        var line = Line(policy: head.policy, next: head.next, fence: head.fence, isAtHead: true)
        // What a policy believes before it has measured anything comes from its limits.
        if isFresh, let limits = self.limits, !limits.agrees(with: head.policy.limits) {
            line.policy = ScalingPolicy(limits: limits)
            line.isAtHead = false
        }
        self.lines[head.controller] = line
        return .beginning(fresh: isFresh)
    }

    private mutating func decide(_ entry: DecisionEntry) -> Outcome {
        guard let controller = self.controllers[entry.fence], var line = self.lines[controller],
            line.next == entry.number
        else { return .skipped }
        if !line.isAtHead { for start in entry.starts { line.policy.workerStarted(after: start) } }
        line.isAtHead = false
        line.next += 1
        var limits = self.limits ?? entry.limits
        limits.openings = entry.limits.openings
        // What was spent before is no matter of the settings.
        limits.costCap?.carried = entry.limits.costCap?.carried
        line.policy.limits = limits
        let decision = line.policy.decide(
            signals: entry.signals,
            pool: entry.pool,
            now: entry.at,
            wallMicros: entry.wallMicros
        )
        self.lines[controller] = line
        return .step(Step(entry: entry, decision: decision))
    }
}

extension ScalingLimits {
    /// Whether they are the same but for what changes by itself: openings, which come nearer, and what was spent before.
    fileprivate func agrees(with other: ScalingLimits) -> Bool {
        var (one, other) = (self, other)
        one.openings = []
        other.openings = []
        one.costCap?.carried = nil
        other.costCap?.carried = nil
        // Both as they are before a decision.
        return one.withoutStanding == other.withoutStanding
    }
}

/// What came of a whole replay. Of the journal only stretches are kept, so that days of it fit.
public struct DecisionComparison: Sendable {
    /// A pool that did not decide for longer than this had no controller: nobody knows what was there meanwhile.
    public static let longestNanoseconds = 10 * Nanoseconds.perSecond

    /// Steps that follow each other and say the same.
    public struct Span: Equatable, Sendable {
        public let first: DecisionReplay.Step
        public fileprivate(set) var lastMicros: Int64
        public fileprivate(set) var count: Int
    }

    public struct WorkerSeconds: Equatable, Sendable {
        public var decided = 0.0
        public var replayed = 0.0
    }

    public private(set) var spans: [Span] = []
    public private(set) var steps = 0
    public private(set) var differing = 0
    public private(set) var firstDifference: DecisionReplay.Step?
    /// Where the sizes are farthest apart; nil when they never are.
    public private(set) var largestDifference: DecisionReplay.Step?
    /// Desired workers over time.
    public private(set) var workerSeconds = WorkerSeconds()
    /// Policies that began with nothing known, after the first: controllers that were started anew.
    public private(set) var restarts = 0
    /// Places where entries are missing, and the replay went on from what was written down behind them.
    public private(set) var gaps = 0
    /// Entries that could not be replayed.
    public private(set) var skipped = 0
    private var replay: DecisionReplay
    private var last: DecisionReplay.Step?

    public init(limits: ScalingLimits? = nil) { self.replay = DecisionReplay(limits: limits) }

    public mutating func take(_ record: DecisionRecord) {
        switch self.replay.take(record) {
        case .continuation: break
        case .skipped: self.skipped += 1
        case .beginning(let isFresh):
            guard self.steps > 0 else { return }
            if isFresh { self.restarts += 1 } else { self.gaps += 1 }
        case .step(let step): self.add(step)
        }
    }

    private mutating func add(_ whole: DecisionReplay.Step) {
        let step = whole.withoutLatency
        let lasted = self.last.flatMap { $0.nanoseconds(until: step) }
        if let last = self.last, let lasted {
            let seconds = Double(lasted) / 1e9
            self.workerSeconds.decided += Double(last.entry.decision.desiredWorkers) * seconds
            self.workerSeconds.replayed += Double(last.decision.desiredWorkers) * seconds
        }
        if let last = self.last, lasted != nil, last.saysTheSame(as: step) {
            self.spans[self.spans.count - 1].lastMicros = step.entry.wallMicros
            self.spans[self.spans.count - 1].count += 1
        } else {
            self.spans.append(Span(first: step, lastMicros: step.entry.wallMicros, count: 1))
        }
        self.steps += 1
        self.last = step
        guard !step.isSame else { return }
        self.differing += 1
        self.firstDifference = self.firstDifference ?? step
        if step.difference.magnitude > self.largestDifference?.difference.magnitude ?? 0 {
            self.largestDifference = step
        }
    }
}

extension DecisionReplay.Step {
    /// Of the same term, and without a gap that nobody knows anything of.
    fileprivate func nanoseconds(until next: DecisionReplay.Step) -> Int64? {
        let lasted = next.entry.at.nanoseconds(since: self.entry.at)
        guard next.entry.fence == self.entry.fence, (0...DecisionComparison.longestNanoseconds).contains(lasted) else {
            return nil
        }
        return lasted
    }

    fileprivate func saysTheSame(as other: DecisionReplay.Step) -> Bool {
        func key(_ decision: ScalingDecision) -> (Int, ScalingReason) { (decision.desiredWorkers, decision.reason) }
        return self.isSame == other.isSame && key(self.entry.decision) == key(other.entry.decision)
            && key(self.decision) == key(other.decision)
    }

    fileprivate var withoutLatency: DecisionReplay.Step {
        DecisionReplay.Step(entry: self.entry.withoutLatency, decision: self.decision)
    }
}
