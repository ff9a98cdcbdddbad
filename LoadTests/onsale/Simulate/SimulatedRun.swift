/// What came of a simulated run.
struct SimulatedRun: Sendable {
    var seed: UInt64
    var evidence: Evidence
    /// From the start of the run; nil when nobody was let in.
    var lastLetInSeconds: Double?
    /// Ready at the same time.
    var mostWorkers: Int
    /// Of all workers together, from the start of each process to its end.
    var workerSeconds: Double

    /// Of a crowd that was too large for books: there is nothing to judge.
    var isCounted: Bool { self.evidence.books == nil }

    var counts: Counts { self.evidence.timeline.total.counts }

    /// The waits of those who got in, in seconds: each decile, the last one the longest.
    var waitDeciles: [Double]? {
        let waits = self.evidence.timeline.total.wait
        guard waits.totalCount > 0 else { return nil }
        return stride(from: 10.0, through: 100, by: 10).map { Double(waits.valueAtPercentile($0)) / 1e9 }
    }
}
