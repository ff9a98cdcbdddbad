import EventLoop
import Glibc
import Synchronization

/// What commands say. What could not be written is remembered, and told when the command ends.
final class Output: Sendable {
    static let standard = Output(descriptor: STDOUT_FILENO)

    private let descriptor: Int32
    /// The error of the first write that failed.
    private let failure = Mutex<Int32?>(nil)

    init(descriptor: Int32) { self.descriptor = descriptor }

    func say(_ line: String) { self.write("\(line)\n") }

    /// Without a buffer: whoever reads a pipe gets each line as it comes.
    func write(_ text: String) {
        do throws(SystemError) {
            try WholeFile.write(text.utf8, to: self.descriptor, named: "standard output")
        } catch {
            self.failed(error.code)
        }
    }

    private func failed(_ reason: Int32) {
        // Whoever read a pipe has read enough.
        guard reason != EPIPE else { return }
        self.failure.withLock { $0 = $0 ?? reason }
    }

    /// What was lost, and what to do, in words; nil when all has arrived.
    var loss: String? {
        let reason = self.failure.withLock { $0 }
        return reason.map {
            "standard output could not be written: \(String(cString: strerror($0))); make room, or send it elsewhere"
        }
    }

    /// However the command ends: where something that it said was lost, it says so and ends with `notPlayed`.
    static func tellLossesAtTheEnd() {
        atexit {
            // The parser says its help through the buffer of the C library.
            if fflush(nil) != 0 { Output.standard.failed(errno) }
            guard let loss = Output.standard.loss else { return }
            printError("onsale: \(loss)")
            _exit(Verdict.ExitCode.notPlayed.rawValue)
        }
    }
}
