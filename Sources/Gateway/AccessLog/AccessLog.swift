import EventLoop
import Logging
import Observability
import Primitives
import Settings
import Synchronization

/// The access log of one gateway: what its loops have in common.
final class AccessLog: Sendable {
    private let writer: LineWriter
    private let state: State

    /// What the writer's thread has told, for the status.
    private final class State: Sendable {
        enum Trouble {
            case failed(String)
            case standsStill(since: Instant)
        }
        let trouble = Mutex<Trouble?>(nil)
    }

    init(log: Logger) {
        let state = State()
        self.state = state
        self.writer = LineWriter { news in
            switch news {
            case .failed(let reason):
                state.trouble.withLock { $0 = .failed(reason) }
                let advice = "lines that come faster than it takes them are lost and counted until it does"
                log.error("the access log cannot be written: \(reason); \(advice)")
            case .standsStill(let seconds):
                let since = MonotonicClock.now().advanced(byNanoseconds: -Int64(seconds) * Nanoseconds.perSecond)
                state.trouble.withLock { $0 = .standsStill(since: since) }
                log.error(
                    """
                    the access log stands still: its reader has taken nothing for \(seconds) seconds; lines wait while \
                    there is room for them, then they are lost and counted
                    """
                )
            case .works(let lost):
                state.trouble.withLock { $0 = nil }
                log.notice("the access log is written again", metadata: ["lost_lines": "\(lost)"])
            case .tooSlow(let lost):
                log.warning(
                    "the access log loses lines: its disk or reader is too slow; lower access_log.sample",
                    metadata: ["lost_lines": "\(lost)"]
                )
            }
        }
    }

    /// One loop's place to put lines into.
    func makeSpool() -> LineSpool {
        let spool = LineSpool()
        self.writer.add(spool)
        return spool
    }

    /// Why nothing is written, for an operator; nil while lines are written, or nobody wants any.
    func problem(now: Instant) -> String? {
        self.state.trouble.withLock { trouble in
            switch trouble {
            case nil: nil
            case .failed(let reason): "the access log cannot be written: \(reason)"
            case .standsStill(let since):
                """
                the access log stands still: its reader has taken nothing for \
                \(max(0, now.nanoseconds(since: since)) / Nanoseconds.perSecond) seconds
                """
            }
        }
    }

    /// Has what waits written soon: a spool fills, or another tenth of a second has passed.
    func hurry() { self.writer.hurry() }

    /// Once for all loops, which may be some settings apart for a moment.
    func apply(_ settings: AccessLogSettings) {
        // Nobody is told of the end of trouble with lines that nobody wants.
        if settings.path == nil { self.state.trouble.withLock { $0 = nil } }
        self.writer.direct(
            to: settings.path.map { $0 == AccessLogSettings.standardOutput ? .standardOutput : .file($0) }
        )
    }

    /// Writes what waits, as far as that is possible, and then calls `completion` on another thread.
    func finish(_ completion: @escaping @Sendable () -> Void) { self.writer.finish(completion) }
}

/// The access log as one loop sees it. Confined to the loop.
final class AccessLogDesk {
    let format: AccessLogSettings.Format
    private let sample: Double
    private let log: AccessLog
    private let spool: LineSpool

    /// Nil when there is no access log.
    init?(_ settings: AccessLogSettings, log: AccessLog, spool: LineSpool) {
        guard settings.path != nil, settings.sample > 0 else { return nil }
        self.format = settings.format
        self.sample = settings.sample
        self.log = log
        self.spool = spool
    }

    /// Whether a request gets a line; `random` is any number.
    func wants(random: UInt64) -> Bool { Double(random >> 11) * 0x1p-53 < self.sample }

    /// `line` with its line end. False when it is lost.
    func add(_ line: UnsafeRawBufferPointer) -> Bool {
        switch self.spool.add(line) {
        case .kept: return true
        case .keptAndFilling:
            self.log.hurry()
            return true
        case .dropped: return false
        }
    }
}
