import Primitives
import Testing

@testable import onsale

/// What travels between a coordinator and its agents.
@Suite struct AgentMessageTests {
    static func visit(_ draw: inout SplitMix64) -> Visit {
        var visit = Visit()
        func time() -> Int64 { Int64(draw.drawInteger(0...90_000_000_000)) - 3_600_000_000 }
        func some<Value>(_ value: () -> Value) -> Value? { draw.drawFlag(share: 0.5) ? value() : nil }
        func span() -> Visit.Span {
            let sent = time()
            return Visit.Span(sentMicros: sent, answeredMicros: sent + Int64(draw.drawInteger(0...60_000_000)))
        }
        visit.number = UInt32(draw.drawInteger(0...4_294_967_295))
        visit.numberChanges = draw.drawInteger(0...300)
        visit.exchanges = draw.drawInteger(0...3)
        visit.returns = draw.drawInteger(0...3)
        visit.joinedMicros = some(time)
        visit.lastLookSentMicros = some(time)
        visit.sentRoundMicros = some(time)
        visit.letIn = some(span)
        visit.lastInside = some(span)
        visit.exit = some(span)
        visit.letInNumber = UInt32(draw.drawInteger(0...4_294_967_295))
        visit.numberToldMicros = time()
        visit.numberSinceMicros = time()
        visit.longestGapMicros = time()
        visit.doubleEntries = draw.drawInteger(0...3)
        visit.keepsRules = draw.drawFlag(share: 0.5)
        visit.shortestReturnMicros = some(time)
        visit.doorSinceMicros = some(time)
        visit.vanishedMicros = some(time)
        visit.mayHaveLeft = draw.drawFlag(share: 0.5)
        return visit
    }

    static func look(_ draw: inout SplitMix64) -> Look {
        let answered = Int64(draw.drawInteger(0...80_000_000_000))
        let hasRange = draw.drawFlag(share: 0.5)
        return Look(
            visitor: UInt32(draw.drawInteger(0...1_999_999)),
            number: UInt32(draw.drawInteger(0...4_294_967_295)),
            position: UInt32(draw.drawInteger(0...1_000_000)),
            kind: [.waiting, .atDoor, .joining, .letIn, .error][draw.drawInteger(0...4)],
            sentMicros: answered - Int64(draw.drawInteger(0...4_000_000_000)),
            answeredMicros: answered,
            refreshSeconds: Int64(draw.drawInteger(0...300)),
            estimateSeconds: hasRange ? 3...Int64(draw.drawInteger(3...70_000)) : nil
        )
    }

    static func second(_ draw: inout SplitMix64) -> HeldSecond {
        var held = HeldSecond(second: 41, tally: Tally(), gauges: Gauges())
        held.gauges.waiting = 7
        held.gauges.inside = 8
        held.gauges.openConnections = 9
        let now = Instant(nanoseconds: 500_000_000_000)
        let heard: [VisitorMachine.Heard] = [
            .waitingPage, .inside, .exchange, .error(.gatewayError), .staleConnection, .vanished, .turnedAway,
        ]
        for _ in 0..<500 {
            let due = now.advanced(byNanoseconds: -Int64(draw.drawInteger(0...100_000_000_000)))
            held.tally.heard(heard[draw.drawInteger(0...6)], due: due, sentAt: due.advanced(byNanoseconds: 9), now: now)
            held.tally.wasLate(nanoseconds: Int64(draw.drawInteger(0...3_000_000)))
            held.tally.arrived()
            held.tally.sent()
            held.tally.connected()
            held.tally.gaveUpConnection()
        }
        for outcome in VisitorMachine.Outcome.allCases {
            let machine = VisitorMachine(VisitorMachineTests.visitor(), startedAt: now)
            held.tally.left(outcome, machine: machine, keepsPlace: false)
        }
        return held
    }

    /// A count that does not travel would come back as nought: each has to be another in what is sent here.
    @Test func second_hasSomethingOfEverything() {
        var draw = SplitMix64(seed: 1)
        let counts = Self.second(&draw).tally.counts
        for field in Mirror(reflecting: counts).children {
            guard let count = field.value as? Int else { continue }
            #expect(count > 0, "\(field.label ?? "")")
        }
    }

