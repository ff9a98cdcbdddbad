import Histogram
import Primitives

/// What one event loop saw since it last handed over: counts and latencies. Mergeable, about 700 kB.
///
/// Each loop owns one; once a second it hands over a copy and resets, and the coordinator merges the loops' tallies
/// into the `Timeline`.
struct Tally: Sendable {
    private(set) var counts = Counts()
    /// Answers to admitted visitors, the exchange itself not included: it may be parked at the door on purpose.
    private(set) var inside = LatencyRecorder()
    /// Answers to visitors in line.
    private(set) var line = LatencyRecorder()
    /// The answers by which visitors got in.
    private(set) var door = LatencyRecorder()
    /// From the first answer in line to the response that let the visitor in.
    private(set) var wait = LatencyRecorder.makeWaitHistogram()
    /// How late the load tool itself was: from the moment a timer was due to the moment it ran.
    private(set) var lateness = LatencyRecorder.makeHistogram()

    mutating func arrived() { self.counts.arrivals += 1 }
    mutating func connected() { self.counts.connections += 1 }
    mutating func sent() { self.counts.requests += 1 }
    mutating func gaveUpConnection() { self.counts.connectionsGivenUp += 1 }

    mutating func wasLate(nanoseconds: Int64) { self.lateness.record(LatencyRecorder.bounded(nanoseconds)) }

    /// Books what a machine heard. `due` is the request's, `sentAt` the moment its bytes were given to the socket.
    mutating func heard(_ heard: VisitorMachine.Heard, due: Instant, sentAt: Instant, now: Instant) {
        self.counts.count(heard)
        let corrected = now.nanoseconds(since: due)
        let raw = now.nanoseconds(since: sentAt)
        switch heard {
        case .waitingPage: self.line.record(correctedNanoseconds: corrected, rawNanoseconds: raw)
        case .inside: self.inside.record(correctedNanoseconds: corrected, rawNanoseconds: raw)
        case .exchange: self.door.record(correctedNanoseconds: corrected, rawNanoseconds: raw)
        // Who was sent round from the door was kept there on purpose.
        case .doorPage, .error, .staleConnection, .vanished, .turnedAway: break
        }
    }

    /// Books the end of a visitor's way.
    mutating func left(_ outcome: VisitorMachine.Outcome, machine: VisitorMachine, keepsPlace: Bool) {
        self.counts.count(outcome)
        if outcome == .unfinished, !keepsPlace { self.counts.unfinishedStrangers += 1 }
        if let joinedAt = machine.joinedAt, let admittedAt = machine.admittedAt {
            self.wait.record(LatencyRecorder.boundedWait(admittedAt.nanoseconds(since: joinedAt)))
        }
    }

    // MARK: A crowd that is counted

    /// As `heard`, without latencies.
    mutating func counted(_ heard: VisitorMachine.Heard) { self.counts.count(heard) }

    /// So many waiting pages more, which nobody played.
    mutating func looked(_ count: Int) {
        self.counts.requests += count
        self.counts.waitingPages += count
    }

    mutating func ended(_ outcome: VisitorMachine.Outcome, count: Int) {
        self.counts.count(outcome, times: count)
    }

    mutating func merge(_ other: Tally) {
        self.counts.merge(other.counts)
        self.inside.merge(other.inside)
        self.line.merge(other.line)
        self.door.merge(other.door)
        self.wait.take(other.wait)
        self.lateness.take(other.lateness)
    }

    /// Cheaper than to clear some hundred thousand counters: what is not written to until the next time stays shared.
    mutating func reset() { self = Self.nothing }

    private static let nothing = Tally()
}
