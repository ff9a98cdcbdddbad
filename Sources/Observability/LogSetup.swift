import Glibc
import Logging
import Synchronization

/// What a line of the log looks like.
public enum LogFormat: String, Sendable, CaseIterable {
    /// `2026-11-23T18:00:00.000Z info label: message key=value`
    case text
    /// One JSON object.
    case json
}

/// Sends the process's log to standard error.
public enum LogSetup {
    /// Standard error of this process. Made at the first use, and never again.
    private static let standardError = LogSink(fd: STDERR_FILENO)

    private static let levelIndex = Atomic(2)

    /// What is less important is not written. May be changed while the process runs.
    public static var level: Logger.Level {
        get { Logger.Level.allCases[Self.levelIndex.load(ordering: .relaxed)] }
        set { Self.levelIndex.store(Logger.Level.allCases.firstIndex(of: newValue)!, ordering: .relaxed) }
    }

    /// To be called once, before the first logger is made. What is waiting to be written at `exit` is written then.
    public static func bootstrap(level: Logger.Level, format: LogFormat) {
        Self.level = level
        LoggingSystem.bootstrap { label in
            LineLogHandler(label: label, format: format, sink: Self.standardError)
        }
        atexit { LogSetup.flush() }
    }

    /// Waits until all that was logged is written, a second at most: a reader that stands still must not keep a process
    /// from ending.
    public static func flush() { Self.standardError.flush(timeoutMilliseconds: 1_000) }
}
