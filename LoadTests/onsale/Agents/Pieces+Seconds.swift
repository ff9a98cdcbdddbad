import Histogram

/// Seconds of a run in the messages of agents: of a histogram, only the values that occurred.
extension HeldSecond {
    func write(to writer: inout PieceWriter) {
        writer.put(self.second)
        for gauge in [self.gauges.waiting, self.gauges.inside, self.gauges.openConnections] { writer.put(gauge) }
        self.tally.counts.write(to: &writer)
        for recorder in [self.tally.inside, self.tally.line, self.tally.door] {
            recorder.corrected.write(to: &writer)
            recorder.raw.write(to: &writer)
        }
        self.tally.wait.write(to: &writer)
        self.tally.lateness.write(to: &writer)
    }

    init(from reader: inout PieceReader) throws(PieceProblem) {
        let second = try reader.integer()
        guard (0..<Timeline.mostSamples).contains(second) else { throw PieceProblem("second \(second) is in no run") }
        var gauges = Gauges()
        gauges.waiting = try reader.integer()
        gauges.inside = try reader.integer()
        gauges.openConnections = try reader.integer()
        let counts = try Counts(from: &reader)
        func recorder() throws(PieceProblem) -> LatencyRecorder {
            var corrected = LatencyRecorder.makeHistogram()
            try corrected.take(&reader)
            var raw = LatencyRecorder.makeHistogram()
            try raw.take(&reader)
            return LatencyRecorder(corrected: corrected, raw: raw)
        }
        let recorders = (try recorder(), try recorder(), try recorder())
        var wait = LatencyRecorder.makeWaitHistogram()
        try wait.take(&reader)
        var lateness = LatencyRecorder.makeHistogram()
        try lateness.take(&reader)
        let tally = Tally(
            counts: counts,
            inside: recorders.0,
            line: recorders.1,
            door: recorders.2,
            wait: wait,
            lateness: lateness
        )
        self.init(second: second, tally: tally, gauges: gauges)
    }
}

extension Histogram<UInt32> {
    /// Answers of one agent in one second, and far more than there can be.
    private static var mostOfASecond: UInt64 { 1 << 24 }

    func write(to writer: inout PieceWriter) {
        guard self.totalCount > 0 else { return writer.put(UInt64(0)) }
        var values = self.counters.map { (value: UInt64($0.value), count: $0.count) }
        // Of the highest, the histogram knows more than the counter that it is in.
        values[values.count - 1].value = self.maxRecorded
        writer.put(UInt64(values.count))
        var last: UInt64 = 0
        for (value, count) in values {
            writer.put(value - last)
            last = value
            writer.put(UInt64(count))
        }
    }

    mutating func take(_ reader: inout PieceReader) throws(PieceProblem) {
        var value: UInt64 = 0
        var total: UInt64 = 0
        for _ in 0..<(try reader.count()) {
            value = value &+ (try reader.natural())
            let count = try reader.natural()
            guard count <= Self.mostOfASecond, total + count <= Self.mostOfASecond else {
                throw PieceProblem("a second with more than \(Self.mostOfASecond) answers is in no run")
            }
            total += count
            guard self.record(value, count: UInt32(count)) else {
                throw PieceProblem("\(value) ns is longer than any latency")
            }
        }
    }
}

extension Counts {
    /// All but the errors, in the order in which they travel.
    private static var fields: [WritableKeyPath<Counts, Int>] {
        [
            \.arrivals, \.connections, \.requests, \.waitingPages, \.exchanges, \.insideAnswers, \.connectionsGivenUp,
            \.staleConnections, \.vanished, \.turnedAway, \.served, \.abandoned, \.noShows, \.failed, \.unfinished,
            \.unfinishedStrangers,
        ]
    }

    func write(to writer: inout PieceWriter) {
        for field in Self.fields { writer.put(self[keyPath: field]) }
        writer.put(UInt64(self.errors.met.count))
        for (kind, count) in self.errors.met {
            writer.put(kind.rawValue)
            writer.put(count)
        }
    }

    init(from reader: inout PieceReader) throws(PieceProblem) {
        self.init()
        for field in Self.fields { self[keyPath: field] = try Self.ofASecond(&reader) }
        for _ in 0..<(try reader.count()) {
            let name = try reader.text()
            guard let kind = ErrorKind(rawValue: name) else { throw PieceProblem("no error is called '\(name)'") }
            self.errors[kind] = try Self.ofASecond(&reader)
        }
    }

    /// So that the sum of a day of many agents fits.
    private static func ofASecond(_ reader: inout PieceReader) throws(PieceProblem) -> Int {
        let count = try reader.integer()
        guard count <= 1 << 32 else { throw PieceProblem("nothing happens \(count) times in a second") }
        return count
    }
}
