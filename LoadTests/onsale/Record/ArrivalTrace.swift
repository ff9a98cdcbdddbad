/// Arrivals a second, gathered from the lines of a log in any order.
struct ArrivalTrace: Sendable {
    enum Counting: String, CaseIterable, Sendable {
        /// The first line of each: address and user agent.
        case visitors
        case requests
    }

    enum Problem: Error, Equatable { case tooManyVisitors, tooLong(seconds: Int64), empty, damaged(String) }

    /// About 200 bytes each.
    static let mostVisitors = 2_000_000
    /// A day; longer runs are not played.
    static let longestSeconds: Int64 = 86_400

    let counting: Counting
    /// Lines outside are left out; microseconds since 1970.
    let window: Range<Int64>
    private(set) var arrivalLines = 0
    private(set) var outside = 0
    private(set) var damage = DamagedLines()
    private var perSecond: [Int64: Int] = [:]
    /// The first second of each.
    private var visitors: [String: Int64] = [:]

    init(counting: Counting, window: Range<Int64> = 0..<Int64.max) {
        self.counting = counting
        self.window = window
    }

    /// Throws when there are more visitors than can be told apart.
    mutating func take(_ line: String) throws(Problem) {
        let entry: LogLine?
        do throws(LogLine.Problem) {
            entry = try LogLine.parse(line)
        } catch {
            return self.damage.take(isDamaged: true)
        }
        self.damage.take(isDamaged: false)
        guard let entry else { return }
        guard self.window.contains(entry.micros) else { return self.outside += 1 }
        self.arrivalLines += 1
        let second = entry.micros / 1_000_000
        guard self.counting == .visitors, let visitor = entry.visitor else {
            self.perSecond[second, default: 0] += entry.count
            return
        }
        if let known = self.visitors[visitor] {
            self.visitors[visitor] = min(known, second)
        } else {
            guard self.visitors.count < Self.mostVisitors else { throw .tooManyVisitors }
            self.visitors[visitor] = second
        }
    }

    /// From the first arrival to the last, quiet seconds included.
    func arrivals() throws(Problem) -> [Int] {
        if self.arrivalLines > 0, let refusal = self.damage.refusal { throw .damaged(refusal) }
        var seconds = self.perSecond
        for second in self.visitors.values { seconds[second, default: 0] += 1 }
        guard let first = seconds.keys.min(), let last = seconds.keys.max() else { throw .empty }
        guard last - first < Self.longestSeconds else { throw .tooLong(seconds: last - first + 1) }
        return (first...last).map { seconds[$0] ?? 0 }
    }

    /// The table of rates that a scenario's arrivals are read from. Between two lines a rate goes straight from one to
    /// the other, so each second's stands in its middle: the area below is the number of people.
    static func csv(_ arrivals: [Int]) -> String {
        guard let first = arrivals.first, let last = arrivals.last else { return "seconds,arrivals\n" }
        return "seconds,arrivals\n0,\(first)\n" + arrivals.enumerated().map { "\($0).5,\($1)\n" }.joined()
            + "\(arrivals.count),\(last)\n"
    }
}
