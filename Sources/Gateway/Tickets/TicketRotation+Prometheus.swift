import Observability

extension TicketRotation.Report {
    func write(to text: inout PrometheusText) {
        text.family("sluice_tls_handshakes_total", .counter, help: "Handshakes with clients that were completed.")
        text.sample(self.full, [("kind", "full")])
        text.sample(self.resumed, [("kind", "resumed")])
        text.gauge("sluice_tls_ticket_keys", help: "Keys that open session tickets which are shared.", self.keys)
        text.counter(
            "sluice_tls_ticket_key_changes_total",
            help: "How often another key began to seal session tickets.",
            UInt64(self.keyChanges)
        )
        text.gauge(
            "sluice_tls_ticket_keys_shared",
            help: "1 while new session tickets can be shown to every gateway of the shared state.",
            self.isShared ? 1 : 0
        )
    }
}
