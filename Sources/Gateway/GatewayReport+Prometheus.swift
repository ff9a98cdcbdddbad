import Admission
import HTTPWire
import Observability
import Pools
import Primitives
import Rooms

extension GatewayReport {
    /// Appends the gateway's families to a scrape.
    public func write(to text: inout PrometheusText) {
        self.writeConnections(to: &text)
        self.writeHandshakes(to: &text)
        self.tickets?.write(to: &text)
        self.writeRequests(to: &text)
        self.writeAccessLog(to: &text)
        self.writeRooms(to: &text)
        self.writeVisitors(to: &text)
        text.family(
            "sluice_pool_ready_workers",
            .gauge,
            help: "Workers that take requests and do not fail."
        )
        for pool in self.pools { text.sample(pool.readyWorkers, [("pool", pool.name)]) }
        self.writeFailing(to: &text)
        text.family("sluice_pool_in_flight", .gauge, help: "Requests that workers are serving for this gateway.")
        for pool in self.pools { text.sample(pool.inFlight, [("pool", pool.name)]) }
        text.family("sluice_pool_queued", .gauge, help: "Requests of this gateway that wait for a worker.")
        for pool in self.pools { text.sample(pool.queued, [("pool", pool.name)]) }
        self.writeTunnels(to: &text)
    }

    private func writeTunnels(to text: inout PrometheusText) {
        let tunnels = self.counters.tunnels
        text.family("sluice_pool_tunnels", .gauge, help: "Tunnels (WebSocket) of this gateway to workers of the pool.")
        for pool in self.pools { text.sample(pool.tunnels, [("pool", pool.name)]) }
        text.gauge("sluice_tunnels_open", help: "Connections switched to another protocol, now.", tunnels.open)
        text.counter("sluice_tunnels_total", help: "Connections switched to another protocol.", tunnels.opened)
        text.family("sluice_tunnels_ended_total", .counter, help: "Tunnels that ended, by who or what ended them.")
        for end in TunnelEnd.allCases { text.sample(tunnels.count(of: end), [("reason", end.rawValue)]) }
        text.family("sluice_tunnel_bytes_total", .counter, help: "Bytes that went through tunnels.")
        text.sample(tunnels.bytesFromClients, [("from", "client")])
        text.sample(tunnels.bytesToClients, [("from", "worker")])
    }

    private func writeFailing(to text: inout PrometheusText) {
        text.family("sluice_pool_failing_workers", .gauge, help: "Workers that take requests and fail.")
        for pool in self.pools { text.sample(pool.failing.count, [("pool", pool.name)]) }
        text.family("sluice_pool_passed_by_workers", .gauge, help: "Of those, the ones that get none while others do.")
        for pool in self.pools { text.sample(pool.failing.count(where: \.isPassedBy), [("pool", pool.name)]) }
        text.family("sluice_pool_ejections_total", .counter, help: "Workers that began to fail, by how.")
        for pool in self.pools {
            for failure in WorkerStandings.Failure.allCases {
                text.sample(pool.ejections[failure] ?? 0, [("pool", pool.name), ("failure", failure.rawValue)])
            }
        }
    }

    private func writeConnections(to text: inout PrometheusText) {
        text.counter(
            "sluice_connections_accepted_total",
            help: "Client connections taken.",
            self.counters.connectionsAccepted
        )
        text.counter(
            "sluice_connections_refused_total",
            help: "Client connections closed at once: the limit was reached.",
            self.counters.connectionsRefused
        )
        text.counter(
            "sluice_connections_evicted_total",
            help: "Idle client connections closed to make room for new ones.",
            self.counters.connectionsEvicted
        )
        text.gauge("sluice_connections_open", help: "Client connections now.", self.counters.connectionsOpen)
        text.counter(
            "sluice_http2_connections_total",
            help: "Client connections that came to speak HTTP/2.",
            self.counters.connectionsHTTP2
        )
        text.family(
            "sluice_http2_excesses_total",
            .counter,
            help: "Connections of HTTP/2 ended because their client did too much of something, by what."
        )
        for (excess, count) in zip(FrameMeter.Excess.allCases, self.counters.excesses) {
            text.sample(count, [("kind", excess.rawValue)])
        }
        text.counter("sluice_loop_turns_total", help: "Turns of the event loops.", self.turns)
    }

