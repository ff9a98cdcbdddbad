import Gateway
import Glibc
import Observability
import Primitives
import RedisClient
import Reports

/// What the admin listener shows.
extension Daemon {
    func writeMetrics(_ answer: @escaping (String) -> Void) {
        self.askGateway { report in
            self.state.counters { counters in
                var text = PrometheusText()
                report?.write(to: &text)
                self.certificates?.write(to: &text)
                self.controller?.write(to: &text)
                Self.write(counters, to: &text)
                text.family("sluice_config_reloads_total", .counter, help: "Configurations read again, by outcome.")
                text.sample(self.reloads.appliedCount, [("outcome", "applied")])
                text.sample(self.reloads.refusedCount, [("outcome", "refused")])
                answer(text.finished())
            }
        }
    }

    func writeStatus(_ answer: @escaping (StatusReport) -> Void) {
        self.askGateway { report in
            answer(
                StatusReport(
                    process: self.processName,
                    pid: getpid(),
                    reloadsApplied: self.reloads.appliedCount,
                    reloadsRefused: self.reloads.refusedCount,
                    problems: (self.reloads.problem.map { [$0] } ?? []) + (report?.problems ?? [])
                        + (self.certificates?.problems ?? []) + (self.workerTLS?.problems ?? [])
                        + (self.controller?.problems ?? []),
                    certificates: self.certificates?.status ?? [],
                    gateway: report?.status,
                    controller: self.controller?.status
                )
            )
        }
    }

    /// Nil when this process is no gateway.
    private func askGateway(_ completion: @escaping (GatewayReport?) -> Void) {
        guard let gateway = self.gateway else { return completion(nil) }
        gateway.report { completion($0) }
    }

    private static func write(_ counters: [RedisCounters], to text: inout PrometheusText) {
        guard !counters.isEmpty else { return }
        let sum = { (value: (RedisCounters) -> UInt64) in counters.reduce(0) { $0 + value($1) } }
        text.counter("sluice_redis_commands_total", help: "Commands sent to Redis.", sum { $0.commands })
        text.counter("sluice_redis_errors_total", help: "Commands that Redis refused.", sum { $0.errors })
        text.counter(
            "sluice_redis_unanswered_total",
            help: "Commands whose answer was lost.",
            sum { $0.unanswered }
        )
        text.counter(
            "sluice_redis_redirections_total",
            help: "Commands that a node of a Cluster sent to another one.",
            sum { $0.redirections }
        )
        text.counter("sluice_redis_reconnects_total", help: "Connections made again.", sum { $0.reconnects })
        var roundTrips = LatencyHistogram()
        for counter in counters { roundTrips.merge(counter.roundTrips) }
        text.family("sluice_redis_round_trip_seconds", .histogram, help: "From a command to its answer.")
        text.sample(roundTrips)
    }
}
