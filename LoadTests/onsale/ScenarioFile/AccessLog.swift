import Primitives

/// When people came by the access log of a web server, in any format that a trace is recorded from (`LogLine`).
///
/// Of the log's clock the seconds count; within one, people come at any moment. Lines may be out of order, and some of
/// them damaged.
struct AccessLog: Equatable {
    struct Malformed: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    /// In each second from the first one on.
    private(set) var counts: [Int]
    private(set) var damage = DamagedLines()

    /// - Parameter counting: `clients`: a client, told by address and user agent, comes once, with its first line.
    ///   `requests`: each line is somebody who comes.
    init(_ bytes: [UInt8], counting: ArrivalsText.Counting) throws(Malformed) {
        var people: [Int64: Int] = [:]
        var firsts: [UInt64: Int64] = [:]
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            let entry: LogLine?
            do throws(LogLine.Problem) {
                entry = try LogLine.parse(bytes: line)
            } catch {
                self.damage.take(isDamaged: true)
                continue
            }
            self.damage.take(isDamaged: false)
            guard let entry else { continue }
            let second = entry.micros / 1_000_000
            if counting == .clients, let visitor = entry.visitor {
                let client = FNV1a.hash64(visitor.utf8)
                firsts[client] = min(firsts[client] ?? .max, second)
            } else {
                people[second, default: 0] += entry.count
            }
        }
        if let refusal = self.damage.refusal { throw Malformed(description: refusal) }
        for second in firsts.values { people[second, default: 0] += 1 }
        guard let first = people.keys.min(), let last = people.keys.max() else {
            guard let first = self.damage.first else { throw Malformed(description: "has no line") }
            throw Malformed(
                description: "has no line of an access log: line \(first) is the first that is damaged"
            )
        }
        guard last - first < Int64(ArrivalCounts.mostSteps) else {
            throw Malformed(description: "covers more than a week")
        }
        self.counts = (first...last).map { people[$0] ?? 0 }
    }

    /// From that moment on; a second of the log is a second of the run, or all of it is squeezed up to `toSeconds`.
    func counts(fromSeconds: Double, toSeconds: Double?) -> ArrivalCounts {
        let step = toSeconds.map { ($0 - fromSeconds) / Double(self.counts.count) } ?? 1
        return ArrivalCounts(startSeconds: fromSeconds, stepSeconds: step, counts: self.counts)
    }
}
