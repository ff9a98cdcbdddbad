/// All that a run left behind to be judged by. The engine fills one for each run.
struct Evidence: Sendable {
    /// A change of the inflow limit in the middle of the run, made by writing the config file.
    struct Reload: Codable, Equatable, Sendable {
        /// When the new file was in place; Redis' clock.
        var writtenMicros: Int64
        var rateMilliBefore: Int64
        var rateMilliAfter: Int64
        /// When the journal first showed the new limit; nil when it never did.
        var visibleMicros: Int64?
    }

    struct WorkerBounds: Codable, Equatable, Sendable {
        var fewest: Int
        var most: Int
    }

    /// The wall clock at the start of the run, by the clock of Redis: second 0 of every plot.
    var startedMicros: Int64
    var timeline: Timeline
    /// Numbers on the places of visitors, as they were told; for finding one number told to two people.
    var placeNumbers: [Int64] = []
    var journal = AdmissionJournal()
    /// The inflow limit of the config at the start of the run; exchanges per 1000 seconds.
    var configuredRateMilli: Int64?
    var reload: Reload?
    var workerBounds: WorkerBounds?

    init(startedMicros: Int64, timeline: Timeline) {
        self.startedMicros = startedMicros
        self.timeline = timeline
    }
}
