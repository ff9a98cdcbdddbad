import CLinux
import Dispatch
import Glibc

/// Signals as Dispatch signal sources: the handler runs on a loop like everything else, not in signal context.
public final class SignalSource {
    private let sources: [any DispatchSourceSignal]

    /// Delivers each of `signals` to `handler` on `loop` until the source is released.
    public init(_ signals: [Int32], on loop: EventLoop, _ handler: @escaping @Sendable (Int32) -> Void) {
        self.sources = signals.map { number in
            // The default action would end the process before Dispatch sees the signal.
            sluice_ignore_signal(number)
            let source = DispatchSource.makeSignalSource(signal: number, queue: loop.queue)
            // On the queue but outside of a turn: the clock would be stale, and a timer armed by the handler would not
            // wake the loop.
            source.setEventHandler { loop.submit { handler(number) } }
            source.activate()
            return source
        }
    }

    deinit { for source in self.sources { source.cancel() } }

    /// A peer that is gone is told by `EPIPE`, not by a signal that ends the process.
    public static func ignoreBrokenPipe() { sluice_ignore_signal(SIGPIPE) }
}
