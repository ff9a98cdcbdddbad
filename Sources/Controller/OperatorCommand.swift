import EventLoop
import Primitives

/// A command of an operator's as a process of this machine.
final class OperatorCommand: RunningCommand {
    /// A list of 2,000 instances fits.
    static let maxOutputBytes = 256 << 10
    private static let shownErrorBytes = 300

    private var run: CommandRun?

    init(
        _ words: [String],
        timeoutNanoseconds: Int64,
        on loop: EventLoop,
        completion: @escaping (Result<[UInt8], CommandFailure>) -> Void
    ) throws {
        guard let program = words.first else { throw CommandFailure(what: "there is no program to run") }
        self.run = try CommandRun(
            program,
            arguments: Array(words.dropFirst()),
            timeoutNanoseconds: timeoutNanoseconds,
            maxOutputBytes: Self.maxOutputBytes,
            on: loop
        ) { completion(Self.result($0)) }
    }

    func cancel() { self.run?.cancel() }

    static func result(_ outcome: CommandRun.Outcome) -> Result<[UInt8], CommandFailure> {
        let said = Self.shown(outcome.errors)
        let suffix = said.isEmpty ? "" : "; the last that it said: \(said)"
        if outcome.isLate { return .failure(CommandFailure(what: "it took too long and was told to end\(suffix)")) }
        guard outcome.status == .exited(0) else {
            return .failure(CommandFailure(what: "it ended with \(outcome.status)\(suffix)"))
        }
        guard !outcome.isCut else {
            return .failure(CommandFailure(what: "it printed more than \(Self.maxOutputBytes) bytes"))
        }
        return .success(outcome.output)
    }

    /// The last lines, on one.
    private static func shown(_ bytes: [UInt8]) -> String {
        let text = String(decoding: bytes.suffix(Self.shownErrorBytes), as: UTF8.self)
        let lines = text.split(whereSeparator: \.isNewline).map { $0.filter { !$0.isASCII || $0 >= " " } }
        return lines.filter { !$0.isEmpty }.suffix(3).joined(separator: " | ")
    }
}
