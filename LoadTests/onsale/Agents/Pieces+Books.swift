/// Visitors' books in the messages of agents.
extension Visit {
    func write(to writer: inout PieceWriter) {
        writer.put(UInt64(self.number))
        writer.put(UInt64(self.letInNumber))
        writer.put(self.numberToldMicros)
        writer.put(self.numberSinceMicros)
        writer.put(self.numberChanges)
        writer.put(self.exchanges)
        writer.put(self.returns)
        writer.put(self.doubleEntries)
        writer.put(self.longestGapMicros)
        writer.put(UInt64(self.mayHaveLeft ? 1 : 0))
        writer.put(UInt64(self.keepsRules ? 1 : 0))
        for time in [
            self.joinedMicros, self.lastLookSentMicros, self.sentRoundMicros, self.shortestReturnMicros,
            self.doorSinceMicros, self.vanishedMicros,
        ] {
            writer.put(optional: time)
        }
        for span in [self.letIn, self.lastInside, self.exit] {
            writer.put(optional: span?.sentMicros)
            if let span { writer.put(span.answeredMicros - span.sentMicros) }
        }
    }

    init(from reader: inout PieceReader) throws(PieceProblem) {
        self.init()
        self.number = UInt32(clamping: try reader.natural())
        self.letInNumber = UInt32(clamping: try reader.natural())
        self.numberToldMicros = try reader.time()
        self.numberSinceMicros = try reader.time()
        self.numberChanges = try reader.integer()
        self.exchanges = try reader.integer()
        self.returns = try reader.integer()
        self.doubleEntries = try reader.integer()
        self.longestGapMicros = try reader.time()
        self.mayHaveLeft = try reader.natural() == 1
        self.keepsRules = try reader.natural() == 1
        self.joinedMicros = try reader.optionalTime()
        self.lastLookSentMicros = try reader.optionalTime()
        self.sentRoundMicros = try reader.optionalTime()
        self.shortestReturnMicros = try reader.optionalTime()
        self.doorSinceMicros = try reader.optionalTime()
        self.vanishedMicros = try reader.optionalTime()
        self.letIn = try Self.span(&reader)
        self.lastInside = try Self.span(&reader)
        self.exit = try Self.span(&reader)
    }

    private static func span(_ reader: inout PieceReader) throws(PieceProblem) -> Span? {
        guard let sent = try reader.optionalTime() else { return nil }
        return try Span(sentMicros: sent, from: &reader)
    }
}

extension Visit.Span {
    /// The answer comes after the request.
    fileprivate init(sentMicros sent: Int64, from reader: inout PieceReader) throws(PieceProblem) {
        let answered = sent + (try reader.duration())
        guard answered <= PieceReader.mostMicros else { throw PieceProblem("\(answered) µs are in no run") }
        self.init(sentMicros: sent, answeredMicros: answered)
    }
}

extension Look {
    /// Each answer's time as the distance from the one before it.
    static func write(_ looks: [Look], to writer: inout PieceWriter) {
        writer.put(UInt64(looks.count))
        var last: Int64 = 0
        for look in looks {
            writer.put(look.answeredMicros - last)
            last = look.answeredMicros
            writer.put(look.answeredMicros - look.sentMicros)
            writer.put(UInt64(look.visitor))
            writer.put(UInt64(look.number))
            writer.put(UInt64(look.position))
            writer.put(UInt64(look.kind.rawValue))
            writer.put(UInt64(look.refreshSeconds))
            writer.put(optional: look.estimateSeconds?.lowerBound)
            if let range = look.estimateSeconds { writer.put(range.upperBound - range.lowerBound) }
        }
    }

