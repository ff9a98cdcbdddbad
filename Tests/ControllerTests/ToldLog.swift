import Logging

/// A log whose lines a test wants to see: their messages, without what stands beside.
struct ToldLog: LogHandler {
    private let onLine: @Sendable (String) -> Void
    var metadata = Logger.Metadata()
    var logLevel = Logger.Level.trace
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    static func logger(_ onLine: @escaping @Sendable (String) -> Void) -> Logger {
        Logger(label: "test") { _ in ToldLog(onLine: onLine) }
    }

    private init(onLine: @escaping @Sendable (String) -> Void) { self.onLine = onLine }

    func log(event: LogEvent) { self.onLine("\(event.message)") }
}
