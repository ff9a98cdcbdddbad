import Foundation
import Settings

/// The site that a crowd is sent to, in the size that fits it: what goes into the gateway's configuration, and what the
/// workers are like.
///
/// Everything follows from the scenario. The inflow drains the line within the first three quarters of the run, so that
/// the people have time to finish and the workers to go; the workers can carry the raised inflow with one to spare. For a
/// while there are too few slots (`SitePlan+Slots`); in the middle of the drain the inflow is raised, and later lowered
/// again.
///
/// On the operator's own file the limits, the workers and the room are the file's: see `SitePlan+Rehearsal`.
struct SitePlan: Equatable, Sendable {
    /// The limits of the room that change on the way.
    struct Limits: Equatable, Sendable {
        /// Exchanges per 1000 seconds.
        var inflowMilli: Int64
        var burst: Int
        /// nil: those of the plan.
        var slots: Int?

        init(inflowMilli: Int64, burst: Int, slots: Int? = nil) {
            self.inflowMilli = inflowMilli
            self.burst = burst
            self.slots = slots
        }

        init(inflowPerSecond: Int, burst: Int) { self.init(inflowMilli: Int64(inflowPerSecond) * 1000, burst: burst) }

        /// Rounded down.
        var inflowPerSecond: Int { Int(self.inflowMilli / 1000) }
    }

    struct Change: Equatable, Sendable {
        /// From the start of the run.
        var seconds: Double
        var limits: Limits
    }

    static let roomName = "onsale"
    static let poolName = "tickets"

    /// The room that is judged, and the pool behind it.
    var room = Self.roomName
    var pool = Self.poolName
    /// Where its pages are; nil: everywhere.
    var route: RoomRoute?
    /// What a pass is tied to.
    var binding = VisitorBinding.address(v4Bits: 32, v6Bits: 64)
    /// The operator's file; nil: the tool writes one of its own.
    var copy: SandboxedFile?
    /// The room opens in the run; else it is open from the start.
    var hasOpening = true
    /// Visitors a second, in thousandths, that the site carries for sure; nil: all that the limits allow.
    var carriedMilli: Int64?
    /// Promises that this site cannot be held to, each with the reason.
    var leftOut: [Check.Name: String] = [:]
    /// What else whoever reads the verdict has to know.
    var notes: [String] = []
    /// The tokens that are no good here.
    var probeKinds = ProbeKind.allCases
    var before: Limits
    var changes: [Change]
    /// When tokens that are no good are tried, from the start of the run.
    var probeSeconds: [Double]
    var slots: Int
    var sessionSeconds: Int
    /// The journal keeps all of the run.
    var journalEntries: Int
    var fewestWorkers = 1
    var mostWorkers = 6
    var slotsPerWorker: Int
    var serviceMilliseconds = 20
    var spread = 0.5
    var queuePerWorker = 64
    var startSeconds = 1
    var utilization = 0.75
    var requestsPerVisitor: Int
    var drainGoalSeconds: Int
    var scaleDownAfterSeconds: Int

    /// How much faster people are let in while the limits are raised.
    static let raise = 1.4
    /// The line is gone by this share of the run.
    static let drainedShare = 0.74
    /// The limits are raised at the first share of the drain, and lowered at the second.
    private static let raiseShare = 0.4
    private static let lowerShare = 0.75
    private static let probeShares = [0.1, 0.3, 0.5, 0.7, 0.85]
    /// Of those who get a place and come back, the share that does not lose patience in so short a run.
    private static let patientShare = 0.97

