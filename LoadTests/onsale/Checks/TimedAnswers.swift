/// Answers that are held to one limit, and what is known of how long they took.
struct TimedAnswers: Sendable {
    var limit: Objectives.Slowness
    var recorder: LatencyRecorder
    /// nil: no stretch of the run had enough of them.
    var worst: WorstStretch.Found?
    /// Others of their kind are held to another limit.
    var isPart = false

    /// Of the limit, what was taken: by the 99th percentile of all, or by that of the worst stretch.
    var used: Double {
        let total = Percentiles(self.recorder.corrected)?.p99 ?? 0
        return max(
            Double(total) / Double(self.limit.p99Nanoseconds),
            Double(self.worst?.p99 ?? 0) / Double(self.limit.worstSecondNanoseconds)
        )
    }
}
