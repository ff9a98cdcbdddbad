/// How honest the waits were that visitors were told: the first range that each saw, against what came.
///
/// Nobody can know that limits will be changed: whose wait began before a change and ended after it is left out. Nor that
/// strangers of the tool's own crowd have taken many of the numbers in front, with which nobody comes. So is whoever waited
/// through a stretch that is excused.
struct EstimateScore: Equatable, Sendable {
    struct Decile: Equatable, Sendable {
        var longestSeconds: Double
        var count: Int
        var kept: Int
        var share: Double { Double(self.kept) / Double(self.count) }
    }

    /// Fewer waits do not make a share.
    static let fewestWaits = 200
    /// A page is no clock.
    static let toleranceSeconds = 1.0
    /// A range whose longer end is further from the shorter one says nothing, and counts as not kept.
    static let widest = (factor: 4.0, seconds: 20.0)
    /// Who waits for less needs no estimate.
    static let shortestWaitSeconds = 5.0

    /// Of the places in front, the share that strangers may have taken.
    static let mostStrangers = 0.2

    /// By rising wait; empty when too few were told a range.
    private(set) var deciles: [Decile] = []
    /// Of those who waited long enough to want an estimate: how many, and how many were told one.
    private(set) var waited = 0
    private(set) var told = 0

    /// - Parameter strangers: numbers that were told to somebody who does not keep them.
    init(
        _ visits: [Visit],
        strangers: [UInt32] = [],
        changesMicros: [Int64],
        excused: [ClosedRange<Int64>] = []
    ) {
        let strangers = strangers.map(Int64.init).sorted()
        var waits: [(seconds: Double, isKept: Bool)] = []
        for visit in visits {
            guard let letIn = visit.letIn, let joined = visit.joinedMicros else { continue }
            let wait = joined...max(joined, letIn.answeredMicros)
            guard !excused.contains(where: wait.overlaps) else { continue }
            if Double(letIn.answeredMicros - joined) / 1e6 >= Self.shortestWaitSeconds {
                self.waited += 1
                if visit.estimate != nil { self.told += 1 }
            }
            guard let estimate = visit.estimate else { continue }
            let span = estimate.toldMicros...max(estimate.toldMicros, letIn.answeredMicros)
            guard !changesMicros.contains(where: span.contains) else { continue }
            let first = Int64(visit.number) - Int64(estimate.ahead)
            let taken = strangers.count(upTo: Int64(visit.number)) - strangers.count(upTo: first - 1)
            guard Double(taken) <= Self.mostStrangers * Double(max(1, estimate.ahead)) else { continue }
            let seconds = Double(span.upperBound - span.lowerBound) / 1e6
            waits.append((seconds, Self.isKept(estimate.seconds, seconds)))
        }
        guard waits.count >= Self.fewestWaits else { return }
        waits.sort { $0.seconds < $1.seconds }
        self.deciles = (0..<10).map { tenth in
            let part = waits[(waits.count * tenth / 10)..<(waits.count * (tenth + 1) / 10)]
            return Decile(
                longestSeconds: part.last?.seconds ?? 0,
                count: part.count,
                kept: part.count { $0.isKept }
            )
        }
    }

    var worst: Decile? { self.deciles.min { $0.share < $1.share } }

    private static func isKept(_ range: ClosedRange<Int64>, _ seconds: Double) -> Bool {
        let (low, high) = (Double(range.lowerBound), Double(range.upperBound))
        guard high <= Self.widest.factor * low + Self.widest.seconds else { return false }
        return seconds >= low - Self.toleranceSeconds && seconds <= high + Self.toleranceSeconds
    }
}
