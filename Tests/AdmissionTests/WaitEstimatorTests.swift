import Primitives
import Testing

@testable import Admission

@Suite struct WaitEstimatorTests {
    static func snapshot(
        seconds: Double,
        issued: Int64 = 100_000,
        serving: Int64,
        rateMilli: Int64 = 10_000,
        opensSeconds: Double = 0,
        epoch: Int64 = 1,
        slots: Int64 = 1_000_000,
        sessions: Int64 = 0,
        showUpPermille: Int64 = 1000,
        showUpPlaces: Int64 = 200
    ) -> RoomSnapshot {
        RoomSnapshot(
            nowMicros: Int64(seconds * 1e6),
            epoch: epoch,
            issued: issued,
            serving: serving,
            admitted: serving,
            sessions: sessions,
            door: 0,
            rateMilli: rateMilli,
            tokensNano: 0,
            burst: 1,
            slots: slots,
            showUpPermille: showUpPermille,
            showUpPlaces: showUpPlaces,
            opensAtMicros: Int64(opensSeconds * 1e6)
        )
    }

    @Test func estimate_nothingObserved_isNotKnown() {
        #expect(WaitEstimator().estimate(ahead: 10) == nil)
    }

    @Test func estimate_firstSnapshot_goesByTheRate() throws {
        var estimator = WaitEstimator()
        estimator.observe(Self.snapshot(seconds: 1, serving: 0))
        let range = try #require(estimator.estimate(ahead: 1_000))
        #expect(range.contains(100))
        #expect(range.lowerBound >= 85 && range.upperBound <= 120)
    }

    @Test func estimate_noShows_goFaster() throws {
        var estimator = WaitEstimator()
        estimator.observe(Self.snapshot(seconds: 1, serving: 0, showUpPermille: 500))
        #expect(try #require(estimator.estimate(ahead: 1_000)).contains(50))
    }

    @Test func estimate_fewWereCalled_isNotKnown() {
        var estimator = WaitEstimator()
        estimator.observe(Self.snapshot(seconds: 1, serving: 3, showUpPlaces: 3))
        // All of them may come, or one in fifty.
        #expect(estimator.estimate(ahead: 1_000) == nil)
        #expect(estimator.estimate(ahead: 20) != nil)
    }

    /// Rate 10/s, but only 2/s come through.
    @Test func estimate_slotsBind_goesByWhatWasMeasured() throws {
        var estimator = WaitEstimator()
        for step in 0...200 {
            estimator.observe(
                Self.snapshot(
                    seconds: Double(step) * 0.2,
                    serving: 50 + Int64(step) * 2 / 5,
                    slots: 50,
                    sessions: 50
                )
            )
        }
        let range = try #require(estimator.estimate(ahead: 100))
        #expect(range.contains(50))
        #expect(range.lowerBound >= 36 && range.upperBound <= 68)
    }

    /// The slots have just filled up: those who leave first say nothing about the others.
    @Test func estimate_slotsFilledUp_isNotKnownBeforeTheyWereUsedAgain() throws {
        var estimator = WaitEstimator()
        for step in 0...10 {
            let seconds = Double(step) * 0.2
            estimator.observe(
                Self.snapshot(seconds: seconds, serving: Int64(step) * 5, slots: 50, sessions: Int64(step) * 5)
            )
        }
        for step in 1...100 {
            let seconds = 2 + Double(step) * 0.2
            estimator.observe(Self.snapshot(seconds: seconds, serving: 50 + Int64(step) / 5, slots: 50, sessions: 50))
            #expect(estimator.estimate(ahead: 100) == nil)
        }
        for step in 101...400 {
            let seconds = 2 + Double(step) * 0.2
            estimator.observe(Self.snapshot(seconds: seconds, serving: 50 + Int64(step) / 5, slots: 50, sessions: 50))
        }
        #expect(try #require(estimator.estimate(ahead: 100)).contains(100))
    }

    /// Seen before: when the rate was changed while the slots were all taken, the past was forgotten, and what a few
    /// seconds happened to be like was told to everybody: 108 to 158 s to some, and 17 to 25 s to others behind them.
    @Test func estimate_rateChangedWhileSlotsBind_staysAsItWas() throws {
        var estimator = WaitEstimator()
        var before: ClosedRange<Int64>?
        for step in 0...300 {
            // Two slots a second come free, in gusts of four every other second.
            let freed = Int64(step / 10 * 4)
            estimator.observe(
                Self.snapshot(
                    seconds: Double(step) * 0.2,
                    serving: 50 + freed,
                    rateMilli: step < 250 ? 20_000 : 14_000,
                    slots: 50,
                    sessions: 50
                )
            )
            let range = estimator.estimate(ahead: 200)
            if step == 249 { before = range }
            guard let before, step > 249 else { continue }
            let now = try #require(range, "step \(step)")
            #expect(abs(now.lowerBound - before.lowerBound) <= before.lowerBound / 8, "step \(step): \(now), \(before)")
            #expect(abs(now.upperBound - before.upperBound) <= before.upperBound / 8, "step \(step): \(now), \(before)")
        }
        #expect(try #require(before).contains(100))
    }

