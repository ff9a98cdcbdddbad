import Foundation
import Primitives

/// What one line of a log says of an arrival.
struct LogLine: Equatable, Sendable {
    /// Since 1970.
    var micros: Int64
    /// Who it was, as well as the log tells: address and user agent. nil where every line is somebody else.
    var visitor: String?
    /// How many arrived.
    var count = 1

    enum Problem: Error, Equatable { case damaged }

    /// A log that does not say its zone is taken for UTC: a trace is about distances only.
    ///
    /// Known are the common and the combined format (Apache, nginx), the HTTP log of HAProxy, and Sluice's journal as JSON
    /// lines. nil for a line that is sound and tells of no arrival: an empty one, or another entry of a journal.
    static func parse(_ line: String) throws(Problem) -> LogLine? {
        let text = line.drop { $0 == " " || $0 == "\t" }
        guard !text.isEmpty, text != "\r" else { return nil }
        return text.first == "{" ? try Self.journal(text) : try Self.access(text)
    }

    // MARK: Access logs

    private static func access(_ line: Substring) throws(Problem) -> LogLine {
        // The moment stands between the first brackets that hold one: HAProxy's have `haproxy[123]:` before them.
        var rest = line
        while let open = rest.firstIndex(of: "[") {
            let inside = rest[rest.index(after: open)...]
            guard let close = inside.firstIndex(of: "]") else { break }
            if let micros = Self.micros(inside[..<close]) {
                let visitor = try Self.visitor(
                    line[..<open],
                    inside[close...].dropFirst(),
                    isHAProxy: inside[..<close].contains(".")
                )
                return LogLine(micros: micros, visitor: visitor)
            }
            rest = inside
        }
        throw .damaged
    }

    /// `ADDRESS - user [...] "GET /" 200 12 "referer" "agent"` in the one kind of log, `haproxy[1]: ADDRESS:PORT [...] frontend
    /// backend/server 1/2/3/4/5 200 12 - - ---- 1/1/1/1/0 0/0 "GET /"` in the other.
    private static func visitor(
        _ before: Substring,
        _ after: Substring,
        isHAProxy: Bool
    ) throws(Problem) -> String {
        let words = before.split(separator: " ")
        let quoted = after.split(separator: "\"", omittingEmptySubsequences: false)
        // Without the request the line was cut off.
        guard let last = words.last, quoted.count >= 3 else { throw .damaged }
        if isHAProxy { return String(last[..<(last.lastIndex(of: ":") ?? last.endIndex)]) }
        guard words.count >= 3 else { throw .damaged }
        // The name of the virtual host may stand before the address.
        return "\(words[words.count - 3]) \(quoted.count >= 7 ? quoted[quoted.count - 2] : "")"
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// `10/Oct/2000:13:55:36 -0700`, or without a zone and with thousandths: `06/Feb/2009:12:14:14.655`.
    static func micros(_ text: Substring) -> Int64? {
        let pattern =
            /(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}):(\d{2}):(\d{2})(?:\.(\d{3}))?(?: ([+-])(\d{2})(\d{2}))?/
        guard let match = text.wholeMatch(of: pattern), let month = Self.months.firstIndex(of: String(match.2)),
            let day = Int64(match.1), let year = Int64(match.3), let hour = Int64(match.4), hour < 24,
            let minute = Int64(match.5), minute < 60, let second = Int64(match.6), second <= 60,
            let date = CivilDate(year: year, month: Int64(month + 1), day: day)
        else { return nil }
        var seconds = ((date.daysSince1970 * 24 + hour) * 60 + minute) * 60 + second
        if let sign = match.8, let hours = match.9.flatMap({ Int64($0) }), let minutes = match.10.flatMap({ Int64($0) })
        {
            seconds -= (sign == "-" ? -1 : 1) * (hours * 60 + minutes) * 60
        }
        return seconds * 1_000_000 + (match.7.flatMap { Int64($0) } ?? 0) * 1_000
    }

    // MARK: Sluice's journal

    private struct Entry: Decodable {
        var kind: String
        var t: Int64?
        var g: String?
    }

    /// Who was let in: a journal does not know when people came, only when they were let in.
    private static func journal(_ line: Substring) throws(Problem) -> LogLine? {
        guard let entry = try? JSONDecoder().decode(Entry.self, from: Data(line.utf8)) else { throw .damaged }
        guard entry.kind == "exchange" else { return nil }
        guard let micros = entry.t, micros >= 0, let group = entry.g, !group.isEmpty else { throw .damaged }
        return LogLine(micros: micros, count: group.split(separator: ",").count)
    }
}
