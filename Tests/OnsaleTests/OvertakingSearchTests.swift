import Primitives
import Testing

@testable import onsale

@Suite struct OvertakingSearchTests {
    static let slack: Int64 = 20
    static let way: Int64 = 30

    static func look(_ visitor: Int, _ number: Int, _ kind: Look.Kind, _ sent: Int64, _ answered: Int64) -> Look {
        Look(
            visitor: UInt32(visitor),
            number: UInt32(number),
            position: 0,
            kind: kind,
            sentMicros: sent,
            answeredMicros: answered
        )
    }

    static func search(_ looks: [Look], visits: [Visit] = []) -> OvertakingSearch {
        let sorted = looks.sorted { $0.answeredMicros < $1.answeredMicros }
        let way = AnswerWay([], usualMicros: Self.way)
        return OvertakingSearch(sorted, visits: visits, slackMicros: Self.slack, way)
    }

    static func overtaken(_ looks: [Look]) -> [Int64] { Self.search(looks).overtakings.map(\.number) }

    @Test func inOrder_nobodyIsOvertaken() {
        let looks = (1...20).flatMap { index -> [Look] in
            let micros = Int64(index) * 100
            return [
                Self.look(index, index, .waiting, Int64(index), Int64(index) + 1),
                Self.look(index, index, .letIn, micros, micros + 25),
            ]
        }
        #expect(Self.overtaken(looks) == [])
    }

    @Test func toldToWait_afterSomebodyBehindIsIn_isOvertaken() {
        let looks = [
            Self.look(1, 5, .waiting, 0, 1), Self.look(2, 9, .letIn, 100, 110),
            Self.look(1, 5, .waiting, 140, 141),
        ]
        #expect(Self.overtaken(looks) == [5])
        // Closer than the slack: the room may not have heard of it everywhere.
        #expect(Self.overtaken(Array(looks.dropLast()) + [Self.look(1, 5, .waiting, 125, 126)]) == [])
    }

    /// Who comes late finds others in, and stands at the door: that is nobody's fault, unless more go in from there on.
    @Test func latecomerAtTheDoor_isOvertakenOnlyByWhoComesAfter() {
        let late = [
            Self.look(1, 5, .waiting, 0, 1), Self.look(2, 9, .letIn, 100, 110), Self.look(1, 5, .atDoor, 150, 300),
            Self.look(1, 5, .letIn, 320, 330),
        ]
        #expect(Self.overtaken(late) == [])
        #expect(Self.search(late).longestDueMicros == 180)
        // While the request stood there, and in the pause between two requests.
        #expect(Self.overtaken(late + [Self.look(3, 7, .letIn, 205, 215)]) == [5])
        #expect(Self.overtaken(late + [Self.look(3, 7, .letIn, 305, 308)]) == [])
        // The turn may have come as soon as the pause began, unless the visitor had to stand there once more.
        let longer = Array(late.dropLast()) + [Self.look(1, 5, .letIn, 400, 410)]
        #expect(Self.overtaken(longer + [Self.look(3, 7, .letIn, 305, 308)]) == [])
        let again = Array(late.dropLast()) + [Self.look(1, 5, .letIn, 320, 410)]
        #expect(Self.overtaken(again + [Self.look(3, 7, .letIn, 305, 308)]) == [5])
        // Its turn was given before, and only the answer was under way.
        #expect(Self.overtaken(late + [Self.look(3, 7, .letIn, 100, 175)]) == [])
    }

    /// Told to come again so late that others went in long before: whoever did as told was passed by.
    @Test func toldToComeTooLate_isOvertakenInThePause() {
        func overtaken(refresh: Int64, comesAtSeconds: Double, behindInAtSeconds: Double) -> [Int64] {
            var page = Self.look(1, 5, .waiting, 0, 1)
            page.refreshSeconds = UInt8(refresh)
            let comes = Int64(comesAtSeconds * 1e6)
            let behind = Int64(behindInAtSeconds * 1e6)
            return Self.overtaken([
                page, Self.look(2, 9, .letIn, behind, behind + 10), Self.look(1, 5, .letIn, comes, comes + 10),
            ])
        }
        #expect(overtaken(refresh: 25, comesAtSeconds: 25, behindInAtSeconds: 10) == [5])
        // Called at the end of the pause, and not there when told.
        #expect(overtaken(refresh: 25, comesAtSeconds: 25, behindInAtSeconds: 23) == [])
        #expect(overtaken(refresh: 5, comesAtSeconds: 25, behindInAtSeconds: 10) == [])
    }

    @Test func newcomerWithoutANumber_isBehindEverybodyTold() {
        let looks = [
            Self.look(1, 5, .waiting, 0, 1), Self.look(2, 0, .letIn, 100, 110),
            Self.look(1, 5, .waiting, 150, 151),
        ]
        #expect(Self.overtaken(looks) == [5])
        let first = [Self.look(2, 0, .letIn, 0, 10), Self.look(1, 5, .waiting, 60, 61)]
        #expect(Self.overtaken(first) == [])
    }

    /// After an error a visitor asks when it suits, which is not when told.
    @Test func error_endsWhatWasDue() {
        let looks = [
            Self.look(2, 9, .letIn, 100, 110), Self.look(1, 5, .atDoor, 150, 160), Self.look(1, 5, .error, 170, 180),
            Self.look(3, 7, .letIn, 300, 310), Self.look(1, 5, .atDoor, 320, 600), Self.look(1, 5, .letIn, 700, 710),
        ]
        #expect(Self.overtaken(looks) == [])
        #expect(Self.overtaken(looks.filter { $0.kind != .error }) == [5])
    }

