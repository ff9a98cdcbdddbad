/// All that a run left behind to be judged by. The engine fills one for each run.
struct Evidence: Sendable {
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

    /// The room's own count of those it has let in.
    enum RoomCount: Equatable, Sendable {
        case notAsked
        /// Asked for, with the journal, so that something has to be there; the count could not be read.
        case unknown
        case told(Int)

        /// nil: an answer that could not be read.
        init(answer: Int?) { self = answer.map(Self.told) ?? .unknown }
    }

    /// The wall clock at the start of the run, by the clock of Redis: second 0 of every plot.
    var startedMicros: Int64
    var timeline: Timeline
    /// What the visitors saw; nil when there was no room.
    var books: VisitBooks?
    /// What was written into the room's configuration.
    var schedule: LimitSchedule?
    /// How long a session lasts from its last renewal.
    var sessionMicros: Int64 = 0
    /// The room's own story.
    var journal = AdmissionJournal()
    /// How many the room says it has let in.
    var roomCount = RoomCount.notAsked
    var ending: Ending?
    var workerBounds: WorkerBounds?
    /// The crowd is more than the fewest workers can serve.
    var needsMoreWorkers = true
    /// What is known of a site that the tool has not started.
    var site: SiteEvidence?
    /// Machines or processes that played the crowd for this one.
    var agentCount = 0
    /// Of those that were lost: which, when and why, and how many visitors nothing is known of.
    var missingShares: [String] = []
    /// Promises that the site cannot be held to.
    var leftOut: Set<Check.Name> = []

    init(startedMicros: Int64, timeline: Timeline) {
        self.startedMicros = startedMicros
        self.timeline = timeline
    }
}
