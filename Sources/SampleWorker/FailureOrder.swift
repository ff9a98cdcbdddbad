import EventLoop
import Primitives

/// The share of its requests that a worker is to fail, as a rehearsal says it while the worker runs: a number from 0 to
/// 1 in a file that an environment variable names. Without the file none fail.
///
/// A file, and no signal, because it also tells those workers that start in the middle. It is looked at for as long as
/// the worker's loop runs, which keeps this by the timer of the next look.
final class FailureOrder {
    static let variable = "SLUICE_WORKER_ERRORS"
    private static let lookNanoseconds = 100 * Nanoseconds.perMillisecond
    private static let mostBytes = 32

    private let path: String
    private let worker: SampleWorker

    init(path: String, for worker: SampleWorker) {
        self.path = path
        self.worker = worker
    }

    func watch() {
        self.worker.fail(share: Self.share(in: self.path))
        self.worker.loop.after(nanoseconds: Self.lookNanoseconds) { self.watch() }
    }

    /// What cannot be read as a share asks for nothing. White space around it, such as the newline of `echo`, is none of
    /// it.
    static func share(in path: String) -> Double {
        guard let bytes = try? WholeFile.read(path, maxBytes: Self.mostBytes) else { return 0 }
        let words = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard words.count == 1, let share = Double(words[0]), (0...1).contains(share) else { return 0 }
        return share
    }
}
