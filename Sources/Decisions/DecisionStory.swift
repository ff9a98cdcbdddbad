import Primitives
import Scaling

/// What happened to a pool, a line for each stretch in which nothing was decided anew.
public struct DecisionStory: Equatable, Sendable {
    public struct Stretch: Equatable, Sendable {
        public let fromMicros: Int64
        public fileprivate(set) var untilMicros: Int64
        public fileprivate(set) var decisions: Int
        public let explanation: Explanation
        /// How long nobody had decided anything before, in microseconds; 0 when there was no gap.
        public let silenceMicros: Int64
        /// Another controller than before, or the same one in another term.
        public let isNewTerm: Bool
    }

    /// A controller decides once a second: where it did not for so long, there was none, or its entries were lost.
    public static let silenceMicros: Int64 = 10_000_000

    public private(set) var stretches: [Stretch] = []

    /// The entries of one pool, the oldest first.
    public init(_ entries: some Sequence<DecisionEntry>) {
        var last: DecisionEntry?
        for entry in entries {
            self.take(entry, after: last)
            last = entry
        }
    }

    private mutating func take(_ entry: DecisionEntry, after last: DecisionEntry?) {
        let silence = last.map { entry.wallMicros - $0.wallMicros } ?? 0
        let isNewTerm = last.map { $0.fence != entry.fence } ?? false
        if let last, !isNewTerm, silence <= Self.silenceMicros, Self.saysTheSame(last, entry) {
            self.stretches[self.stretches.count - 1].untilMicros = entry.wallMicros
            self.stretches[self.stretches.count - 1].decisions += 1
            return
        }
        self.stretches.append(
            Stretch(
                fromMicros: entry.wallMicros,
                untilMicros: entry.wallMicros,
                decisions: 1,
                explanation: Explanation(entry, after: last),
                silenceMicros: silence > Self.silenceMicros ? silence : 0,
                isNewTerm: isNewTerm
            )
        )
    }

    private static func saysTheSame(_ one: DecisionEntry, _ other: DecisionEntry) -> Bool {
        one.decision.desiredWorkers == other.decision.desiredWorkers && one.decision.reason == other.decision.reason
            && (one.pool.ready == 0) == (other.pool.ready == 0)
            && (one.decision.latencyTrim < 1) == (other.decision.latencyTrim < 1)
            && AdmissionWords.isNought(one) == AdmissionWords.isNought(other)
            && AdmissionWords.areRoomsShut(one) == AdmissionWords.areRoomsShut(other) && one.mode == other.mode
    }
}
