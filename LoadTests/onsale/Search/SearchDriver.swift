import EventLoop
import Foundation
import Glibc

/// Plays the runs of a search, each as a process of its own with a report of its own: what one leaves behind in memory
/// or in descriptors does not weigh on the next.
///
/// An actor whose executor is the event loop, as the director of a run is.
actor SearchDriver {
    struct Options: Sendable {
        var objectives: [Objective]
        /// A run that breaks a promise counts as one that misses.
        var withPromises: Bool
        var folder: String
        /// This one, as `onsale`.
        var program: String
        /// For `onsale play`, beside the size of the crowd, the objectives and the folder.
        var playArguments: [String]
    }

    /// What `search.json` holds.
    private struct Record: Codable {
        var objectives: [String]
        var runs: [SearchText.Line]
        var holds: Int?
        var misses: Int?
        /// Why the search has not come to its end; nil when it has.
        var unfinished: String?
    }

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { self.loop.asUnownedSerialExecutor() }

    private let options: Options
    private let children: Children
    private var search: CapacitySearch
    private var lines: [SearchText.Line] = []
    private var isInterrupted = false

    init(_ options: Options, _ bounds: CapacitySearch.Bounds, on loop: EventLoop) {
        self.loop = loop
        self.options = options
        self.search = CapacitySearch(bounds)
        self.children = Children(loop: loop)
    }

    /// Returns the exit code.
    func run() async -> Int32 {
        let printer = ProgressPrinter()
        printer.say(
            "  searching until \(self.options.objectives.map(\.description).joined(separator: " or ")) is missed"
        )
        do {
            while case .play(let visitors) = self.search.next {
                // Whatever ends the search: what was found by then is there, and no record of another search.
                try self.writeRecord(unfinished: "in the run of \(Format.count(visitors)) visitors")
                let line = try await self.play(visitors)
                if self.isInterrupted {
                    let place = "stopped in the run of \(Format.count(visitors)) visitors"
                    try self.writeRecord(unfinished: place)
                    printer.say("  \(place)\n  \(self.recordPath)")
                    return Verdict.ExitCode.interrupted.rawValue
                }
                self.lines.append(line)
                printer.say(SearchText.line(self.lines.count, line))
                self.search.played(Self.outcome(line))
            }
            guard case .end(let end) = self.search.next else { preconditionFailure("a search plays or has ended") }
            printer.say("\n" + SearchText.end(self.search, end))
            try self.writeRecord(unfinished: nil)
            printer.say("  \(self.recordPath)")
            return self.exitCode(end).rawValue
        } catch {
            printError("onsale: \(error)")
            return Verdict.ExitCode.notPlayed.rawValue
        }
    }

    /// The run under way is stopped, and ends the search. A second time it is stopped at once.
    func interrupt() {
        self.isInterrupted = true
        self.children.signalAll(SIGINT)
    }

    static func ownProgram() throws -> String {
        guard let program = realpath("/proc/self/exe", nil) else {
            throw PlayProblem("the path of this program cannot be found: \(String(cString: strerror(errno)))")
        }
        defer { free(program) }
        return String(cString: program)
    }

    private func play(_ visitors: Int) async throws -> SearchText.Line {
        let folder = "\(self.options.folder)/\(self.search.runs.count + 1)-\(visitors)"
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            // A report of an earlier search is not this run's.
            try? FileManager.default.removeItem(atPath: "\(folder)/report.json")
            try Data().write(to: URL(fileURLWithPath: "\(folder)/onsale.log"))
        } catch {
            throw PlayProblem("\(folder) cannot be written to: \(error.plainReason); name another with --folder")
        }
        var arguments = ["play", "--visitors", "\(visitors)", "--report", folder] + self.options.playArguments
        for objective in self.options.objectives { arguments += ["--objective", objective.description] }
        let status = try await withCheckedThrowingContinuation { (ended: CheckedContinuation<ExitStatus, any Error>) in
            do {
                _ = try self.children.start(
                    self.options.program,
                    arguments,
                    logFile: "\(folder)/onsale.log",
                    onLine: { _ in },
                    onExit: { ended.resume(returning: $0) }
                )
            } catch {
                ended.resume(throwing: error)
            }
        }
        return self.line(visitors, folder, status)
    }

    private static func outcome(_ line: SearchText.Line) -> CapacitySearch.Outcome {
        switch line.outcome {
        case "holds": .holds
        case "misses": .misses
        case "INVALID": .invalid(reason: line.detail)
        default: .notPlayed(reason: line.detail)
        }
    }

    private func line(_ visitors: Int, _ folder: String, _ status: ExitStatus) -> SearchText.Line {
        var line = SearchText.Line(
            visitors: visitors,
            outcome: "not played",
            detail: "it ended with \(status): \(Self.lastLine("\(folder)/onsale.log"))",
            brokenPromises: 0,
            reportFolder: folder
        )
        guard case .exited(let code) = status, [0, 1, 2, 99].contains(code) else { return line }
        do {
            let report = try ReportFiles.read("\(folder)/report.json")
            line.brokenPromises = report.verdict.checks.count { $0.outcome == .failed }
            line.detail = report.objectives.map { "\($0.metric) \($0.measuredText)" }.joined(separator: ", ")
            // Also where the gateway broke promises of its own: times that a late tool has taken are too long.
            if report.isToolLate(forPromises: self.options.withPromises) {
                line.outcome = "INVALID"
                line.detail = report.reasonForInvalidity
            } else {
                let isKept = report.verdict.passed || !self.options.withPromises
                line.outcome = isKept && report.objectives.allSatisfy(\.isReached) ? "holds" : "misses"
            }
        } catch {
            line.detail = "\(error)"
        }
        return line
    }

    private static func lastLine(_ path: String) -> String {
        guard let data = FileManager.default.contents(atPath: path) else { return "it said nothing" }
        let lines = String(decoding: data.suffix(4_096), as: UTF8.self).split(separator: "\n")
        return lines.first { $0.hasPrefix("onsale: ") || $0.hasPrefix("Error: ") }.map(String.init)
            ?? lines.last.map(String.init) ?? "it said nothing"
    }

    private var recordPath: String { "\(self.options.folder)/search.json" }

    private func writeRecord(unfinished: String?) throws {
        let record = Record(
            objectives: self.options.objectives.map(\.description),
            runs: self.lines,
            holds: self.search.holds,
            misses: self.search.misses,
            unfinished: unfinished
        )
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let path = self.recordPath
        do {
            try FileManager.default.createDirectory(atPath: self.options.folder, withIntermediateDirectories: true)
            try encoder.encode(record).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw PlayProblem("\(path) could not be written: \(error.plainReason)")
        }
    }

    private func exitCode(_ end: CapacitySearch.End) -> Verdict.ExitCode {
        switch end {
        case .found, .everythingHolds: .good
        case .outOfRuns: self.search.holds == nil ? .objectiveMissed : .good
        case .nothingHolds: .objectiveMissed
        case .invalid: .toolTooSlow
        case .notPlayed: .notPlayed
        }
    }
}

extension RunReport {
    /// Too late for what is asked. A doubt that is of promises alone is none where those do not count.
    func isToolLate(forPromises: Bool) -> Bool {
        guard let tool = self.verdict.checks.first(where: { $0.name == .tool && $0.outcome != .passed }) else {
            return false
        }
        return tool.isDoubt != true || forPromises || self.objectives.contains(where: \.isInDoubt)
    }

    /// What the load tool fell short of, for a run that does not count.
    var reasonForInvalidity: String {
        let check = self.verdict.checks.first { $0.name == .tool }
        return check.map { "the load tool could not keep up: \($0.measured) late, limit \($0.limit); \($0.detail)" }
            ?? "the load tool could not keep up"
    }
}
