import Logging
import Observability
import Settings

/// The access log of one gateway: what its loops have in common.
final class AccessLog: Sendable {
    private let writer: LineWriter

    init(log: Logger) {
        self.writer = LineWriter { news in
            switch news {
            case .failed(let reason):
                let advice = "lines that come faster than it takes them are lost and counted until it does"
                log.error("the access log cannot be written: \(reason); \(advice)")
            case .works(let lost):
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

    /// Has what waits written soon: a spool fills, or another tenth of a second has passed.
    func hurry() { self.writer.hurry() }

    /// Once for all loops, which may be some settings apart for a moment.
    func apply(_ settings: AccessLogSettings) {
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
