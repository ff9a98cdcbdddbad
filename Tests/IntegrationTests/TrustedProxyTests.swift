import Foundation
import Testing

/// Behind proxies: whom a request is from, and what the worker is told of it.
@Suite(.onOwnThread) struct TrustedProxyTests {
    private func start(
        _ scene: Scene,
        _ forwarding: String,
        room: [String: String]? = nil
    ) throws -> (sluice: SluiceProcess, worker: RawWorker) {
        let worker = try scene.startWorker(RawWorker.answering())
        let sluice = try scene.start(self.configuration(worker, forwarding, room: room))
        return (sluice, worker)
    }

    private func configuration(_ worker: RawWorker, _ forwarding: String, room: [String: String]?) -> Configuration {
        var configuration = Configuration()
        configuration.room = room
        configuration.use([worker])
        configuration.otherKeys = ["forwarding: \(forwarding)"]
        return configuration
    }

    /// The values of that field in the request for `target`, as the worker got it.
    private func values(_ name: String, of target: String, at worker: RawWorker) -> [String] {
        let head =
            worker.receivedText.components(separatedBy: "GET \(target) ").last?
            .components(separatedBy: "\r\n\r\n").first ?? ""
        return head.components(separatedBy: "\r\n").filter { $0.lowercased().hasPrefix(name + ":") }
            .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
    }

