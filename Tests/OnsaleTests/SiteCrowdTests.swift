import EventLoop
import Primitives
import TestKit
import Testing
import Transport

@testable import onsale

/// A crowd with browsers against a small server that a test writes.
@Suite struct SiteCrowdTests {
    struct Outcome: Sendable {
        var timeline: Timeline
        var books: VisitBooks
        var paths: [String]
        var texts: [String]
        var complaints: [String: Int]
        var unreadPages: Int
        var remarks: Set<String>
        var openConnections: Int
        var counts: Counts { self.timeline.total.counts }
        var evidence: Evidence {
            var evidence = Evidence(startedMicros: 0, timeline: self.timeline)
            evidence.books = self.books
            evidence.site = SiteEvidence(
                complaints: self.complaints,
                unreadPages: self.unreadPages,
                remarks: self.remarks
            )
            return evidence
        }
    }

    static func play(
        visitors: Int = 20,
        pages: PagePlan = .onePage,
        _ change: (inout Manners) -> Void = { _ in },
        reply: @escaping @Sendable (ScriptedSite.Request) -> ScriptedSite.Reply
    ) throws -> Outcome {
        let scenario = CrowdPlayerTests.scenario(visitors: visitors, change)
        let last = scenario.curve.endSeconds + 1
        let crowd = try Crowd(SitePlayPlan(url: PageStepTests.url, pages: pages).fitted(scenario))
            .takenUp(atSeconds: last, withinSeconds: 0.1)
        let fixture = try LoopFixture()
        let loop = fixture.loop
        let (site, player) = try fixture.run {
            let site = try ScriptedSite(loop: loop, reply: reply)
            let player = SiteCrowd(
                crowd,
                target: SiteTarget(
                    try SiteURL(parsing: "http://shop.test/start"),
                    addresses: [site.address],
                    tls: nil,
                    version: .asAgreed
                ),
                pages: pages,
                startedAt: MonotonicClock.now().advanced(byNanoseconds: -Int64(last * 1e9)),
                descriptorLimit: 2_000,
                on: loop
            )
            player.start()
            return (LoopBound(site, loop: loop), LoopBound(player, loop: loop))
        }
        try fixture.waitUntil { try fixture.run { player.open().isEverybodyGone } }
        let outcome = try fixture.run {
            let player = player.open()
            player.finish()
            let requests = site.open().requests
            return Outcome(
                timeline: player.timeline,
                books: player.books,
                paths: requests.map(\.path),
                texts: requests.map(\.text),
                complaints: player.complaints,
                unreadPages: player.unreadPages,
                remarks: player.remarks,
                openConnections: player.connections.open
            )
        }
        try fixture.end()
        return outcome
    }

