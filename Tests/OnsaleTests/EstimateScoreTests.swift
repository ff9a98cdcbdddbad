import Primitives
import Testing

@testable import onsale

/// What people in line were told, held against what came.
@Suite struct EstimateScoreTests {
    /// Waits of 10 to 110 s in order of the numbers, each told at second 0, and again at `againSeconds`.
    static func looks(
        againSeconds: Int64? = nil,
        leaves: (_ index: Int) -> Bool = { _ in false },
        _ range: (_ waitSeconds: Double) -> ClosedRange<Int64>?
    ) -> [Look] {
        var looks: [Look] = []
        for index in 0..<1_000 {
            let wait = 10 + Double(index) / 10
            for seconds in [0, againSeconds].compactMap(\.self) where Double(seconds) < wait {
                looks.append(Self.look(index, .waiting, seconds * 1_000_000, range(wait - Double(seconds))))
            }
            if !leaves(index) { looks.append(Self.look(index, .letIn, Int64(wait * 1e6), nil)) }
        }
        return looks.sorted { $0.answeredMicros < $1.answeredMicros }
    }

    private static func look(_ index: Int, _ kind: Look.Kind, _ micros: Int64, _ range: ClosedRange<Int64>?) -> Look {
        Look(
            visitor: UInt32(index),
            number: UInt32(index + 1),
            position: 5,
            kind: kind,
            sentMicros: micros - 1,
            answeredMicros: micros,
            estimateSeconds: range
        )
    }

    /// Seen before: 18 of the 27 longest waits held, and a room that keeps 80 % of very many was told to have lied.
    @Test func least_ofFew_isWhatChanceLeaves() {
        func decile(_ count: Int) -> EstimateScore.Decile { .init(longestSeconds: 20, count: count, kept: 0) }
        #expect((0.5...0.6).contains(decile(27).least(of: 0.7)))
        #expect((0.69...0.7).contains(decile(100_000).least(of: 0.7)))
        #expect(decile(20).least(of: 0.7) < decile(200).least(of: 0.7))
    }

    static func score(_ looks: [Look], changes: [EstimateScore.Change] = []) -> EstimateScore {
        EstimateScore(looks, changes: changes)
    }

    static func honest(_ seconds: Double) -> ClosedRange<Int64> { Int64(seconds * 0.8)...Int64(seconds * 1.3) }

    @Test func honestRanges_hold() {
        let score = Self.score(Self.looks(Self.honest))
        #expect(score.first.deciles.map(\.share) == Array(repeating: 1, count: 10))
        #expect(score.first.waited == 1_000 && score.first.told == 1_000 && !score.first.saysNothing)
    }

    @Test func rangesThatDoNotHold_orSayNothing_doNotCount() throws {
        let cases: [(_ seconds: Double) -> ClosedRange<Int64>] = [
            { _ in 0...1 }, { _ in 0...100_000 }, { Int64($0 * 2)...Int64($0 * 3) }, { _ in 1...60 },
        ]
        for range in cases {
            let worst = try #require(Self.score(Self.looks(range)).first.worst)
            #expect(worst.share < 0.1)
        }
    }

    /// A range that fits everybody well enough, and is told to everybody.
    @Test func rangeThatIsTheSameToAll_saysNothing() {
        let score = Self.score(Self.looks { _ in 25...113 })
        #expect(score.first.saysNothing && score.first.deciles.suffix(8).allSatisfy { $0.share == 1 })
        #expect(!Self.score(Self.looks { Int64($0 / 4)...Int64($0 * 1.1) }).first.saysNothing)
        // Of a new line nobody knows how many show up: the longer ends tell them apart.
        #expect(!Self.score(Self.looks { Int64($0 / 12)...Int64($0 * 1.1) }).first.saysNothing)
    }

    /// Of 100 places in front, strangers have taken so many: nobody could know that they would not come.
    @Test(arguments: [(strangers: 15, counts: true), (strangers: 30, counts: false)])
    func rangesBehindManyStrangers_areNotJudged(strangers: Int, counts: Bool) {
        let looks = Self.looks { _ in 0...1 }.map { look in
            var look = look
            look.number = 500
            look.position = 101
            return look
        }
        let numbers = (0..<strangers).map { UInt32(401 + $0) } + (0..<300).map { UInt32($0) }
        let score = EstimateScore(looks, strangerNumbers: numbers, changes: [])
        #expect((score.first.worst != nil) == counts)
    }