    static func readAll(from reader: inout PieceReader) throws(PieceProblem) -> [Look] {
        var looks: [Look] = []
        var last: Int64 = 0
        for _ in 0..<(try reader.count()) {
            last = try reader.time(from: last)
            let took = try reader.duration()
            guard last - took >= -PieceReader.mostMicros else {
                throw PieceProblem("\(last - took) µs are in no run")
            }
            let numbers = (try reader.natural(), try reader.natural(), try reader.natural(), try reader.natural())
            guard let kind = Kind(rawValue: UInt8(clamping: numbers.3)) else {
                throw PieceProblem("kind \(numbers.3) of look is not known")
            }
            let refreshSeconds = Int64(UInt8(clamping: try reader.natural()))
            let least = try reader.optionalTime()
            let spread = least == nil ? 0 : try reader.duration()
            looks.append(
                Look(
                    visitor: UInt32(clamping: numbers.0),
                    number: UInt32(clamping: numbers.1),
                    position: UInt32(clamping: numbers.2),
                    kind: kind,
                    sentMicros: last - took,
                    answeredMicros: last,
                    refreshSeconds: refreshSeconds,
                    estimateSeconds: least.map { $0...$0 + spread }
                )
            )
        }
        return looks
    }
}

extension InsideAnswer {
    /// In milliseconds, each answer's time as the distance from the one before it.
    static func write(_ answers: [InsideAnswer], to writer: inout PieceWriter) {
        writer.put(UInt64(answers.count))
        var last: Int64 = 0
        for answer in answers {
            writer.put(Int64(answer.answeredMillis) - last)
            last = Int64(answer.answeredMillis)
            writer.put(UInt64(answer.tookMillis))
        }
    }

    static func readAll(from reader: inout PieceReader) throws(PieceProblem) -> [InsideAnswer] {
        var answers: [InsideAnswer] = []
        var last: Int64 = 0
        for _ in 0..<(try reader.count()) {
            last = last &+ (try reader.time())
            let took = try reader.natural()
            answers.append(
                InsideAnswer(answeredMillis: UInt32(clamping: last), tookMillis: UInt32(clamping: took))
            )
        }
        return answers
    }
}

extension BookSums {
    func write(to writer: inout PieceWriter) {
        for sum in [
            self.overflow, self.pages, self.pagesWithoutTime, self.pagesWithWrongCountdown, self.pagesWithoutNumber,
            self.closesOnExit,
        ] {
            writer.put(sum)
        }
        writer.put(UInt64(self.closes.count))
        for (second, count) in self.closes.sorted(by: { $0.key < $1.key }) {
            for number in [second, count.all, count.late] { writer.put(number) }
        }
        writer.put(UInt64(self.reentries.count))
        for span in self.reentries {
            writer.put(span.sentMicros)
            writer.put(span.answeredMicros - span.sentMicros)
        }
        writer.put(UInt64(self.strangerNumbers.count))
        for number in self.strangerNumbers { writer.put(UInt64(number)) }
        writer.put(UInt64(self.probes.due.count))
        for kind in self.probes.due.map(\.rawValue).sorted() { writer.put(kind) }
        writer.put(UInt64(self.probes.results.count))
        for probe in self.probes.results {
            writer.put(probe.kind.rawValue)
            writer.put(probe.outcome.rawValue)
        }
    }

    init(from reader: inout PieceReader) throws(PieceProblem) {
        self.init()
        self.overflow = try reader.integer()
        self.pages = try reader.integer()
        self.pagesWithoutTime = try reader.integer()
        self.pagesWithWrongCountdown = try reader.integer()
        self.pagesWithoutNumber = try reader.integer()
        self.closesOnExit = try reader.integer()
        for _ in 0..<(try reader.count()) {
            let second = try reader.integer()
            self.closes[second] = CloseCount(all: try reader.integer(), late: try reader.integer())
        }
        for _ in 0..<(try reader.count()) {
            let sent = try reader.time()
            self.reentries.append(try Visit.Span(sentMicros: sent, from: &reader))
        }
        for _ in 0..<(try reader.count()) { self.strangerNumbers.append(UInt32(clamping: try reader.natural())) }
        for _ in 0..<(try reader.count()) { self.probes.tries(try Self.kind(&reader)) }
        for _ in 0..<(try reader.count()) {
            let kind = try Self.kind(&reader)
            let number = try reader.natural()
            guard let outcome = ProbeResult.Outcome(rawValue: number) else {
                throw PieceProblem("no outcome of a probe is \(number)")
            }
            self.probes.answered(ProbeResult(kind: kind, outcome: outcome))
        }
    }

    private static func kind(_ reader: inout PieceReader) throws(PieceProblem) -> ProbeKind {
        let name = try reader.text()
        guard let kind = ProbeKind(rawValue: name) else { throw PieceProblem("no probe is called '\(name)'") }
        return kind
    }
}
