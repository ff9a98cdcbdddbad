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

    @Flag(inversion: .prefixedNo, help: "Play the same crowd without the gateway, too; not with agents.")
    var direct = true

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
        guard self.planned.isEmpty || self.site.url == nil && self.rehearsal.config == nil else {
            throw ValidationError("--slots and --steady are of the site that onsale makes: leave them out")
        }
        if self.site.url != nil {
            guard self.sluice == nil else {
                throw ValidationError("--url plays against a site, --sluice against a gateway: leave one out")
            }
            guard self.rehearsal.isEmpty else {
                throw ValidationError("--url plays against a site that is there: leave --config and --fault out")
            }
            guard self.threads ?? 1 == 1, self.agents == nil else {
                throw ValidationError("--url is played by one thread: leave --threads and --agents out")
            }
            return
        }
        guard self.agents == nil || self.rehearsal.isEmpty else {
            throw ValidationError("agents play the site that onsale makes: leave --config and --fault out")
        }
        guard let sluice = self.sluice else {
            throw ValidationError("name the program under test with --sluice, or a site with --url")
        }
        guard FileManager.default.isExecutableFile(atPath: sluice) else {
            throw ValidationError("--sluice: \(sluice) is not a program; build it with `swift build -c release`")
        }
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
        guard scenario.pages.isEmpty else {
            throw ValidationError("the scenario's pages are those of a site of your own: name it with --url")
        }
        let site = try self.rehearsal.site(scenario)
        guard self.agents == nil || site.faults.isEmpty else {
            throw ValidationError("agents play a site to which nothing is done: leave --agents or the faults out")
        }
        let options = PlayOptions(
            sluice: self.sluice ?? "",
            scenario: site.scenario,
            plan: try self.planned.plan(scenario) ?? site.plan,
            faults: site.faults,
            reportFolder: self.report,
            withDirect: self.direct && self.agents == nil,
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

    /// nil when this process plays the crowd.
    private func team() throws -> AgentTeam.Options? {
        guard let count = self.agents else {
            guard self.agentOptions.redis == nil, self.advertise == nil else {
                throw ValidationError("--redis and --advertise are of runs with --agents")
            }
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

    private var repeatCommand: String {
        "LoadTests/run \(self.options.words)\(self.direct ? "" : " --no-direct")\(self.rehearsal.words)\(self.planned.text)"
            + self.objectives.words
    }
}
