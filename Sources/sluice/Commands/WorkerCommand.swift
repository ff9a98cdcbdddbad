import ArgumentParser
import Dispatch
import EventLoop
import Foundation
import SampleWorker
import Transport

struct WorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Run a sample backend, for rehearsals.",
        discussion: """
            A fixed number of service slots, a bounded queue in front of them, and a service time drawn for each request: \
            overload is real, with waiting first and 503 then. Pools with the process driver and no command of their own \
            start it. It says `listening on ADDRESS` on standard output, is ready when GET /healthz answers 200, and \
            finishes what it has on SIGTERM; a program of your own in its place does the same. Where \
            SLUICE_WORKER_ERRORS names a file with a share in it, such as 0.1, so many of the requests are answered with \
            500, for as long as the file is there.
            """
    )

    @Option(help: "Address to listen on; port 0 picks one.")
    var listen = "127.0.0.1:0"
    @Option(help: "Requests served at once.")
    var slots = 8
    @Option(help: "Mean time that a request holds a slot, such as 20ms.")
    var serviceTime = DurationArgument(nanoseconds: 20_000_000)
    @Option(help: "Standard deviation of the service time over its mean.")
    var spread = 0.5
    @Option(help: "Requests that may wait for a slot.")
    var queue = 64
    @Option(help: "Time from the start until it is ready.")
    var startTime = DurationArgument(nanoseconds: 0)
    @Option(help: "Service times repeat with the seed.")
    var seed: UInt64 = 1
    @Flag(help: "End when standard input does: whoever started this process is gone.")
    var exitWithParent = false

    func run() throws {
        var shape = WorkerShape()
        shape.slots = self.slots
        shape.queue = self.queue
        shape.serviceTimeNanoseconds = self.serviceTime.nanoseconds
        // A lognormal distribution with this sigma has that deviation.
        shape.spread = log(1 + self.spread * self.spread).squareRoot()
        shape.startTimeNanoseconds = self.startTime.nanoseconds
        shape.seed = self.seed
        shape.exitsWithParent = self.exitWithParent
        if let problem = shape.problem { throw ValidationError(problem) }
        let address: SocketAddress
        do {
            address = try SocketAddress(parsing: self.listen)
        } catch {
            throw ValidationError("\(error)")
        }
        let loop = try EventLoop(label: "sluice.worker")
        WorkerProcess.start(on: loop, address: address, shape: shape) { error in
            printError("the worker cannot start: \(error)")
            Foundation.exit(1)
        }
        dispatchMain()
    }
}

/// A length of time on the command line: `20ms`, `1.5s`, `2m`.
struct DurationArgument: ExpressibleByArgument, CustomStringConvertible {
    let nanoseconds: Int64

    init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    private static let units: [(suffix: String, nanoseconds: Double)] = [
        ("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9),
    ]

    init?(argument: String) {
        for unit in Self.units where argument.hasSuffix(unit.suffix) {
            guard let count = Double(argument.dropLast(unit.suffix.count)), count >= 0, count * unit.nanoseconds < 1e18
            else { continue }
            self.nanoseconds = Int64(count * unit.nanoseconds)
            return
        }
        return nil
    }

    var description: String { "\(Double(self.nanoseconds) / 1e6)ms" }
}
