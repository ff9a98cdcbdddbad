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

    /// In bytes; a longer line is damaged.
    static let longestLine = 65_536

    /// A log that does not say its zone is taken for UTC: a trace is about distances only.
    ///
    /// Known are the common and the combined format (Apache, nginx), the HTTP log of HAProxy, and Sluice's journal as
    /// JSON lines. nil for a line that is sound and tells of no arrival: an empty one, or another entry of a journal.
    static func parse(_ line: String) throws(Problem) -> LogLine? { try Self.parse(bytes: Array(line.utf8)[...]) }

    /// By bytes: what people send ends up in logs, and a mark that combines with a quote or bracket would hide it.
    static func parse(bytes line: ArraySlice<UInt8>) throws(Problem) -> LogLine? {
        guard line.count <= Self.longestLine else { throw .damaged }
        let text = line.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        guard let first = text.first, text.count > 1 || first != UInt8(ascii: "\r") else { return nil }
        return first == UInt8(ascii: "{") ? try Self.journal(text) : try Self.access(text)
    }

    // MARK: Access logs

    private static func access(_ line: ArraySlice<UInt8>) throws(Problem) -> LogLine {
        // The moment stands between the first brackets that hold one: HAProxy's have `haproxy[123]:` before them.
        var rest = line
        while let open = rest.firstIndex(of: UInt8(ascii: "[")) {
            let inside = rest[(open + 1)...]
            guard let close = inside.firstIndex(of: UInt8(ascii: "]")) else { break }
            if let micros = Self.micros(inside[..<close]) {
                let visitor = try Self.visitor(
                    line[..<open],
                    inside[close...].dropFirst(),
                    isHAProxy: inside[..<close].contains(UInt8(ascii: "."))
                )
                return LogLine(micros: micros, visitor: visitor)
            }
            rest = inside
        }
        throw .damaged
    }

    /// `ADDRESS - user [...] "GET /" 200 12 "referer" "agent"` in the one kind of log, `haproxy[1]: ADDRESS:PORT [...]
    /// frontend backend/server 1/2/3/4/5 200 12 - - ---- 1/1/1/1/0 0/0 "GET /"` in the other.
    private static func visitor(
        _ before: ArraySlice<UInt8>,
        _ after: ArraySlice<UInt8>,
        isHAProxy: Bool
    ) throws(Problem) -> String {
        let words = before.split(separator: UInt8(ascii: " "))
        let quoted = after.split(separator: UInt8(ascii: "\""), omittingEmptySubsequences: false)
        // Without the request the line was cut off.
        guard let last = words.last, quoted.count >= 3 else { throw .damaged }
        if isHAProxy { return Self.text(last[..<(last.lastIndex(of: UInt8(ascii: ":")) ?? last.endIndex)]) }
        guard words.count >= 3 else { throw .damaged }
        // The name of the virtual host may stand before the address.
        return Self.text(words[words.count - 3]) + " " + (quoted.count >= 7 ? Self.text(quoted[quoted.count - 2]) : "")
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// `10/Oct/2000:13:55:36 -0700`, or without a zone and with thousandths: `06/Feb/2009:12:14:14.655`.
    static func micros(_ text: ArraySlice<UInt8>) -> Int64? {
        let bytes = Array(text)
        func number(_ range: Range<Int>) -> Int64? {
            guard bytes[range].allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
            return bytes[range].reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
        }
        let marks: [(place: Int, mark: UInt8)] = [(2, 47), (6, 47), (11, 58), (14, 58), (17, 58)]
        guard bytes.count >= 20, marks.allSatisfy({ bytes[$0.place] == $0.mark }),
            let month = Self.months.firstIndex(of: String(decoding: bytes[3..<6], as: UTF8.self)),
            let day = number(0..<2), let year = number(7..<11), let hour = number(12..<14), hour < 24,
            let minute = number(15..<17), minute < 60, let second = number(18..<20), second <= 60,
            let date = CivilDate(year: year, month: Int64(month + 1), day: day)
        else { return nil }
        var micros = (((date.daysSince1970 * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000
        var rest = 20
        if bytes.count >= 24, bytes[20] == UInt8(ascii: "."), let thousandths = number(21..<24) {
            micros += thousandths * 1_000
            rest = 24
        }
        guard rest < bytes.count else { return micros }
        guard bytes.count == rest + 6, bytes[rest] == UInt8(ascii: " "), let hours = number(rest + 2..<rest + 4),
            let minutes = number(rest + 4..<rest + 6)
        else { return nil }
        let offset = (hours * 60 + minutes) * 60_000_000
        switch bytes[rest + 1] {
        case UInt8(ascii: "+"): return micros - offset
        case UInt8(ascii: "-"): return micros + offset
        default: return nil
        }
    }

    // MARK: Sluice's journal

    private struct Entry: Decodable {
        var kind: String
        var t: Int64?
        var g: String?
    }

    /// Who was let in: a journal does not know when people came, only when they were let in.
    private static func journal(_ line: ArraySlice<UInt8>) throws(Problem) -> LogLine? {
        guard let entry = try? JSONDecoder().decode(Entry.self, from: Data(line)) else { throw .damaged }
        guard entry.kind == "exchange" else { return nil }
        guard let micros = entry.t, micros >= 0, let group = entry.g, !group.isEmpty else { throw .damaged }
        return LogLine(micros: micros, count: group.utf8.split(separator: UInt8(ascii: ",")).count)
    }
}
