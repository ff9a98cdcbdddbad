import Addresses

/// A pool of workers, and how it grows and shrinks.
public struct PoolSettings: Equatable, Sendable {
    public enum Driver: String, CaseIterable, Sendable {
        /// Child processes of the controller.
        case process
        /// A fixed list of addresses that others look after.
        case `static`
        /// Instances of a cloud, by its own command line.
        case command
        /// Pods of a cluster, by its own API.
        case kubernetes
        /// KEDA starts and ends them as the policy wants; they are known by the addresses at which they may be.
        case keda
    }

    /// Who decides how many workers there are, unless an operator says otherwise at run time.
    public enum Mode: String, CaseIterable, Sendable {
        case automatic, advise, manual, freeze
    }

    public var name: String
    public var driver = Driver.process
    /// What a worker is told in the field `Host`.
    public enum HostHeader: String, CaseIterable, Sendable {
        /// The host that the visitor has asked for.
        case visitor
        /// The worker's own, as it stands under `workers`.
        case worker
    }

    /// Of the static driver, all there are; of the keda driver, all there may be. Empty otherwise.
    public var workers: [WorkerAddress] = []
    /// Of the static driver.
    public var tls = WorkerTLSSettings()
    /// How long what is known of a name's addresses counts.
    public var lookupIntervalNanoseconds: Int64 = .seconds(10)
    public var hostHeader = HostHeader.visitor
    /// Of the process driver: the program and its arguments. Empty runs the sample worker that Sluice brings along.
    public var command: [String] = []
    /// Of the command driver.
    public var cloud = CloudSettings()
    /// Of the kubernetes driver.
    public var kubernetes = KubernetesSettings()
    public var worker = WorkerSettings()
    public var mode = Mode.automatic
    /// Of the mode manual.
    public var manualWorkers = 1
    public var minWorkers = 1
    public var maxWorkers = 6
    public var startTimeoutNanoseconds: Int64 = .seconds(20)
    public var drainTimeoutNanoseconds: Int64 = .seconds(15)
    public var connectionsPerWorker = 64
    /// Requests of one gateway that wait for a worker.
    public var waitingRequests = 1000
    public var waitingTimeoutNanoseconds: Int64 = .seconds(2)
    public var connectTimeoutNanoseconds: Int64 = .seconds(1)
    public var responseTimeoutNanoseconds: Int64 = .seconds(15)
    public var tunnels = TunnelSettings()
    public var probe = ProbeSettings()
    public var ejection = EjectionSettings()
    public var scaling = ScalingSettings()

    public init(name: String) { self.name = name }

    /// How many workers there may be: a static pool has as many as are listed, if each name has one address.
    public var workerBounds: ClosedRange<Int> {
        self.driver == .static ? self.workers.count...self.workers.count : self.minWorkers...self.maxWorkers
    }
}

/// The shape of one worker. The policy reckons with the slots; the sample worker behaves as all of it says.
public struct WorkerSettings: Equatable, Sendable {
    /// Requests that a worker serves at once.
    public var slots = 8
    public var serviceTimeNanoseconds: Int64 = .milliseconds(20)
    /// Standard deviation of the service time over its mean.
    public var spread = 0.5
    /// Requests that the sample worker keeps waiting for a slot.
    public var queue = 64
    /// How long the sample worker takes until it is ready.
    public var startTimeNanoseconds: Int64 = 0

    public init() {}
}

/// What the scaling policy aims at.
public struct ScalingSettings: Equatable, Sendable {
    /// Share of the slots that are to be busy.
    public var utilization = 0.75
    /// How soon a line should be served, as far as the rooms' inflow allows it.
    public var drainGoalNanoseconds: Int64 = .seconds(30)
    public var scaleDownAfterNanoseconds: Int64 = .seconds(60)
    /// First guess at how many requests an admitted visitor makes; what is measured replaces it.
    public var requestsPerVisitor = 5.0
    public var latencyObjectiveNanoseconds: Int64 = .milliseconds(250)
    /// Worker-minutes that the pool may cost within any `costWindowNanoseconds`; 0: whatever it takes.
    public var costCapMinutes = 0
    public var costWindowNanoseconds: Int64 = .hours(24)
    public var prewarm: [PrewarmSettings] = []

    public init() {}
}

extension PoolSettings: NamedSettingsSection {
    package init() { self.init(name: "") }

    package static let connectionCounts = 1...10_000

