import Glibc
import TestKit
import Testing

/// More new TLS connections than a gateway has time for. They come while it stands still, so that it finds them at once.
@Suite(.onOwnThread) struct HandshakeTests {
    /// HTTPS and HTTP, both on one loop.
    private func start(
        _ scene: Scene,
        tls: String = "self_signed",
        limits: [String: String] = [:]
    ) throws -> SluiceProcess {
        var configuration = Configuration()
        configuration.listeners = [("127.0.0.1:0", tls), ("127.0.0.1:0", nil)]
        configuration.limits = limits
        return try scene.start(configuration)
    }

    /// A certificate whose key is slow to sign with, as a listener's TLS.
    private func makeSlowCertificate(_ scene: Scene) throws -> String {
        let made = try scene.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "rsa:4096", "-nodes", "-days", "1", "-subj", "/CN=tickets.test", "-keyout",
                "\(scene.folder)/key.pem", "-out", "\(scene.folder)/certificate.pem",
            ]
        )
        guard made.end == .exited(0) else { throw Disappointment("no certificate: \(made.errors)") }
        return "{certificate: certificate.pem, key: key.pem}"
    }

    private func whileStopped(_ sluice: SluiceProcess, _ body: () throws -> Void) throws {
        sluice.process.signal(SIGSTOP)
        defer { sluice.process.signal(SIGCONT) }
        try Patience.wait(for: "the gateway to stand still") {
            let status = RunningProcess.text("/proc/\(sluice.process.pid)/stat")
            return status.split(separator: ")").last?.hasPrefix(" T") ?? false
        }
        try body()
    }

    private func sayHello(_ sluice: SluiceProcess, count: Int) throws -> [HTTPPeer] {
        let peers = try (0..<count).map { _ in
            let peer = try HTTPPeer(port: sluice.ports[0])
            guard peer.peer.send(ClientHello.bytes) else { throw Disappointment("a hello could not be sent") }
            return peer
        }
        try self.waitForKernel(sluice, "hellos", count: count) { $0[4].hasSuffix(":00000000") == false }
        return peers
    }

    /// A busy kernel takes its time to bring bytes and ends from one socket of a machine to the other.
    private func waitForKernel(
        _ sluice: SluiceProcess,
        _ what: String,
        count: Int,
        isThere: (_ fields: [Substring]) -> Bool
    ) throws {
        let port = String(sluice.ports[0], radix: 16, uppercase: true)
        let suffix = ":" + String(repeating: "0", count: 4 - port.count) + port
        // Addresses, the state and the two queues of each socket; 0A listens.
        try Patience.wait(for: "\(count) \(what) to have come") {
            let lines = RunningProcess.text("/proc/net/tcp").split(separator: "\n").dropFirst()
            let sockets = lines.map { $0.split(separator: " ") }
            return sockets.count { $0[1].hasSuffix(suffix) && $0[3] != "0A" && isThere($0) } == count
        }
    }

    private static func unserved(_ sluice: SluiceProcess, _ reason: String) throws -> Double {
        try sluice.metric("sluice_tls_handshakes_unserved_total{reason=\"\(reason)\"}")
    }

    /// Seen before: all hellos that had come were signed for in one turn of the loop, and everybody else waited for it.
    @Test func poll_whileHundredsShakeHands_isAnsweredBetweenThem() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene, tls: self.makeSlowCertificate(scene))
            let known = try HTTPPeer(port: sluice.ports[1])
            #expect(try known.request("GET", "/").status == 200)
            var newcomers: [HTTPPeer] = []
            try self.whileStopped(sluice) { newcomers = try self.sayHello(sluice, count: 300) }
            try Patience.wait(for: "the first handshake") { newcomers.contains { $0.hasInput } }
            #expect(try known.request("GET", "/").status == 200)
            #expect(newcomers.contains { !$0.hasInput }, "the poll was answered after all handshakes")
            try Patience.wait(for: "everybody to be served or sent away") { newcomers.allSatisfy(\.hasInput) }
            let metrics = try sluice.metrics()
            #expect(metrics["sluice_tls_handshakes_waiting"] == 0)
            // On a machine that is busy enough some have waited for too long.
            let late = try Self.unserved(sluice, "late")
            #expect(metrics["sluice_tls_handshakes_begun_total"] == 300 - late)
        }
    }

    /// No more than half of the connections that there may be wait for a handshake.
    @Test func line_full_othersAreSentAwayAtOnce_andCounted() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene, limits: ["connections": "64"])
            var newcomers: [HTTPPeer] = []
            try self.whileStopped(sluice) { newcomers = try self.sayHello(sluice, count: 48) }
            try Patience.wait(for: "everybody to be served or sent away") { newcomers.allSatisfy(\.hasInput) }
            #expect(newcomers.count { $0.peer.hasEnded } == 16)
            #expect(try Self.unserved(sluice, "full") == 16)
            #expect(try sluice.metric("sluice_tls_handshakes_begun_total") == 32)
            #expect(try sluice.metric("sluice_connections_refused_total") == 0)
            let page = try scene.run("curl", ["-sk", "https://127.0.0.1:\(sluice.ports[0])/"])
            #expect(page.end == .exited(0), "somebody who comes later is served: \(page.errors)")
        }
    }

    @Test func clientsThatHaveLeft_costNoHandshake() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene)
            try self.whileStopped(sluice) {
                _ = try self.sayHello(sluice, count: 40)
                try self.waitForKernel(sluice, "ends", count: 40) { $0[3] == "08" }
            }
            try Patience.wait(for: "all of them to be found gone") { try Self.unserved(sluice, "left") == 40 }
            #expect(try sluice.metric("sluice_tls_handshakes_begun_total") == 0)
            #expect(try sluice.metric("sluice_connections_open") == 0)
        }
    }
}
