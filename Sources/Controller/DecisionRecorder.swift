import Decisions
import Pools
import Primitives
import Scaling

/// Numbers the decisions of one policy, and hands each to the journal with all that led to it.
final class DecisionRecorder {
    /// As many starts as the policy remembers: earlier ones change nothing.
    private static let mostStarts = 32

    private let pool: String
    private let controller: String
    private let book: (any DecisionBook)?
    private var number: Int64 = 0
    private var starts: [Int64] = []

    init(pool: String, workers: WorkerAccess) {
        self.pool = pool
        self.controller = workers.controller
        self.book = workers.decisions
    }

    func workerStarted(after nanoseconds: Int64) {
        self.starts.append(nanoseconds)
        if self.starts.count > Self.mostStarts { self.starts.removeFirst() }
    }

    /// The policy has forgotten something in the middle of a term. A replay goes on from what it is now, as behind a gap.
    func policyBeganAnew() { self.number += 1 }

    /// `policy` is as it was before it decided, at `now` and `wallMicros`.
    func record(
        _ decision: ScalingDecision,
        under verdict: PoolModes.Verdict,
        at now: Instant,
        wallMicros: Int64,
        by policy: ScalingPolicy,
        signals: PoolSignals?,
        lines: RoomLines?,
        state: PoolState,
        fence: Int64
    ) {
        self.number += 1
        defer { self.starts = [] }
        guard let book = self.book else { return }
        let entry = DecisionEntry(
            number: self.number,
            fence: fence,
            wallMicros: wallMicros,
            at: now,
            starts: self.starts,
            limits: policy.limits.withoutStanding,
            signals: signals,
            rooms: DecisionEntry.longest(of: lines?.lines.mapValues(\.waiting) ?? [:]),
            pool: state,
            decision: decision,
            mode: DecisionMode(verdict)
        )
        let head = DecisionHead(
            pool: self.pool,
            controller: self.controller,
            fence: fence,
            wallMicros: wallMicros,
            next: self.number,
            policy: policy
        )
        book.add(entry, head)
    }
}

extension DecisionMode {
    /// Nil where the policy decides and nobody has said so.
    fileprivate init?(_ verdict: PoolModes.Verdict) {
        guard verdict.isOrdered || verdict.mode != .automatic else { return nil }
        self.init(
            name: verdict.mode.name,
            workers: verdict.desired,
            isOrdered: verdict.isOrdered,
            untilMicros: verdict.untilMicros
        )
    }
}
