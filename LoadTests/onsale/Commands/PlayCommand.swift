import ArgumentParser
import Dispatch
import EventLoop
import Foundation
import Transport

/// `onsale play`: the whole run.
struct PlayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "play",
        abstract: "Play an on-sale through a real gateway, Redis, controller and workers, and judge it.",
        discussion: """
            Starts `sluice run` with a configuration that fits the crowd, sends the crowd over real sockets, raises and \
            lowers the limits in the middle, tries tokens that are no good, waits until the workers are back to the minimum, and ends everything that it started. \
            Then the same crowd goes straight at the workers, for comparison.

            With --config the site is your own configuration, read as the gateway reads it, and the promises are held \
            against its limits. With --fault something is done to the site on the way: what that excuses, and until when, \
            is told before the run and in the report.

            With --url it starts nothing, and plays a crowd of browsers against a site that is there already.

            Ends with 0 when every promise and objective held. Else, the first of these that fits: 130 when it was \
            stopped by Ctrl-C; 3 when the run could not be played to its end; 2 when the load tool itself could not keep up \
            (and nothing went wrong but what may come of that); 1 when a promise did not hold; 99 when only objectives were \
            missed.
            """
    )

    @OptionGroup var options: ScenarioOptions
    @OptionGroup var rehearsal: RehearsalOptions

    @OptionGroup var objectives: ObjectiveOptions

    @OptionGroup var planned: PlanOptions

    @OptionGroup var site: SiteOptions

    @Option(help: "The program under test; not needed with --url.")
    var sluice: String?

    @Option(
        name: .shortAndLong,
        help: "Folder for report.html, .json, .csv, .xml (JUnit), .prom (Prometheus) and the logs."
    )
    var report = "report"

    @Flag(
        inversion: .prefixedNo,
        help: "Play the same crowd without the gateway, too (played; not with --agents, nor with --url)."
    )
    var direct: Bool?

    @Flag(help: "Keep the gateway's configuration and state.")
    var keep = false

    @Option(
        help: """
            Threads that play the crowd, each with a part of it (default: a quarter of the processors, since the site is \
            on the same machine).
            """
    )
    var threads: Int?

    @Option(help: "Let so many `onsale agent` processes play the crowd, on this machine or others; needs --redis.")
    var agents: Int?

    @OptionGroup var agentOptions: AgentOptions

    @Option(help: "Where the gateway listens so that agents reach it, as IPv4-ADDRESS:PORT; port 0 is any.")
    var advertise: String?

    func validate() throws {
        if let threads = self.threads, !(1...Machine.mostThreads).contains(threads) {
            throw ValidationError("--threads: \(threads) is not a number from 1 to \(Machine.mostThreads)")
        }
        _ = try self.team()
        if self.site.url != nil { return try self.refuseBesideURL() }
        if self.rehearsal.config != nil {
            try StrayOptions.refuse(
                self.planned.given,
                "is of the site that onsale makes: leave it out beside --config"
            )
        }
        if self.agents != nil { try self.refuseBesideAgents() }
        guard let sluice = self.sluice else {
            throw ValidationError("name the program under test with --sluice, or a site with --url")
        }
        guard FileManager.default.isExecutableFile(atPath: sluice) else {
            throw ValidationError("--sluice: \(sluice) is not a program; build it with `Config/build -c release`")
        }
    }

    private func refuseBesideURL() throws {
        let ways: [StrayOptions.Option] = [
            ("--sluice", self.sluice != nil), ("--config", self.rehearsal.config != nil),
            ("--fault", !self.rehearsal.fault.isEmpty), ("--keep", self.keep), ("--direct", self.direct == true),
            ("--no-direct", self.direct == false), ("--agents", self.agents != nil),
        ]
        try StrayOptions.refuse(
            ways + self.planned.given,
            "is of a gateway that onsale starts, and --url plays a site that is there: leave one out"
        )
        try StrayOptions.refuse(
            [("--threads", self.threads ?? 1 != 1)],
            "a site of your own is played by one thread: leave it out beside --url"
        )
    }

    private func refuseBesideAgents() throws {
        try StrayOptions.refuse(
            [("--config", self.rehearsal.config != nil), ("--fault", !self.rehearsal.fault.isEmpty)],
            "agents play the site that onsale makes, and nothing is done to it: leave it out beside --agents"
        )
        try StrayOptions.refuse(
            [("--direct", self.direct == true)],
            "agents play through the gateway alone: leave it out beside --agents"
        )
        try StrayOptions.refuse(
            [("--threads", self.threads != nil)],
            "the agents play the crowd: give it to `onsale agent`"
        )
    }

    func run() throws {
        let scenario = try self.objectives.added(to: self.options.playedScenario(isWhole: self.site.url != nil))
        guard self.site.url == nil || scenario.faults.isEmpty else {
            throw ValidationError("nothing is done to a site that is there already: take `faults` out of the scenario")
        }
        if let plan = try self.site.plan(pages: scenario.pages) {
            try SitePlay.run(
                plan,
                scenario: scenario,
                reportFolder: self.report,
                command: "onsale play\(self.site.words) \(self.options.words)\(self.objectives.words)"
            )
        }
        try ScenarioOptions.refusePages(scenario)
        let site = try self.rehearsal.site(scenario)
        guard self.agents == nil || site.faults.isEmpty else {
            throw ValidationError("agents play a site to which nothing is done: leave --agents or the faults out")
        }
        let options = PlayOptions(
            sluice: self.sluice ?? "",
            scenario: site.scenario,
            plan: try self.checkedPlan(scenario, site.plan),
            faults: site.faults,
            reportFolder: self.report,
            withDirect: self.direct ?? true && self.agents == nil,
            division: self.options.division(self.restOfTheTime),
            keepsFolder: self.keep,
            command: self.repeatCommand
        )
        SignalSource.ignoreBrokenPipe()
        let loop = try EventLoop(label: "onsale", hasPreciseTimers: true)
        if options.scenario.sharesCookies, self.agents != nil || self.threads ?? 1 > 1 {
            throw ValidationError(
                "tabs of one person share their cookies in this scenario, and so are played by one thread: leave "
                    + "--threads and --agents out, or give the class `cookies: own`"
            )
        }
        let threads = options.scenario.sharesCookies ? 1 : self.threads ?? Machine.threadsBesideTheSite
        let helpers = try (1..<threads).map { try EventLoop(index: $0, label: "onsale-\($0)", hasPreciseTimers: true) }
        let director = Director(options, on: loop, helpers: helpers, agents: try self.team())
        let signals = SignalSource(Machine.endSignals, on: loop) { _ in director.assumeIsolated { $0.interrupt() } }
        Task {
            let code = await director.play()
            withExtendedLifetime(signals) { Foundation.exit(code) }
        }
        dispatchMain()
    }

    /// Prints why no site takes such a crowd, and ends with the code for that.
    private func checkedPlan(_ scenario: Scenario, _ usual: SitePlan) throws -> SitePlan {
        let plan = self.planned.plan(scenario) ?? usual
        do {
            try plan.checkInflow(for: scenario)
        } catch {
            printError("onsale: \(error)")
            throw ExitCode(Verdict.ExitCode.notPlayed.rawValue)
        }
        return plan
    }

    /// nil when this process plays the crowd.
    private func team() throws -> AgentTeam.Options? {
        guard let count = self.agents else {
            try StrayOptions.refuse(
                [
                    ("--redis", self.agentOptions.redis != nil), ("--run", self.agentOptions.runName != nil),
                    ("--advertise", self.advertise != nil),
                ],
                "is of a run that agents play: say with --agents how many, or leave it out"
            )
            return nil
        }
        guard (1...AgentPlan.mostAgents).contains(count) else {
            throw ValidationError("--agents: \(count) is not a number from 1 to \(AgentPlan.mostAgents)")
        }
        let listen = self.advertise ?? "127.0.0.1:0"
        do {
            _ = try SocketAddress(parsing: listen)
        } catch {
            throw ValidationError("--advertise: \(error)")
        }
        return AgentTeam.Options(
            count: count,
            endpoint: try self.agentOptions.endpoint(),
            keys: try self.agentOptions.keys(),
            advertised: listen
        )
    }

    /// What becomes of the part of `--seconds` that is not played through the gateway.
    private var restOfTheTime: String {
        if self.agents != nil { return "are left out: agents play through the gateway alone" }
        return self.direct == false
            ? "are left out with --no-direct, which changes nothing else" : "are for the same crowd without it"
    }

    private var repeatCommand: String {
        "LoadTests/run \(self.options.words)\(self.direct == false ? " --no-direct" : "")\(self.rehearsal.words)\(self.planned.text)"
            + self.objectives.words
    }
}