    static func answer(_ body: String, status: String = "200 OK", fields: String = "") -> ScriptedSite.Reply {
        .answer("HTTP/1.1 \(status)\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    static func html(_ body: String, fields: String = "") -> ScriptedSite.Reply {
        Self.answer(body, fields: "Content-Type: text/html\r\n" + fields)
    }

    @Test func visitors_loadThePageWithItsParts_eachPartOnce() throws {
        let outcome = try Self.play { request in
            request.path == "/start"
                ? Self.html("<script src=/a.js></script><img src='b.png'><img src=http://other.test/c.png>")
                : Self.answer("x")
        }
        let counts = outcome.counts
        #expect(counts.arrivals == 20 && counts.served == 20 && counts.errors.total == 0 && counts.exchanges == 0)
        let wanted = try Crowd(CrowdPlayerTests.scenario(visitors: 20)).visitors.reduce(0) { $0 + $1.requestCount }
        #expect(counts.insideAnswers == wanted && outcome.paths.count { $0 == "/start" } == wanted)
        // The cache of each visitor has them from then on.
        #expect(outcome.paths.count { $0 == "/a.js" } == 20 && outcome.paths.count { $0 == "/b.png" } == 20)
        #expect(counts.requests == wanted + 40 && outcome.openConnections == 0)
        // The page's connection, and one more for the second part; none for each page.
        #expect(counts.connections >= 20 && counts.connections <= 40)
        #expect(outcome.texts.allSatisfy { $0.contains("Host: shop.test\r\n") && $0.contains("user-agent: onsale") })
        let verdict = Judge(objectives: Objectives(), evidence: outcome.evidence).siteVerdict()
        let judged: [Check.Name] = [.content, .serverErrors, .otherErrors, .latency, .latency, .accounted, .tool]
        #expect(verdict.checks.map(\.name) == judged)
        #expect(verdict.checks.prefix(3).allSatisfy { $0.outcome == .passed })
    }

    @Test func parts_overHTTP1_comeOverAtMostSixConnections() throws {
        let links = (0..<30).map { "<img src=/\($0).png>" }.joined()
        let outcome = try Self.play(visitors: 1) { $0.path == "/start" ? Self.html(links) : Self.answer("x") }
        #expect(outcome.counts.served == 1 && outcome.paths.count { $0.hasSuffix(".png") } == 30)
        #expect(outcome.counts.connections == Browser.mostConnections)
    }

    @Test func pages_inOrder_withValuesOfThoseBefore() throws {
        var list = PageStep(name: "list")
        list.path = try PageTemplate("/list?of=${visitor}")
        list.extractions = [PageExtraction(name: "seat", source: .json(["seats", "0"]))]
        var buy = PageStep(name: "buy", method: "POST")
        buy.path = try PageTemplate("/buy/${seat}")
        buy.body = .form([.init(name: "who", value: try PageTemplate("${visitor}-${random}"))])
        buy.checks = [.status([201]), .holds("bought")]
        let outcome = try Self.play(visitors: 5, pages: try PagePlan([list, buy])) { request in
            if request.path == "/list" {
                return Self.answer(#"{"seats":["A1","A2"]}"#, fields: "Set-Cookie: basket=b; Path=/\r\n")
            }
            return Self.answer("bought", status: "201 Created")
        }
        #expect(outcome.counts.served == 5 && outcome.counts.errors.total == 0, "\(outcome.complaints)")
        let asked = outcome.texts.filter { $0.hasPrefix("POST ") }
        #expect(
            asked.count == 5 && asked.allSatisfy { $0.hasPrefix("POST /buy/A1 ") && $0.contains("Cookie: basket=b") }
        )
        #expect(asked.allSatisfy { $0.contains("content-type: application/x-www-form-urlencoded") })
        #expect(Set(outcome.texts.filter { $0.hasPrefix("GET ") }.map { $0.split(separator: " ")[1] }).count == 5)
    }

    @Test func pageThatFailsItsCheck_orIsNotWhole_breaksThePromiseOfContent() throws {
        var step = PageStep(name: "start")
        step.checks = [.holds("Buy")]
        let wrong = try Self.play(visitors: 4, pages: try PagePlan([step])) { _ in Self.html("Sold out") }
        #expect(wrong.counts.failed == 4 && wrong.counts.errors[.failedCheck] == 16)
        #expect(wrong.complaints == ["start: not \"Buy\" in the body": 16])
        let torn = try Self.play(visitors: 4) { request in
            request.path == "/start" ? Self.html("<img src=/x.png>") : Self.answer("", status: "404 Not Found")
        }
        #expect(torn.counts.errors[.missingAsset] == 16 && torn.counts.failed == 4)
        for outcome in [wrong, torn] {
            let verdict = Judge(objectives: Objectives(), evidence: outcome.evidence).siteVerdict()
            let broken = verdict.checks.filter { $0.outcome == .failed }.map(\.name)
            #expect(broken.contains(.content) && broken.contains(.accounted) && !broken.contains(.otherErrors))
            #expect(verdict.exitCode == .broken)
        }
    }

    @Test func bodyThatIsNotAsItsHeadSays_breaksThePromiseOfContent() throws {
        let wrong = try Self.play(visitors: 2) { _ in Self.html("Shop", fields: "Content-Encoding: gzip\r\n") }
        #expect(wrong.texts.allSatisfy { $0.contains("\r\naccept-encoding: identity") })
        #expect(wrong.counts.failed == 2 && wrong.counts.errors[.failedCheck] == 8 && wrong.counts.served == 0)
        let words = "the page: its content could not be read: it is said to be gzip, and is not"
        #expect(wrong.complaints == [words: 8])
        let verdict = Judge(objectives: Objectives(), evidence: wrong.evidence).siteVerdict()
        #expect(verdict.checks.first { $0.name == .content }?.outcome == .failed)
    }

    @Test func bodyInACodingThatNobodyAskedFor_isNoted_orFailsWhereItHadToBeRead() throws {
        func words(_ coding: String) -> String {
            "the page: its content could not be read: it comes as \(coding), though it is asked for as it is"
        }
        let coded = Self.html("coded", fields: "Content-Encoding: br\r\n")
        let noted = try Self.play(visitors: 2) { _ in coded }
        #expect(noted.counts.served == 2 && noted.counts.errors.total == 0)
        #expect(noted.complaints.isEmpty && noted.remarks == [words("br")])
        let pages = noted.counts.insideAnswers
        let content = try #require(Self.content(noted))
        #expect(content.outcome == .notJudged)
        #expect(content.detail == "\(pages) pages could not be looked into: \(words("br"))")
        var step = PageStep(name: "start")
        step.checks = [.lacks("Sold out")]
        let unread = try Self.play(visitors: 2, pages: try PagePlan([step])) { _ in coded }
        #expect(unread.counts.failed == 2 && unread.counts.errors[.failedCheck] == 8)
        var document = PageStepTests.page("", [("content-encoding", "gzip")])
        document.body = [0x1F, 0x8B, 8, 0]
        document.bodyBytes = 4
        let complaint = try #require(PageCoding(document)).complaint(of: document)
        #expect(!complaint.isWrong && "the page: \(complaint.words)" == words("gzip"))
        document.bodyBytes = 0
        #expect(PageCoding(document) == nil)
    }

    private static func content(_ outcome: Outcome) -> Check? {
        Judge(objectives: Objectives(), evidence: outcome.evidence).siteVerdict().checks.first { $0.name == .content }
    }

    /// An empty page passes where nobody has said what should stand there: the verdict does not claim that it was seen.
    @Test func promiseOfContent_claimsNoMore_thanWasLookedAt() throws {
        let outcome = try Self.play(visitors: 2) { _ in Self.html("") }
        func content(_ pages: PagePlan) throws -> Check {
            var evidence = outcome.evidence
            evidence.site?.pages = pages
            let checks = Judge(objectives: Objectives(), evidence: evidence).siteVerdict().checks
            let found = try #require(checks.first { $0.name == .content })
            #expect(found.outcome == .passed && found.title.hasPrefix(Check.Name.content.words))
            return found
        }
        let known = "in a visit may say anything: only the status was looked at, and whether all came"
        var status = PageStep(name: "status")
        status.checks = [.status([200])]
        var told = PageStep(name: "told")
        told.checks = [.status([200]), .holds("Shop")]
        for pages in [PagePlan.onePage, try PagePlan([status])] {
            let found = try content(pages)
            #expect(found.title == "Every page is whole")
            #expect(found.detail.contains("; 1 page of 1 \(known)"), "\(found.detail)")
        }
        let partly = try content(try PagePlan([told, status, told]))
        #expect(partly.title == "Every page is whole and says what it should")
        #expect(partly.detail.contains("; 1 page of 3 \(known)"), "\(partly.detail)")
        let whole = try content(try PagePlan([told]))
        #expect(!whole.detail.contains("may say anything"))
    }

    /// Told once, however many there are; the others are judged.
    @Test func someBodiesInACoding_areNoProof_besideOthersThatAre() throws {
        let second = PageStep(name: "second")
        var first = PageStep(name: "first")
        first.path = try PageTemplate("/first")
        let outcome = try Self.play(visitors: 3, pages: try PagePlan([first, second])) { request in
            Self.html("shop", fields: request.path == "/first" ? "Content-Encoding: br\r\n" : "")
        }
        #expect(outcome.counts.insideAnswers == 6 && outcome.unreadPages == 3)
        let content = try #require(Self.content(outcome))
        #expect(content.outcome == .passed)
        #expect(
            content.detail.hasSuffix(
                "; 3 pages could not be looked into: first: its content could not be read: it comes as br, though it is "
                    + "asked for as it is"
            )
        )
    }

