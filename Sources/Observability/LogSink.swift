import Dispatch
import Glibc
import Synchronization

/// Takes lines from any thread and writes them on a thread of its own: a terminal or a pipe whose reader stands still
/// stops no loop.
///
/// At most `maxPendingBytes` wait. What comes on top is lost, and a line says how much as soon as there is room.
final class LogSink: Sendable {
    static let maxPendingBytes = 1024 * 1024

    private struct State {
        var pending: [UInt8] = []
        var lostLines = 0
        var isWriting = false
    }
    private let state = Mutex(State())
    private let fd: Int32
    private let writer = DispatchQueue(label: "sluice.log")

    init(fd: Int32) { self.fd = fd }

    /// `line` without its line end.
    func write(_ line: [UInt8]) {
        let mustStart = self.state.withLock { state in
            guard state.pending.count + line.count < Self.maxPendingBytes else {
                state.lostLines += 1
                return false
            }
            state.pending += line
            state.pending.append(0x0A)
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if mustStart { self.writer.async { self.writePending() } }
    }

    /// True when everything that was there at the call is written.
    @discardableResult
    func flush(timeoutMilliseconds: Int) -> Bool {
        let done = DispatchSemaphore(value: 0)
        self.writer.async { done.signal() }
        return done.wait(timeout: .now() + .milliseconds(timeoutMilliseconds)) == .success
    }

    private func writePending() {
        while true {
            let batch: [UInt8]? = self.state.withLock { state in
                if state.lostLines > 0 {
                    state.pending += "\(state.lostLines) lines of the log were lost: its reader is too slow\n".utf8
                    state.lostLines = 0
                }
                state.isWriting = !state.pending.isEmpty
                defer { state.pending = [] }
                return state.isWriting ? state.pending : nil
            }
            guard let batch else { return }
            self.writeAll(batch)
        }
    }

    /// Blocks when the reader does. A log that cannot be written any more is dropped: there is nowhere to say so.
    private func writeAll(_ bytes: [UInt8]) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(self.fd, $0.baseAddress! + written, bytes.count - written)
            }
            if count >= 0 {
                written += count
            } else if errno == EAGAIN {
                // Another program may have made the shared terminal non-blocking.
                var event = pollfd(fd: self.fd, events: Int16(POLLOUT), revents: 0)
                poll(&event, 1, -1)
            } else if errno != EINTR {
                return
            }
        }
    }
}