    package static var fields: [SettingsField<Self>] {
        [
            .value("driver", \.driver, .word, .needsRestart),
            .value("workers", \.workers, .list(of: .worker, count: 0...1024), .live),
            .section("tls", \.tls),
            .value("lookup_interval", \.lookupIntervalNanoseconds, .duration(.seconds(1)...(.hours(1))), .live),
            .value("host_header", \.hostHeader, .word, .live),
            .value("command", \.command, .words, .live),
            .section("cloud", \.cloud),
            .section("kubernetes", \.kubernetes),
            .section("worker", \.worker),
            .value("mode", \.mode, .word, .live),
            .value("manual_workers", \.manualWorkers, .count(0...1000), .live),
            .value("min_workers", \.minWorkers, .count(0...1000), .live),
            .value("max_workers", \.maxWorkers, .count(1...1000), .live),
            .value("start_timeout", \.startTimeoutNanoseconds, .duration(.milliseconds(100)...(.hours(1))), .live),
            .value("drain_timeout", \.drainTimeoutNanoseconds, .duration(0...(.hours(1))), .live),
            .value("connections_per_worker", \.connectionsPerWorker, .count(Self.connectionCounts), .live),
            .value("waiting_requests", \.waitingRequests, .count(0...100_000), .live),
            .value("waiting_timeout", \.waitingTimeoutNanoseconds, .duration(.milliseconds(10)...(.minutes(1))), .live),
            .value("connect_timeout", \.connectTimeoutNanoseconds, .duration(.milliseconds(10)...(.minutes(1))), .live),
            .value("response_timeout", \.responseTimeoutNanoseconds, .duration(.milliseconds(10)...(.hours(1))), .live),
            .section("tunnels", \.tunnels),
            .section("probe", \.probe),
            .section("ejection", \.ejection),
            .section("scaling", \.scaling),
        ]
    }

    /// Workers of two drivers have nothing in common: nothing of the one's settings makes sense to the other.
    package static func needsRestart(running: Self, loaded: Self) -> Bool { running.driver != loaded.driver }

    package static func check(_ pool: Self, at path: String, _ findings: inout Findings) {
        if !findings.hasProblem(at: path + ".driver") { pool.checkDriver(at: path, &findings) }
        if pool.minWorkers > pool.maxWorkers {
            findings.reportContradiction(
                path + ".min_workers",
                with: [path + ".max_workers"],
                "\(pool.minWorkers) is more than max_workers, which is \(pool.maxWorkers)"
            )
        }
        pool.checkMode(at: path, &findings)
        if pool.connectionsPerWorker < pool.worker.slots {
            findings.reportContradiction(
                path + ".connections_per_worker",
                with: [path + ".worker.slots"],
                "\(pool.connectionsPerWorker) connections can never fill the worker's \(pool.worker.slots) slots; "
                    + "allow at least as many as worker.slots"
            )
        }
        if pool.ejection.pauseNanoseconds > pool.ejection.longestPauseNanoseconds {
            findings.reportContradiction(
                path + ".ejection.pause",
                with: [path + ".ejection.longest_pause"],
                "\(DurationText.format(pool.ejection.pauseNanoseconds)) is longer than longest_pause, which is "
                    + "\(DurationText.format(pool.ejection.longestPauseNanoseconds))"
            )
        }
        let cap = pool.scaling.costCapMinutes
        let least = pool.minWorkers * Int(pool.scaling.costWindowNanoseconds / .minutes(1))
        if cap > 0, cap < least {
            findings.reportContradiction(
                path + ".scaling.cost_cap",
                with: [path + ".min_workers", path + ".scaling.cost_window"],
                "\(cap) worker-minutes do not pay for min_workers: \(pool.minWorkers) cost \(least) in "
                    + "\(DurationText.format(pool.scaling.costWindowNanoseconds)). Allow as many at least, or lower "
                    + "min_workers"
            )
        }
        for (index, prewarm) in pool.scaling.prewarm.enumerated() where prewarm.workers > pool.maxWorkers {
            findings.reportContradiction(
                "\(path).scaling.prewarm[\(index)]",
                with: [path + ".max_workers"],
                "\(prewarm.workers) workers are more than max_workers, which is \(pool.maxWorkers)"
            )
        }
        if pool.scaling.latencyObjectiveNanoseconds < pool.worker.serviceTimeNanoseconds {
            findings.reportContradiction(
                path + ".scaling.latency_objective",
                with: [path + ".worker.service_time"],
                "\(DurationText.format(pool.scaling.latencyObjectiveNanoseconds)) is shorter than worker.service_time, "
                    + "which is \(DurationText.format(pool.worker.serviceTimeNanoseconds)): no number of workers meets it"
            )
        }
    }

    private func checkMode(at path: String, _ findings: inout Findings) {
        let isGiven = findings.positions[path + ".manual_workers"] != nil
        guard !findings.hasProblem(at: path + ".mode"), isGiven != (self.mode == .manual) else { return }
        findings.reportContradiction(
            path + (isGiven ? ".manual_workers" : ".mode"),
            isGiven
                ? "the key has a meaning with mode: manual only; take it out, or change mode"
                : "mode: manual needs the key manual_workers: how many there are to be"
        )
    }

