/// All that a run left behind to be judged by. The engine fills one for each run.
struct Evidence: Sendable {
    /// A change of the inflow limit in the middle of the run, made by writing the config file.
    struct Reload: Codable, Equatable, Sendable {
        /// When the new file was in place; Redis' clock.
        var writtenMicros: Int64
        var rateMilliBefore: Int64
        var rateMilliAfter: Int64
        /// When the journal first showed the new limits; nil when it never did.
        var visibleMicros: Int64?
        /// The rate in force from then on: the new one, or what the ready workers allow if that is less.
        var visibleRateMilli: Int64?
    }

    struct WorkerBounds: Codable, Equatable, Sendable {
        var fewest: Int
        var most: Int
    }

    /// How the program under test ended when it was told to.
    struct Ending: Codable, Equatable, Sendable {
        /// Exit code or signal, in words; nil when it did not end in time.
        var status: String?
        var isClean: Bool
        var nanoseconds: Int64
        /// Processes that it had started and left behind.
        var leftProcesses: Int
    }

    /// The wall clock at the start of the run, by the clock of Redis: second 0 of every plot.
    var startedMicros: Int64
    var timeline: Timeline
    /// Numbers on the places of visitors, as they were told; for finding one number told to two people.
    var placeNumbers: [Int64] = []
    /// Those among them whose visitors got in. Who was let in without having waited never heard a number.
    var admittedNumbers: [Int64] = []
    var journal = AdmissionJournal()
    /// The inflow limit of the config at the start of the run; exchanges per 1000 seconds.
    var configuredRateMilli: Int64?
    /// How many the room says it has let in; nil when it was not asked.
    var roomAdmitted: Int?
    var reload: Reload?
    var ending: Ending?
    var workerBounds: WorkerBounds?

    init(startedMicros: Int64, timeline: Timeline) {
        self.startedMicros = startedMicros
        self.timeline = timeline
    }
}
