import ArgumentParser
import Dispatch
import EventLoop
import Primitives
import Transport

/// `onsale drive`: what the tool itself can do, against any server that answers as the sample site does.
struct DriveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drive",
        abstract: "Ask one server as fast as it answers, or let many people wait, and tell what the tool itself takes.",
        discussion: """
            Visitors with cookies, books and all checks, without a plan of when they come: measured is the load tool. The \
            server must answer GET requests with the header `Sluice-State: admitted` and a page that ends with the mark \
            of the request (`?mark=` in the URL, then ` -->` and a line feed), or, for --waiting, with \
            `Sluice-State: waiting` and the JSON of a place in line. See LoadTests/bench.

            Ends with 0, or with 1 when an answer was not as it must be.
            """
    )

    @Argument(help: "The server, as IPv4-ADDRESS:PORT.")
    var address: String

    @Option(name: .shortAndLong, help: "Visitors who ask at the same time, each over one connection (256).")
    var connections: Int?

    @Option(name: .shortAndLong, help: "Whole seconds to measure; another one goes before them (3).")
    var seconds: Int?

    @Option(help: "Median of the time between an answer and the next request, in milliseconds (0: none).")
    var think: Double?

    @Flag(help: "A new connection for each request.")
    var reconnect = false

    @Option(help: "Instead: so many people come and wait in line without a connection.")
    var waiting: Int?

    @Option(help: "With --waiting: how many of them come in a second (20000).")
    var arrivals: Int?

    @Option(help: "Threads that play, each with a part of the visitors.")
    var threads = 1

    func validate() throws {
        if let connections = self.connections, !(1...50_000).contains(connections) {
            throw ValidationError("--connections: \(connections) is not a number from 1 to 50000")
        }
        if let seconds = self.seconds, !(1...3_600).contains(seconds) {
            throw ValidationError("--seconds: \(seconds) is not a number from 1 to 3600")
        }
        if let think = self.think, !(0...60_000).contains(think) {
            throw ValidationError("--think: \(think) is not a number of milliseconds from 0 to 60000")
        }
        guard (1...Machine.mostThreads).contains(self.threads) else {
            throw ValidationError("--threads: \(self.threads) is not a number from 1 to \(Machine.mostThreads)")
        }
        guard (1...Scenario.mostVisitors).contains(self.waiting ?? 1), (1...1_000_000).contains(self.arrivals ?? 1)
        else {
            throw ValidationError("--waiting is at most \(Scenario.mostVisitors), --arrivals 1 to 1000000 a second")
        }
        if self.waiting == nil {
            try StrayOptions.refuse(
                [("--arrivals", self.arrivals != nil)],
                "is of people who come to wait: say with --waiting how many, or leave it out"
            )
        } else {
            try StrayOptions.refuse(
                [
                    ("--connections", self.connections != nil), ("--seconds", self.seconds != nil),
                    ("--think", self.think != nil), ("--reconnect", self.reconnect),
                ],
                "is of visitors who ask all the time, and with --waiting everybody waits: leave one out"
            )
        }
    }

    func run() throws {
        let target: SocketAddress
        do {
            target = try SocketAddress(parsing: self.address)
        } catch {
            throw ValidationError("\(error)")
        }
        SignalSource.ignoreBrokenPipe()
        let loop = try EventLoop(label: "onsale", hasPreciseTimers: true)
        let helpers = try (1..<self.threads).map {
            try EventLoop(index: $0, label: "onsale-\($0)", hasPreciseTimers: true)
        }
        let plan = DrivePlan(
            connections: self.connections ?? 256,
            seconds: self.seconds ?? 3,
            thinkSeconds: (self.think ?? 0) / 1_000,
            reconnects: self.reconnect,
            waiting: self.waiting,
            arrivalsPerSecond: self.arrivals ?? 20_000
        )
        loop.submit {
            do {
                let driver = try Driver(plan, target: Target([target]), on: loop, helpers: helpers)
                driver.start()
            } catch {
                printError("onsale: \(error)")
                Self.exit(withError: ExitCode(Verdict.ExitCode.notPlayed.rawValue))
            }
        }
        dispatchMain()
    }
}
