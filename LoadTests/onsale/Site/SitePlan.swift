import Foundation

/// The site that a crowd is sent to, in the size that fits it: what goes into the gateway's configuration, and what the
/// workers are like.
///
/// Everything follows from the scenario. The inflow drains the line within the first three quarters of the run, so that
/// the people have time to finish and the workers to go; the workers can carry the raised inflow with one to spare.
struct SitePlan: Codable, Equatable, Sendable {
    /// The limits of the room, once before and once after the change in the middle of the drain.
    struct Limits: Codable, Equatable, Sendable {
        var inflowPerSecond: Int
        var burst: Int
    }

    static let roomName = "onsale"
    static let poolName = "tickets"

    var before: Limits
    var after: Limits
    /// From the start of the run.
    var reloadSeconds: Double
    var slots: Int
    var sessionSeconds = 20
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

    /// How much faster people are let in after the change.
    private static let raise = 1.5
    /// The line is gone by this share of the run.
    private static let drainedShare = 0.74
    /// The limits are changed at this share of the drain.
    private static let reloadShare = 0.45
    /// Of those who get a place and come back, the share that does not lose patience in so short a run.
    private static let patientShare = 0.97

    init(_ scenario: Scenario) {
        let opening = scenario.curve.openingSeconds
        let drainSeconds = max(1, scenario.durationSeconds * Self.drainedShare - opening)
        let people = Double(scenario.visitors) * (1 - scenario.manners.noShowShare) * Self.patientShare
        let pace = people / drainSeconds / (Self.reloadShare + Self.raise * (1 - Self.reloadShare))
        let inflow = Self.rounded(pace)
        let raised = max(inflow + 1, Self.rounded(Double(inflow) * Self.raise))
        self.before = Limits(inflowPerSecond: inflow, burst: max(5, inflow / 10))
        self.after = Limits(inflowPerSecond: raised, burst: max(6, raised / 10))
        self.reloadSeconds = opening + drainSeconds * Self.reloadShare
        self.requestsPerVisitor = (scenario.manners.fewestRequests + scenario.manners.mostRequests) / 2
        let busySlots = Double(raised * self.requestsPerVisitor * self.serviceMilliseconds) / 1000
        self.slotsPerWorker = max(1, Int((busySlots / self.utilization / Double(self.mostWorkers - 1)).rounded(.up)))
        // The visitors' think times and the sessions that only time ends, and half as much again.
        self.slots = max(10, raised * 12)
        self.drainGoalSeconds = max(1, Int(drainSeconds / 2))
        self.scaleDownAfterSeconds = max(2, Int(scenario.durationSeconds / 20))
    }

    /// Up to the next figure that a person would write.
    private static func rounded(_ value: Double) -> Int {
        let step = value >= 1000 ? 50.0 : value >= 100 ? 10.0 : value >= 20 ? 5.0 : 1.0
        return max(1, Int((value / step).rounded(.up) * step))
    }

    /// The gateway's configuration. Relative to the file's folder: the state lies beside it.
    func yaml(_ limits: Limits, opensAt: Date) -> String {
        """
        # Written by onsale for one run.
        listen:
          - address: 127.0.0.1:0
        admin:
          listen: 127.0.0.1:0
        state_folder: state
        redis: embedded
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
            min_workers: \(self.fewestWorkers)
            max_workers: \(self.mostWorkers)
            connections_per_worker: \(max(64, self.slotsPerWorker * 2))
            scaling:
              utilization: \(self.utilization)
              drain_goal: \(self.drainGoalSeconds)s
              scale_down_after: \(self.scaleDownAfterSeconds)s
              requests_per_visitor: \(self.requestsPerVisitor)
        rooms:
          \(Self.roomName):
            slots: \(self.slots)
            inflow: \(limits.inflowPerSecond)/s
            burst: \(limits.burst)
            session_length: \(self.sessionSeconds)s
            opens_at: \(Self.text(opensAt))
            title: Tickets go on sale
        routes:
          - host: "*"
            path: /
            pool: \(Self.poolName)
            room: \(Self.roomName)

        """
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
        func limits(_ limits: Limits) -> String { "\(limits.inflowPerSecond)/s, burst \(limits.burst)" }
        return [
            ("inflow", limits(self.before)),
            ("after the change", limits(self.after)),
            ("slots", Format.count(self.slots)),
            ("session length", "\(self.sessionSeconds) s"),
            ("workers", "\(self.fewestWorkers) to \(self.mostWorkers)"),
            ("slots of a worker", "\(self.slotsPerWorker), queue \(self.queuePerWorker)"),
            ("time of service", "\(self.serviceMilliseconds) ms, spread \(self.spread)"),
            ("start of a worker", "\(self.startSeconds) s"),
            ("aimed utilization", Format.percent(self.utilization)),
        ].map { RunReport.Fact(name: $0.0, value: $0.1) }
    }
}
