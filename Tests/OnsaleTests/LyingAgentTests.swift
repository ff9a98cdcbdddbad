import Primitives
import Testing

@testable import onsale

/// An agent that tells whatever its messages can hold: what is taken from it is judged, and never traps.
@Suite struct LyingAgentTests {
    private static let micros: [Int64] = [
        0, 1, -1, 1_000_000, 30_000_000, PieceReader.mostMicros, -PieceReader.mostMicros, 1 << 36,
    ]
    private static let times: [Int] = [0, 1, 2, 300, 1 << 32, Int(PieceReader.mostTimes)]
    private static let numbers: [UInt32] = [0, 1, 2, 70, 5_000, .max - 1, .max]

    private struct Liar {
        var draw: SplitMix64

        mutating func one<Value>(of values: [Value]) -> Value { values[self.draw.drawInteger(0...(values.count - 1))] }
        mutating func some<Value>(_ values: [Value]) -> Value? {
            self.draw.drawFlag(share: 0.6) ? self.one(of: values) : nil
        }

        /// The latest that a message takes after that time.
        mutating func took(from sent: Int64) -> Int64 {
            min(self.one(of: LyingAgentTests.micros.filter { $0 >= 0 }), PieceReader.mostMicros - sent)
        }

        mutating func span() -> Visit.Span? {
            guard let sent = self.some(LyingAgentTests.micros) else { return nil }
            return Visit.Span(sentMicros: sent, answeredMicros: sent + self.took(from: sent))
        }

        mutating func visit() -> Visit {
            var visit = Visit()
            visit.number = self.one(of: LyingAgentTests.numbers)
            visit.letInNumber = self.one(of: LyingAgentTests.numbers)
            visit.numberToldMicros = self.one(of: LyingAgentTests.micros)
            visit.numberSinceMicros = self.one(of: LyingAgentTests.micros)
            visit.longestGapMicros = self.one(of: LyingAgentTests.micros)
            visit.numberChanges = self.one(of: LyingAgentTests.times)
            visit.exchanges = self.one(of: LyingAgentTests.times)
            visit.returns = self.one(of: LyingAgentTests.times)
            visit.doubleEntries = self.one(of: LyingAgentTests.times)
            visit.keepsRules = self.draw.drawFlag(share: 0.8)
            visit.mayHaveLeft = self.draw.drawFlag(share: 0.3)
            visit.joinedMicros = self.some(LyingAgentTests.micros)
            visit.lastLookSentMicros = self.some(LyingAgentTests.micros)
            visit.sentRoundMicros = self.some(LyingAgentTests.micros)
            visit.shortestReturnMicros = self.some(LyingAgentTests.micros)
            visit.doorSinceMicros = self.some(LyingAgentTests.micros)
            visit.vanishedMicros = self.some(LyingAgentTests.micros)
            visit.letIn = self.span()
            visit.lastInside = self.span()
            visit.exit = self.span()
            return visit
        }

        mutating func look(visitors: Int) -> Look {
            let sent = self.one(of: LyingAgentTests.micros)
            return Look(
                visitor: UInt32(self.draw.drawInteger(0...(visitors - 1))),
                number: self.one(of: LyingAgentTests.numbers),
                position: self.one(of: LyingAgentTests.numbers),
                kind: self.one(of: [.waiting, .atDoor, .joining, .letIn, .error]),
                sentMicros: sent,
                answeredMicros: sent + self.took(from: sent),
                refreshSeconds: self.one(of: [0, 1, 255]),
                estimateSeconds: self.one(of: [nil, 0...0, 3...70_000, -PieceReader.mostMicros...0])
            )
        }

        /// Of the first seconds of the run, one of the last that there can be, and one told too late.
        mutating func second() -> HeldSecond {
            var counts = Counts()
            for field in [
                \Counts.arrivals, \.requests, \.exchanges, \.waitingPages, \.insideAnswers, \.served, \.failed,
            ] {
                counts[keyPath: field] = self.one(of: [0, 1, 300, 1 << 32])
            }
            counts.errors[.broken] = self.one(of: [0, 1, 1 << 32])
            let tally = Tally(
                counts: counts,
                inside: LatencyRecorder(),
                line: LatencyRecorder(),
                door: LatencyRecorder(),
                wait: LatencyRecorder.makeWaitHistogram(),
                lateness: LatencyRecorder.makeHistogram()
            )
            var gauges = Gauges()
            gauges.waiting = self.one(of: LyingAgentTests.times)
            gauges.inside = self.one(of: LyingAgentTests.times)
            gauges.openConnections = self.one(of: LyingAgentTests.times)
            return HeldSecond(
                second: self.one(of: [0, 1, 2, 9, Timeline.mostSamples - 1]),
                tally: tally,
                gauges: gauges
            )
        }