    @Test func numbers_comeBack() throws {
        let numbers: [Int64] = [0, 1, -1, 63, 64, -64, -65, 1 << 40, .max, .min]
        var writer = PieceWriter()
        for number in numbers { writer.put(number) }
        for number in numbers { writer.put(optional: number) }
        writer.put(optional: nil)
        writer.put(UInt64.max)
        writer.put("größe")
        var reader = PieceReader(writer.bytes)
        for number in numbers { #expect(try reader.number() == number) }
        for number in numbers { #expect(try reader.optional() == number) }
        #expect(try reader.optional() == nil)
        #expect(try reader.natural() == .max)
        #expect(try reader.text() == "größe")
        try reader.end()
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func books_comeBackEntryByEntry(seed: UInt64) throws {
        var draw = SplitMix64(seed: seed)
        let visits = (0..<300).map { _ in Self.visit(&draw) }
        let sent = try AgentMessage.read(AgentMessage.visits(from: 4_096, visits).bytes(number: 17))
        guard case .visits(4_096, visits) = sent.message, sent.number == 17 else {
            Issue.record("\(sent)")
            return
        }
        let looks = (0..<300).map { _ in Self.look(&draw) }
        guard case .looks(looks) = try AgentMessage.read(AgentMessage.looks(looks).bytes(number: 1)).message else {
            Issue.record("looks")
            return
        }
        let answers = (0..<300).map { _ in
            let answered = Int64(draw.drawInteger(0...80_000_000_000))
            return InsideAnswer(
                sentMicros: answered - Int64(draw.drawInteger(0...90_000_000)),
                answeredMicros: answered
            )
        }
        let message = AgentMessage.insideAnswers(answers)
        guard case .insideAnswers(answers) = try AgentMessage.read(message.bytes(number: 1)).message else {
            Issue.record("answers inside")
            return
        }
    }

    @Test func sums_comeBack() throws {
        let outcomes: [ProbeResult.Outcome] = [.refused, .taken, .letInAsNewcomer]
        var probes = ProbeBooks(outcomes.map { ProbeResult(kind: .usedPass, outcome: $0) })
        probes.tries(ProbeKind.allCases.last!)
        let sums = BookSums(
            overflow: 1,
            pages: 2,
            pagesWithoutTime: 3,
            pagesWithWrongCountdown: 4,
            pagesWithoutNumber: 5,
            closes: [7: CloseCount(all: 3, late: 1), 9: CloseCount(all: 2, late: 0)],
            closesOnExit: 6,
            reentries: [Visit.Span(sentMicros: 8, answeredMicros: 17)],
            strangerNumbers: [4, 4_294_967_295],
            probes: probes
        )
        guard case .sums(sums) = try AgentMessage.read(AgentMessage.sums(sums).bytes(number: 1)).message else {
            Issue.record("sums")
            return
        }
    }

    @Test func second_comesBackWithItsHistograms() throws {
        var draw = SplitMix64(seed: 4)
        let held = Self.second(&draw)
        let bytes = AgentMessage.second(held).bytes(number: 3)
        guard case .second(let back) = try AgentMessage.read(bytes).message else {
            Issue.record("no second")
            return
        }
        #expect(back.second == 41 && back.gauges == held.gauges && back.tally.counts == held.tally.counts)
        for recorder in [\Tally.inside, \Tally.line, \Tally.door] {
            let (sent, came) = (held.tally[keyPath: recorder], back.tally[keyPath: recorder])
            #expect(sent.count > 0 && Percentiles(came.corrected) == Percentiles(sent.corrected))
            #expect(Percentiles(came.raw) == Percentiles(sent.raw))
        }
        #expect(Percentiles(back.tally.lateness) == Percentiles(held.tally.lateness))
        #expect(Percentiles(back.tally.wait) == Percentiles(held.tally.wait))
        // A whole one would have hundreds of thousands of counters.
        #expect(bytes.count < 20_000)
    }

    /// Whatever Redis holds, a message that was cut or changed is refused or is another message, and never a trap.
    @Test func brokenMessages_areRefused() throws {
        var draw = SplitMix64(seed: 9)
        let messages: [AgentMessage] = [
            .second(Self.second(&draw)), .visits(from: 0, [Self.visit(&draw), Self.visit(&draw)]),
            .looks([Self.look(&draw)]),
            .sums(BookSums(probes: ProbeBooks([ProbeResult(kind: .usedPass, outcome: .taken)]))),
            .insideAnswers([InsideAnswer(sentMicros: 7_000, answeredMicros: 90_000)]),
            .ready("a"), .leaves("b"),
        ]
        for message in messages {
            let bytes = message.bytes(number: 5)
            for count in 0..<min(bytes.count, 400) {
                #expect(throws: PieceProblem.self) { try AgentMessage.read(Array(bytes.prefix(count))) }
            }
            #expect(throws: PieceProblem.self) { try AgentMessage.read(bytes + [0]) }
            for _ in 0..<2_000 {
                var changed = bytes
                changed[draw.drawInteger(0...(changed.count - 1))] = UInt8(truncatingIfNeeded: draw.next())
                _ = try? AgentMessage.read(changed)
            }
        }
        #expect(throws: PieceProblem.self) { try AgentMessage.read([2, 99]) }
    }

    @Test func words_comeBack() {
        for word in [AgentWord.wait, .start(micros: 1_700_000_000_123_456), .stop, .finish, .abort] {
            #expect(AgentWord(word.text) == word)
        }
        for text in ["", "start", "start x", "stop now", "go"] { #expect(AgentWord(text) == nil) }
    }

    @Test func plan_comesBack_andAnotherVersionIsRefused() throws {
        let site = AgentPlan.Site(addresses: ["127.0.0.1:8000"], hasRoom: true, probeSeconds: [1, 2])
        var plan = AgentPlan(
            run: "1f",
            agents: 3,
            scenario: Scenario(visitors: 9, durationSeconds: 30, seed: 3),
            site: site
        )
        #expect(try AgentPlan(json: plan.json()) == plan)
        plan.version = AgentPlan.version + 1
        let json = try plan.json()
        #expect { try AgentPlan(json: json) } throws: {
            "\($0)".contains("version \(AgentPlan.version + 1)") && "\($0)".contains("same build")
        }
        #expect { try AgentPlan(json: [1, 2]) } throws: { "\($0)".contains("--run") }
        plan.version = AgentPlan.version
        plan.agents = 0
        let none = try plan.json()
        #expect(throws: PlayProblem.self) { try AgentPlan(json: none) }
    }

    @Test func names_ofRuns() {
        #expect(AgentKeys(name: "sale-2_B")?.plan == "onsale:{sale-2_B}:plan")
        for name in ["", "a b", "a}b", String(repeating: "x", count: 65)] { #expect(AgentKeys(name: name) == nil) }
    }

    // MARK: The board

    static func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: UInt64(seconds) * 1_000_000_000) }

    @Test func agents_comePlayAndAreDone() {
        var board = AgentBoard(agents: 2)
        #expect(board.readyCount == 0 && !board.isReady && !board.isOver)
        for agent in 0..<2 {
            let isNew = board.hears(.ready("m\(agent)"), number: 0, of: agent, now: Self.at(1))
            #expect(isNew)
        }
        #expect(board.isReady && board.names == ["agent 1 (m0)", "agent 2 (m1)"])
        for agent in 0..<2 {
            let isNew = board.hears(.done, number: 1, of: agent, now: Self.at(2))
            #expect(isNew)
        }
        // Who is done may be silent.
        board.look(now: Self.at(100))
        #expect(board.isOver && board.missing(of: 10).isEmpty)
    }

    @Test func message_thatComesTwice_isTakenOnce() {
        var board = AgentBoard(agents: 1)
        let taken = [(0, true), (0, false), (1, true), (0, false), (1, false), (2, true)].map { number, _ in
            board.hears(.alive, number: number, of: 0, now: Self.at(1))
        }
        #expect(taken == [true, false, true, false, false, true])
        #expect(board.states == [.expected])
    }

    @Test func agentThatIsSilent_orMissesAMessage_isLost_withItsShare() {
        var board = AgentBoard(agents: 3)
        var draw = SplitMix64(seed: 1)
        for agent in 0..<3 { _ = board.hears(.ready("m"), number: 0, of: agent, now: Self.at(1)) }
        _ = board.hears(.second(Self.second(&draw)), number: 1, of: 1, now: Self.at(2))
        let afterAGap = board.hears(.alive, number: 2, of: 2, now: Self.at(2))
        #expect(!afterAGap && board.isLost(2))
        board.look(now: Self.at(11))
        #expect(!board.isLost(0) && !board.isLost(1))
        _ = board.hears(.alive, number: 1, of: 0, now: Self.at(11))
        board.look(now: Self.at(13))
        #expect(!board.isLost(0) && board.isLost(1))
        // Too late.
        let late = board.hears(.alive, number: 2, of: 1, now: Self.at(13))
        #expect(!late && board.isLost(1) && !board.isOver)
        _ = board.hears(.leaves("it was interrupted"), number: 2, of: 0, now: Self.at(14))
        #expect(board.isOver)
        let missing = board.missing(of: 10)
        #expect(missing.count == 3 && missing[0].contains("it was interrupted; its share, 4 visitors"))
        #expect(missing[1].hasPrefix("agent 2 (m) was lost after second 41: nothing was heard of it for 10 s"))
        #expect(missing[2].contains("before the first second: a message of it was lost"))
    }

    @Test func clock_isThatOfTheQuickestAnswer() {
        var clock = RedisClock()
        clock.learn(askedAt: Self.at(10), answeredAt: Self.at(14), micros: 1_000_000_000)
        clock.learn(askedAt: Self.at(20), answeredAt: Self.at(22), micros: 1_009_500_000)
        clock.learn(askedAt: Self.at(30), answeredAt: Self.at(35), micros: 7)
        #expect(clock.micros(at: Self.at(21)) == 1_009_500_000 && clock.micros(at: Self.at(31)) == 1_019_500_000)
        #expect(clock.instant(ofMicros: 1_010_500_000) == Self.at(22))
    }
}
