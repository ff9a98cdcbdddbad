/// Arrival rates from a file: a time in seconds and a rate a second on each line, with a comma between. Between two lines
/// the rate goes straight from one to the other; two lines of one time are a jump.
///
/// A first line without numbers is a heading. Empty lines and those that begin with # are stepped over.
struct RateTable: Equatable {
    struct Malformed: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    private(set) var points: [RateCurve.Point] = []

    init(_ bytes: [UInt8]) throws(Malformed) {
        var number = 0
        var isFirst = true
        // By bytes: to a Swift text, the two that end a line on Windows are one character.
        for bytes in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            guard let line = String(validating: bytes, as: UTF8.self) else {
                throw Malformed(description: "line \(number): is not UTF-8 text")
            }
            let row = line.split(separator: ",", omittingEmptySubsequences: false).map(Self.trimmed)
            guard row != [""], !row[0].hasPrefix("#") else { continue }
            defer { isFirst = false }
            if isFirst, row.allSatisfy({ Double($0) == nil }) { continue }
            try self.take(row, line: number)
        }
        guard self.points.count >= 2 else { throw Malformed(description: "has no two lines with a time and a rate") }
        guard self.points.last!.seconds > 0, self.points.contains(where: { $0.ratePerSecond > 0 }) else {
            throw Malformed(description: "lets nobody come: some rate must be above 0, and the last time")
        }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return text.drop { $0 == " " || $0 == "\t" }
    }

    private mutating func take(_ row: [Substring], line: Int) throws(Malformed) {
        func refused(_ reason: String) -> Malformed { Malformed(description: "line \(line): \(reason)") }
        guard row.count == 2, let seconds = Double(row[0]), let rate = Double(row[1]) else {
            throw refused("must be a time in seconds and a rate a second, such as 30,250")
        }
        guard (0...604_800).contains(seconds) else { throw refused("the time \(row[0]) is not within a week") }
        guard ArrivalsText.ratePerSecond.contains(rate) else {
            throw refused("the rate \(row[1]) is not between 0 and 1,000,000 a second")
        }
        if let last = self.points.last, seconds < last.seconds { throw refused("the time \(row[0]) goes back") }
        guard self.points.count < RateCurve.mostPoints else {
            throw refused("there are more than \(RateCurve.mostPoints) rates")
        }
        self.points.append(RateCurve.Point(seconds: seconds, ratePerSecond: rate))
    }

    /// The curve from that moment on; as long as the table, or squeezed so that the last time comes at `toSeconds`. The
    /// same people come then, the faster.
    func curve(fromSeconds: Double, toSeconds: Double?) -> RateCurve {
        let length = self.points.last?.seconds ?? 1
        let factor = toSeconds.map { ($0 - fromSeconds) / length } ?? 1
        return RateCurve(
            points: self.points.map {
                RateCurve.Point(
                    seconds: fromSeconds + $0.seconds * factor,
                    ratePerSecond: $0.ratePerSecond / factor
                )
            }
        )
    }
}
