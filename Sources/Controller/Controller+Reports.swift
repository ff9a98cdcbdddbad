import Observability
import Pools
import Primitives
import Reports
import Scaling

extension Controller {
    public struct PoolReport: Sendable {
        public let name: String
        public let state: PoolState
        public let decision: ScalingDecision?
        /// What the pool's mode has made of it.
        public let verdict: PoolModes.Verdict?
        public let signals: PoolSignals?
        public let crashes: Int
        public let silentGateways: [GatewayRoster.Silent]
        public let forgottenGateways: Int
    }

    public var report: [PoolReport] {
        self.loop.preconditionOnLoop()
        return self.pools.map {
            PoolReport(
                name: $0.name,
                // Who stands by knows of the workers that are left here, and what others have it knew once.
                state: self.isLeading || $0.hasWorkers ? $0.state : PoolState(ready: 0),
                decision: $0.lastDecision,
                verdict: $0.lastVerdict,
                signals: $0.lastSignals,
                crashes: $0.crashes,
                silentGateways: $0.silent,
                forgottenGateways: $0.forgottenGateways
            )
        }
    }

    /// How the rooms' rates are lent, over all pools. Who stands by lends none: what it lent when it led has lapsed, or the
    /// next leader's is in its place.
    var leases: [ControllerStatus.Lease] {
        guard self.isLeading else { return [] }
        return self.rates.leases.sorted { $0.room < $1.room }
    }
    var exports: [ControllerStatus.Export] { self.exporters.map(\.status) }

    /// Appends the controller's families to a scrape.
    public func write(to text: inout PrometheusText) {
        let report = self.report
        text.gauge("sluice_controller_leads", help: "1 when this controller leads.", self.isLeading ? 1 : 0)
        text.family("sluice_workers", .gauge, help: "Workers of this controller, by state.")
        for pool in report {
            text.sample(pool.state.ready, [("pool", pool.name), ("state", "ready")])
            text.sample(pool.state.pending.count, [("pool", pool.name), ("state", "pending")])
            text.sample(pool.state.draining, [("pool", pool.name), ("state", "draining")])
        }
        text.family("sluice_workers_desired", .gauge, help: "Workers that ready and pending ones should come to.")
        for pool in report { pool.decision.map { text.sample($0.desiredWorkers, [("pool", pool.name)]) } }
        text.family(
            "sluice_workers_wanted",
            .gauge,
            help: "Workers that the pool's mode makes of the desired ones; none: nothing is changed."
        )
        for pool in report {
            if let wanted = pool.verdict?.desired { text.sample(wanted, [("pool", pool.name)]) }
        }
        text.family("sluice_workers_needed", .gauge, help: "Workers that this moment alone would ask for.")
        for pool in report { pool.decision.map { text.sample($0.neededWorkers, [("pool", pool.name)]) } }
        text.family("sluice_admission_rate", .gauge, help: "Visitors a second that the ready workers can take.")
        for pool in report { pool.decision.map { text.sample($0.admissionRatePerSecond, [("pool", pool.name)]) } }
        text.family("sluice_latency_trim", .gauge, help: "The factor that latency and errors leave of the rate.")
        for pool in report { pool.decision.map { text.sample($0.latencyTrim, [("pool", pool.name)]) } }
        if report.contains(where: { $0.decision?.cost != nil }) {
            text.family(
                "sluice_pool_cost_seconds",
                .gauge,
                help: "Worker-seconds that the pool cost in the window of its cost cap."
            )
            for pool in report {
                pool.decision?.cost.map { text.sample($0.spent.all, [("pool", pool.name)]) }
            }
            text.family("sluice_pool_cost_cap_seconds", .gauge, help: "Worker-seconds that it may cost in that window.")
            for pool in report {
                pool.decision?.cost.map { text.sample($0.capWorkerSeconds, [("pool", pool.name)]) }
            }
        }
        text.family(
            "sluice_gateways_silent",
            .gauge,
            help: "Gateways that ceased to report and did not say that they stop."
        )
        for pool in report { text.sample(pool.silentGateways.count, [("pool", pool.name)]) }
        text.family(
            "sluice_worker_crashes_total",
            .counter,
            help: "Workers that died unasked, did not get ready, or hung."
        )
        for pool in report { text.sample(pool.crashes, [("pool", pool.name)]) }
        self.writeExports(to: &text)
    }