    /// A line that the rate has held up for a while tells nothing of the slots when the rate is raised.
    @Test func estimate_rateRaisedAfterItBound_forgetsThePast() {
        var estimator = WaitEstimator()
        for step in 0...400 {
            // All taken at first, then so slow a rate that half of them are free.
            let isSlow = step > 200
            estimator.observe(
                Self.snapshot(
                    seconds: Double(step) * 0.2,
                    serving: 50 + Int64(isSlow ? 200 + (step - 200) / 5 : step),
                    rateMilli: isSlow ? 1_000 : 20_000,
                    slots: 50,
                    sessions: isSlow ? 25 : 50
                )
            )
        }
        #expect(estimator.estimate(ahead: 100)?.contains(100) == true)
        estimator.observe(Self.snapshot(seconds: 80.2, serving: 291, rateMilli: 20_000, slots: 50, sessions: 25))
        #expect(estimator.estimate(ahead: 100) == nil)
    }

    /// The less of the past is known, the wider: so many let in tell no more than so much.
    @Test func estimate_shortPast_isWider() throws {
        var estimator = WaitEstimator()
        var widths: [Double] = []
        var random = SplitMix64(seed: 3)
        var freed: Int64 = 0
        for step in 0...3_000 {
            if random.nextUnit() < 0.4 { freed += 1 }
            estimator.observe(
                Self.snapshot(seconds: Double(step) * 0.2, serving: 50 + freed, slots: 50, sessions: 50)
            )
            guard [60, 300, 3_000].contains(step) else { continue }
            let range = try #require(estimator.estimate(ahead: 500), "step \(step)")
            #expect(range.contains(250), "step \(step): \(range)")
            widths.append(Double(range.upperBound) / Double(range.lowerBound))
        }
        #expect(widths[0] > widths[1] && widths[1] > widths[2], "\(widths)")
        #expect(widths[2] < 1.8)
    }

    @Test func estimate_nothingMoves_isNotKnown() {
        var estimator = WaitEstimator()
        for step in 0...200 {
            estimator.observe(Self.snapshot(seconds: Double(step) * 0.2, serving: 5, slots: 5, sessions: 5))
        }
        #expect(estimator.estimate(ahead: 100) == nil)
        estimator.observe(Self.snapshot(seconds: 41, serving: 5, rateMilli: 0))
        #expect(estimator.estimate(ahead: 100) == nil)
    }

    @Test func estimate_beforeOpening_addsTheTimeUntilThen() throws {
        var estimator = WaitEstimator()
        estimator.observe(Self.snapshot(seconds: 1, serving: 0, opensSeconds: 601))
        let range = try #require(estimator.estimate(ahead: 100))
        #expect(range.contains(610))
        #expect(range.lowerBound > 605)
    }

    @Test func estimate_rateRaised_followsAtOnce() throws {
        var estimator = WaitEstimator()
        for step in 0...200 { estimator.observe(Self.snapshot(seconds: Double(step) * 0.2, serving: Int64(step) * 2)) }
        #expect(try #require(estimator.estimate(ahead: 1_000)).contains(100))
        for step in 0...5 {
            estimator.observe(
                Self.snapshot(seconds: 41 + Double(step) * 0.2, serving: 400 + Int64(step) * 8, rateMilli: 40_000)
            )
        }
        #expect(try #require(estimator.estimate(ahead: 1_000)).contains(25))
    }

    /// Idle times say nothing about how fast a line moves.
    @Test func estimate_afterAQuietTime_isNotDraggedDown() throws {
        var estimator = WaitEstimator()
        for step in 0...150 { estimator.observe(Self.snapshot(seconds: Double(step) * 0.2, issued: 9, serving: 9)) }
        estimator.observe(Self.snapshot(seconds: 31, issued: 1_009, serving: 9))
        #expect(try #require(estimator.estimate(ahead: 1_000)).contains(100))
    }

