import Glibc
import Logging
import Primitives

/// One line an event, in text or JSON. Nothing in a message or in metadata can start a second line.
struct LineLogHandler: LogHandler {
    private let label: String
    private let format: LogFormat
    private let sink: LogSink
    /// Microseconds since 1970.
    private let wallMicros: @Sendable () -> Int64
    /// Of this logger alone; nil follows the process.
    private var ownLevel: Logger.Level?
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(
        label: String,
        level: Logger.Level? = nil,
        format: LogFormat,
        sink: LogSink,
        wallMicros: @escaping @Sendable () -> Int64 = { Timestamp.wallMicros() }
    ) {
        self.label = label
        self.ownLevel = level
        self.format = format
        self.sink = sink
        self.wallMicros = wallMicros
    }

    var logLevel: Logger.Level {
        get { self.ownLevel ?? LogSetup.level }
        set { self.ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var metadata = self.metadata
        if let provider = self.metadataProvider { metadata.merge(provider.get()) { _, new in new } }
        if let own = event.metadata { metadata.merge(own) { _, new in new } }
        if let error = event.error { metadata["error"] = "\(error)" }
        let time = RFC3339.text(wallMicros: self.wallMicros(), fraction: .millis)
        let entries = metadata.sorted { $0.key < $1.key }
        switch self.format {
        case .text: self.sink.write(self.textLine(time, event, entries))
        case .json: self.sink.write(self.jsonLine(time, event, entries))
        }
    }

    private func textLine(
        _ time: String,
        _ event: LogEvent,
        _ entries: [(key: String, value: Logger.MetadataValue)]
    ) -> [UInt8] {
        var line = Array("\(time) \(event.level) \(self.label): ".utf8)
        Self.appendOneLine("\(event.message)", to: &line)
        for (key, value) in entries {
            line.append(0x20)
            Self.appendOneLine(key, to: &line)
            line.append(0x3D)
            let text = "\(value)"
            if !text.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x22 && $0 != 0x3D && $0 != 0x7F }) {
                line += text.utf8
            } else {
                JSONWriter.appendQuoted(text, to: &line)
            }
        }
        return line
    }

    private func jsonLine(
        _ time: String,
        _ event: LogEvent,
        _ entries: [(key: String, value: Logger.MetadataValue)]
    ) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.member("time", time)
        json.member("level", event.level.rawValue)
        json.member("label", self.label)
        json.member("message", "\(event.message)")
        if !entries.isEmpty {
            json.key("metadata")
            json.beginObject()
            for (key, value) in entries {
                json.key(key)
                Self.append(value, to: &json, depth: 2)
            }
            json.endObject()
        }
        json.endObject()
        return json.finished()
    }

    private static func append(_ value: Logger.MetadataValue, to json: inout JSONWriter, depth: Int) {
        guard depth < JSONWriter.maxDepth else { return json.value("\(value)") }
        switch value {
        case .string(let text): json.value(text)
        case .stringConvertible(let value): json.value("\(value)")
        case .array(let values):
            json.beginArray()
            for value in values { Self.append(value, to: &json, depth: depth + 1) }
            json.endArray()
        case .dictionary(let members):
            json.beginObject()
            for (key, value) in members.sorted(by: { $0.key < $1.key }) {
                json.key(key)
                Self.append(value, to: &json, depth: depth + 1)
            }
            json.endObject()
        }
    }

    /// Control characters become escapes.
    private static func appendOneLine(_ text: String, to line: inout [UInt8]) {
        for byte in text.utf8 {
            if byte >= 0x20, byte != 0x7F {
                line.append(byte)
            } else {
                line += "\\x\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8
            }
        }
    }
}
