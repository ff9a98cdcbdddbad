import CLinux
import EventLoop
import Foundation
import Glibc
import Synchronization
import TestKit
import Testing

/// Signals that came while somebody wrote.
private let interruptions = Atomic<Int>(0)

@Suite(.timeLimit(.minutes(5))) struct WholeFileTests {
    /// Seen before: a signal while the list of workers was written counted as a disk that does not take it.
    @Test func write_thatASignalInterrupts_goesOn() throws {
        var ends: [Int32] = [0, 0]
        #expect(sluice_pipe(&ends) == 0)
        let (reader, writer) = (ends[0], ends[1])
        defer { close(reader) }
        // Nobody else uses it, and by default it is ignored. Without SA_RESTART: a call that waits ends with EINTR.
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in interruptions.add(1, ordering: .relaxed) }
        #expect(sigaction(SIGWINCH, &action, nil) == 0)
        defer { signal(SIGWINCH, SIG_DFL) }
        let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0) }
        let (thread, failure) = (Handover<UInt>(), Handover<String>())
        Thread.detachNewThread {
            // Threads of Dispatch, and those that they make, take no signals.
            var signals = sigset_t()
            sigemptyset(&signals)
            sigaddset(&signals, SIGWINCH)
            pthread_sigmask(SIG_UNBLOCK, &signals, nil)
            thread.put(UInt(pthread_self()))
            do throws(SystemError) {
                try WholeFile.write(bytes, to: writer, named: "the pipe")
                failure.put("")
            } catch {
                failure.put("\(error)")
            }
            close(writer)
        }
        // The pipe is full: whoever writes there waits.
        var look = pollfd(fd: writer, events: Int16(POLLOUT), revents: 0)
        while poll(&look, 1, 0) == 1 { sched_yield() }
        let before = interruptions.load(ordering: .relaxed)
        #expect(pthread_kill(pthread_t(try thread.take()), SIGWINCH) == 0)
        let deadline = Date(timeIntervalSinceNow: 30)
        while interruptions.load(ordering: .relaxed) == before, Date() < deadline { sched_yield() }
        #expect(interruptions.load(ordering: .relaxed) > before)
        var all: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(reader, &piece, piece.count), count > 0 { all += piece[..<count] }
        #expect(try failure.take() == "" && all == bytes)
    }

    @Test func read_tellsWhatIsNotThereFromWhatCannotBeRead() throws {
        let folder = TestFolder()
        #expect(throws: SystemError(call: "open of \(folder.file("none"))", code: ENOENT)) {
            try WholeFile.read(folder.file("none"), maxBytes: 100)
        }
        #expect(throws: SystemError(call: "read of \(folder.path)", code: EISDIR)) {
            try WholeFile.read(folder.path, maxBytes: 100)
        }
        #expect(try !WholeFile.read("/proc/self/status", maxBytes: 1_000_000).isEmpty, "of unknown length")
    }

    @Test func holder_ofALock_isNamed() throws {
        let folder = TestFolder()
        let path = folder.file("socket")
        let (first, second) = (open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600), open(path, O_RDWR | O_CLOEXEC))
        defer { for file in [first, second] { close(file) } }
        #expect(FileLocks.holder(of: second) == nil)
        #expect(flock(first, LOCK_EX | LOCK_NB) == 0)
        #expect(FileLocks.holder(of: second) == getpid())
        #expect(flock(first, LOCK_UN) == 0)
        #expect(FileLocks.holder(of: second) == nil)
    }
}
