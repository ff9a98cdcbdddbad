import EventLoop
import Foundation
import Glibc
import Primitives
import TestKit
import Testing
import Transport

@testable import onsale

/// `onsale play --url` as a user starts it, against real servers.
@Suite(.onOwnThread) struct PlaySiteTests {
    private static let pages = [
        "index.html": "<link rel=stylesheet href=a.css><script src=b.js></script><img src=c.png><p>Tickets</p>",
        "a.css": "x", "b.js": "y", "c.png": "z",
    ]

    private struct Run {
        let end: RunningProcess.End
        let output: String
        let errors: String
        /// nil when the run was not played.
        let report: RunReport?
    }

    private static func play(_ scene: Scene, _ url: String, visitors: Int = 40, _ more: [String] = []) throws -> Run {
        let folder = "\(scene.folder)/report"
        let ran = try scene.run(
            try SluiceProcess.find("onsale"),
            ["play", "--url", url, "--visitors", "\(visitors)", "--seconds", "5", "--report", folder] + more
        )
        let report = try? ReportFiles.read("\(folder)/report.json")
        return Run(end: ran.end, output: ran.output, errors: ran.errors, report: report)
    }

    /// What does not depend on how fast this machine is. A promise of several lines holds when all of them do.
    private static func outcomes(_ report: RunReport) -> [Check.Name: Check.Outcome] {
        let timed: [Check.Name] = [.latency, .lineLatency, .doorLatency, .tool]
        return Dictionary(
            report.verdict.checks.filter { !timed.contains($0.name) }.map { ($0.name, $0.outcome) },
            uniquingKeysWith: { [$0, $1].contains(.failed) ? .failed : $0 == .passed ? $1 : $0 }
        )
    }