    init(_ scenario: Scenario) {
        let opening = scenario.curve.openingSeconds
        let drainSeconds = max(1, scenario.durationSeconds * Self.drainedShare - opening)
        let people = Double(scenario.visitors) * (1 - scenario.mean(\.noShowShare)) * Self.patientShare
        let raised = Self.lowerShare - Self.raiseShare
        let pace = people / drainSeconds / (1 + (Self.raise - 1) * raised - Self.heldUpShare)
        let inflow = Self.rounded(pace)
        let most = max(inflow + 1, Self.rounded(Double(inflow) * Self.raise))
        self.before = Limits(inflowPerSecond: inflow, burst: max(5, inflow / 10))
        self.changes = Self.tightening(
            scenario,
            before: self.before,
            openingSeconds: opening,
            drainSeconds: drainSeconds
        )
        self.changes += [
            Change(
                seconds: opening + drainSeconds * Self.raiseShare,
                limits: Limits(inflowPerSecond: most, burst: max(6, most / 10))
            ),
            Change(seconds: opening + drainSeconds * Self.lowerShare, limits: self.before),
        ]
        self.probeSeconds = Self.probeShares.map { opening + drainSeconds * $0 }
        self.requestsPerVisitor = max(1, Int(scenario.mean { Double($0.fewestRequests + $0.mostRequests) / 2 }))
        let busySlots = Double(most * self.requestsPerVisitor * self.serviceMilliseconds) / 1000
        let workerSlots = busySlots / self.utilization
        let largestWorker = min(WorkerSettings.slotCounts.upperBound, PoolSettings.connectionCounts.upperBound)
        self.mostWorkers = max(self.mostWorkers, 1 + Int((workerSlots / Double(largestWorker)).rounded(.up)))
        self.slotsPerWorker = max(1, Int((workerSlots / Double(self.mostWorkers - 1)).rounded(.up)))
        // The visitors' think times and the sessions that only time ends, and half as much again.
        let stretch = Manners.stretch(durationSeconds: scenario.durationSeconds)
        let basket = scenario.mean(\.basketSeconds)
        let slots = max(10, Int((Double(most) * (max(4, 12 * stretch) + basket)).rounded(.up)))
        self.slots = min(slots, RoomSettings.slotCounts.upperBound)
        // Nobody is to fall out of a session by holding a basket, or for a network that comes back.
        let longest = scenario.everyClass.map { group in
            let manners = group.manners
            return manners.longestThinkSeconds + manners.basketSeconds
                + (manners.lossShare > 0 ? 2 * manners.longestLossSeconds : 0)
        }
        let session = max(5, Int((12 * stretch).rounded()), Int((1.25 * (longest.max() ?? 0)).rounded(.up)))
        self.sessionSeconds = min(session, Self.seconds(RoomSettings.sessionLengths.upperBound))
        self.journalEntries = min(RoomSettings.journalLengths.upperBound, max(100_000, 2 * scenario.visitors))
        self.drainGoalSeconds = min(max(1, Int(drainSeconds / 2)), Self.seconds(ScalingSettings.drainGoals.upperBound))
        self.scaleDownAfterSeconds = max(2, Int(scenario.durationSeconds / 20))
    }

    private static func seconds(_ nanoseconds: Int64) -> Int { Int(nanoseconds / 1_000_000_000) }

    /// A crowd that no room lets in within the time would be a verdict on the plan, not on the site.
    func checkInflow(for scenario: Scenario) throws(PlayProblem) {
        // On the operator's own file the limits are the file's.
        guard self.copy == nil else { return }
        let most = RoomSettings.inflowsMilli.upperBound
        guard self.highestInflowMilli > most else { return }
        // A hundredth is left to what is rounded up.
        let fitting = Double(scenario.visitors) * Double(most) / Double(self.highestInflowMilli) * 0.99
        let (needed, allowed) = (SandboxedFile.rate(self.highestInflowMilli), SandboxedFile.rate(most))
        throw PlayProblem(
            "\(Format.count(scenario.visitors)) visitors cannot be in by the end of the run: that takes an inflow of "
                + "\(needed), and a room lets in \(allowed) at most; use --visitors \(max(1, Int(fitting))) or fewer, "
                + "or more --seconds"
        )
    }

    /// The crowd keeps more slots busy at the raised inflow than the fewest workers have.
    var needsMoreWorkers: Bool {
        Self.keepsMoreBusy(
            than: self.fewestWorkers * self.slotsPerWorker,
            inflowMilli: self.highestInflowMilli,
            requestsPerVisitor: self.requestsPerVisitor,
            serviceSeconds: Double(self.serviceMilliseconds) / 1000,
            utilization: self.utilization
        )
    }

    /// Exchanges per 1000 seconds, where the limits are raised.
    var highestInflowMilli: Int64 { self.changes.map(\.limits.inflowMilli).reduce(self.before.inflowMilli, max) }

    /// Such an inflow asks for more slots of workers than these for sure: by the aimed utilization, and also with no more
    /// to spare than for chance, as in a large pool.
    static func keepsMoreBusy(
        than slots: Int,
        inflowMilli: Int64,
        requestsPerVisitor: Int,
        serviceSeconds: Double,
        utilization: Double
    ) -> Bool {
        let load = Double(inflowMilli) / 1000 * Double(requestsPerVisitor) * serviceSeconds
        return min(load / utilization, load + load.squareRoot() - 0.05) > Double(slots)
    }

    /// Up to the next figure that a person would write, by a twentieth at most where figures are whole: a line that is
    /// drained much too fast is gone before the last change can be felt.
    private static func rounded(_ value: Double) -> Int {
        let step = value >= 1000 ? 50.0 : value >= 200 ? 10.0 : value >= 100 ? 5.0 : value >= 40 ? 2.0 : 1.0
        return max(1, Int((value / step).rounded(.up) * step))
    }

    /// The configuration of a process. Relative to the file's folder: the state lies beside it.
    ///
    /// - Parameters:
    ///   - opensAt: nil where the room has no opening.
    ///   - listen: the gateway's address; port 0 picks a free one.
    func yaml(
        _ limits: Limits,
        opensAt: Date?,
        listen: String = "127.0.0.1:0",
        redis: String = "embedded"
    ) throws -> String {
        guard let copy = self.copy else { return self.ownYAML(limits, opensAt: opensAt, listen: listen, redis: redis) }
        let moment = SandboxedFile.Moment(
            inflowMilli: limits.inflowMilli,
            burst: Int64(limits.burst),
            slots: Int64(limits.slots ?? self.slots),
            opensAt: self.hasOpening ? opensAt.map(Self.text) : nil,
            listen: listen,
            redis: redis
        )
        return try copy.yaml(room: self.room, moment)
    }