    /// Right at joining, and never again.
    @Test func rangesThatAreRightOnce_areFoundByLaterPages() throws {
        func score(_ later: (_ restSeconds: Double, _ waitSeconds: Double) -> ClosedRange<Int64>?) -> EstimateScore {
            var looks: [Look] = []
            for index in 0..<1_000 {
                let wait = 10 + Double(index) / 10
                for seconds in stride(from: 0, to: wait, by: 3) {
                    let range = seconds == 0 ? Self.honest(wait) : later(wait - seconds, wait)
                    looks.append(Self.look(index, .waiting, Int64(seconds * 1e6), range))
                }
                looks.append(Self.look(index, .letIn, Int64(wait * 1e6), nil))
            }
            return Self.score(looks.sorted { $0.answeredMicros < $1.answeredMicros })
        }
        let honest = score { rest, _ in Self.honest(rest) }
        #expect(honest.later.worst?.share == 1 && honest.later.scored > 800 && !honest.later.saysNothing)
        let frozen = score { _, wait in Self.honest(wait) }
        #expect(frozen.first.worst?.share == 1)
        #expect(try #require(frozen.later.worst).share < 0.3)
        #expect(try #require(score { _, _ in 0...1 }.later.worst).share < 0.1)
        #expect(score { _, _ in 3...112 }.later.saysNothing)
        let silent = score { _, _ in nil }.later
        #expect(silent.told == 0 && silent.waited > 800 && silent.deciles.isEmpty)
    }

    /// To those who keep no place nothing was promised.
    @Test func strangers_areNotScored() {
        let looks = Self.looks { $0 < 60 ? Self.honest($0) : 0...1 }
        #expect(Self.score(looks).first.worst?.share == 0)
        let score = EstimateScore(looks, strangers: Set(500..<1_000), changes: [])
        #expect(score.first.waited == 500 && score.first.worst?.share == 1)
    }

    /// Who waited through a stretch that is excused is left out, also among those who left.
    @Test func waits_throughAnExcusedStretch_areNotScored() {
        let span: ClosedRange<Int64> = 60_000_000...70_000_000
        let looks = Self.looks { $0 < 60 ? Self.honest($0) : 0...1 }
        #expect(EstimateScore(looks, changes: [], excused: [span]).first.worst?.share == 1)
        let scared = Self.looks(leaves: { $0.isMultiple(of: 2) }) { $0 < 60 ? Self.honest($0) : 1_000...2_000 }
        #expect(Self.score(scared).first.worst?.share == 0)
        #expect(EstimateScore(scared, changes: [], excused: [span]).first.worst?.share == 1)
    }

    /// Ranges that hold for the short waits only are found by the long ones.
    @Test func worst_isOfOneTenth() throws {
        let score = Self.score(Self.looks { $0 < 95 ? Self.honest($0) : 20...30 })
        let worst = try #require(score.first.worst)
        #expect(worst.share == 0 && worst.longestSeconds > 100)
        #expect(score.first.deciles.count { $0.share == 1 } == 8)
    }

    /// What was told before a change says nothing of what came after it; what is told after it counts.
    @Test func waits_acrossAChange_areScoredByWhatWasToldAfterIt() {
        let change = (writtenMicros: Int64(12_000_000), settledMicros: Int64(17_000_000))
        let before = Self.score(Self.looks { _ in 0...1 }, changes: [change])
        #expect(before.first.deciles.isEmpty && before.first.waited == 1_000)
        let unsettled = Self.score(Self.looks(againSeconds: 15) { _ in 0...1 }, changes: [change])
        #expect(unsettled.first.deciles.isEmpty)
        let after = Self.score(Self.looks(againSeconds: 20) { _ in 0...1 }, changes: [change])
        #expect(after.first.scored > 900 && after.first.worst?.share ?? 1 < 0.1)
        #expect(Self.score(Self.looks(againSeconds: 20, Self.honest), changes: [change]).first.worst?.share == 1)
    }

