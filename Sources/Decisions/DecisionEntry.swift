import Primitives
import Scaling

/// One decision about a pool, and all that led to it: given to `ScalingPolicy` again, the same decision follows.
public struct DecisionEntry: Equatable, Sendable {
    /// Rooms of which an entry tells, at most: those with the longest lines.
    public static let mostRooms = 8

    /// Counts the decisions of one policy from 1 on. Where a number is missing, entries were lost.
    public var number: Int64
    /// Of the term in which its controller led.
    public var fence: Int64
    /// Microseconds since 1970.
    public var wallMicros: Int64
    /// The same moment on the clock that the policy counts by.
    public var at: Instant
    /// How long those workers took to start that became ready since the decision before, in nanoseconds.
    public var starts: [Int64]
    public var limits: ScalingLimits
    /// Nil: no gateway reported.
    public var signals: PoolSignals?
    /// Visitors in line by room. For readers: the policy is told of their sum.
    public var rooms: [String: Int]
    public var pool: PoolState
    public var decision: ScalingDecision
    /// What became of the decision. For readers: the policy is not told. Nil: it was carried out.
    public var mode: DecisionMode?

    public init(
        number: Int64,
        fence: Int64,
        wallMicros: Int64,
        at: Instant,
        starts: [Int64] = [],
        limits: ScalingLimits,
        signals: PoolSignals?,
        rooms: [String: Int] = [:],
        pool: PoolState,
        decision: ScalingDecision,
        mode: DecisionMode? = nil
    ) {
        self.number = number
        self.fence = fence
        self.wallMicros = wallMicros
        self.at = at
        self.starts = starts
        self.limits = limits
        self.signals = signals
        self.rooms = rooms
        self.pool = pool
        self.decision = decision
        self.mode = mode
    }

    /// Without the answers' latencies, which are most of an entry: for those who keep many of them.
    public var withoutLatency: DecisionEntry {
        var entry = self
        entry.signals?.latency = Self.noLatency
        return entry
    }
    private static let noLatency = LatencyHistogram()

    /// The rooms with the longest lines, as many as an entry tells of; none without a line.
    public static func longest(of waiting: ByName<Int>) -> [String: Int] {
        let order = waiting.filter { $0.value > 0 }.sorted { ($1.value, $0.name) < ($0.value, $1.name) }
        return Dictionary(uniqueKeysWithValues: order.prefix(Self.mostRooms).map { ($0.name, $0.value) })
    }
}

/// Stands before the entries that follow from it: whose they are, and all that the policy knew before the first of them.
///
/// A journal has one at its beginning, with each term, behind lost entries, and every few minutes: a replay can begin at
/// each.
public struct DecisionHead: Codable, Equatable, Sendable {
    public var pool: String
    public var controller: String
    public var fence: Int64
    public var wallMicros: Int64
    /// The number of the entry that follows. At 1 the policy has just been made.
    public var next: Int64
    /// As it was when it was asked for that entry: it has taken in the entry's limits and starts already.
    public var policy: ScalingPolicy

    public init(
        pool: String,
        controller: String,
        fence: Int64,
        wallMicros: Int64,
        next: Int64,
        policy: ScalingPolicy
    ) {
        self.pool = pool
        self.controller = controller
        self.fence = fence
        self.wallMicros = wallMicros
        self.next = next
        self.policy = policy
    }

    private enum CodingKeys: String, CodingKey {
        case pool, controller, fence, policy
        case wallMicros = "t"
        case next = "n"
    }
}

/// A line of a journal.
public enum DecisionRecord: Equatable, Sendable {
    case head(DecisionHead)
    case entry(DecisionEntry)
}