    private func writeHandshakes(to text: inout PrometheusText) {
        let counts = self.counters.handshakes
        text.counter("sluice_tls_handshakes_begun_total", help: "Handshakes with clients, begun.", counts.begun)
        text.family(
            "sluice_tls_handshakes_unserved_total",
            .counter,
            help: "Clients that said hello and got no TLS handshake: they left, waited too long, or the line was full."
        )
        text.sample(counts.left, [("reason", "left")])
        text.sample(counts.late, [("reason", "late")])
        text.sample(counts.crowdedOut, [("reason", "full")])
        text.gauge("sluice_tls_handshakes_waiting", help: "Clients that wait for their TLS handshake.", counts.waiting)
    }

    private func writeRequests(to text: inout PrometheusText) {
        text.counter("sluice_requests_total", help: "Requests whose head was read.", self.counters.requests)
        text.family("sluice_responses_total", .counter, help: "Answers by class of status.")
        text.sample(self.counters.responses1xx2xx, [("class", "2xx")])
        text.sample(self.counters.responses3xx, [("class", "3xx")])
        text.sample(self.counters.responses4xx, [("class", "4xx")])
        text.sample(self.counters.responses5xx, [("class", "5xx")])
        text.family("sluice_gateway_errors_total", .counter, help: "Errors that the gateway itself made, by cause.")
        for cause in GatewayError.Cause.allCases {
            text.sample(self.counters.gatewayErrors[cause.index], [("cause", cause.rawValue)])
        }
        text.counter(
            "sluice_retries_total",
            help: "Requests sent to a second worker after the first failed.",
            self.counters.retries
        )
        text.family(
            "sluice_request_duration_seconds",
            .histogram,
            help: "From the end of a request's head to the end of its answer, waiting for the room included."
        )
        text.sample(self.counters.requestLatency)
    }

    private func writeAccessLog(to text: inout PrometheusText) {
        text.counter(
            "sluice_access_log_lines_total",
            help: "Lines handed to the writer of the access log.",
            self.counters.accessLines
        )
        text.counter(
            "sluice_access_log_dropped_total",
            help: "Lines of the access log that were lost: its disk or reader is too slow.",
            self.counters.accessLinesDropped
        )
    }

    private func writeRooms(to text: inout PrometheusText) {
        let gauges: [(name: String, help: String, value: (Room) -> Double?)] = [
            ("issued", "The last place handed out.", { $0.snapshot.map { Double($0.issued) } }),
            ("serving", "Now serving.", { $0.snapshot.map { Double($0.serving) } }),
            ("waiting", "Places not called yet.", { $0.snapshot.map { Double($0.shownWaiting) } }),
            ("sessions", "Live sessions.", { $0.snapshot.map { Double($0.sessions) } }),
            ("slots", "Limit of live sessions.", { $0.snapshot.map { Double($0.slots) } }),
            ("door", "Called visitors who wait for a token or a slot.", { $0.snapshot.map { Double($0.door) } }),
            ("rate", "Exchanges a second in force.", { $0.snapshot.map { Double($0.rateMilli) / 1_000 } }),
            ("tokens", "Tokens in the bucket.", { $0.snapshot.map { Double($0.tokensNano) / 1e9 } }),
            (
                "show_up_ratio", "Of the called, the share that comes.",
                {
                    $0.snapshot.map { Double($0.showUpPermille) / 1_000 }
                }
            ),
            ("parked_joining", "Requests of this gateway that wait for a place.", { Double($0.joining) }),
            ("parked_at_door", "Requests of this gateway that wait at the door.", { Double($0.atDoor) }),
        ]
        self.writeModes(to: &text)
        for gauge in gauges {
            text.family("sluice_room_\(gauge.name)", .gauge, help: gauge.help)
            for room in self.rooms {
                if let value = gauge.value(room) { text.sample(value, [("room", room.name)]) }
            }
        }
    }

