import EventLoop
import TestKit
import Testing
import Transport

@testable import onsale

/// The one request before a crowd is sent.
@Suite struct SiteProbeTests {
    /// What the probe says of a site that answers so, and what it asked for.
    ///
    /// - Parameter offers: by ALPN; nil: no TLS. The site agrees on HTTP/1.1 alone; when nothing is offered it is like
    ///   one that knows no ALPN.
    private static func probe(
        _ step: PageStep = PageStep(name: "start"),
        version: SiteTarget.Version = .asAgreed,
        offers: [String]? = nil,
        reply: @escaping @Sendable (ScriptedSite.Request) -> ScriptedSite.Reply
    ) throws -> (answer: SiteProbe.Answer?, problem: String, asked: [String]) {
        let fixture = try LoopFixture()
        let loop = fixture.loop
        let result = Handover<Result<SiteProbe.Answer, PlayProblem>>()
        let server = try offers.map { _ in try TestFolder().makeServerTLS() }
        let client = try offers.map { try TLSContext(verifies: false, protocols: $0) }
        let site = try fixture.run {
            let site = try ScriptedSite(loop: loop, tls: server, reply: reply)
            let target = SiteTarget(
                try SiteURL(parsing: "\(offers == nil ? "http" : "https")://shop.test/start"),
                addresses: [site.address],
                tls: client,
                version: version
            )
            SiteProbe(target, step: step, on: loop).ask { result.put($0) }
            return LoopBound(site, loop: loop)
        }
        let taken = try result.take()
        let asked = try fixture.run { site.open().requests.map { String($0.text.prefix { $0 != "\r\n" }) } }
        try fixture.end()
        switch taken {
        case .success(let answer): return (answer, "", asked)
        case .failure(let problem): return (nil, problem.description, asked)
        }
    }

    @Test func goodSite_isSaidToBe() throws {
        let plain = try Self.probe { _ in SiteCrowdTests.html("<img src=/x.png>Shop") }
        #expect(plain.answer == SiteProbe.Answer(status: 200, version: "HTTP/1.1", isRoom: false))
        // Nothing beside the page, and nobody is in a hurry.
        #expect(plain.asked == ["GET /start HTTP/1.1"])
        let room = try Self.probe { _ in SiteCrowdTests.html("<meta http-equiv=refresh content=5>") }
        #expect(room.answer?.isRoom == true)
    }

    @Test func firstPageThatChangesSomething_isNotAskedFor() throws {
        var step = PageStep(name: "buy", method: "POST")
        step.path = try PageTemplate("/buy")
        let probe = try Self.probe(step) { _ in SiteCrowdTests.answer("", status: "404 Not Found") }
        #expect(probe.answer?.status == 404 && probe.asked == ["GET /start HTTP/1.1"])
    }

    @Test func pageThatIsRefused_endsTheRunUnlessItIsExpected() throws {
        let reply: @Sendable (ScriptedSite.Request) -> ScriptedSite.Reply = { _ in
            SiteCrowdTests.answer("", status: "401 Unauthorized")
        }
        let refused = try Self.probe(reply: reply)
        #expect(refused.answer == nil && refused.problem.contains("status 401"))
        var step = PageStep(name: "start")
        step.checks = [.status([401])]
        #expect(try Self.probe(step, reply: reply).answer?.status == 401)
    }

    @Test func siteThatSendsElsewhere_isNamed() throws {
        let probe = try Self.probe { _ in
            SiteCrowdTests.answer("", status: "301 Moved", fields: "Location: https://www.shop.test/\r\n")
        }
        #expect(probe.problem.contains("https://www.shop.test: name that as --url"))
    }

    @Test func redirectsWithoutEnd_areNamedWithTheirPlaces() throws {
        let probe = try Self.probe { request in
            let next = request.path == "/a" ? "/b" : "/a"
            return SiteCrowdTests.answer("", status: "302 Found", fields: "Location: \(next)\r\n")
        }
        #expect(probe.problem.contains("redirects without end (/start, /a, /b)"), "\(probe.problem)")
        #expect(!probe.problem.contains("port"))
    }

    @Test(arguments: [
        "X-A: \(String(repeating: "v", count: 34_000))\r\n", String(repeating: "Set-Cookie: a=b\r\n", count: 400),
    ])
    func headThatIsTooLarge_isSaidToBe(fields: String) throws {
        let probe = try Self.probe { _ in SiteCrowdTests.answer("hi", fields: fields) }
        #expect(probe.problem.contains("head larger than 32768 bytes, or of more than 100 fields"), "\(probe.problem)")
        #expect(!probe.problem.contains("port of"))
    }

    @Test func siteThatClosesOrMumbles_isToldApart() throws {
        #expect(try Self.probe { _ in .reset }.problem.contains("closes the connection without a page"))
        #expect(try Self.probe { _ in .answer("220 mail ready\r\n") }.problem.contains("does not speak HTTP"))
    }

    /// A server that agrees on nothing would be played by HTTP/1.1, without a word of it.
    @Test(arguments: [[], ["h2"]])
    func siteWithoutHTTP2_isRefusedWhereThatWasAskedFor(offers: [String]) throws {
        let probe = try Self.probe(version: .http2, offers: offers) { _ in SiteCrowdTests.html("Shop") }
        #expect(probe.answer == nil)
        #expect(probe.problem.contains("does not speak HTTP/2 over TLS: leave --http2 out"), "\(probe.problem)")
    }

    @Test func siteThatAgreesOnHTTP1_isPlayedByIt() throws {
        for version in [SiteTarget.Version.asAgreed, .http1] {
            let probe = try Self.probe(version: version, offers: version.offers) { _ in SiteCrowdTests.html("Shop") }
            #expect(probe.answer?.version == "HTTP/1.1", "\(probe.problem)")
        }
    }

    /// The option that was given, and none where none was.
    @Test func versionThatIsNotSpoken_isSaidWithItsOption() throws {
        let mumbles: @Sendable (ScriptedSite.Request) -> ScriptedSite.Reply = { _ in .answer("220 mail ready\r\n") }
        let old = try Self.probe(version: .http1, reply: mumbles)
        #expect(old.problem.contains("leave --http1 out") && !old.problem.contains("--http2"), "\(old.problem)")
        let new = try Self.probe(version: .http2, offers: [], reply: mumbles)
        #expect(new.problem.contains("leave --http2 out") && !new.problem.contains("--http1"), "\(new.problem)")
        let any = try Self.probe(reply: mumbles)
        #expect(any.problem.contains("check the port of --url, or try https://"), "\(any.problem)")
        #expect(!any.problem.contains("--http1") && !any.problem.contains("--http2"), "\(any.problem)")
        // What is offered here is not spoken there.
        let refused = try Self.probe(version: .http1, offers: ["h2"], reply: mumbles)
        #expect(refused.problem.contains("does not speak HTTP/1.1 over TLS: leave --http1 out"), "\(refused.problem)")
    }
}
