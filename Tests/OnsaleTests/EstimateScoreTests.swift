import Primitives
import Testing

@testable import onsale

/// What people in line were told, held against what came.
@Suite struct EstimateScoreTests {
    /// Waits of 10 to 110 s, each told at second 0.
    static func visits(_ range: (_ waitSeconds: Double) -> ClosedRange<Int64>?) -> [Visit] {
        (0..<1_000).map { index in
            let wait = 10 + Double(index) / 10
            var visit = Visit()
            visit.joinedMicros = 0
            visit.letIn = Visit.Span(sentMicros: Int64(wait * 1e6) - 5_000, answeredMicros: Int64(wait * 1e6))
            visit.estimate = range(wait).map { Visit.Estimate(toldMicros: 0, seconds: $0) }
            return visit
        }
    }

    @Test func honestRanges_hold() {
        let score = EstimateScore(Self.visits { Int64($0 * 0.8)...Int64($0 * 1.3) }, changesMicros: [])
        #expect(score.deciles.map(\.share) == Array(repeating: 1, count: 10))
        #expect(score.waited == 1_000 && score.told == 1_000)
    }

    @Test func rangesThatDoNotHold_orSayNothing_doNotCount() throws {
        let cases: [(_ seconds: Double) -> ClosedRange<Int64>] = [
            { _ in 0...1 }, { _ in 0...100_000 }, { Int64($0 * 2)...Int64($0 * 3) }, { _ in 1...60 },
        ]
        for range in cases {
            let worst = try #require(EstimateScore(Self.visits(range), changesMicros: []).worst)
            #expect(worst.share < 0.1)
        }
    }

    /// Of 100 places in front, strangers have taken so many: nobody could know that they would not come.
    @Test(arguments: [(strangers: 15, counts: true), (strangers: 30, counts: false)])
    func rangesBehindManyStrangers_areNotJudged(strangers: Int, counts: Bool) {
        var visits = Self.visits { _ in 0...1 }
        for index in visits.indices {
            visits[index].number = 500
            visits[index].estimate?.ahead = 100
        }
        let numbers = (0..<strangers).map { UInt32(401 + $0) } + (0..<300).map { UInt32($0) }
        let score = EstimateScore(visits, strangers: numbers, changesMicros: [])
        #expect((score.worst != nil) == counts)
    }

    /// Ranges that hold for the short waits only are found by the long ones.
    @Test func worst_isOfOneTenth() throws {
        let score = EstimateScore(
            Self.visits { $0 < 95 ? Int64($0 * 0.8)...Int64($0 * 1.3) : 20...30 },
            changesMicros: []
        )
        let worst = try #require(score.worst)
        #expect(worst.share == 0 && worst.longestSeconds > 100)
        #expect(score.deciles.count { $0.share == 1 } == 8)
    }

    @Test func waits_acrossAChange_areLeftOut() {
        let score = EstimateScore(Self.visits { _ in 0...1 }, changesMicros: [12_000_000])
        #expect(score.deciles.isEmpty && score.waited == 1_000)
    }

    @Test func whoWasToldNothing_isCounted() {
        let score = EstimateScore(Self.visits { $0 < 60 ? nil : 1...2 }, changesMicros: [])
        #expect(score.waited == 1_000 && score.told == 500)
    }
}

@Suite struct PositionSearchTests {
    static func look(_ number: Int, _ position: Int, _ kind: Look.Kind, _ sent: Int64) -> Look {
        Look(
            visitor: UInt32(number),
            number: UInt32(number),
            position: UInt32(position),
            kind: kind,
            sentMicros: sent,
            answeredMicros: sent + 1
        )
    }

    static func misfits(_ looks: [Look]) -> [Int64] {
        PositionSearch(looks, slackMicros: 10).misfits.map(\.number)
    }

    @Test func positions_thatFallTogether_fit() {
        let looks = (0..<40).flatMap { step in
            (1...5).map { Self.look(40 * $0 + 60, 40 * $0 + 60 - step * 2, .waiting, Int64(step * 100 + $0)) }
        }
        #expect(Self.misfits(looks) == [])
        #expect(PositionSearch(looks, slackMicros: 10).compared == 200)
    }

    @Test func position_thatRises_orDoesNotMove_isAMisfit() {
        let first = [Self.look(50, 30, .waiting, 0)]
        #expect(Self.misfits(first + [Self.look(50, 31, .waiting, 100)]) == [50])
        #expect(Self.misfits(first + [Self.look(50, 30, .waiting, 100)]) == [])
        // Number 45 is in: the line has come that far.
        let letIn = first + [Self.look(45, 0, .letIn, 50)]
        #expect(Self.misfits(letIn + [Self.look(50, 30, .waiting, 100)]) == [50])
        #expect(Self.misfits(letIn + [Self.look(50, 5, .waiting, 100)]) == [])
    }

    @Test func positions_closerThanTheSlack_areNotCompared() {
        let looks = [Self.look(50, 30, .waiting, 0), Self.look(51, 40, .waiting, 8)]
        #expect(Self.misfits(looks) == [])
        #expect(Self.misfits([looks[0], Self.look(51, 40, .waiting, 12)]) == [51])
    }

    /// The called all read as first: that says nothing.
    @Test func positionOne_isNotCompared() {
        #expect(Self.misfits([Self.look(50, 30, .waiting, 0), Self.look(3, 1, .waiting, 100)]) == [])
    }
}
