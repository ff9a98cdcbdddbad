import Primitives
import Scaling

/// A decision in plain words: what was decided, what led to it, and what to do about what holds it back.
public struct Explanation: Equatable, Sendable {
    /// Who decides in place of the policy, as a sentence; nil when nobody does.
    public let mode: String?
    /// `from 2 to 5 workers`.
    public let what: String
    /// The figures that led to it, as a sentence without an end.
    public let why: String
    /// How fast visitors may come in, and why no faster.
    public let admission: String
    /// What somebody can do when something is held back; nil when nothing is.
    public let advice: String?

    /// `before` is the decision that it followed; nil when nothing is known of that.
    public init(_ entry: DecisionEntry, after before: DecisionEntry?) {
        self.mode = entry.mode.map { ModeWords.text(of: $0) }
        self.what = Self.what(entry.decision.desiredWorkers, before: before?.decision.desiredWorkers)
        let words = ReasonWords(entry)
        self.why = words.why
        let (admission, advice) = AdmissionWords.of(entry)
        self.admission = admission
        let all = [words.advice, advice].compactMap { $0 }
        self.advice = all.isEmpty ? nil : all.joined(separator: " ")
    }

    public var text: String {
        (self.mode.map { "\($0). The policy: " } ?? "") + "\(self.what): \(self.why). \(self.admission)."
            + (self.advice.map { " \($0)" } ?? "")
    }

    /// A decision does not tell who runs the workers: all that may are named.
    static let whereWorkersWrite =
        "processes to `workers` in the state folder, others where their cloud or cluster keeps it"

    private static func what(_ desired: Int, before: Int?) -> String {
        let workers = Figures.count(desired, "worker")
        guard let before else { return "\(workers) wanted" }
        return before == desired ? "stays at \(workers)" : "from \(Figures.count(before)) to \(workers)"
    }
}

/// Why a pool has its size, by the policy's reason and figures.
struct ReasonWords {
    private let entry: DecisionEntry
    private var decision: ScalingDecision { self.entry.decision }
    private var limits: ScalingLimits { self.entry.limits }
    private var pool: PoolState { self.entry.pool }

    init(_ entry: DecisionEntry) { self.entry = entry }

    private var needed: String { Figures.count(self.decision.neededWorkers, "worker") }
    private var arrivals: String { Figures.number(self.entry.signals?.arrivalsPerSecond ?? 0) }
    private var startTime: String { Figures.duration(nanoseconds: self.decision.startTimeNanoseconds) }
    private var serviceTime: String {
        "\(Figures.duration(nanoseconds: self.decision.serviceTimeNanoseconds)) a request"
    }
    private var visitorCost: String {
        "\(self.serviceTime) and \(Figures.number(self.decision.requestsPerVisitor)) requests a visitor"
    }

    var why: String {
        switch self.decision.reason {
        case .minimum: self.minimum
        case .load: self.load
        case .backlog: self.backlog
        case .panic:
            "\(self.line), \(Figures.number(self.decision.joinsPerSecond)) a second come and "
                + "\(Figures.number(self.entry.signals?.admissionsPerSecond ?? 0)) are let in, so that the line grows "
                + "fast; a start takes up to \(self.startTime), and \(self.needed) are ordered for the line as it will be "
                + "by then"
        case .preWarm: self.preWarm
        case .pendingLate: self.pendingLate
        case .maximum:
            "\(self.line); \(self.arrivals) requests a second arrive; at \(self.visitorCost) that needs "
                + "\(self.needed), and no more than \(Figures.count(self.limits.maxWorkers)) are allowed (max_workers)"
        case .costCap: self.costCap
        case .holding: self.holding
        case .scaleDown:
            "\(self.needed) would do, and no more was needed for long enough: one step down, of a quarter at most"
        case .gatewaySilent:
            "\(self.needed) would do as far as gateways tell, but "
                + "\(Figures.count(self.entry.signals?.gatewaysSilent ?? 0, "gateway")) fell silent without saying that "
                + "it stops, and may serve as many as ever: no worker goes"
        case .signalsLost:
            "no gateway reports, so nobody knows what is needed: the size is held and the rate of admission frozen"
                + (self.plan.map { "; \($0)" } ?? "")
        }
    }

    /// What to do when something holds the pool back.
    var advice: String? {
        switch self.decision.reason {
        case .minimum, .load, .backlog, .preWarm, .scaleDown: nil
        case .panic: "If that comes too late, raise min_workers before a sale, or have workers start faster."
        case .pendingLate:
            "Look at what these workers write (\(Explanation.whereWorkersWrite)), at the problems in `sluice status`, and whether "
                + "there is room for them; after start_timeout they are replaced."
        case .maximum:
            "People wait longer meanwhile. If database and machines bear more workers, raise max_workers."
        case .costCap:
            "To let in more now, raise scaling.cost_cap; a longer cost_window lets a sale use more of it at once."
        case .holding:
            self.pool.draining > 0 ? "Workers that drain go when their requests end, or after drain_timeout." : nil
        case .gatewaySilent: "See `sluice status` for its name, and whether it runs and reaches the shared state."
        case .signalsLost: "Look whether gateways run, and whether they and this controller reach the shared state."
        }
    }