    private static let claims = [
        ("X-Forwarded-For", "192.0.2.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "front.example"),
        ("X-Forwarded-Port", "444"), ("Forwarded", "for=192.0.2.8;proto=https"), ("X-Forwarded-Prefix", "/a"),
    ]

    @Test func untrusted_claims_areRemovedAndMadeAnew() throws {
        try Scene.play { scene in
            let (sluice, worker) = try self.start(scene, "{forwarded: true}")
            try HTTPPeer(port: sluice.port).request("GET", "/a", Self.claims)
            #expect(self.values("x-forwarded-for", of: "/a", at: worker) == ["127.0.0.1"])
            #expect(self.values("x-forwarded-proto", of: "/a", at: worker) == ["http"])
            #expect(self.values("x-forwarded-host", of: "/a", at: worker) == ["localhost"])
            #expect(self.values("x-forwarded-port", of: "/a", at: worker) == ["\(sluice.port)"])
            #expect(self.values("x-forwarded-prefix", of: "/a", at: worker) == [])
            #expect(self.values("forwarded", of: "/a", at: worker) == ["for=127.0.0.1;proto=http;host=\"localhost\""])
        }
    }

    /// A head as long as one may be still fits with all that is added to it.
    @Test func longestHost_isNotToldTwice() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            var configuration = self.configuration(worker, "{forwarded: true}", room: nil)
            configuration.limits = ["head_bytes": "32KiB"]
            let sluice = try scene.start(configuration)
            let host = String(repeating: "h", count: 32_000)
            let peer = try HTTPPeer(port: sluice.port)
            peer.peer.send("GET /a HTTP/1.1\r\nHost: \(host)\r\n\r\n")
            #expect(try peer.readAnswer().status == 200)
            #expect(self.values("host", of: "/a", at: worker) == [host])
            #expect(self.values("x-forwarded-host", of: "/a", at: worker) == [])
            #expect(self.values("forwarded", of: "/a", at: worker) == ["for=127.0.0.1;proto=http"])
        }
    }

    @Test func trusted_words_arePassedOnWithTheProxyItself() throws {
        try Scene.play { scene in
            let (sluice, worker) = try self.start(scene, "{trusted_proxies: [127.0.0.0/8], forwarded: true}")
            try HTTPPeer(port: sluice.port).request("GET", "/a", Self.claims + [("X-Forwarded-For", "127.0.0.7")])
            #expect(self.values("x-forwarded-for", of: "/a", at: worker) == ["192.0.2.9, 127.0.0.7, 127.0.0.1"])
            #expect(self.values("x-forwarded-proto", of: "/a", at: worker) == ["https"])
            #expect(self.values("x-forwarded-host", of: "/a", at: worker) == ["front.example"])
            #expect(self.values("x-forwarded-port", of: "/a", at: worker) == ["444"])
            #expect(self.values("x-forwarded-prefix", of: "/a", at: worker) == ["/a"])
            #expect(
                self.values("forwarded", of: "/a", at: worker) == [
                    "for=192.0.2.9;proto=https;host=\"localhost\", for=127.0.0.1"
                ]
            )
        }
    }

    @Test func trusted_forwarded_takesThePlaceOfTheOthers() throws {
        try Scene.play { scene in
            let (sluice, worker) = try self.start(scene, "{trusted_proxies: [127.0.0.1], client_from: forwarded}")
            try HTTPPeer(port: sluice.port).request("GET", "/a", Self.claims)
            #expect(self.values("x-forwarded-for", of: "/a", at: worker) == ["192.0.2.8, 127.0.0.1"])
            #expect(self.values("x-forwarded-proto", of: "/a", at: worker) == ["https"])
            #expect(self.values("x-forwarded-host", of: "/a", at: worker) == ["localhost"])
            #expect(self.values("forwarded", of: "/a", at: worker) == [])
        }
    }

    /// The scheme that the client speaks decides whether its cookies are for HTTPS alone; its address is what they are
    /// tied to.
    @Test func trusted_schemeAndAddress_countForCookies() throws {
        try Scene.play { scene in
            let room = ["slots": "10", "inflow": "100/s", "burst": "10", "bind": "address/24/56"]
            let (sluice, _) = try self.start(scene, "{trusted_proxies: [127.0.0.1]}", room: room)
            func ask(_ client: String, _ proto: String, _ cookies: [String] = []) throws -> Answer {
                var fields = [
                    ("X-Forwarded-For", client), ("X-Forwarded-Proto", proto), ("Accept", "application/json"),
                ]
                if !cookies.isEmpty { fields.append(("Cookie", cookies.joined(separator: "; "))) }
                return try HTTPPeer(port: sluice.port).request("GET", "/", fields)
            }
            let secure = try ask("192.0.2.1", "https")
            #expect(secure.status == 200 && !secure.cookies.isEmpty)
            for cookie in secure.cookies {
                #expect(cookie.hasPrefix("__Host-sluice-") && cookie.contains("; Secure"))
            }
            #expect(
                try ask("192.0.2.1", "http").cookies.allSatisfy { $0.hasPrefix("sluice-") && !$0.contains("Secure") }
            )
            let pairs = secure.cookies.map { String($0.prefix { $0 != ";" }) }
            let refused = "sluice_room_tokens_refused_total{room=\"sale\",reason=\"elsewhere\"}"
            #expect(try ask("192.0.2.77", "https", pairs).status == 200)
            #expect(try sluice.metric(refused) == 0, "the same network")
            #expect(try ask("192.0.3.1", "https", pairs).status == 200)
            #expect(try sluice.metric(refused) > 0, "another network")
        }
    }

    @Test func reload_otherProxies_countFromThenOn() throws {
        try Scene.play { scene in
            let (sluice, worker) = try self.start(scene, "{trusted_proxies: []}")
            let peer = try HTTPPeer(port: sluice.port)
            try peer.request("GET", "/before", Self.claims)
            #expect(self.values("x-forwarded-for", of: "/before", at: worker) == ["127.0.0.1"])
            let changed = self.configuration(worker, "{trusted_proxies: [127.0.0.1], request_id: null}", room: nil)
            try scene.write(changed.text, to: sluice.configurationFile)
            try sluice.waitForLog("configuration read again")
            // The log may tell of it before the loop has taken the settings over.
            try peer.request("GET", "/between")
            #expect(try peer.request("GET", "/after", Self.claims).field("x-request-id") == nil)
            #expect(self.values("x-forwarded-for", of: "/after", at: worker) == ["192.0.2.9, 127.0.0.1"])
        }
    }

    // MARK: Circles

    @Test func via_tooManyOfOurs_isTold() throws {
        try Scene.play { scene in
            let (sluice, worker) = try self.start(scene, "{}")
            let via = Array(repeating: "1.1 sluice", count: 10).joined(separator: ", ")
            let answer = try HTTPPeer(port: sluice.port).request("GET", "/circle", [("Via", via)])
            #expect(answer.status == 508 && answer.field("sluice-error") == "downstream; loop-detected")
            #expect(!worker.receivedText.contains("/circle"))
        }
    }

    /// A pool whose worker is the gateway itself.
    @Test func circle_ofOneGateway_endsByItself() throws {
        try Scene.play { scene in
            let path = "\(scene.folder)/circle.sock"
            var configuration = RequestTests.open()
            configuration.listeners = [("127.0.0.1:0", nil), ("unix:\(path)", nil)]
            configuration.pool = ["driver": "static", "worker": "{slots: 20}", "workers": "[\"unix:\(path)\"]"]
            let sluice = try scene.start(configuration)
            #expect(try HTTPPeer(port: sluice.port).request("GET", "/").status == 508)
        }
    }

    // MARK: Ids and traces

    @Test func requestID_isGivenToWorkerAndClient() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                while try connection.readRequest() != nil {
                    try connection.send("HTTP/1.1 200 OK\r\nX-Request-Id: worker\r\nContent-Length: 0\r\n\r\n")
                }
            }
            let sluice = try scene.start(self.configuration(worker, "{}", room: nil))
            let peer = try HTTPPeer(port: sluice.port)
            let answer = try peer.request("GET", "/a", [("X-Request-ID", "forged")])
            let id = try #require(answer.field("x-request-id"))
            #expect(id.count == 32 && id.allSatisfy(\.isHexDigit))
            #expect(self.values("x-request-id", of: "/a", at: worker) == [id])
            #expect(try peer.request("GET", "/b").field("x-request-id") != id)
        }
    }

    @Test func requestID_ofATrustedProxy_isKept() throws {
        try Scene.play { scene in
            let forwarding = "{trusted_proxies: [127.0.0.1], request_id: X-Trip}"
            let (sluice, worker) = try self.start(scene, forwarding)
            let answer = try HTTPPeer(port: sluice.port).request(
                "GET",
                "/a",
                [("x-trip", "one-2"), ("X-Request-ID", "z")]
            )
            #expect(answer.field("x-trip") == "one-2")
            #expect(self.values("x-trip", of: "/a", at: worker) == ["one-2"])
            #expect(self.values("x-request-id", of: "/a", at: worker) == ["z"], "a field like any other")
        }
    }

    @Test func trace_goesOnWithTheGatewayAsParent() throws {
        try Scene.play { scene in
            let (sluice, worker) = try self.start(scene, "{}")
            let peer = try HTTPPeer(port: sluice.port)
            let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
            try peer.request("GET", "/a", [("traceparent", "00-\(trace)-00f067aa0ba902b7-01"), ("tracestate", "a=1")])
            let sent = try #require(self.values("traceparent", of: "/a", at: worker).first)
            #expect(sent.hasPrefix("00-\(trace)-") && sent.hasSuffix("-01") && !sent.contains("00f067aa0ba902b7"))
            #expect(self.values("traceparent", of: "/a", at: worker).count == 1)
            #expect(self.values("tracestate", of: "/a", at: worker) == ["a=1"])
            try peer.request("GET", "/b", [("traceparent", "nonsense"), ("tracestate", "a=1")])
            #expect(self.values("traceparent", of: "/b", at: worker) == [])
            #expect(self.values("tracestate", of: "/b", at: worker) == [])
        }
    }

    @Test func trace_start_beginsOne() throws {
        try Scene.play { scene in
            let (sluice, worker) = try self.start(scene, "{trace: start}")
            try HTTPPeer(port: sluice.port).request("GET", "/a")
            let sent = try #require(self.values("traceparent", of: "/a", at: worker).first)
            #expect(sent.hasPrefix("00-") && sent.hasSuffix("-02") && sent.count == 55)
        }
    }
}
