import Primitives
import Testing

@testable import onsale

/// What is due and what is allowed, and how many are where.
@Suite struct PaceTests {
    static func step(_ seconds: Double, _ ratePerSecond: Int64, burst: Int64 = 5, slots: Int64 = 100) -> LimitStep {
        LimitStep(micros: Int64(seconds * 1e6), rateMilli: ratePerSecond * 1000, burst: burst, slots: slots)
    }

    static func schedule(_ written: [LimitStep]) -> LimitSchedule {
        LimitSchedule(written: written, openingMicros: 10_000_000, reloadMicros: 1_000_000, startMicros: 4_000_000)
    }

    static func rate(_ steps: [LimitStep], at seconds: Double) -> Int64 {
        (steps.last { $0.micros <= Int64(seconds * 1e6) }?.rateMilli ?? -1) / 1000
    }

    @Test func schedule_aroundAChange_isLooserAboveAndStricterBelow() {
        let schedule = Self.schedule([Self.step(0, 10), Self.step(30, 20, burst: 8), Self.step(50, 12, burst: 6)])
        let most = schedule.mostAllowed
        #expect(
            [-1, 20, 29.9, 30, 30.9, 31, 49, 50, 50.9, 51].map { Self.rate(most, at: $0) }
                == [10, 10, 10, 20, 20, 20, 20, 20, 20, 12]
        )
        #expect(most.map(\.burst) == [5, 8, 8, 8, 6])
        let due = schedule.leastDue
        // Workers start after the opening, and after a raise, but not after a cut.
        #expect(
            [0, 10, 13.9, 14, 30, 34.9, 35, 49.9, 50, 51].map { Self.rate(due, at: $0) }
                == [0, 0, 0, 10, 10, 10, 20, 20, 12, 12]
        )
    }

    @Test func passages_betweenTwoMoments_areCountedSurelyAndAtMost() {
        let passages = Passages([
            Passage(earliestMicros: 0, latestMicros: 10), Passage(earliestMicros: 8, latestMicros: 12),
            Passage(earliestMicros: 20, latestMicros: 20),
        ])
        #expect(passages.surely(from: 0, to: 12) == 2 && passages.surely(from: 1, to: 20) == 2)
        #expect(passages.atMost(from: 11, to: 15) == 1 && passages.atMost(from: 9, to: 9) == 2)
        #expect(passages.surely(from: 13, to: 19) == 0 && passages.atMost(from: 13, to: 19) == 0)
    }

    /// A visitor who waited long for the answer: the turn was given at its end.
    @Test func passages_ofVisits_areAsLongAsAnAnswerMayTake() {
        var slow = Visit()
        slow.letIn = Visit.Span(sentMicros: 0, answeredMicros: 2_000_000)
        var quick = Visit()
        quick.letIn = Visit.Span(sentMicros: 1_950_000, answeredMicros: 2_000_000)
        let passages = Passages([slow, quick, Visit()], AnswerWay([], usualMicros: 500_000))
        #expect(passages.inOrderOfEarliest == [1_500_000, 1_950_000] && passages.count == 2)
        // Sent round from the door, the turn may have come in the pause; not to one who had to stand there again.
        quick.sentRoundMicros = 1_000_000
        slow.sentRoundMicros = -1_000_000
        let sentRound = Passages([quick, slow], AnswerWay([], usualMicros: 500_000))
        #expect(sentRound.inOrderOfEarliest == [1_000_000, 1_500_000])
    }

    /// A site that stood still answers everybody at once: the turns were given before.
    @Test func answers_afterAStandstill_wereOnTheirWayForAsLongAsOthers() {
        func page(_ kind: Look.Kind, sent: Int64, answered: Int64) -> Look {
            Look(
                visitor: 9,
                number: 9,
                position: 9,
                kind: kind,
                sentMicros: sent,
                answeredMicros: answered
            )
        }
        let way = AnswerWay(
            [
                page(.waiting, sent: 0, answered: 20_000), page(.atDoor, sent: 0, answered: 5_000_000),
                page(.waiting, sent: 8_000_000, answered: 10_000_000),
            ],
            usualMicros: 500_000
        )
        #expect(way.micros(answeredMicros: 10_100_000) == 2_000_000)
        #expect(way.micros(answeredMicros: 10_300_000) == 500_000)
        #expect(way.micros(answeredMicros: 5_000_000) == 500_000)
        #expect(
            way.earliestTurn(sentMicros: 1_000_000, answeredMicros: 10_000_000, sentRoundMicros: nil) == 8_000_000
        )
    }

    @Test func occupancy_countsThoseWhoAreThere() throws {
        let occupancy = Occupancy([0...10, 5...20, 10...12, 30...40])
        #expect(try #require(occupancy.most).count == 2)
        #expect(occupancy.extremes(from: 6, to: 9) == (2, 2))
        #expect(occupancy.extremes(from: 9, to: 35) == (0, 2))
        #expect(occupancy.extremes(from: -5, to: -1) == (0, 0))
        #expect(Occupancy([]).most == nil)
    }

    /// So many a second are let in, out of a line that never ends, into a room that is never full.
    static func shortfall(_ ratesPerSecond: [Double], inLine: Int = 500, inside: Int = 0) -> ShortfallSearch {
        var moments: [Int64] = []
        var owed = 0.0
        for (second, rate) in ratesPerSecond.enumerated() {
            for tenth in 0..<10 {
                owed += rate / 10
                while owed >= 1 {
                    owed -= 1
                    moments.append(Int64(second) * 1_000_000 + Int64(tenth) * 100_000)
                }
            }
        }
        let end = Int64(ratesPerSecond.count) * 1_000_000
        return ShortfallSearch(
            passages: Passages(moments.map { Passage(earliestMicros: $0, latestMicros: $0) }),
            due: Self.schedule([Self.step(0, 20)]).leastDue,
            inLine: Occupancy(Array(repeating: 0...end, count: inLine)),
            inside: Occupancy(Array(repeating: 0...end, count: inside))
        )
    }

    @Test func shortfall_ofAFullPace_isNone() throws {
        let search = Self.shortfall(Array(repeating: 20, count: 60))
        for seconds in [5, 30] as [Int64] {
            #expect(try #require(search.worst(lengthMicros: seconds * 1_000_000)).share >= 1)
        }
        #expect(search.longestStallMicros() == 100_000)
    }

    @Test func shortfall_ofHalfThePace_isAHalfOrLess() throws {
        let window = try #require(Self.shortfall(Array(repeating: 10, count: 60)).worst(lengthMicros: 30_000_000))
        #expect(window.share > 0.45 && window.share < 0.55)
    }

    @Test func stall_isFoundAndTimed() throws {
        let rates = Array(repeating: 20.0, count: 30) + Array(repeating: 0, count: 4) + Array(repeating: 20, count: 26)
        let search = Self.shortfall(rates)
        let window = try #require(search.worst(lengthMicros: 5_000_000))
        #expect(window.share < 0.3 && (28_900_000...30_100_000).contains(window.startMicros))
        #expect(abs(search.longestStallMicros() - 4_100_000) < 200_000)
    }

    /// Before workers had time to start, with nobody in line, or with every slot taken, nothing is due.
    @Test func nothingIsDue_whereNobodyCouldBeLetIn() {
        let nobody = Array(repeating: 0.0, count: 60)
        #expect(Self.shortfall(nobody, inLine: 30).worst(lengthMicros: 5_000_000) == nil)
        #expect(Self.shortfall(nobody, inside: 98).worst(lengthMicros: 5_000_000) == nil)
        #expect(Self.shortfall(Array(nobody.prefix(14))).worst(lengthMicros: 5_000_000) == nil)
        #expect(Self.shortfall(nobody).worst(lengthMicros: 5_000_000) != nil)
    }

    // MARK: Changes

    static func findings(_ ratesPerSecond: [Double], _ written: [LimitStep]) -> [ReloadSearch.Finding] {
        ReloadSearch(
            passages: Self.shortfall(ratesPerSecond).passages,
            schedule: Self.schedule(written),
            answerMicros: 500_000
        ).findings()
    }

    @Test func raise_isSeenWhenTheOldLimitsAreExceeded() throws {
        let written = [Self.step(0, 20), Self.step(30, 40)]
        let taken = Self.findings(Array(repeating: 20, count: 32) + Array(repeating: 40, count: 20), written)
        let micros = try #require(taken.first?.micros)
        // Two seconds until it is in force, and some tenths until more are in than the old burst and rate allow.
        #expect(taken.count == 1 && (2_000_000...2_400_000).contains(micros), "\(micros)")
        #expect(micros <= taken[0].limitMicros)
        #expect(Self.findings(Array(repeating: 20, count: 60), written).map(\.micros) == [nil])
    }

    @Test func cut_hasTakenHoldWhenNoMoreIsExceeded() throws {
        let written = [Self.step(0, 40), Self.step(30, 20)]
        func micros(_ secondsLate: Int) throws -> Int64 {
            let rates = Array(repeating: 40.0, count: 30 + secondsLate) + Array(repeating: 20, count: 20)
            return try #require(Self.findings(rates, written).first?.micros)
        }
        #expect(try micros(0) == 0)
        let late = try micros(4)
        #expect(late > 3_000_000 && late < 4_100_000)
    }
}