    /// Who left because of what was told is scored by when others from behind were in.
    @Test func leavers_whoWereToldTooLong_areNotKept() {
        let scared = Self.score(Self.looks(leaves: { $0.isMultiple(of: 2) }) { _ in 1_000...2_000 })
        #expect(scared.first.worst?.share == 0)
        let some = Self.looks(leaves: { $0.isMultiple(of: 2) }) { wait in
            Int(wait * 10).isMultiple(of: 2) ? 1_000...2_000 : Self.honest(wait)
        }
        #expect(Self.score(some).first.worst?.share ?? 1 < 0.7)
        #expect(Self.score(Self.looks(leaves: { $0.isMultiple(of: 2) }, Self.honest)).first.worst?.share == 1)
    }

    @Test func whoWasToldNothing_isCounted() {
        let score = Self.score(Self.looks { $0 < 60 ? nil : 1...2 })
        #expect(score.first.waited == 1_000 && score.first.told == 500)
    }
}

@Suite struct NumberSearchTests {
    static func look(_ visitor: Int, _ number: Int, _ sent: Int64, _ kind: Look.Kind = .waiting) -> Look {
        Look(
            visitor: UInt32(visitor),
            number: UInt32(number),
            position: 0,
            kind: kind,
            sentMicros: sent,
            answeredMicros: sent + 5
        )
    }

    static func misfits(_ looks: [Look]) -> [Int64] { NumberSearch(looks, slackMicros: 10).misfits.map(\.number) }

    /// What counts is the first number of each, and who asked before the others were told theirs.
    @Test func number_belowOneThatWasToldBeforeItWasAskedFor_isAMisfit() {
        let looks = [Self.look(1, 1, 0), Self.look(2, 9, 20), Self.look(3, 7, 30), Self.look(1, 1, 100)]
        #expect(Self.misfits(looks) == [])
        #expect(Self.misfits(looks + [Self.look(4, 8, 110)]) == [8])
        #expect(Self.misfits(looks + [Self.look(4, 8, 110, .letIn), Self.look(5, 10, 120)]) == [])
    }
}

@Suite struct PageSearchTests {
    static func look(_ kind: Look.Kind, position: Int, _ seconds: Double) -> Look {
        let micros = Int64(seconds * 1e6)
        return Look(
            visitor: 1,
            number: kind == .joining ? 0 : 7,
            position: UInt32(position),
            kind: kind,
            sentMicros: micros,
            answeredMicros: micros + 1_000
        )
    }

    static func count(_ looks: [Look]) -> Int { PageSearch(looks, openingMicros: 10_000_000).count }

    @Test func pages_thatDoNotSayWhereOneStands_areCounted() {
        #expect(Self.count([Self.look(.joining, position: 0, 1), Self.look(.joining, position: 0, 5)]) == 0)
        #expect(Self.count([Self.look(.joining, position: 0, 1), Self.look(.joining, position: 0, 6.5)]) == 1)
        #expect(Self.count([Self.look(.waiting, position: 3, 1), Self.look(.waiting, position: 0, 6.5)]) == 1)
        #expect(Self.count([Self.look(.atDoor, position: 1, 12), Self.look(.atDoor, position: 0, 13)]) == 1)
    }

    @Test func calledBeforeTheOpening_orWithOthersInFront_isNoCall() {
        #expect(Self.count([Self.look(.atDoor, position: 1, 9)]) == 1)
        #expect(Self.count([Self.look(.atDoor, position: 2, 12), Self.look(.atDoor, position: 1, 12)]) == 1)
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

    /// The first in line is told so, and then many go in before: the position was too low.
    @Test func position_belowWhatWentInSince_isAMisfit() {
        let looks = [Self.look(500, 1, .waiting, 0)] + (1...60).map { Self.look($0, 0, .letIn, Int64($0) * 10) }
        func tooLow(_ position: Int) -> Int {
            let later = looks + [Self.look(500, position, .waiting, 2_000)]
            return PositionSearch(later, slackMicros: 10, calledCount: 50).tooLow
        }
        #expect(tooLow(1) == 1)
        #expect(PositionSearch(looks, slackMicros: 10, calledCount: 50).tooLow == 0)
        let honest = [Self.look(500, 61, .waiting, 0)] + looks.dropFirst() + [Self.look(500, 1, .waiting, 2_000)]
        #expect(PositionSearch(honest, slackMicros: 10, calledCount: 50).misfits.isEmpty)
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
