import Addresses
import HTTPWire
import Primitives
import Settings

/// All that one line of the access log tells, when the request has ended.
struct AccessLine {
    var note: AccessNote
    /// Nil behind a unix socket.
    var client: IPAddress?
    /// 0 when no response has begun.
    var status: Int
    var room: String?
    var pool: String?
    /// The visitor holds a pass, or has just been given one.
    var isInside = false
    var isNewcomer = false
    var queueMicros: Int
    var workerMicros: Int?
    var totalMicros: Int

    /// What goes where a client left before it was told anything, as servers write it that have such a line.
    private static let statusOfLeft = 499

    /// Appends the line with its end.
    func write(_ trail: RequestTrail, as format: AccessLogSettings.Format, to writer: inout ByteWriter) {
        switch format {
        case .json: self.writeJSON(trail, to: &writer)
        case .combined: self.writeCombined(to: &writer)
        }
    }

    // MARK: JSON

    private func writeJSON(_ trail: RequestTrail, to writer: inout ByteWriter) {
        writer.append("{\"time\":\"")
        AccessTime(micros: self.note.startedMicros).appendRFC3339(to: &writer)
        writer.append("\",\"client\":\"")
        if let client { client.append(to: &writer) } else { writer.append("unix") }
        writer.append("\"")
        writer.append(self.note.text)
        if self.status > 0 { AccessText.member("status", self.status, to: &writer) }
        self.writeOutcome(to: &writer)
        if let room { AccessText.member("room", room, to: &writer) }
        if let pool { AccessText.member("pool", pool, to: &writer) }
        if let worker = self.note.worker { AccessText.member("worker", worker.id, to: &writer) }
        AccessText.member("request_bytes", self.note.requestBytes, to: &writer)
        AccessText.member("response_bytes", self.note.responseBytes, to: &writer)
        AccessText.member("queue_us", self.queueMicros, to: &writer)
        if let workerMicros { AccessText.member("worker_us", workerMicros, to: &writer) }
        AccessText.member("total_us", self.totalMicros, to: &writer)
        self.writeTrail(trail, to: &writer)
        if let version = self.note.tlsVersion {
            AccessText.beginText("tls", to: &writer)
            writer.append(version)
            writer.append("\"")
        }
        writer.append("}\n")
    }

    private func writeOutcome(to writer: inout ByteWriter) {
        AccessText.beginText("outcome", to: &writer)
        var cause: GatewayError.Cause?
        switch self.note.outcome {
        case .served where self.isNewcomer: writer.append("let-in")
        case .served where self.isInside: writer.append("inside")
        case .served: writer.append("passed")
        case .waiting: writer.append("waiting")
        case .redirected: writer.append("redirected")
        case .left: writer.append("left")
        case .refused(let error):
            writer.append("refused")
            cause = error
        case .brokenOff(let error):
            writer.append("broken-off")
            cause = error
        }
        writer.append("\"")
        if let cause { AccessText.member("error", cause.rawValue, to: &writer) }
        if let end = self.note.tunnelEnd { AccessText.member("tunnel_end", end.rawValue, to: &writer) }
    }

    private func writeTrail(_ trail: RequestTrail, to writer: inout ByteWriter) {
        if trail.hasID {
            AccessText.beginText("request_id", to: &writer)
            trail.appendID(to: &writer)
            writer.append("\"")
        }
        guard let trace = trail.trace else { return }
        AccessText.beginText("trace_id", to: &writer)
        trace.appendTrace(to: &writer)
        writer.append("\"")
        self.writeSpan("span_id", trace.parent, to: &writer)
        if let parent = trail.traceParent { self.writeSpan("parent_id", parent, to: &writer) }
    }

    private func writeSpan(_ name: StaticString, _ id: UInt64, to writer: inout ByteWriter) {
        AccessText.beginText(name, to: &writer)
        writer.append(hexadecimal: id, digits: 16)
        writer.append("\"")
    }

    // MARK: Combined

    private func writeCombined(to writer: inout ByteWriter) {
        if let client { client.append(to: &writer) } else { writer.append("-") }
        writer.append(" - - [")
        AccessTime(micros: self.note.startedMicros).appendCommon(to: &writer)
        writer.append("] \"")
        self.note.text.withUnsafeBytes { text in
            writer.append(UnsafeRawBufferPointer(rebasing: text[..<self.note.secondPart]))
            writer.append("\" ")
            writer.append(decimal: self.status > 0 ? self.status : Self.statusOfLeft)
            writer.append(" ")
            writer.append(decimal: self.note.responseBytes)
            writer.append(UnsafeRawBufferPointer(rebasing: text[self.note.secondPart...]))
        }
        writer.append("\n")
    }
}

/// A time as lines tell it, without an allocation.
struct AccessTime {
    private let date: CivilDate
    private let millis: Int64

    /// - Parameter micros: since 1970, up to the year 9999.
    init(micros: Int64) {
        let micros = max(0, min(micros, 253_402_300_799_000_000))
        self.date = CivilDate(daysSince1970: micros / 86_400_000_000)
        self.millis = micros % 86_400_000_000 / 1_000
    }

    /// `2026-11-26T18:00:00.123Z`
    func appendRFC3339(to writer: inout ByteWriter) {
        Self.append(self.date.year, digits: 4, to: &writer)
        writer.append("-")
        Self.append(self.date.month, digits: 2, to: &writer)
        writer.append("-")
        Self.append(self.date.day, digits: 2, to: &writer)
        writer.append("T")
        self.appendClock(to: &writer)
        writer.append(".")
        Self.append(self.millis % 1_000, digits: 3, to: &writer)
        writer.append("Z")
    }

    /// `26/Nov/2026:18:00:00 +0000`
    func appendCommon(to writer: inout ByteWriter) {
        let names: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"
        Self.append(self.date.day, digits: 2, to: &writer)
        writer.append("/")
        writer.append(UnsafeRawBufferPointer(start: names.utf8Start + Int(self.date.month - 1) * 3, count: 3))
        writer.append("/")
        Self.append(self.date.year, digits: 4, to: &writer)
        writer.append(":")
        self.appendClock(to: &writer)
        writer.append(" +0000")
    }

    private func appendClock(to writer: inout ByteWriter) {
        let seconds = self.millis / 1_000
        Self.append(seconds / 3_600, digits: 2, to: &writer)
        writer.append(":")
        Self.append(seconds / 60 % 60, digits: 2, to: &writer)
        writer.append(":")
        Self.append(seconds % 60, digits: 2, to: &writer)
    }

    private static func append(_ value: Int64, digits: Int, to writer: inout ByteWriter) {
        var divisor: Int64 = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            writer.append(byte: ASCII.zero + UInt8(value / divisor % 10))
            divisor /= 10
        }
    }
}
