import EventLoop
import Foundation
import Primitives
import Transport

/// Plays a run against a site: looks its name up, says what will be sent where, asks for one page, sends the crowd, and
/// judges.
///
/// An actor whose executor is the event loop, as `Director` is for the tool's own gateway.
actor SiteDirector {
    private static let lookNanoseconds = 20 * Nanoseconds.perMillisecond
    /// Beyond its planned length a run is cut off.
    private static let graceSeconds = 20.0

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { self.loop.asUnownedSerialExecutor() }

    private let plan: SitePlayPlan
    private let scenario: Scenario
    private let reportFolder: String
    private let command: String
    private let descriptorLimit: Int
    private var printer = ProgressPrinter()
    private var crowd: SiteCrowd?
    /// What a report needs if the run is stopped.
    private var soFar: RunSoFar?
    private var use: ToolUse?
    private var interruptedAt: Instant?

    init(_ plan: SitePlayPlan, scenario: Scenario, reportFolder: String, command: String, on loop: EventLoop) {
        self.plan = plan
        self.scenario = plan.fitted(scenario)
        self.reportFolder = reportFolder
        self.command = command
        self.loop = loop
        self.descriptorLimit = Machine.raiseDescriptorLimit()
    }

    /// Returns the exit code: that of the report, `notPlayed` when there is none, `interrupted` after a signal.
    func play() async -> Int32 {
        do {
            let report = try await self.perform()
            try self.leave(report)
            return report.exitCode.rawValue
        } catch is Director.Interrupted {
            self.leavePartialReport(RunReport.Partial.interrupted)
            return Verdict.ExitCode.interrupted.rawValue
        } catch {
            self.leavePartialReport("\(error)")
            printError("onsale: \(error)")
            return Verdict.ExitCode.notPlayed.rawValue
        }
    }

    /// Said before it is written: a full disk takes the files, not the verdict.
    private func leave(_ report: RunReport) throws {
        let text = VerdictText(report, isColoured: self.printer.isColoured, width: self.printer.columns)
        self.printer.say(text.render())
        let paths = try ReportFiles.write(report, folder: self.reportFolder)
        self.printer.say("  \(URL(fileURLWithPath: paths.html).path)")
    }

    /// What there was when the run was stopped; nothing when nobody had come yet.
    private func leavePartialReport(_ reason: String) {
        guard var soFar = self.soFar, let crowd = self.crowd else { return }
        if let use = self.use { soFar.environment.append(use.fact) }
        crowd.finish()
        let result = RunResult(Evidence(startedMicros: 0, timeline: crowd.timeline))
        guard !result.samples.isEmpty else { return }
        let site = RunReport.Fact(name: "site", value: self.plan.url.description)
        do {
            try self.leave(soFar.stopped(result, command: self.command, settings: [site], reason: reason))
        } catch {
            printError("onsale: \(error)")
        }
    }

    /// Once: the script stops at its next step. Twice: at once.
    func interrupt() {
        let now = MonotonicClock.now()
        guard let first = self.interruptedAt else { return self.interruptedAt = now }
        guard now.nanoseconds(since: first) > Machine.signalEchoNanoseconds else { return }
        exit(Verdict.ExitCode.interrupted.rawValue)
    }

    func perform() async throws -> RunReport {
        let crowd = try Crowd(self.scenario)
        try ReportFiles.prepare(self.reportFolder)
        let (target, answer) = try await self.prepare(crowd)
        let startedAt = Date()
        self.soFar = RunSoFar(startedAt: startedAt, environment: Machine.facts, scenario: crowd.scenario)
        let use = ToolUse()
        self.use = use
        let site = try await self.send(crowd, to: target)
        let used = use.fact
        self.printer.say("  \(used.name): \(used.value)")

        var evidence = Evidence(startedMicros: 0, timeline: site.timeline)
        evidence.books = site.books
        evidence.sessionMicros = SiteEvidence.shortestSessionMicros
        evidence.site = SiteEvidence(
            pages: self.plan.pages,
            lines: site.lines.count,
            complaints: site.complaints,
            unreadPages: site.unreadPages,
            remarks: site.remarks
        )
        var environment = Machine.facts
        environment.append(used)
        let result = RunResult(evidence)
        let objectives = crowd.scenario.asked.map { ObjectiveResult($0, of: result) }
        let judge = Judge(objectives: crowd.scenario.objectives, evidence: evidence, asked: objectives)
        return RunReport(
            startedAt: startedAt.ISO8601Format(),
            command: self.command,
            scenario: crowd.scenario,
            environment: environment,
            settings: self.facts(target, answer, site),
            verdict: judge.siteVerdict(),
            gateway: result,
            objectives: objectives
        )
    }

    // MARK: Before the crowd

    /// The site as it can be reached, and what it said to the first request.
    private func prepare(_ crowd: Crowd) async throws -> (SiteTarget, SiteProbe.Answer) {
        let url = self.plan.url
        let addresses = try await self.lookUp(url)
        try self.announce(crowd, addresses)
        var target = SiteTarget(url, addresses: addresses, tls: try self.makeTLS(), version: self.plan.version)
        var reachable: [SocketAddress] = []
        var first: SiteProbe.Answer?
        var problems: [PlayProblem] = []
        for address in addresses {
            switch await self.probe(target.with(addresses: [address])) {
            case .success(let answer):
                reachable.append(address)
                if first == nil { first = answer }
            case .failure(let problem): problems.append(problem)
            }
            if self.interruptedAt != nil { throw Director.Interrupted() }
        }
        guard let first else { throw problems[0] }
        for problem in problems { self.printer.say("  left out: \(problem)") }
        target = target.with(addresses: reachable)
        self.printer.say(
            "  the first page: status \(first.status), \(first.version)\(first.isRoom ? ", past a waiting room" : "")"
        )
        return (target, first)
    }

    private func lookUp(_ url: SiteURL) async throws -> [SocketAddress] {
        let result = await withCheckedContinuation { continuation in
            HostLookup.find(url, on: self.loop) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Says what will be sent where, and refuses to send it to somebody else's network without a word for it.
    private func announce(_ crowd: Crowd, _ addresses: [SocketAddress]) throws {
        let scenario = crowd.scenario
        let peak = crowd.arrivalsPerSecond().max() ?? 0
        let pages = self.plan.pages
        let count =
            pages.isOnePage
            ? "\(scenario.manners.fewestRequests) to \(scenario.manners.mostRequests) pages"
            : Judge.plural(pages.steps.count, "page")
        self.printer.say(
            "\(Format.count(crowd.count)) visitors, seed \(scenario.seed), within "
                + "\(Format.duration(nanoseconds: Int64(scenario.durationSeconds * 1e9))): up to "
                + "\(Format.count(peak)) newcomers a second, \(count) each, to \(self.plan.url) at "
                + addresses.map(\.description).joined(separator: ", ")
        )
        guard let far = addresses.first(where: { AddressScope($0) == .internet }), !self.plan.isOwner else { return }
        throw PlayProblem(
            "\(far) is not in this machine's own network, and a crowd can take a site down: play it only against a "
                + "site that is yours, or whose owner has agreed, and say so with --i-own-this-site"
        )
    }

    private func makeTLS() throws -> TLSContext? {
        guard self.plan.url.scheme == .https else { return nil }
        do {
            return try TLSContext(
                clientAuthorityFile: self.plan.authorityFile,
                verifies: self.plan.checksCertificate,
                protocols: self.plan.version.offers
            )
        } catch {
            throw PlayProblem("--ca: \(error); name a file of certificates in PEM")
        }
    }

    private func probe(_ target: SiteTarget) async -> Result<SiteProbe.Answer, PlayProblem> {
        let probe = SiteProbe(target, step: self.plan.pages.steps[0], on: self.loop)
        // Nobody else holds the probe until its answer is there.
        defer { withExtendedLifetime(probe) {} }
        return await withCheckedContinuation { continuation in
            probe.ask { continuation.resume(returning: $0) }
        }
    }

    // MARK: The crowd

    private func send(_ crowd: Crowd, to target: SiteTarget) async throws -> SiteCrowd {
        let site = SiteCrowd(
            crowd,
            target: target,
            pages: self.plan.pages,
            startedAt: MonotonicClock.now(),
            descriptorLimit: self.descriptorLimit,
            on: self.loop
        )
        self.crowd = site
        site.start()
        let seconds = crowd.scenario.durationSeconds + Self.graceSeconds
        let deadline = site.startedAt.advanced(byNanoseconds: Int64(seconds * 1e9))
        while !site.isEverybodyGone, MonotonicClock.now() < deadline {
            if self.interruptedAt != nil { throw Director.Interrupted() }
            self.printer.paint(self.progress(site))
            await withCheckedContinuation { continuation in
                _ = self.loop.after(nanoseconds: Self.lookNanoseconds) { continuation.resume() }
            }
        }
        site.finish()
        self.crowd = nil
        self.printer.paint(self.progress(site), isLast: true)
        return site
    }

    private func progress(_ site: SiteCrowd) -> ProgressState {
        ProgressState(
            label: site.target.url.host,
            scenario: site.crowd.scenario,
            elapsedSeconds: max(0, Double(MonotonicClock.now().nanoseconds(since: site.startedAt)) / 1e9),
            timeline: site.timeline,
            gauges: site.gauges
        )
    }

    private func facts(_ target: SiteTarget, _ answer: SiteProbe.Answer, _ site: SiteCrowd) -> [RunReport.Fact] {
        var facts = [
            ("site", target.url.description),
            ("addresses", target.addresses.map(\.description).joined(separator: ", ")),
            ("protocol", answer.version + (target.tls == nil ? "" : " over TLS")),
            (
                "pages of a visit",
                self.plan.pages.isOnePage ? "that one, again and again" : "in the order of the scenario"
            ),
        ]
        if target.tls != nil {
            facts.append(("certificate", self.plan.checksCertificate ? "checked" : "not checked"))
            facts.append(("abbreviated handshakes", Format.count(site.resumed)))
        }
        return facts.map { RunReport.Fact(name: $0.0, value: $0.1) }
    }
}
