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

    /// Two changes so near to each other that the first had not settled: all that may hold counts, and the steps are in
    /// order of time.
    @Test func schedule_ofChangesInQuickSuccession_isInOrder() {
        let schedule = Self.schedule([Self.step(0, 10), Self.step(30, 20), Self.step(32, 5)])
        for steps in [schedule.mostAllowed, schedule.leastDue] {
            #expect(zip(steps, steps.dropFirst()).allSatisfy { $0.micros < $1.micros })
        }
        #expect([30, 31, 32, 32.9, 33, 36].map { Self.rate(schedule.mostAllowed, at: $0) } == [20, 20, 20, 20, 5, 5])
        #expect([30, 31, 32, 33, 36].map { Self.rate(schedule.leastDue, at: $0) } == [10, 10, 5, 5, 5])
    }

    /// A passage that may lie anywhere in ten seconds is not counted in a second, and hides none that are.
    @Test func passages_longerThanAStretch_hideNoOthers() {
        let short = (0..<8).map { Passage(earliestMicros: 500_000 + $0, latestMicros: 600_000 + $0) }
        let long = (0..<8).map { Passage(earliestMicros: $0, latestMicros: 10_000_000) }
        let limits = [LimitStep(micros: -1, rateMilli: 1_000, burst: 2, slots: 9)]
        let search = WindowSearch(Passages(short + long), limits: limits)
        #expect(search.worst(lengthMicros: 1_000_000)?.exchanges == 8)
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

    /// A site that stood still answers everybody at once: the turns were given before. One page that was slow says nothing.
    @Test func answers_afterAStandstill_mayHaveBeenDecidedSinceItBegan() {
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
        let before = (0..<80).map { page(.waiting, sent: $0 * 100_000, answered: $0 * 100_000 + 20_000) }
        let slow = page(.waiting, sent: 8_000_000, answered: 10_000_000)
        func way(_ looks: [Look]) -> AnswerWay { AnswerWay(looks, usualMicros: 500_000) }
        #expect(way(before + [slow]).micros(answeredMicros: 10_100_000) == 500_000)
        #expect(way(before + [page(.atDoor, sent: 0, answered: 10_000_000)]).standstills.isEmpty)
        let several = way(before + [slow, page(.waiting, sent: 8_500_000, answered: 10_000_001)])
        #expect(several.standstills == [.init(fromMicros: 7_920_000, toMicros: 10_000_000)])
        #expect(several.micros(answeredMicros: 10_100_000) == 2_180_000)
        #expect(several.micros(answeredMicros: 10_300_000) == 500_000)
        #expect(several.micros(answeredMicros: 5_000_000) == 500_000)
        #expect(
            several.earliestTurn(sentMicros: 1_000_000, answeredMicros: 10_000_000, sentRoundMicros: nil) == 7_920_000
        )
    }

    /// Where every page takes long, so does the one that lets somebody in; pages of workers tell as well as those in line.
    @Test func answers_whileMostPagesAreSlow_areOnTheirWayAsLong() {
        func way(slow: Int, of count: Int) -> Int64 {
            let answers = (0..<count).map { index in
                let answered = 10_000_000 + Int64(index) * 10_000
                return InsideAnswer(sentMicros: answered - (index < slow ? 900_000 : 20_000), answeredMicros: answered)
            }
            return AnswerWay([], inside: answers, usualMicros: 500_000).micros(answeredMicros: 10_050_000)
        }
        #expect(way(slow: 10, of: 10) == 900_000 && way(slow: 6, of: 10) == 900_000)
        #expect(way(slow: 4, of: 10) == 500_000 && way(slow: 4, of: 4) == 500_000)
    }

    /// Each window is given the burst again, so that a rate which is a little too high shows only in long ones.
    @Test func overshoot_belowTheBurstOfEachWindow_showsInALongOne() throws {
        func search(_ ratePerSecond: Int64) -> WindowSearch {
            let times = (0..<300 * ratePerSecond).map { $0 * 1_000_000 / ratePerSecond }
            let passages = Passages(times.map { Passage(earliestMicros: $0, latestMicros: $0 + 5_000) })
            return WindowSearch(passages, limits: [Self.step(-1, 100, burst: 1_000)])
        }
        for seconds in [1, 5, 30] as [Int64] {
            #expect(try #require(search(130).worst(lengthMicros: seconds * 1_000_000)).excessNano <= 0)
        }
        let long = try #require(search(130).worstOfAnyLength())
        #expect(long.excessNano > 0 && long.exchanges == 39_000 && long.lengthMicros > 299_000_000)
        #expect(try #require(search(103).worstOfAnyLength()).excessNano <= 0)
    }

    // MARK: Slots

    static func visit(letInAt seconds: Double, exitAt: Double?) -> Visit {
        func span(_ seconds: Double) -> Visit.Span {
            Visit.Span(sentMicros: Int64(seconds * 1e6) - 5_000, answeredMicros: Int64(seconds * 1e6))
        }
        var visit = Visit()
        visit.letIn = span(seconds)
        visit.lastInside = span(exitAt ?? seconds)
        visit.exit = exitAt.map(span)
        return visit
    }

    static func slots(_ visits: [Visit], _ steps: [LimitStep]) -> SlotSearch {
        SlotSearch(visits, AnswerWay([], usualMicros: 500_000), steps: steps, sessionMicros: 20_000_000)
    }

    /// Who closes the window holds the slot for a session; who asks for the exit page does not.
    @Test func slots_areHeldUntilTheyAreGivenBack_orTheSessionEnds() throws {
        let steps = [Self.step(-1, 10, slots: 10)]
        func inside(exitAt: Double?) throws -> Int {
            let early = (0..<9).map { Self.visit(letInAt: Double($0), exitAt: exitAt) }
            return try #require(Self.slots(early + [Self.visit(letInAt: 15, exitAt: nil)], steps).worst).inside
        }
        #expect(try inside(exitAt: nil) == 10)
        #expect(try inside(exitAt: 9) == 9)
    }

    /// Whose request was lost on the way may have been let in by that one: the pass is good from then on.
    @Test func slots_ofWhoWasLetInUnheard_areHeldSinceThen() throws {
        let steps = [Self.step(-1, 10, slots: 10)]
        func inside(lostAt: Int64?) throws -> Int {
            let early = (0..<10).map { _ in
                var visit = Self.visit(letInAt: 9, exitAt: nil)
                visit.sentRoundMicros = lostAt.map { $0 * 1_000_000 }
                return visit
            }
            return try #require(Self.slots(early + [Self.visit(letInAt: 28, exitAt: nil)], steps).worst).inside
        }
        #expect(try inside(lostAt: nil) == 11)
        #expect(try inside(lostAt: 5) == 10)
    }

    /// Fewer slots than people inside: nobody is put out, and nobody is let in.
    @Test func slots_thatBecameFewer_areExceededByWhoIsLetInOnly() throws {
        let steps = [Self.step(-1, 10, slots: 10), Self.step(12, 10, slots: 5)]
        let inside = (0..<9).map { Self.visit(letInAt: Double($0), exitAt: 30) }
        #expect(try #require(Self.slots(inside, steps).worst).share <= 1)
        let more = try #require(Self.slots(inside + [Self.visit(letInAt: 15, exitAt: 30)], steps).worst)
        #expect(more.inside == 10 && more.slots == 5)
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
    static func shortfall(
        _ ratesPerSecond: [Double],
        written: [LimitStep] = [PaceTests.step(0, 20)],
        inLine: Int = 500,
        inside: Int = 0
    ) -> ShortfallSearch {
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
            due: Self.schedule(written).leastDue,
            inLine: Occupancy(Array(repeating: 0...end, count: inLine)),
            inside: Occupancy(Array(repeating: 0...end, count: inside))
        )
    }

    @Test func shortfall_ofAFullPace_isNone() throws {
        let search = Self.shortfall(Array(repeating: 20, count: 60))
        for seconds in [5, 30] as [Int64] {
            #expect(try #require(search.worst(lengthMicros: seconds * 1_000_000)).share >= 1)
        }
        // Somebody asks every tenth of a second, just after one was let in.
        #expect(search.worstStall(Self.asking(seconds: 60))?.micros ?? 0 < 200_000)
    }

    @Test func shortfall_ofHalfThePace_isAHalfOrLess() throws {
        let window = try #require(Self.shortfall(Array(repeating: 10, count: 60)).worst(lengthMicros: 30_000_000))
        #expect(window.share > 0.45 && window.share < 0.55)
    }

    /// What is lost a little at a time shows over the whole, and in no window.
    @Test func shortfall_ofAFewInAHundred_showsInAll() throws {
        let settled = Self.schedule([Self.step(0, 20)]).settled
        func share(_ rate: Double) throws -> Double {
            try #require(Self.shortfall(Array(repeating: rate, count: 60)).whole(settled)).share
        }
        #expect(try share(20) >= 0.99 && share(18.8) < 0.96 && share(18.8) > 0.93)
        #expect(Self.shortfall(Array(repeating: 20, count: 60), inLine: 30).whole(settled) == nil)
    }

    /// From a writing until it must have taken hold nothing is settled.
    @Test func schedule_settledStretches_leaveOutWhatMayBeEither() {
        let settled = Self.schedule([Self.step(0, 10), Self.step(30, 20), Self.step(50, 12)]).settled
        #expect(settled.map { $0.from / 1_000_000 } == [14, 35, 51])
        #expect(settled.map { $0.to / 1_000_000 } == [30, 50, .max / 1_000_000])
        #expect(settled.map { $0.limits.rateMilli } == [10_000, 20_000, 12_000])
    }

    @Test func stall_isFoundAndTimed() throws {
        let rates = Array(repeating: 20.0, count: 30) + Array(repeating: 0, count: 4) + Array(repeating: 20, count: 26)
        let search = Self.shortfall(rates)
        let window = try #require(search.worst(lengthMicros: 5_000_000))
        #expect(window.share < 0.3 && (28_900_000...30_100_000).contains(window.startMicros))
        #expect(abs((search.worstStall(Self.asking(seconds: 60))?.micros ?? 0) - 4_000_000) < 200_000)
    }

    /// How long a stall may last follows from the rate of its own time: a slow stretch neither makes room for one in
    /// a fast one, nor hides it.
    @Test func stall_isHeldAgainstTheRateOfItsTime() throws {
        var slow = Self.step(30, 0)
        slow.rateMilli = 100
        let written = [Self.step(0, 20), slow, Self.step(60, 20)]
        func stall(_ slow: Double, _ fast: Double) throws -> ShortfallSearch.Stall {
            let rates = [(20.0, 30), (slow, 30), (20, 10), (fast, 12), (20, 10)]
                .flatMap { Array(repeating: $0.0, count: $0.1) }
            let search = Self.shortfall(rates, written: written)
            return try #require(search.worstStall(Self.asking(seconds: rates.count)))
        }
        for slow in [0.1, 0] {
            let worst = try stall(slow, 0)
            #expect(abs(worst.micros - 12_000_000) < 200_000 && worst.limitMicros == 5_000_000)
        }
        #expect(try stall(0.1, 20).share < 1)
        let long = try stall(0, 20)
        #expect(long.micros > 29_000_000 && long.share < 1, "nobody is due for ten at that rate")
    }

    /// The last of the line, too few for a rate, ask again and again, and nobody is let in any more.
    @Test func stall_atTheEnd_isFound() {
        let rates = Array(repeating: 20.0, count: 30) + Array(repeating: 0, count: 12)
        let search = Self.shortfall(rates, inLine: 3)
        #expect(search.worst(lengthMicros: 5_000_000) == nil)
        #expect(search.worstStall(Self.asking(seconds: 42))?.micros ?? 0 > 11_000_000)
        #expect(search.worstStall(Self.asking(seconds: 31))?.micros ?? 0 < 1_200_000)
        #expect(Self.shortfall(rates, inLine: 3, inside: 98).worstStall(Self.asking(seconds: 42)) == nil)
    }

    static func asking(seconds: Int) -> [Look] {
        (0..<(seconds * 10)).map { tenth in
            let sent = Int64(tenth) * 100_000 + 50_000
            return Look(
                visitor: 1,
                number: 900,
                position: 1,
                kind: .waiting,
                sentMicros: sent,
                answeredMicros: sent + 1_000
            )
        }
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

    static func findings(
        _ ratesPerSecond: [Double],
        _ written: [LimitStep],
        inLine: Int = 500
    ) -> [ReloadSearch.Finding] {
        let schedule = Self.schedule(written)
        let shortfall = Self.shortfall(ratesPerSecond, inLine: inLine)
        return ReloadSearch(
            passages: shortfall.passages,
            schedule: schedule,
            answerMicros: 500_000,
            shortfall: ShortfallSearch(
                passages: shortfall.passages,
                due: schedule.leastDue,
                inLine: shortfall.inLine,
                inside: shortfall.inside
            )
        ).findings()
    }

    /// A rate that is raised by less than was written shows in time, and is not what was written.
    @Test func raise_thatIsTakenInPart_isNotWhole() throws {
        let written = [Self.step(0, 20), Self.step(30, 40)]
        func finding(_ rate: Double) throws -> ReloadSearch.Finding {
            let rates = Array(repeating: 20, count: 31) + Array(repeating: rate, count: 29)
            return try #require(Self.findings(rates, written).first)
        }
        let (whole, part) = (try finding(40), try finding(30))
        #expect(whole.isWhole && whole.canShow && part.canShow)
        #expect(!part.isWhole && part.micros ?? .max <= part.limitMicros)
    }

    /// With nobody in line for it a cut cannot be felt, and says nothing.
    @Test func cut_thatNobodyFeels_isNotJudged() throws {
        let written = [Self.step(0, 40), Self.step(30, 20)]
        let rates = Array(repeating: 40.0, count: 30) + Array(repeating: 20, count: 20)
        #expect(try #require(Self.findings(rates, written).first).canShow)
        #expect(try !#require(Self.findings(rates, written, inLine: 3).first).canShow)
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