        mutating func sums() -> BookSums {
            func count() -> CloseCount {
                CloseCount(all: self.one(of: LyingAgentTests.times), late: self.one(of: LyingAgentTests.times))
            }
            var sums = BookSums()
            sums.overflow = self.one(of: LyingAgentTests.times)
            sums.pages = self.one(of: LyingAgentTests.times)
            sums.pagesWithoutTime = self.one(of: LyingAgentTests.times)
            sums.pagesWithWrongCountdown = self.one(of: LyingAgentTests.times)
            sums.pagesWithoutNumber = self.one(of: LyingAgentTests.times)
            sums.closesOnExit = self.one(of: LyingAgentTests.times)
            for _ in 0..<3 {
                sums.closes[self.one(of: LyingAgentTests.times)] = count()
                if let span = self.span() { sums.reentries.append(span) }
                sums.strangerNumbers.append(self.one(of: LyingAgentTests.numbers))
            }
            return sums
        }
    }

    @Test(arguments: Array(1...30) as [UInt64])
    func books_ofALiar_areJudgedWithoutATrap(seed: UInt64) throws {
        var liar = Liar(draw: SplitMix64(seed: seed))
        var evidence = JudgeTests.goodEvidence()
        let visitors = 60
        let opening = Instant(nanoseconds: 0).advanced(byNanoseconds: 10_000_000_000)
        var books = VisitBooks(visitors: visitors, startedAt: Instant(nanoseconds: 0), openingAt: opening)
        let looks = (0..<200).map { _ in liar.look(visitors: visitors) }.sorted {
            $0.answeredMicros < $1.answeredMicros
        }
        let messages: [AgentMessage] = [
            .visits(from: 0, (0..<visitors).map { _ in liar.visit() }),
            .looks(looks), .sums(liar.sums()), .sums(liar.sums()),
        ]
        for (number, message) in messages.enumerated() {
            // As it comes over the wire.
            switch try AgentMessage.read(message.bytes(number: number)).message {
            case .visits(let from, let visits):
                let isTaken = books.take(visits, from: from)
                #expect(isTaken)
            case .looks(let looks): for look in looks { books.append(look) }
            case .sums(let sums): books.take(sums)
            default: Issue.record("seed \(seed): \(message)")
            }
        }
        evidence.books = books
        evidence.timeline = try self.timeline(&liar)
        let verdict = Judge(objectives: Objectives(), evidence: evidence).verdict()
        #expect(!verdict.passed, "seed \(seed): a liar's books were believed")
    }

    /// As the coordinator puts it together from two liars.
    private func timeline(_ liar: inout Liar) throws -> Timeline {
        var merge = SecondMerge(parts: 2, firstSecond: 0)
        for number in 0..<40 {
            let message = AgentMessage.second(liar.second())
            guard case .second(let held) = try AgentMessage.read(message.bytes(number: number)).message else {
                continue
            }
            merge.take(held, of: number % 2)
        }
        var timeline = Timeline()
        while let held = merge.next(isEnd: true) { timeline.append(held.tally, held.gauges) }
        for tally in merge.takeLate() { timeline.addLate(tally) }
        return timeline
    }

    /// What no run can give is refused when it is read, with a word on why.
    @Test(
        arguments: [
            (0, -1, "nothing takes -1 µs"), (PieceReader.mostMicros, 1, "are in no run"),
            (PieceReader.mostMicros + 1, 0, "are in no run"), (-PieceReader.mostMicros - 1, 0, "are in no run"),
        ] as [(Int64, Int64, String)]
    )
    func span_thatNoRunCanGive_isRefused(sent: Int64, took: Int64, words: String) throws {
        let span = Visit.Span(sentMicros: sent, answeredMicros: sent + took)
        var visit = Visit()
        visit.exit = span
        var sums = BookSums()
        sums.reentries = [span]
        let look = Look(
            visitor: 0,
            number: 1,
            position: 0,
            kind: .waiting,
            sentMicros: span.sentMicros,
            answeredMicros: span.answeredMicros,
            refreshSeconds: 1,
            estimateSeconds: nil
        )
        // A look has no room for less than nothing.
        let looks = took < 0 ? [] : [AgentMessage.looks([look])]
        for message in [.visits(from: 0, [visit]), .sums(sums)] + looks {
            let problem = #expect(throws: PieceProblem.self) { try AgentMessage.read(message.bytes(number: 1)) }
            #expect(problem?.description.contains(words) == true, "\(message): \(problem?.description ?? "taken")")
        }
    }
}
