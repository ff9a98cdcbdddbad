import Testing

@testable import Admission

/// Numbers that gateways handed out by themselves, told to a state that has lost what it knew of them: thought out,
/// since random histories seldom come by here. The script answers and keeps what the model does.
@Suite(.serialized) struct NumbersScriptTests {
    private static let start: Int64 = 1_700_000_000_000_000
    private static let epoch = Self.start / 1_000_000 - 100
    private static let limits = RoomLimits(
        inflowMilli: 1_000,
        burst: 2,
        slots: 100,
        sessionMicros: 10_000_000,
        claimMicros: 5_000_000,
        horizonMicros: 2_000_000
    )

    /// Questions to an empty room, and what the model answers.
    private struct Talk {
        private(set) var model = RoomModel()
        private(set) var steps: [(question: History.Question, answer: History.Answer)] = []
        private(set) var journal: [JournalEntry] = []

        mutating func ask(
            _ operation: RoomScript.Operation,
            _ known: KnownMarks,
            run: Int64 = 7
        ) throws -> History.Answer {
            let question = History.Question(
                operation: operation,
                known: known,
                run: run,
                clockMicros: NumbersScriptTests.start + Int64(self.steps.count) * 100_000
            )
            let answer = try self.model.perform(question)
            self.journal += self.model.takeJournal()
            self.steps.append((question, answer))
            return answer
        }

        /// What the caller knows then.
        mutating func tick(_ gateway: String, _ known: KnownMarks, _ block: BlockReport = .none) throws -> KnownMarks {
            let tick = RoomTick(gateway: gateway, limits: NumbersScriptTests.limits, block: block)
            var known = known
            if case .tick(let answer) = try self.ask(.tick(tick), known) { known.raise(answer.snapshot) }
            return known
        }

        func differences() throws -> [String] {
            let server = try RedisServer()
            let room = try ScriptRoom(try RedisConnection(socketPath: server.socketPath), name: "numbers")
            var found: [String] = []
            for (question, expected) in self.steps {
                _ = room.send(.ask(question, expected))
                let answer = try room.next(question.operation)
                if answer != expected { found.append("\(question): Redis \(answer), model \(expected)") }
            }
            return try found + room.differences(from: self.model, journal: self.journal)
        }
    }

    private static func known(_ gaps: [ClosedRange<Int64>]) -> KnownMarks {
        KnownMarks(epoch: Self.epoch, incarnation: 1, issued: 5_000, serving: 10, stated: 5_000, gaps: gaps)
    }

    private static func report(_ numbers: ClosedRange<Int64>) -> BlockReport {
        BlockReport(start: numbers.lowerBound, used: numbers.upperBound, size: 0)
    }

    @Test func reports_overSeveralGaps_andWhoStillKnowsThose() throws {
        var talk = Talk()
        let known = try talk.tick("a", Self.known([100...199, 300...399, 500...599]))
        _ = try talk.tick("b", known, Self.report(150...510))
        _ = try talk.tick("b", known, Self.report(100...149))
        _ = try talk.ask(.join(count: 1), known)
        _ = try talk.tick("a", known)
        #expect(talk.model.record.gaps.map(\.from) == [511, 5_001])
        // Another server has taken over.
        _ = try talk.ask(.join(count: 1), known, run: 8)
        #expect(talk.model.record.gaps.first?.from == 511)
        #expect(try talk.differences() == [])
    }

    @Test func reports_withTheMostGaps() throws {
        var talk = Talk()
        let known = try talk.tick("a", Self.known((1...7).map { Int64($0) * 100...Int64($0) * 100 + 49 }))
        for numbers in [110...120, 140...210, 300...349, 110...120] as [ClosedRange<Int64>] {
            _ = try talk.tick("b", known, Self.report(numbers))
        }
        #expect(talk.model.record.gaps.count == RoomRules.maxGaps)
        #expect(try talk.differences() == [])
    }

    /// The lease is lost; a number of the block is heard of before the gateway that holds it, or as one of its own.
    @Test(arguments: [4_000, 9_000] as [Int64], [false, true])
    func blockLost_aNumberOfItHeardFirst(ahead: Int64, isOwn: Bool) throws {
        var talk = Talk()
        var known = try talk.tick("a", KnownMarks(epoch: Self.epoch, issued: 20, serving: 10, stated: 20))
        let first = known.issued + ahead
        known.raise(epoch: Self.epoch, issued: first + 5, serving: 0)
        let shown = KnownMarks(epoch: Self.epoch, issued: first + 3, serving: 0)
        _ = try talk.ask(.join(count: 1), isOwn ? known : shown)
        known = try talk.tick("a", known, BlockReport(start: first, used: first + 5, size: 20))
        for _ in 0..<40 { known = try talk.tick("a", known) }
        #expect(try talk.differences() == [])
    }
}
