import Testing

/// A proxy in front ends TLS: what its clients speak decides about redirects and promises.
@Suite(.onOwnThread) struct ProxiedSchemeTests {
    private func start(_ scene: Scene, _ worker: RawWorker, trusted: String) throws -> HTTPPeer {
        var configuration = RequestTests.open()
        configuration.use([worker])
        configuration.listeners = [("127.0.0.1:0\n    redirect_to_https: true\n    hsts: 1d", nil)]
        configuration.otherKeys = ["forwarding: {trusted_proxies: [\(trusted)]}"]
        return try HTTPPeer(port: try scene.start(configuration).port)
    }

    @Test func trustedProxy_saysWhatTheClientSpeaks() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            let peer = try self.start(scene, worker, trusted: "127.0.0.1")
            // A redirect would come back as the same request for ever.
            let secure = try peer.request("GET", "/a", [("X-Forwarded-Proto", "https")])
            #expect(secure.status == 200 && secure.values("strict-transport-security") == ["max-age=86400"])
            for fields in [[("X-Forwarded-Proto", "http")], []] {
                let plain = try peer.request("GET", "/a", fields)
                #expect(plain.status == 308 && plain.values("strict-transport-security") == [])
            }
            // What a proxy passes on of its clients' is not taken for a certificate that was shown.
            let claims = [("X-Forwarded-Proto", "https"), ("Client-Cert", ":AAAA:"), ("Client-Cert-Chain", ":AAAA:")]
            #expect(try peer.request("GET", "/b", claims).status == 200)
            #expect(!worker.receivedText.lowercased().contains("client-cert"))
        }
    }

    @Test func anybodyElse_isSentToHTTPS_whateverIsClaimed() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            let peer = try self.start(scene, worker, trusted: "unix")
            let answer = try peer.request("GET", "/a", [("X-Forwarded-Proto", "https")])
            #expect(answer.status == 308 && answer.values("strict-transport-security") == [])
        }
    }
}