    /// Twice as many as there are slots, as far as settings take them.
    private var connectionsPerWorker: Int {
        min(max(64, self.slotsPerWorker * 2), PoolSettings.connectionCounts.upperBound)
    }

    private func ownYAML(_ limits: Limits, opensAt: Date?, listen: String, redis: String) -> String {
        """
        # Written by onsale for one run.
        listen:
          - address: \(listen)
        admin:
          listen: 127.0.0.1:0
        state_folder: state
        redis: \(redis)
        log:
          level: info
        pools:
          \(Self.poolName):
            driver: process
            worker:
              slots: \(self.slotsPerWorker)
              service_time: \(self.serviceMilliseconds)ms
              spread: \(self.spread)
              queue: \(self.queuePerWorker)
              start_time: \(self.startSeconds)s
            start_timeout: \(max(20, 2 * self.startSeconds))s
            min_workers: \(self.fewestWorkers)
            max_workers: \(self.mostWorkers)
            connections_per_worker: \(self.connectionsPerWorker)
            scaling:
              utilization: \(self.utilization)
              drain_goal: \(self.drainGoalSeconds)s
              scale_down_after: \(self.scaleDownAfterSeconds)s
              requests_per_visitor: \(self.requestsPerVisitor)
        rooms:
          \(Self.roomName):
            slots: \(limits.slots ?? self.slots)
            inflow: \(SandboxedFile.rate(limits.inflowMilli))
            burst: \(limits.burst)
            session_length: \(self.sessionSeconds)s
            bind: address/32/64
            journal_entries: \(self.journalEntries)
            opens_at: \(opensAt.map(Self.text) ?? "null")
            title: Tickets go on sale
        routes:
          - host: "*"
            path: /
            pool: \(Self.poolName)
            room: \(Self.roomName)

        """
    }

    /// What the room was told, and when it was written: the first before the run, the changes at `writtenMicros` from its
    /// start.
    func schedule(openingMicros: Int64, writtenMicros: [Int64], objectives: Objectives) -> LimitSchedule {
        func step(_ limits: Limits, _ micros: Int64) -> LimitStep {
            LimitStep(
                micros: micros,
                rateMilli: limits.inflowMilli,
                burst: Int64(limits.burst),
                slots: Int64(limits.slots ?? self.slots)
            )
        }
        return LimitSchedule(
            written: [step(self.before, 0)] + zip(self.changes, writtenMicros).map { step($0.limits, $1) },
            openingMicros: self.hasOpening ? openingMicros : nil,
            workerStartSeconds: Int64(self.startSeconds),
            fewestWorkers: self.fewestWorkers,
            carriedMilli: self.carriedMilli,
            objectives: objectives
        )
    }

    /// ISO 8601 with milliseconds.
    private static func text(_ date: Date) -> String {
        date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    /// What `sluice worker` is told to be such a worker.
    func workerArguments(seed: Int) -> [String] {
        [
            "worker", "--listen", "127.0.0.1:0", "--slots", "\(self.slotsPerWorker)", "--service-time",
            "\(self.serviceMilliseconds)ms", "--spread", "\(self.spread)", "--queue", "\(self.queuePerWorker)",
            "--seed", "\(seed)", "--exit-with-parent",
        ]
    }

    var facts: [RunReport.Fact] {
        func limits(_ limits: Limits) -> String {
            let slots = limits.slots.map { ", slots \($0)" } ?? ""
            return "\(SandboxedFile.rate(limits.inflowMilli)), burst \(limits.burst)\(slots)"
        }
        let facts = [
            ("inflow", limits(self.before)),
            ("after the changes", self.changes.map { limits($0.limits) }.joined(separator: "; ")),
            ("slots", Format.count(self.slots)),
            ("session length", "\(self.sessionSeconds) s"),
            ("workers", "\(self.fewestWorkers) to \(self.mostWorkers)"),
            ("slots of a worker", "\(self.slotsPerWorker), queue \(self.queuePerWorker)"),
            ("time of service", "\(self.serviceMilliseconds) ms, spread \(self.spread)"),
            ("start of a worker", "\(self.startSeconds) s"),
            ("aimed utilization", Format.percent(self.utilization)),
        ].map { RunReport.Fact(name: $0.0, value: $0.1) }
        return facts + self.told
    }

    /// What a person has to know of the site before the run, and finds in the report: what is not as in their file, and
    /// what is not judged.
    var told: [RunReport.Fact] {
        (self.copy?.replacements ?? []).map { RunReport.Fact(name: "replaced: \($0.key)", value: $0.words) }
            + Self.told(leftOut: self.leftOut, notes: self.notes)
    }

    static func told(leftOut: [Check.Name: String], notes: [String]) -> [RunReport.Fact] {
        leftOut.sorted { $0.key.rawValue < $1.key.rawValue }
            .map { RunReport.Fact(name: "not judged: \($0.key.words)", value: $0.value) }
            + notes.map { RunReport.Fact(name: "note", value: $0) }
    }
}