    @Test(arguments: [
        (Nginx.Kind.plain, [], "HTTP/1.1"), (.plainHTTP2, ["--http2"], "HTTP/2.0"), (.tls, ["--insecure"], "HTTP/1.1"),
        (.tlsHTTP2, ["--insecure"], "HTTP/2.0"), (.tlsHTTP2, ["--insecure", "--http1"], "HTTP/1.1"),
    ])
    func nginx_ofEveryKind_isPlayed(kind: Nginx.Kind, options: [String], version: String) throws {
        try Scene.play { scene in
            let site = try Nginx(scene, pages: Self.pages)
            let scheme = kind.isTLS ? "https" : "http"
            let run = try Self.play(scene, "\(scheme)://127.0.0.1:\(site.port(kind))/", options)
            let report = try #require(run.report, "\(run.output)\(run.errors)")
            let counts = report.gateway.counts
            #expect(counts.arrivals == 40 && counts.served == 40 && counts.errors.total == 0, "\(run.output)")
            #expect(Self.outcomes(report).values.allSatisfy { $0 == .passed })
            // The site's own books: every page, and each visitor's three parts of it.
            let lines = RunningProcess.text("\(scene.folder)/access.log").split(separator: "\n")
            let mine = lines.filter { $0.hasPrefix("\(site.port(kind)) \(version) ") }
            #expect(mine.count == counts.requests + 1 && counts.requests == counts.insideAnswers + 3 * 40)
            if version == "HTTP/2.0" { #expect(counts.connections == 40) }
            // Connections after the first of a visitor take an abbreviated handshake, as browsers' do.
            if kind == .tls { #expect(mine.contains { $0.hasSuffix(" r") }) }
        }
    }

    @Test func authorityThatIsNamed_isTrustedForItsNameAlone() throws {
        try Scene.play { scene in
            let site = try Nginx(scene, pages: Self.pages)
            let port = site.port(.tlsHTTP2)
            let good = try Self.play(scene, "https://localhost:\(port)/", visitors: 5, ["--ca", site.certificate])
            #expect(good.report?.gateway.counts.served == 5, "\(good.output)\(good.errors)")
            let wrongName = try Self.play(scene, "https://127.0.0.1:\(port)/", ["--ca", site.certificate])
            #expect(wrongName.end == .exited(3) && wrongName.errors.contains("is not for the address 127.0.0.1"))
            let unknown = try Self.play(scene, "https://localhost:\(port)/")
            #expect(unknown.end == .exited(3) && unknown.errors.contains("name its file with --ca"))
        }
    }

    @Test func siteThatCannotBePlayed_isOneLineThatSaysWhatToDo() throws {
        try Scene.play { scene in
            let site = try Nginx(scene, pages: Self.pages)
            let dead = try scene.makeRefusingWorker()
            let cases: [(String, [String], String)] = [
                ("http://127.0.0.1:\(dead.port)/", [], "nothing listens at"),
                ("http://no-such-host.invalid/", [], "could not be looked up"),
                ("https://127.0.0.1:\(site.port(.plain))/", [], "does not speak TLS"),
                ("http://127.0.0.1:\(site.port(.plain))/", ["--http2"], "leave --http2 out"),
                ("http://127.0.0.1:\(site.port(.tls))/", [], "write https://"),
                ("http://127.0.0.1:\(site.port(.plain))/gone", [], "status 404: check the path"),
                ("http://198.51.100.7/", [], "--i-own-this-site"),
            ]
            for (url, options, words) in cases {
                let run = try Self.play(scene, url, options)
                #expect(run.end == .exited(3), "\(url): \(run.errors)")
                let lines = run.errors.split(separator: "\n")
                #expect(lines.count == 1 && run.errors.contains(words), "\(url): \(run.errors)")
                #expect(run.report == nil)
            }
            for (options, words) in [
                (["--http1", "--http2"], "exclude"), (["--ca", "/no/such/file"], "cannot be read"),
            ] {
                let run = try Self.play(scene, "https://127.0.0.1/", options)
                #expect(run.end == .exited(64) && run.errors.contains(words))
            }
        }
    }

    @Test func pagesOfAScenario_arePlayedInOrder() throws {
        try Scene.play { scene in
            let site = try Nginx(
                scene,
                pages: [
                    "seats.json": #"{"seats":[{"page":"seat-9.html"}]}"#, "seat-9.html": "<b id=seat>A9</b>",
                    "A9.html": "yours",
                ]
            )
            let file = "\(scene.folder)/visit.yaml"
            try scene.write(
                """
                length: 5s
                visitors: 20
                pages:
                  - {name: seats, path: /seats.json, extract: {page: json:seats.0.page}}
                  - {name: seat, path: '/${page}', extract: {seat: html:#seat}, expect: {body: A9}}
                  - {name: order, path: '/${seat}.html?v=${visitor}', expect: {body: yours, lacks: sold}}
                """,
                to: file
            )
            let run = try scene.run(
                try SluiceProcess.find("onsale"),
                [
                    "play", "--url", "http://127.0.0.1:\(site.port(.plain))/", "--scenario", file, "--report",
                    "\(scene.folder)/report",
                ]
            )
            let report = try? ReportFiles.read("\(scene.folder)/report/report.json")
            let counts = try #require(report?.gateway.counts, "\(run.output)\(run.errors)")
            #expect(counts.served == 20 && counts.insideAnswers == 60 && counts.errors.total == 0, "\(run.output)")
            #expect(report?.scenario.pages.map(\.name) == ["seats", "seat", "order"])
        }
    }

    /// The room's HTML pages, as browsers get them: positions and estimates from the page, numbers from the cookie.
    @Test func sluice_withALine_isUnderstoodFromItsPages() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.room = ["slots": "1000", "inflow": "20/s", "burst": "5"]
            let sluice = try scene.start(configuration)
            let run = try Self.play(scene, "http://127.0.0.1:\(sluice.port)/", visitors: 60)
            let report = try #require(run.report, "\(run.output)\(run.errors)")
            let counts = report.gateway.counts
            #expect(counts.waitingPages > 0 && counts.exchanges > 0 && counts.errors.total == 0, "\(run.output)")
            let outcomes = Self.outcomes(report)
            for name in [
                Check.Name.order, .positions, .numbers, .placeKept, .letInOnce, .pages, .content, .serverErrors,
                .otherErrors,
            ] {
                #expect(outcomes[name] == .passed, "\(name): \(run.output)")
            }
            // What is configured over there, nobody knows here.
            for name in [Check.Name.pace, .slots, .opening, .books, .workers] { #expect(outcomes[name] == nil) }
            #expect(run.output.contains("status 200, HTTP/1.1, past a waiting room"))
        }
    }

    /// A site that stands still for two seconds: newcomers cannot even send what they want to ask. Counted from the
    /// moment at which each page was due this shows; counted from the moment of sending it does not.
    @Test func siteThatStalls_showsInTheCorrectedPercentilesAlone() throws {
        try Scene.play { scene in
            let site = try Nginx(scene, pages: ["index.html": "<p>Tickets</p>"])
            var scenario = Scenario(visitors: 200, durationSeconds: 10, seed: 5)
            scenario.manners.fewestRequests = 1
            scenario.manners.mostRequests = 1
            let crowd = try onsale.Crowd(scenario)
            let fixture = try LoopFixture()
            let loop = fixture.loop
            let port = site.port(.tls)
            let startedAt = MonotonicClock.now()
            let played = try fixture.run {
                let target = SiteTarget(
                    try SiteURL(parsing: "https://127.0.0.1:\(port)/"),
                    addresses: [.loopback(port: port)],
                    tls: try TLSContext(verifies: false, protocols: ["http/1.1"]),
                    version: .http1
                )
                let player = SiteCrowd(
                    crowd,
                    target: target,
                    pages: .onePage,
                    startedAt: startedAt,
                    descriptorLimit: 2_000,
                    on: loop
                )
                player.start()
                return LoopBound(player, loop: loop)
            }
            try fixture.waitUntil { try fixture.run { played.open().counts.served >= 20 } }
            site.process.signal(SIGSTOP)
            try Patience.wait(for: "the site to stand still") {
                RunningProcess.text("/proc/\(site.process.pid)/stat").contains(") T ")
            }
            let stoppedAt = MonotonicClock.now()
            try Patience.pass(milliseconds: 2_000)
            let wentOnAt = MonotonicClock.now()
            site.process.signal(SIGCONT)
            try fixture.waitUntil { try fixture.run { played.open().isEverybodyGone } }
            let (inside, failed) = try fixture.run {
                played.open().finish()
                let total = played.open().timeline.total
                return (total.inside, total.counts.failed)
            }
            try fixture.end()
            #expect(failed == 0 && inside.count == 200)
            // What those who came meanwhile have waited at the least, before they could send anything. How many they
            // are depends on when the site was stopped; everything else takes as long as this machine makes it.
            let waits = crowd.map { startedAt.advanced(byNanoseconds: $0.arrivalNanoseconds) }
                .filter { stoppedAt < $0 && $0 < wentOnAt }.map { wentOnAt.nanoseconds(since: $0) }
            // A histogram keeps three digits.
            let longWaits = waits.count { $0 > 505_000_000 }
            let longCorrected = inside.corrected.count(within: 500_000_000...LatencyRecorder.longestNanoseconds)
            #expect(longCorrected >= longWaits, "\(longCorrected) of \(longWaits) long waits are shown")
            let difference = (inside.corrected.mean - inside.raw.mean) * 200
            let least = Double(waits.reduce(0, +))
            #expect(difference >= 0.9 * least, "\(difference) ns between the two, of \(least) at least")
        }
    }
}