    @Test func errorOfASite_isCalledByTheSite() throws {
        let outcome = try Self.play(visitors: 1) { _ in Self.answer("", status: "500 Oops") }
        #expect(outcome.counts.errors.met.map(\.kind) == [.siteError] && outcome.counts.serverErrors > 0)
        let signed = try Self.play(visitors: 1) { _ in
            Self.answer("", status: "503 Full", fields: "Sluice-Error: no-worker\r\n")
        }
        #expect(signed.counts.errors.met.map(\.kind) == [.gatewayError])
    }

    @Test func redirectsWithoutEnd_areAnErrorOfTheirOwn() throws {
        let outcome = try Self.play(visitors: 1) { _ in
            Self.answer("", status: "302 Found", fields: "Location: /again\r\n")
        }
        #expect(outcome.counts.failed == 1 && outcome.counts.errors[.endlessRedirect] == 4)
        #expect(outcome.complaints == ["redirects without end (/start, /again)": 4])
    }

    @Test func roomOfAnotherMake_isWaitedInAsTold() throws {
        let asked = Record<[String: Int]>([:])
        let outcome = try Self.play(visitors: 10) { request in
            let who = request.cookies
            guard !who.isEmpty else {
                asked.update { $0["\($0.count)"] = 0 }
                let cookie = "Set-Cookie: queue=\(asked.value.count - 1); Path=/\r\n"
                return Self.html("<meta http-equiv=refresh content=1>You are in line", fields: cookie)
            }
            let key = String(who.dropFirst("queue=".count))
            asked.update { $0[key, default: 0] += 1 }
            return asked.value[key] == 1 ? Self.html("<meta http-equiv=refresh content=1>Soon") : Self.html("Shop")
        }
        let counts = outcome.counts
        #expect(counts.served == 10 && counts.waitingPages == 20 && counts.exchanges == 10 && counts.errors.total == 0)
        #expect(outcome.books.pages == 20 && outcome.books.pagesWithoutTime == 0)
        let names = Judge(objectives: Objectives(), evidence: outcome.evidence).siteVerdict().checks.map(\.name)
        #expect(names.contains(.pages) && names.contains(.lineLatency) && names.contains(.doorLatency))
        // No numbers were told, so nothing can be said about order.
        #expect(!names.contains(.order) && !names.contains(.numbers))
        var evidence = outcome.evidence
        evidence.site?.lines = 1
        let ofOneLine = Judge(objectives: Objectives(), evidence: evidence).siteVerdict().checks.map(\.name)
        #expect(ofOneLine.contains(.order) && ofOneLine.contains(.numbers) && ofOneLine.contains(.placeKept))
        evidence.site?.lines = 2
        #expect(Judge(objectives: Objectives(), evidence: evidence).siteVerdict().checks.map(\.name) == names)
    }

