import EventLoop
import Primitives

/// A program of an operator's that is under way.
protocol RunningCommand: AnyObject {
    /// Nobody waits for it any more: it is told to end.
    func cancel()
}

/// Why what a command said is of no use.
struct CommandFailure: Error, Equatable {
    let what: String
}

/// Runs a program with its arguments. `completion` gets what it printed; it is called on the loop, once, and never before
/// this has returned.
typealias CommandRunner = (
    _ words: [String], _ timeoutNanoseconds: Int64,
    _ completion: @escaping (Result<[UInt8], CommandFailure>) -> Void
) throws -> any RunningCommand

/// Commands of one kind: never two at once, and after one that failed none for a while, which grows while they fail.
final class CommandLane {
    static let shortestPauseNanoseconds = 1 * Nanoseconds.perSecond
    static let longestPauseNanoseconds = 60 * Nanoseconds.perSecond

    struct Trouble: Equatable {
        /// As the last one failed.
        var what: String
        let sinceMicros: Int64
    }

    private let loop: any LoopContext
    private let run: CommandRunner
    private var running: (any RunningCommand)?
    /// A command is under way.
    private(set) var isRunning = false
    /// Of the command that is awaited: answers to those before are nobody's.
    private var number = 0
    private var backoff: Backoff
    private var pausedUntil: Instant?
    private(set) var trouble: Trouble?

    init(loop: any LoopContext, run: @escaping CommandRunner, seed: UInt64) {
        self.loop = loop
        self.run = run
        self.backoff = Backoff(
            shortestNanoseconds: Self.shortestPauseNanoseconds,
            longestNanoseconds: Self.longestPauseNanoseconds,
            seed: seed
        )
    }

    var isFree: Bool { !self.isRunning && self.pauseNanoseconds == 0 }

    /// How long none is started from now on.
    private var pauseNanoseconds: Int64 { max(0, self.pausedUntil?.nanoseconds(since: self.loop.now) ?? 0) }

    /// The next one is due then, and not before: in microseconds since 1970, as the clock says now.
    var nextMicros: Int64 { self.loop.wallMicros + self.pauseNanoseconds / Nanoseconds.perMicrosecond }

    /// `use` takes what was printed, and throws when it is of no use; `completion` comes after it, however it went.
    func start(
        _ words: [String],
        timeoutNanoseconds: Int64,
        use: @escaping ([UInt8]) throws(CommandFailure) -> Void,
        completion: @escaping () -> Void
    ) {
        precondition(self.isFree, "commands of one kind come one after the other")
        self.isRunning = true
        self.number += 1
        let number = self.number
        let name = words.first ?? ""
        do {
            self.running = try self.run(words, timeoutNanoseconds) { [weak self] result in
                guard let self, self.number == number, self.isRunning else { return }
                self.isRunning = false
                self.running = nil
                do throws(CommandFailure) {
                    try use(try result.get())
                    self.trouble = nil
                    self.pausedUntil = nil
                    self.backoff.reset()
                } catch {
                    self.failed("\(name): \(error.what)")
                }
                completion()
            }
        } catch {
            self.isRunning = false
            self.failed("\(name) cannot be started: \(error)")
            self.loop.onNextTurn(completion)
        }
    }

    private func failed(_ what: String) {
        self.trouble = Trouble(what: what, sinceMicros: self.trouble?.sinceMicros ?? self.loop.wallMicros)
        self.pausedUntil = self.loop.now.advanced(byNanoseconds: self.backoff.next())
    }

    /// Whatever is under way is cut off, and what failed before is of the past.
    func cancel() {
        self.running?.cancel()
        self.running = nil
        self.isRunning = false
        self.number += 1
        self.trouble = nil
        self.pausedUntil = nil
        self.backoff.reset()
    }
}