    /// Whose answer was lost may have been given the turn by it: who stands at the door meanwhile was not passed by.
    @Test func answerThatWasLost_mayHaveBeenTheTurnOfWhoGoesFirst() {
        let looks = [
            Self.look(2, 9, .error, 100, 110), Self.look(1, 5, .atDoor, 150, 600), Self.look(2, 9, .letIn, 400, 410),
        ]
        func overtakings(lostAt: Int64?) -> [OvertakingSearch.Overtaking] {
            var visits = Array(repeating: Visit(), count: 3)
            visits[2].letIn = Visit.Span(sentMicros: 400, answeredMicros: 410)
            visits[2].sentRoundMicros = lostAt
            return Self.search(looks, visits: visits).overtakings
        }
        #expect(overtakings(lostAt: 100) == [])
        #expect(overtakings(lostAt: nil).map(\.number) == [5])
        #expect(overtakings(lostAt: nil).allSatisfy { !$0.isInferred })
    }

    /// The same as it is booked, whichever way the answer was lost; a refused connection was no turn.
    @Test(arguments: [.error(.broken), .vanished, .staleConnection, .error(.refused)] as [VisitorMachine.Heard])
    func answerThatWasLost_isKnownToTheJudge(lost: VisitorMachine.Heard) throws {
        var evidence = JudgeTests.goodEvidence()
        var books = VisitBooks(visitors: 2, startedAt: JudgeTests.start, openingAt: JudgeTests.at(10))
        func hear(_ heard: VisitorMachine.Heard, _ index: Int, _ sent: Double, _ answered: Double, number: Int64? = nil)
        {
            let page = number.map { WaitingPage(number: $0, refreshSeconds: 2, opensInSeconds: 0) }
            books.heard(
                heard,
                of: index,
                isExit: false,
                response: page.map { Response(status: 200, standing: .waiting, page: $0) },
                sentAt: JudgeTests.at(sent),
                now: JudgeTests.at(answered)
            )
        }
        hear(.waitingPage, 0, 5, 5.1, number: 5)
        hear(.waitingPage, 1, 5, 5.1, number: 9)
        hear(lost, 1, 12, 12.1)
        hear(.exchange, 1, 17, 17.1)
        hear(.doorPage, 0, 13, 18, number: 5)
        hear(.exchange, 0, 18.1, 18.2)
        evidence.books = books
        let order = Judge(objectives: Objectives(), evidence: evidence).order()
        #expect(order.outcome == (lost == .error(.refused) ? .failed : .passed), "\(order.detail)")
    }

    /// The definition, word by word, over every pair.
    static func overtakenByTrying(_ looks: [Look]) -> Set<Int64> {
        let admissions = looks.filter { $0.kind == .letIn }
        func earliest(_ look: Look) -> Int64 { max(look.sentMicros, look.answeredMicros - Self.way) }
        // Who was sent round may have been given the turn in the pause.
        func turn(_ look: Look) -> Int64 {
            let former = looks.filter { $0.visitor == look.visitor && $0.answeredMicros < look.answeredMicros }
            let last = former.max { $0.answeredMicros < $1.answeredMicros }
            let isLetInAtOnce = look.answeredMicros - look.sentMicros <= Self.way
            return last?.kind == .atDoor && isLetInAtOnce ? last!.answeredMicros : earliest(look)
        }
        let turns = admissions.map(turn)
        var found: Set<Int64> = []
        for visitor in Set(looks.map(\.visitor)) {
            let own = looks.filter { $0.visitor == visitor }.sorted { $0.answeredMicros < $1.answeredMicros }
            var due: Int64?
            var letIn = false
            for look in own {
                if letIn { break }
                letIn = look.kind == .letIn
                let behind = admissions.indices.filter { admissions[$0].number > look.number }
                let first = behind.map { admissions[$0].answeredMicros }.min()
                if due == nil, let first, look.sentMicros > first { due = look.sentMicros }
                if look.kind == .waiting, let first, look.sentMicros > first + Self.slack {
                    found.insert(Int64(look.number))
                }
                let since = due ?? look.sentMicros
                let until = look.kind == .letIn ? turn(look) : look.answeredMicros
                if behind.contains(where: {
                    turns[$0] > since + Self.slack && admissions[$0].answeredMicros < until - Self.slack
                }) {
                    found.insert(Int64(look.number))
                }
            }
        }
        return found
    }

    @Test(arguments: 1...60 as ClosedRange<UInt64>)
    func search_randomHistories_findsWhatTheDefinitionFinds(seed: UInt64) {
        var draw = SplitMix64(seed: seed)
        var looks: [Look] = []
        // More than a block of admissions, mostly in order.
        for index in 1...150 {
            var micros = Int64(draw.drawInteger(0...200))
            for _ in 0..<draw.drawInteger(0...3) {
                let end = micros + Int64(draw.drawInteger(1...90))
                looks.append(Self.look(index, index, draw.drawFlag(share: 0.9) ? .atDoor : .waiting, micros, end))
                micros = end + Int64(draw.drawInteger(1...60))
            }
            guard draw.drawFlag(share: 0.8) else { continue }
            let start = max(micros, Int64(index) * 8)
            looks.append(Self.look(index, index, .letIn, start, start + Int64(draw.drawInteger(1...60))))
        }
        let found = Self.overtaken(looks)
        #expect(Set(found) == Self.overtakenByTrying(looks), "seed \(seed)")
        #expect(found.count == Set(found).count)
    }
}