    @Test func roomWithAPageOfItsOwn_isAskedThere() throws {
        let passed = Record(0)
        let outcome = try Self.play(
            visitors: 1,
            {
                $0.fewestRequests = 1; $0.mostRequests = 1
            },
            reply: { request in
                if request.path == "/queue" {
                    passed.update { $0 += 1 }
                    guard passed.value > 2 else { return Self.html("<meta http-equiv=refresh content=1>In line") }
                    return Self.answer(
                        "",
                        status: "302 Found",
                        fields: "Set-Cookie: in=1; Path=/\r\nLocation: /start\r\n"
                    )
                }
                guard request.cookies == "in=1" else {
                    return Self.answer("", status: "302 Found", fields: "Location: /queue\r\n")
                }
                return Self.html("Shop")
            }
        )
        #expect(outcome.counts.served == 1 && outcome.counts.waitingPages == 2 && outcome.counts.exchanges == 1)
        #expect(outcome.paths == ["/start", "/queue", "/queue", "/queue", "/start"])
    }

    @Test func keptConnectionThatHasGone_isAskedAgainOnAnother() throws {
        let outcome = try Self.play(visitors: 10) { $0.ordinal == 1 ? .reset : Self.answer("x") }
        #expect(outcome.counts.served == 10 && outcome.counts.errors.total == 0)
        #expect(outcome.counts.staleConnections > 0)
    }

    /// Classes of visitors come with a browser each, too.
    @Test func visitorsWithoutCookies_showNone() throws {
        let outcome = try Self.play(visitors: 10, { $0.cookies = .none }) { _ in
            Self.html("x", fields: "Set-Cookie: a=1; Path=/\r\n")
        }
        #expect(outcome.counts.served == 10 && outcome.paths.count > 10)
        #expect(outcome.texts.allSatisfy { !$0.contains("Cookie:") })
    }

    @Test func tabsOfOnePerson_shareTheirCookies() throws {
        let change: (inout Manners) -> Void = {
            $0.cookies = .shared
            $0.leavePageShare = 0
            ($0.fewestPlaces, $0.mostPlaces) = (10, 10)
        }
        let outcome = try Self.play(visitors: 10, change) { request in
            // Tabs that come before the first answer get one of their own, which the others then show.
            request.cookies.isEmpty ? Self.html("x", fields: "Set-Cookie: a=1; Path=/\r\n") : Self.html("y")
        }
        #expect(outcome.counts.served == 10)
        let strangers = outcome.texts.count { !$0.contains("Cookie: a=1") }
        #expect(strangers <= 10 && strangers < outcome.texts.count)
    }

    @Test func visitorInATunnel_comesBackAndGoesOn() throws {
        let outcome = try Self.play(
            visitors: 10,
            {
                $0.lossShare = 1
                $0.lossMedianSeconds = 0.01
            },
            reply: { _ in Self.html("x") }
        )
        let counts = outcome.counts
        #expect(counts.served == 10 && counts.errors.total == 0 && counts.vanished > 0)
        #expect(counts.requests == counts.insideAnswers + counts.vanished && outcome.openConnections == 0)
    }

    @Test func redirectToAnotherSite_isNotFollowed() throws {
        let outcome = try Self.play(visitors: 3) { _ in
            Self.answer("", status: "302 Found", fields: "Location: https://elsewhere.test/\r\n")
        }
        #expect(outcome.counts.errors[.sentElsewhere] == 3 && outcome.counts.failed == 3 && outcome.paths.count == 3)
        #expect(outcome.complaints.keys.first?.contains("https://elsewhere.test") == true)
    }

    @Test func deadSite_isRefusedForEverybody() throws {
        let outcome = try Self.play(visitors: 3) { _ in .reset }
        #expect(outcome.counts.errors[.broken] > 0 && outcome.counts.failed == 3 && outcome.openConnections == 0)
    }
}
