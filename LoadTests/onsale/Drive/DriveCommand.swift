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

    @Option(name: .shortAndLong, help: "Visitors who ask at the same time, each over one connection.")
    var connections = 256

    @Option(name: .shortAndLong, help: "Whole seconds to measure; another one goes before them.")
    var seconds = 3

    @Option(help: "Median of the time between an answer and the next request, in milliseconds; 0: none.")
    var think = 0.0

    @Flag(help: "A new connection for each request.")
    var reconnect = false

    @Option(help: "Instead: so many people come and wait in line without a connection.")
    var waiting: Int?

    @Option(help: "How many of those who wait come in a second.")
    var arrivals = 20_000

    @Option(help: "Threads that play, each with a part of the visitors.")
    var threads = 1

    func validate() throws {
        guard (1...50_000).contains(self.connections) else {
            throw ValidationError("--connections: \(self.connections) is not a number from 1 to 50000")
        }
        guard (1...3_600).contains(self.seconds) else {
            throw ValidationError("--seconds: \(self.seconds) is not a number from 1 to 3600")
        }
        guard (0...60_000).contains(self.think) else {
            throw ValidationError("--think: \(self.think) is not a number of milliseconds from 0 to 60000")
        }
        guard (1...Machine.mostThreads).contains(self.threads) else {
            throw ValidationError("--threads: \(self.threads) is not a number from 1 to \(Machine.mostThreads)")
        }
        guard (1...Scenario.mostVisitors).contains(self.waiting ?? 1), (1...1_000_000).contains(self.arrivals) else {
            throw ValidationError("--waiting is at most \(Scenario.mostVisitors), --arrivals 1 to 1000000 a second")
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
            connections: self.connections,
            seconds: self.seconds,
            thinkSeconds: self.think / 1_000,
            reconnects: self.reconnect,
            waiting: self.waiting,
            arrivalsPerSecond: self.arrivals
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