    private func checkDriver(at path: String, _ findings: inout Findings) {
        let foreign: [String]
        switch self.driver {
        case .process:
            foreign = ["workers", "tls", "lookup_interval", "cloud", "kubernetes"]
            self.checkSample(at: path, &findings)
        case .command:
            foreign = ["workers", "tls", "lookup_interval", "command", "kubernetes"]
            self.cloud.checkUse(at: path, &findings)
        case .kubernetes:
            foreign = ["workers", "tls", "lookup_interval", "command", "cloud", "probe.interval", "probe.failures"]
            if self.kubernetes.name == nil, !findings.hasProblem(at: path + ".kubernetes.name") {
                findings.reportContradiction(
                    path + ".driver",
                    with: [path + ".kubernetes.name"],
                    "the kubernetes driver needs the key kubernetes.name: what is to be scaled"
                )
            }
        case .static:
            foreign = [
                "command", "cloud", "kubernetes", "mode", "min_workers", "max_workers", "start_timeout",
                "probe.interval",
                "probe.failures",
                "scaling.cost_cap", "scaling.cost_window", "scaling.prewarm",
            ]
            if self.workers.isEmpty, !findings.hasProblem(at: path + ".workers") {
                findings.reportContradiction(
                    path + ".driver",
                    "the static driver needs the key workers with at least one address"
                )
            }
        case .keda:
            foreign = ["tls", "lookup_interval", "command", "cloud", "kubernetes"]
            self.checkKEDA(at: path, &findings)
        }
        if self.minWorkers == 0, self.driver != .keda, self.driver != .static {
            findings.reportContradiction(
                path + ".min_workers",
                with: [path + ".driver"],
                "the \(self.driver.rawValue) driver keeps 1 worker at least; only the keda driver goes down to 0"
            )
        }
        for key in foreign.map({ "\(path).\($0)" }) where findings.positions[key] != nil {
            findings.reportContradiction(
                key,
                "the key has no meaning with the \(self.driver.rawValue) driver; take it out, or change driver"
            )
        }
        self.checkWorkers(at: path, &findings)
    }

    /// The sample worker does as it is told: one that is told to start later than it may never gets ready.
    private func checkSample(at path: String, _ findings: inout Findings) {
        guard self.command.isEmpty, !findings.hasProblem(at: path + ".command") else { return }
        guard self.worker.startTimeNanoseconds >= self.startTimeoutNanoseconds else { return }
        findings.reportContradiction(
            path + ".worker.start_time",
            with: [path + ".start_timeout"],
            "\(DurationText.format(self.worker.startTimeNanoseconds)) is not shorter than start_timeout, which is "
                + "\(DurationText.format(self.startTimeoutNanoseconds)): no worker would ever be ready"
        )
    }

    private func checkKEDA(at path: String, _ findings: inout Findings) {
        guard !findings.hasProblem(at: path + ".workers") else { return }
        if self.workers.isEmpty {
            findings.reportContradiction(
                path + ".driver",
                "the keda driver needs the key workers: every address at which KEDA may start one"
            )
        } else if self.maxWorkers > self.workers.count {
            findings.reportContradiction(
                path + ".max_workers",
                with: [path + ".workers"],
                "\(self.maxWorkers) is more than the \(self.workers.count) addresses under workers; list every address at "
                    + "which KEDA may start one, or lower max_workers"
            )
        }
        if self.probe.failures == 0 {
            findings.reportContradiction(
                path + ".probe.failures",
                with: [path + ".driver"],
                "with the keda driver a worker that is gone is known by its failures alone; allow 1 at least"
            )
        }
    }
}

extension WorkerSettings: SettingsSection {
    package static let slotCounts = 1...10_000

    package static var fields: [SettingsField<Self>] {
        [
            .value("slots", \.slots, .count(Self.slotCounts), .live),
            .value("service_time", \.serviceTimeNanoseconds, .duration(.milliseconds(1)...(.minutes(1))), .live),
            .value("spread", \.spread, .number(0...3), .live),
            .value("queue", \.queue, .count(0...100_000), .live),
            .value("start_time", \.startTimeNanoseconds, .duration(0...(.minutes(10))), .live),
        ]
    }
}

extension ScalingSettings: SettingsSection {
    /// In nanoseconds.
    package static let drainGoals: ClosedRange<Int64> = .seconds(1)...(.hours(1))

    package static var fields: [SettingsField<Self>] {
        [
            .value("utilization", \.utilization, .number(0.05...1), .live),
            .value("drain_goal", \.drainGoalNanoseconds, .duration(Self.drainGoals), .live),
            .value("scale_down_after", \.scaleDownAfterNanoseconds, .duration(.seconds(1)...(.hours(24))), .live),
            .value("requests_per_visitor", \.requestsPerVisitor, .number(1...10_000), .live),
            .value(
                "latency_objective",
                \.latencyObjectiveNanoseconds,
                .duration(.milliseconds(1)...(.minutes(1))),
                .live
            ),
            .value("cost_cap", \.costCapMinutes, .count(0...100_000_000), .live),
            .value("cost_window", \.costWindowNanoseconds, .duration(.minutes(10)...(.hours(24 * 31))), .live),
            .value("prewarm", \.prewarm, .list(of: .prewarm, count: 0...50), .live),
        ]
    }
}
