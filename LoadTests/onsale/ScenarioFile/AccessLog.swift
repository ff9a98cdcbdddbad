import Primitives

/// When people came by the access log of a web server, in the common or the combined format:
/// `192.0.2.7 - - [26/Nov/2026:18:00:00 +0000] "GET / HTTP/1.1" 200 512 "-" "Mozilla/5.0"`.
///
/// The log's clock has seconds; within one, people come at any moment. Lines may be out of order, and some of them damaged.
struct AccessLog: Equatable {
    struct Malformed: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// In each second from the first one on.
    private(set) var counts: [Int]
    private(set) var damage = DamagedLines()

    /// - Parameter counting: `clients`: a client, told by address and user agent, comes once, with its first line.
    ///   `requests`: each line is somebody who comes.
    init(_ bytes: [UInt8], counting: ArrivalsText.Counting) throws(Malformed) {
        var times: [Int64] = []
        var firsts: [UInt64: Int64] = [:]
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            let seconds = Self.seconds(of: line)
            self.damage.take(isDamaged: seconds == nil && !line.isEmpty)
            guard let seconds else { continue }
            switch counting {
            case .requests: times.append(seconds)
            case .clients:
                let client = Self.client(of: line)
                firsts[client] = min(firsts[client] ?? .max, seconds)
            }
        }
        if let refusal = self.damage.refusal { throw Malformed(description: refusal) }
        if counting == .clients { times = Array(firsts.values) }
        guard let first = times.min(), let last = times.max() else {
            guard let first = self.damage.first else { throw Malformed(description: "has no line") }
            throw Malformed(
                description: "has no line of the common log format: line \(first) is the first without a [time]"
            )
        }
        guard last - first < Int64(ArrivalCounts.mostSteps) else {
            throw Malformed(description: "covers more than a week")
        }
        self.counts = [Int](repeating: 0, count: Int(last - first) + 1)
        for time in times { self.counts[Int(time - first)] += 1 }
    }

    /// From that moment on; a second of the log is a second of the run, or all of it is squeezed up to `toSeconds`.
    func counts(fromSeconds: Double, toSeconds: Double?) -> ArrivalCounts {
        let step = toSeconds.map { ($0 - fromSeconds) / Double(self.counts.count) } ?? 1
        return ArrivalCounts(startSeconds: fromSeconds, stepSeconds: step, counts: self.counts)
    }

    /// Since 1970; nil when there is no time in brackets.
    private static func seconds(of line: ArraySlice<UInt8>) -> Int64? {
        guard let start = line.firstIndex(of: UInt8(ascii: "[")),
            let end = line[start...].firstIndex(of: UInt8(ascii: "]")), end - start == 27
        else { return nil }
        let text = Array(line[(start + 1)..<end])
        // 26/Nov/2026:18:00:00 +0000
        let marks: [(Int, Character)] = [(2, "/"), (6, "/"), (11, ":"), (14, ":"), (17, ":"), (20, " ")]
        guard marks.allSatisfy({ text[$0] == $1.asciiValue }) else { return nil }
        func number(_ range: Range<Int>) -> Int64? {
            guard text[range].allSatisfy(ASCII.isDigit) else { return nil }
            return text[range].reduce(0) { $0 * 10 + Int64($1 - ASCII.zero) }
        }
        let name = String(decoding: text[3..<6], as: UTF8.self)
        guard let month = Self.months.firstIndex(of: name), let day = number(0..<2), let year = number(7..<11),
            let date = CivilDate(year: year, month: Int64(month + 1), day: day), let hour = number(12..<14),
            let minute = number(15..<17), let second = number(18..<20), let offsetHours = number(22..<24),
            let offsetMinutes = number(24..<26), hour < 24, minute < 60, second < 61
        else { return nil }
        let sign: Int64 = text[21] == UInt8(ascii: "-") ? -1 : 1
        let offset = sign * (offsetHours * 60 + offsetMinutes) * 60
        return date.daysSince1970 * 86_400 + hour * 3600 + minute * 60 + second - offset
    }

    /// A number for the address in front and the user agent in the last quotes, if there is one.
    private static func client(of line: ArraySlice<UInt8>) -> UInt64 {
        let address = line.prefix { $0 != UInt8(ascii: " ") }
        let quotes = line.indices.filter { line[$0] == UInt8(ascii: "\"") }
        // The common format has one quoted part, the request.
        guard quotes.count >= 6 else { return FNV1a.hash64(address) }
        let agent = line[quotes[quotes.count - 2]..<quotes[quotes.count - 1]]
        return FNV1a.hash64(Array(address) + agent)
    }
}
