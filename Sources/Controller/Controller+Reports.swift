import Observability

extension Controller {
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
        text.family("sluice_workers_needed", .gauge, help: "Workers that this moment alone would ask for.")
        for pool in report { pool.decision.map { text.sample($0.neededWorkers, [("pool", pool.name)]) } }
        text.family("sluice_admission_rate", .gauge, help: "Visitors a second that the ready workers can take.")
        for pool in report { pool.decision.map { text.sample($0.admissionRatePerSecond, [("pool", pool.name)]) } }
        text.family("sluice_latency_trim", .gauge, help: "The factor that latency and errors leave of the rate.")
        for pool in report { pool.decision.map { text.sample($0.latencyTrim, [("pool", pool.name)]) } }
        text.family("sluice_worker_crashes_total", .counter, help: "Workers that died unasked or did not get ready.")
        for pool in report { text.sample(pool.crashes, [("pool", pool.name)]) }
    }

    /// Appends the member `pools` to the object that is open in `json`.
    public func write(to json: inout JSONWriter) {
        json.member("leads", self.isLeading)
        json.key("pools")
        json.beginArray()
        for pool in self.report {
            json.beginObject()
            json.member("name", pool.name)
            json.member("ready", pool.state.ready)
            json.member("pending", pool.state.pending.count)
            json.member("draining", pool.state.draining)
            json.member("crashes", pool.crashes)
            if let decision = pool.decision {
                json.member("desired", decision.desiredWorkers)
                json.member("needed", decision.neededWorkers)
                json.member("reason", decision.reason.rawValue)
                json.member("admission_rate_milli", decision.admissionRateMilli)
                json.member("service_time_us", decision.serviceTimeNanoseconds / 1_000)
                json.member("requests_per_visitor", decision.requestsPerVisitor)
                json.member("latency_trim", decision.latencyTrim)
            }
            json.endObject()
        }
        json.endArray()
    }
}
