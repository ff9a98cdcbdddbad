import ArgumentParser

/// The argument that all long-running commands share.
struct ConfigurationOptions: ParsableArguments {
    @Argument(
        help: "The configuration. Every key is explained in Config/sluice.yaml.",
        completion: .file(extensions: ["yaml", "yml"])
    )
    var file: String
}

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run gateway and controller in one process.",
        discussion: """
            With `redis: embedded` a private redis-server is started too, so nothing has to be set up. For each listener \
            one line goes to standard output, such as `gateway listening on 127.0.0.1:8080`; logs go to standard error.
            """
    )
    @OptionGroup var options: ConfigurationOptions

    func run() throws { try Daemon.run(roles: [.gateway, .controller], configuration: self.options.file) }
}

struct GatewayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway",
        abstract: "Run a gateway alone.",
        discussion: """
            Any number of gateways work as one on the same Redis. A controller that runs elsewhere tells them of the \
            workers; pools with the static driver need none.
            """
    )
    @OptionGroup var options: ConfigurationOptions

    func run() throws { try Daemon.run(roles: [.gateway], configuration: self.options.file) }
}

struct ControllerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "controller",
        abstract: "Run a controller alone, tell one what to do, or look at what controllers decided.",
        discussion: """
            `sluice controller FILE` runs one (a file that is called mode, retire, replay or explain is named as ./mode). The \
            controller reads the gateways' signals from Redis once a second, starts and stops workers, and sets the rate \
            at which rooms may let people in. Of several controllers one leads, the others stand by.
            """,
        subcommands: [
            RunControllerCommand.self, ModeCommand.self, RetireCommand.self, ReplayCommand.self, ExplainCommand.self,
        ],
        defaultSubcommand: RunControllerCommand.self
    )
}

struct RunControllerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a controller alone: what `sluice controller FILE` does."
    )
    @OptionGroup var options: ConfigurationOptions

    func run() throws { try Daemon.run(roles: [.controller], configuration: self.options.file) }
}
