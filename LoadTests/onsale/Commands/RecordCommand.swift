import ArgumentParser
import Foundation
import Glibc

/// `onsale record`: a trace from what really happened.
struct RecordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Make a trace of arrivals from an access log or a journal, to be played again.",
        discussion: """
            Reads the common and the combined format of Apache and nginx, the HTTP log of HAProxy, and Sluice's \
            journal as JSON lines (`sluice journal ROOM`, or a file of journal_export); "-" is standard input. Lines \
            may stand in any order. Writes a table `seconds,arrivals` of the rate in the middle of every second from \
            the first arrival to the last, at most a day: what the `arrivals` of a scenario file read.

            A visitor is an address with its user agent, counted in the second of the first line; an HAProxy log knows \
            the address only. People behind one address with the same browser are one, so take --count requests where \
            that matters. A journal does not know when people came, only when they were let in: its trace is that.
            """
    )

    @Argument(help: "The log.")
    var log: String

    @Option(name: .shortAndLong, help: "File for the trace; standard output by default.")
    var output: String?

    @Option(help: "What arrives: visitors or requests.")
    var count = "visitors"

    @Option(help: "Leave out what was before: ISO 8601 with zone, such as 2026-11-23T18:00:00Z.")
    var from: String?

    @Option(help: "Leave out what was then and later.")
    var until: String?

    func validate() throws {
        _ = try self.counting()
        _ = try self.window()
    }

    func run() throws {
        do {
            try self.record()
        } catch {
            printError("onsale: \(error)")
            throw ExitCode(Verdict.ExitCode.notPlayed.rawValue)
        }
    }

    private func record() throws {
        try self.checkOutput()
        var trace = ArrivalTrace(counting: try self.counting(), window: try self.window())
        var scanner = try LineScanner(self.log)
        do {
            while let line = try scanner.next() { try trace.take(line) }
            let arrivals = try trace.arrivals()
            try self.write(ArrivalTrace.csv(arrivals))
            // A table that was lost is told of at the end.
            if Output.standard.loss == nil { self.report(trace, arrivals) }
        } catch let problem as ArrivalTrace.Problem {
            throw PlayProblem(self.words(problem, trace))
        }
    }

    /// Before a log of hours is read.
    private func checkOutput() throws {
        guard let output = self.output else { return }
        let folder = URL(fileURLWithPath: output).deletingLastPathComponent().path
        let path = access(output, F_OK) == 0 ? output : folder
        guard access(path, W_OK) == 0 else {
            throw PlayProblem("\(output) cannot be written: \(String(cString: strerror(errno))); name another --output")
        }
    }

    private func write(_ table: String) throws {
        guard let output = self.output else { return Output.standard.write(table) }
        do {
            // What is no file, such as a pipe, is written to and not replaced.
            var status = stat()
            let isFile = stat(output, &status) == -1 || status.st_mode & S_IFMT == S_IFREG
            try Data(table.utf8).write(to: URL(fileURLWithPath: output), options: isFile ? .atomic : [])
        } catch {
            throw PlayProblem("\(output) could not be written: \(error.plainReason)")
        }
    }

    private func report(_ trace: ArrivalTrace, _ arrivals: [Int]) {
        let sum = arrivals.reduce(0, +)
        printError(
            "\(Format.count(sum)) arrivals in \(Format.clock(seconds: arrivals.count)), at most "
                + "\(Format.count(arrivals.max() ?? 0)) in a second; from "
                + "\(Judge.plural(trace.arrivalLines, "line")) of \(Format.count(trace.damage.lines))"
        )
        if trace.outside > 0 {
            printError("\(Judge.plural(trace.outside, "line")) outside of --from and --until left out")
        }
        if let remark = trace.damage.remark { printError(remark) }
    }

    private func words(_ problem: ArrivalTrace.Problem, _ trace: ArrivalTrace) -> String {
        switch problem {
        case .tooManyVisitors:
            "\(self.log) holds more than \(Format.count(ArrivalTrace.mostVisitors)) visitors: take --from "
                + "and --until, or --count requests"
        case .tooLong(let seconds):
            "\(self.log) goes over \(Format.count(Int(seconds))) s, a trace at most over "
                + "\(Format.count(Int(ArrivalTrace.longestSeconds))): take --from and --until"
        case .damaged(let refusal): "\(self.log): \(refusal)"
        case .empty where trace.damage.lines == 0:
            "\(self.log) is empty: name a log that has lines; what was before may be in the rotated one beside it"
        case .empty:
            "\(self.log) tells of no arrival" + (trace.damage.remark.map { "; \($0)" } ?? "")
                + (trace.outside > 0 ? "; \(Format.count(trace.outside)) are outside of --from and --until" : "")
        }
    }

    private func counting() throws -> ArrivalTrace.Counting {
        guard let counting = ArrivalTrace.Counting(rawValue: self.count) else {
            throw ValidationError("--count: \(self.count) is neither visitors nor requests")
        }
        return counting
    }

    private func window() throws -> Range<Int64> {
        let from = try self.from.map { try Self.micros("--from", $0) } ?? 0
        let until = try self.until.map { try Self.micros("--until", $0) } ?? Int64.max
        guard from < until else { throw ValidationError("--until is not later than --from") }
        return from..<until
    }

    private static func micros(_ option: String, _ text: String) throws -> Int64 {
        guard let date = try? Date(text, strategy: .iso8601), date.timeIntervalSince1970 >= 0 else {
            throw ValidationError("\(option): \(text) is no time such as 2026-11-23T18:00:00Z")
        }
        return Int64((date.timeIntervalSince1970 * 1e6).rounded())
    }
}