    /// `310 people wait in line of room onsale`.
    private var line: String {
        let waiting = self.entry.signals?.waiting ?? 0
        guard waiting > 0 else { return "nobody waits in line" }
        let text = waiting == 1 ? "1 person waits in line" : "\(Figures.count(waiting)) people wait in line"
        let rooms = self.entry.rooms.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
        let place = rooms.isEmpty ? "" : " of \(rooms.count == 1 ? "room" : "rooms") \(Figures.list(rooms))"
        let absent = self.entry.signals?.absent.map { ", of whom about \(Figures.count($0)) will not come" } ?? ""
        return text + place + absent
    }

    private var minimum: String {
        guard let signals = self.entry.signals, signals.showsDemand || signals.waiting > 0 else {
            return "nothing arrives and nobody waits, so the least that is allowed stays (min_workers)"
        }
        return "\(self.arrivals) requests a second arrive and \(self.line); the least that is allowed carries that "
            + "(min_workers)"
    }

    private var load: String {
        var text = "\(self.arrivals) requests a second arrive; at \(self.serviceTime) those of the last seconds keep "
        text += "\(Figures.number(self.decision.offeredLoad)) slots busy, which needs \(self.needed)"
        text += self.slots
        if let queued = self.entry.signals?.queued, queued > 0 {
            text += "; \(Figures.count(queued)) \(queued == 1 ? "waits" : "wait") for a free slot"
        }
        return text
    }

    private var slots: String { " of \(Figures.count(self.limits.slotsPerWorker, "slot"))" }

    private var backlog: String {
        let goal = Figures.duration(nanoseconds: self.limits.drainGoalNanoseconds)
        return "\(self.line), \(Figures.number(self.decision.joinsPerSecond)) a second come; at \(self.visitorCost) it "
            + "needs \(self.needed)\(self.slots), \(Figures.count(self.decision.backlogWorkers)) of them for the line, "
            + "so that it is gone within \(goal) once they are ready"
    }

    /// What the clock asks for; nil: nothing.
    private var plan: String? {
        let planned = self.decision.prewarm(in: self.limits, wallMicros: self.entry.wallMicros)
        guard let planned else { return nil }
        let from = RFC3339.text(wallMicros: planned.fromMicros, fraction: .microsIfAny)
        let length = Figures.duration(nanoseconds: planned.lengthMicros * Nanoseconds.perMicrosecond)
        return "\(self.needed) \(self.decision.neededWorkers == 1 ? "is" : "are") to be ready from \(from) on, for "
            + "\(length) (scaling.prewarm); a start takes up to \(self.startTime)"
    }

    private var preWarm: String {
        if let plan = self.plan { return plan }
        let next = self.limits.openings.filter { $0.at > self.entry.at }.min { $0.at < $1.at }
        guard let next else { return "a room opens, and \(self.needed) are needed then" }
        let left = Figures.duration(nanoseconds: next.at.nanoseconds(since: self.entry.at))
        let people = next.waiting == 1 ? "1 person stands" : "\(Figures.count(next.waiting)) people stand"
        return "a room opens in \(left), and \(people) before its door; a start takes up to \(self.startTime), so the "
            + "\(self.needed) that they need are started now"
    }

    private var pendingLate: String {
        let ages = self.pool.pending.map { self.entry.at.nanoseconds(since: $0) }
        let oldest = Figures.duration(nanoseconds: max(0, ages.max() ?? 0))
        let count = self.pool.pending.count
        return
            "\(Figures.count(count, "started worker")) \(count == 1 ? "is" : "are") not ready yet, the oldest after \(oldest), "
            + "and 95 of 100 starts take no more than \(self.startTime): others are started beside them"
    }

    private var costCap: String {
        var text =
            "\(self.line) and \(self.needed) would serve it within the drain goal, but the cost cap is nearly used up"
        if let cost = self.decision.cost {
            text += ": \(Figures.count(Int(cost.spent.all / 60))) of \(Figures.count(Int(cost.capWorkerSeconds / 60))) "
            text += "worker-minutes"
        }
        return text + "; people wait longer instead"
    }

    private var holding: String {
        let hold = Figures.duration(nanoseconds: self.limits.scaleDownAfterNanoseconds)
        let drains =
            self.pool.draining > 0
            ? ", and \(Figures.count(self.pool.draining, "worker")) of the last step still drains" : ""
        return "\(self.needed) would do, but more was needed a short while ago (\(hold) at most: scale_down_after)"
            + drains
    }
}