    /// The same mean speed, once even and once in gusts, as slots come free.
    @Test func estimate_unsteadyLine_isWider() throws {
        var even = WaitEstimator()
        var gusty = WaitEstimator()
        for step in 0...200 {
            let seconds = Double(step) * 0.2
            let gusts = Int64(step / 40 * 40 + min(step % 40, 10) * 4)
            for (serving, isEven) in [(Int64(step), true), (gusts, false)] {
                let snapshot = Self.snapshot(
                    seconds: seconds,
                    serving: serving,
                    rateMilli: 20_000,
                    slots: 90,
                    sessions: 90
                )
                if isEven { even.observe(snapshot) } else { gusty.observe(snapshot) }
            }
        }
        let narrow = try #require(even.estimate(ahead: 200))
        let wide = try #require(gusty.estimate(ahead: 200))
        #expect(narrow.contains(40) && wide.contains(40))
        #expect(wide.upperBound - wide.lowerBound > narrow.upperBound - narrow.lowerBound)
    }

    @Test func estimate_anotherEpoch_startsAnew() throws {
        var estimator = WaitEstimator()
        for step in 0...200 { estimator.observe(Self.snapshot(seconds: Double(step) * 0.2, serving: Int64(step))) }
        estimator.observe(Self.snapshot(seconds: 50, serving: 3, epoch: 2))
        #expect(try #require(estimator.estimate(ahead: 1_000)).contains(100))
    }

    /// After a loss numbers are skipped: passing them is not calling thousands, and nobody waits there.
    @Test func estimate_gapIsPassed_staysAsItWas() throws {
        var estimator = WaitEstimator()
        var before: ClosedRange<Int64>?
        for step in 0...200 {
            var snapshot = Self.snapshot(seconds: Double(step) * 0.2, issued: 90_000, serving: Int64(step) * 2)
            snapshot.admitted = Int64(step) * 2
            if step <= 100 {
                snapshot.gaps = [201...65_736]
            } else {
                snapshot.serving += 65_536
            }
            estimator.observe(snapshot)
            let range = try #require(estimator.estimate(ahead: 500))
            if step == 100 { before = range }
            if let before, step > 100 {
                #expect(
                    abs(range.lowerBound - before.lowerBound) <= 2 && abs(range.upperBound - before.upperBound) <= 2
                )
            }
        }
    }

    @Test func estimate_noHealthyWorker_isNotKnown() {
        var estimator = WaitEstimator()
        var snapshot = Self.snapshot(seconds: 1, serving: 0)
        estimator.observe(snapshot)
        #expect(estimator.estimate(ahead: 10) != nil)
        snapshot.isHeld = true
        snapshot.nowMicros += 100_000
        estimator.observe(snapshot)
        #expect(estimator.estimate(ahead: 10) == nil)
    }

    // MARK: Polling

    @Test func poll_nearTheFront_isWithinOneOrTwoSeconds() {
        var estimator = WaitEstimator()
        var random = SplitMix64(seed: 9)
        for _ in 0..<100 {
            #expect((1...2).contains(estimator.pollSeconds(ahead: 0, horizonMicros: 2_000_000, random: random.next())))
        }
        estimator.observe(Self.snapshot(seconds: 1, serving: 0))
        var seen: Set<Int64> = []
        for _ in 0..<100 {
            seen.insert(estimator.pollSeconds(ahead: 20, horizonMicros: 2_000_000, random: random.next()))
        }
        #expect(seen == [1, 2])
    }

    @Test func poll_farAway_isSpreadAroundTwentySeconds() {
        var estimator = WaitEstimator()
        estimator.observe(Self.snapshot(seconds: 1, serving: 0))
        var random = SplitMix64(seed: 9)
        let polls = (0..<500).map { _ in
            estimator.pollSeconds(ahead: 90_000, horizonMicros: 2_000_000, random: random.next())
        }
        #expect(polls.min() == 15 && polls.max() == 25)
        #expect(Set(polls).count == 11)
    }

    /// Nobody sleeps through the turn: at the stated pace, the next ask comes before the place is called.
    @Test func poll_anyDistance_comesBeforeTheTurn() throws {
        var estimator = WaitEstimator()
        for step in 0...200 { estimator.observe(Self.snapshot(seconds: Double(step) * 0.2, serving: Int64(step) * 2)) }
        for ahead in stride(from: Int64(80), through: 5_000, by: 7) {
            let poll = estimator.pollSeconds(ahead: ahead, horizonMicros: 2_000_000, random: .max)
            #expect(poll <= ahead / 10)
        }
    }

    @Test func poll_rateUnknown_isFarAway() {
        var estimator = WaitEstimator()
        estimator.observe(Self.snapshot(seconds: 1, serving: 0, rateMilli: 0))
        #expect(estimator.pollSeconds(ahead: 3, horizonMicros: 2_000_000, random: .max / 2) == 20)
    }
}
