import CLinux
import Dispatch
import Glibc

/// Signals on a loop: the handler runs there like everything else, not in signal context.
///
/// A signal goes to any thread that does not block it, and waits when all of them do, as Dispatch's own threads do. So
/// there are two ways in: a handler that writes to a pipe, and a descriptor that reads what waits. Dispatch's own signal
/// source lost what a thread of somebody else took.
public final class SignalSource {
    private let sources: [any DispatchSourceRead]
    private let signals: [Int32]
    /// The pipe's end that signal handlers write to.
    private let input: Int32

    /// Delivers each of `signals` to `handler` on `loop` until the source is released. A process watches a signal in
    /// one place.
    public init(_ signals: [Int32], on loop: EventLoop, _ handler: @escaping @Sendable (Int32) -> Void) {
        var ends: [Int32] = [-1, -1]
        precondition(sluice_pipe(&ends) == 0, "\(SystemError(call: "pipe2"))")
        for end in ends { _ = sluice_set_nonblocking(end) }
        let pending = sluice_pending_signals(signals, Int32(signals.count))
        precondition(pending >= 0, "\(SystemError(call: "signalfd"))")
        self.signals = signals
        self.input = ends[1]
        // On the queue but outside of a turn: the clock would be stale, and a timer armed by the handler would not
        // wake the loop.
        let deliver: @Sendable (Int32) -> Void = { number in loop.submit { handler(number) } }
        self.sources = [
            Self.source(ends[0], recordBytes: 1, on: loop, deliver),
            Self.source(pending, recordBytes: Int(SLUICE_PENDING_SIGNAL_BYTES), on: loop, deliver),
        ]
        for number in signals {
            precondition(sluice_write_signal(number, self.input) == 0, "there is no signal \(number)")
        }
    }

    deinit {
        for number in self.signals { sluice_ignore_signal(number) }
        for source in self.sources { source.cancel() }
        close(self.input)
    }

    /// A peer that is gone is told by `EPIPE`, not by a signal that ends the process.
    public static func ignoreBrokenPipe() { sluice_ignore_signal(SIGPIPE) }

    /// Reads records that begin with a signal's number.
    private static func source(
        _ fd: Int32,
        recordBytes: Int,
        on loop: EventLoop,
        _ deliver: @escaping @Sendable (Int32) -> Void
    ) -> any DispatchSourceRead {
        let source = DispatchSource.makeReadSource(fileDescriptor: fd, queue: loop.queue)
        source.setEventHandler {
            var record = [UInt8](repeating: 0, count: recordBytes)
            while read(fd, &record, recordBytes) == recordBytes { deliver(Int32(record[0])) }
        }
        source.setCancelHandler { close(fd) }
        source.activate()
        return source
    }
}