    private func writeExports(to text: inout PrometheusText) {
        let exports = self.exports
        guard !exports.isEmpty else { return }
        text.family("sluice_journal_exported_total", .counter, help: "Journal entries written by this process.")
        for export in exports { text.sample(export.written, [("room", export.room)]) }
        text.family("sluice_journal_behind", .gauge, help: "Journal entries that are still to be written.")
        for export in exports { export.behind.map { text.sample($0, [("room", export.room)]) } }
        text.family("sluice_journal_lost_total", .counter, help: "Journal entries dropped before they were written.")
        for export in exports { text.sample(export.lost, [("room", export.room)]) }
    }

    /// What is not as it should be, each with what to do.
    public var problems: [String] {
        (self.outage.map { [$0] } ?? self.callProblems) + self.poolProblems + self.exportProblems
            + self.decisionProblems
    }

    private static func silentGateways(_ pools: [PoolReport]) -> [ControllerStatus.SilentGateway] {
        var silent: [String: ControllerStatus.SilentGateway] = [:]
        for pool in pools {
            for gateway in pool.silentGateways {
                let name = gateway.gateway
                var entry = silent[name] ?? ControllerStatus.SilentGateway(gateway: name, silentMs: 0, pools: [])
                entry.silentMs = max(entry.silentMs, gateway.silentMicros / 1_000)
                entry.pools.append(pool.name)
                silent[name] = entry
            }
        }
        return silent.values.sorted { $0.gateway < $1.gateway }
    }

    private var exportProblems: [String] {
        self.exports.flatMap { export in
            var problems: [String] = []
            if let problem = export.problem {
                problems.append("room \(export.room): the journal cannot be exported to \(export.folder): \(problem)")
            }
            if export.lost > 0 {
                problems.append(
                    "room \(export.room): \(export.lost) entries of the journal were dropped before they were exported; "
                        + "raise journal_entries or journal_keep"
                )
            }
            return problems
        }
    }

    private static func mode(_ verdict: PoolModes.Verdict) -> ControllerStatus.Mode {
        ControllerStatus.Mode(
            name: verdict.mode.name,
            workers: verdict.desired,
            setBy: verdict.isOrdered ? "operator" : "configuration",
            until: verdict.untilMicros.map { RFC3339.text(wallMicros: $0, fraction: .millis) }
        )
    }

    /// As `/status` shows it.
    public var status: ControllerStatus {
        let report = self.report
        let pools = report.map { pool in
            ControllerStatus.Pool(
                name: pool.name,
                ready: pool.state.ready,
                pending: pool.state.pending.count,
                draining: pool.state.draining,
                crashes: pool.crashes,
                mode: pool.verdict.map { Self.mode($0) },
                decision: pool.decision.map { decision in
                    ControllerStatus.Decision(
                        desired: decision.desiredWorkers,
                        needed: decision.neededWorkers,
                        reason: decision.reason.rawValue,
                        admissionRateMilli: decision.admissionRateMilli,
                        serviceTimeUs: decision.serviceTimeNanoseconds / Nanoseconds.perMicrosecond,
                        requestsPerVisitor: decision.requestsPerVisitor,
                        latencyTrim: decision.latencyTrim,
                        cost: decision.cost.map {
                            ControllerStatus.Decision.Cost(
                                spentSeconds: $0.spent.all,
                                capSeconds: $0.capWorkerSeconds,
                                bindsInSeconds: $0.bindsInSeconds
                            )
                        }
                    )
                }
            )
        }
        return ControllerStatus(
            leads: self.isLeading,
            // Its process stands behind its name.
            leader: self.leader.map { String($0.prefix { $0 != "@" }) },
            pools: pools,
            gateways: report.compactMap { $0.signals.map { $0.gatewaysReporting - $0.gatewaysHeld } }.max(),
            silentGateways: self.isLeading ? Self.silentGateways(report) : [],
            forgottenGateways: report.map(\.forgottenGateways).max() ?? 0,
            leases: self.leases,
            // Who stands by exports nothing: how far it came once is no news of today.
            exports: self.isLeading ? self.exports : [],
            leadsAsOf: self.leadsAsOf.map { RFC3339.text(wallMicros: $0.wallMicros, fraction: .millis) },
            leadsAgeMs: self.leadsAsOf.map { $0.ageNanoseconds / Nanoseconds.perMillisecond }
        )
    }
}
