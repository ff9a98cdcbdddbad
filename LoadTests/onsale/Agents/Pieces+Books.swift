/// Visitors' books in the messages of agents.
extension Visit {
    func write(to writer: inout PieceWriter) {
        writer.put(UInt64(self.number))
        writer.put(self.numberToldMicros)
        writer.put(self.numberChanges)
        writer.put(self.exchanges)
        writer.put(self.returns)
        writer.put(self.doubleEntries)
        writer.put(self.longestGapMicros)
        writer.put(UInt64(self.mayHaveLeft ? 1 : 0))
        writer.put(UInt64(self.keepsRules ? 1 : 0))
        for time in [self.joinedMicros, self.lastLookSentMicros, self.sentRoundMicros, self.shortestReturnMicros] {
            writer.put(optional: time)
        }
        for span in [self.letIn, self.lastInside, self.exit] {
            writer.put(optional: span?.sentMicros)
            if let span { writer.put(span.answeredMicros - span.sentMicros) }
        }
        writer.put(optional: self.estimate?.toldMicros)
        if let estimate = self.estimate {
            writer.put(estimate.seconds.lowerBound)
            writer.put(estimate.seconds.upperBound)
        }
    }

    init(from reader: inout PieceReader) throws(PieceProblem) {
        self.init()
        self.number = UInt32(clamping: try reader.natural())
        self.numberToldMicros = try reader.number()
        self.numberChanges = try reader.integer()
        self.exchanges = try reader.integer()
        self.returns = try reader.integer()
        self.doubleEntries = try reader.integer()
        self.longestGapMicros = try reader.number()
        self.mayHaveLeft = try reader.natural() == 1
        self.keepsRules = try reader.natural() == 1
        self.joinedMicros = try reader.optional()
        self.lastLookSentMicros = try reader.optional()
        self.sentRoundMicros = try reader.optional()
        self.shortestReturnMicros = try reader.optional()
        self.letIn = try Self.span(&reader)
        self.lastInside = try Self.span(&reader)
        self.exit = try Self.span(&reader)
        guard let told = try reader.optional() else { return }
        let bounds = (try reader.number(), try reader.number())
        guard bounds.0 <= bounds.1 else { throw PieceProblem("an estimate ends before it begins") }
        self.estimate = Estimate(toldMicros: told, seconds: bounds.0...bounds.1)
    }

    private static func span(_ reader: inout PieceReader) throws(PieceProblem) -> Span? {
        guard let sent = try reader.optional() else { return nil }
        return Span(sentMicros: sent, answeredMicros: sent &+ (try reader.number()))
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
        }
    }

    static func readAll(from reader: inout PieceReader) throws(PieceProblem) -> [Look] {
        var looks: [Look] = []
        var last: Int64 = 0
        for _ in 0..<(try reader.count()) {
            last = last &+ (try reader.number())
            let took = try reader.number()
            let numbers = (try reader.natural(), try reader.natural(), try reader.natural(), try reader.natural())
            guard let kind = Kind(rawValue: UInt8(clamping: numbers.3)) else {
                throw PieceProblem("kind \(numbers.3) of look is not known")
            }
            looks.append(
                Look(
                    visitor: UInt32(clamping: numbers.0),
                    number: UInt32(clamping: numbers.1),
                    position: UInt32(clamping: numbers.2),
                    kind: kind,
                    sentMicros: last &- took,
                    answeredMicros: last
                )
            )
        }
        return looks
    }
}

extension BookSums {
    func write(to writer: inout PieceWriter) {
        for sum in [self.overflow, self.pages, self.pagesWithoutTime, self.pagesWithWrongCountdown] { writer.put(sum) }
        writer.put(UInt64(self.reentries.count))
        for span in self.reentries {
            writer.put(span.sentMicros)
            writer.put(span.answeredMicros - span.sentMicros)
        }
        writer.put(UInt64(self.probes.count))
        for probe in self.probes {
            writer.put(probe.kind.rawValue)
            writer.put(UInt64(probe.isLetIn ? 1 : 0))
        }
    }

    init(from reader: inout PieceReader) throws(PieceProblem) {
        self.init()
        self.overflow = try reader.integer()
        self.pages = try reader.integer()
        self.pagesWithoutTime = try reader.integer()
        self.pagesWithWrongCountdown = try reader.integer()
        for _ in 0..<(try reader.count()) {
            let sent = try reader.number()
            self.reentries.append(Visit.Span(sentMicros: sent, answeredMicros: sent &+ (try reader.number())))
        }
        for _ in 0..<(try reader.count()) {
            let name = try reader.text()
            guard let kind = ProbeKind(rawValue: name) else { throw PieceProblem("no probe is called '\(name)'") }
            self.probes.append(ProbeResult(kind: kind, isLetIn: try reader.natural() == 1))
        }
    }
}
