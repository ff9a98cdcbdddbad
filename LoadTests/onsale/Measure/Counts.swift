/// How often things happened, in one second or in a whole run.
struct Counts: Codable, Equatable, Sendable {
    /// Visitors whose time to come had come.
    var arrivals = 0
    var connections = 0
    var requests = 0
    var waitingPages = 0
    /// Visitors let in through the room.
    var exchanges = 0
    /// Answers to visitors who are in (or whom no room guards), exchanges included.
    var insideAnswers = 0
    /// Connections that were closed between two requests only because descriptors ran short.
    var connectionsGivenUp = 0
    /// Requests that were sent again because a kept connection had gone.
    var staleConnections = 0
    /// Requests with which the visitor's own network went away.
    var vanished = 0
    /// Refusals to visitors who ask more than anybody is asked to.
    var turnedAway = 0
    var served = 0
    var abandoned = 0
    var noShows = 0
    var failed = 0
    var unfinished = 0
    /// Of these, who keeps no place: nobody owes them an end.
    var unfinishedStrangers = 0
    var errors = ErrorCounts()

    /// Requests that ended, well or badly; a resent one counts once.
    var answered: Int { self.waitingPages + self.insideAnswers + self.turnedAway + self.errors.total }
    /// Visitors whose way has ended.
    var left: Int { self.served + self.abandoned + self.noShows + self.failed + self.unfinished }

    var serverErrors: Int { self.errors.met.reduce(0) { $0 + ($1.kind.isServerError ? $1.count : 0) } }

    mutating func count(_ outcome: VisitorMachine.Outcome, times: Int = 1) {
        switch outcome {
        case .served: self.served += times
        case .abandoned: self.abandoned += times
        case .noShow: self.noShows += times
        case .failed: self.failed += times
        case .unfinished: self.unfinished += times
        }
    }

    mutating func count(_ heard: VisitorMachine.Heard) {
        switch heard {
        case .waitingPage, .doorPage: self.waitingPages += 1
        case .inside: self.insideAnswers += 1
        case .exchange:
            self.exchanges += 1
            self.insideAnswers += 1
        case .error(let kind): self.errors[kind] += 1
        case .staleConnection: self.staleConnections += 1
        case .vanished: self.vanished += 1
        case .turnedAway: self.turnedAway += 1
        }
    }

    mutating func merge(_ other: Counts) {
        self.arrivals += other.arrivals
        self.connections += other.connections
        self.requests += other.requests
        self.waitingPages += other.waitingPages
        self.exchanges += other.exchanges
        self.insideAnswers += other.insideAnswers
        self.connectionsGivenUp += other.connectionsGivenUp
        self.staleConnections += other.staleConnections
        self.vanished += other.vanished
        self.turnedAway += other.turnedAway
        self.served += other.served
        self.abandoned += other.abandoned
        self.noShows += other.noShows
        self.failed += other.failed
        self.unfinished += other.unfinished
        self.unfinishedStrangers += other.unfinishedStrangers
        self.errors.merge(other.errors)
    }
}