    private func writeModes(to text: inout PrometheusText) {
        text.family("sluice_room_mode", .gauge, help: "1 for the mode that the room is in, as this gateway sees it.")
        for room in self.rooms {
            for word in ["normal", "degraded", "held"] {
                text.sample(room.mode.text == word ? 1 : 0, [("room", room.name), ("mode", word)])
            }
        }
        let counters: [(name: String, help: String, value: (RoomSnapshot) -> Int64)] = [
            (
                "limits_ignored_total", "Ticks whose limits were of a lower generation than those in force.",
                { $0.ignoredLimits }
            ),
            ("limits_conflicts_total", "Ticks whose limits were others of the generation in force.", { $0.conflicts }),
            ("journal_dropped_total", "Journal entries that the shared state has dropped.", { $0.journalTrimmed }),
        ]
        for counter in counters {
            text.family("sluice_room_\(counter.name)", .counter, help: counter.help)
            for room in self.rooms {
                if let snapshot = room.snapshot { text.sample(counter.value(snapshot), [("room", room.name)]) }
            }
        }
        text.family(
            "sluice_room_limits_conflict",
            .gauge,
            help: "1 while two gateways have different limits of the generation in force."
        )
        for room in self.rooms { text.sample(room.hasConflict ? 1 : 0, [("room", room.name)]) }
        text.family("sluice_room_as_of_seconds", .gauge, help: "Since when the room's figures stand, in Unix time.")
        for room in self.rooms {
            if let asOf = room.asOf { text.sample(Double(asOf.wallMicros) / 1e6, [("room", room.name)]) }
        }
        text.family("sluice_room_lost_sessions", .gauge, help: "Sessions lost with the shared state and not back yet.")
        for room in self.rooms {
            if let snapshot = room.snapshot { text.sample(snapshot.lostSessions, [("room", room.name)]) }
        }
    }

    private func writeVisitors(to text: inout PrometheusText) {
        text.family("sluice_room_exchanges_total", .counter, help: "Exchanges of all gateways since the room began.")
        for room in self.rooms {
            if let snapshot = room.snapshot { text.sample(snapshot.admitted, [("room", room.name)]) }
        }
        text.family("sluice_room_visitors_total", .counter, help: "What became of this gateway's visitors.")
        for room in self.rooms {
            text.sample(room.counts.joined, [("room", room.name), ("event", "joined")])
            text.sample(room.counts.admitted, [("room", room.name), ("event", "admitted")])
            text.sample(room.counts.lapsed, [("room", room.name), ("event", "lapsed")])
            text.sample(room.counts.released, [("room", room.name), ("event", "released")])
        }
        text.family("sluice_room_tokens_refused_total", .counter, help: "Cookies treated as none, by reason.")
        for room in self.rooms {
            text.sample(room.counts.tokensForged, [("room", room.name), ("reason", "forged")])
            text.sample(room.counts.tokensForeign, [("room", room.name), ("reason", "foreign")])
            text.sample(room.counts.tokensExpired, [("room", room.name), ("reason", "expired")])
            text.sample(room.counts.tokensRevoked, [("room", room.name), ("reason", "revoked")])
            text.sample(room.counts.tokensVoid, [("room", room.name), ("reason", "void")])
            text.sample(room.counts.tokensElsewhere, [("room", room.name), ("reason", "elsewhere")])
        }
        text.family(
            "sluice_room_visitors_limited_total",
            .counter,
            help: "Requests beyond what one visitor may have under way: answered with 429."
        )
        for room in self.rooms { text.sample(room.counts.visitorsLimited, [("room", room.name)]) }
        text.family("sluice_room_state_failures_total", .counter, help: "Calls that the shared state did not answer.")
        for room in self.rooms { text.sample(room.counts.storeFailures, [("room", room.name)]) }
    }
}
