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
        showUpPermille: Int64 = 1000
    ) -> RoomSnapshot {
        RoomSnapshot(
            nowMicros: Int64(seconds * 1e6),
            epoch: epoch,
            issued: issued,
            serving: serving,
            admitted: serving,
            sessions: 0,
            door: 0,
            rateMilli: rateMilli,
            tokensNano: 0,
            burst: 1,
            slots: 1,
            showUpPermille: showUpPermille,
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

    @Test func estimate_slotsBind_goesByWhatWasMeasured() throws {
        var estimator = WaitEstimator()
        // Rate 10/s, but only 2/s come through.
        for step in 0...200 {
            estimator.observe(Self.snapshot(seconds: Double(step) * 0.2, serving: Int64(step) * 2 / 5))
        }
        let range = try #require(estimator.estimate(ahead: 100))
        #expect(range.contains(50))
        #expect(range.lowerBound >= 40)
    }

    @Test func estimate_nothingMoves_isNotKnown() {
        var estimator = WaitEstimator()
        for step in 0...200 { estimator.observe(Self.snapshot(seconds: Double(step) * 0.2, serving: 5)) }
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

    /// The same mean speed, once even and once in gusts.
    @Test func estimate_unsteadyLine_isWider() throws {
        var even = WaitEstimator()
        var gusty = WaitEstimator()
        for step in 0...200 {
            even.observe(Self.snapshot(seconds: Double(step) * 0.2, serving: Int64(step), rateMilli: 20_000))
            let gusts = Int64(step / 40 * 40 + min(step % 40, 10) * 4)
            gusty.observe(Self.snapshot(seconds: Double(step) * 0.2, serving: gusts, rateMilli: 20_000))
        }
        let narrow = try #require(even.estimate(ahead: 200))
        let wide = try #require(gusty.estimate(ahead: 200))
        #expect(narrow.contains(40) && wide.contains(40))
        #expect(wide.upperBound - wide.lowerBound > 2 * (narrow.upperBound - narrow.lowerBound))
    }

    @Test func estimate_anotherEpoch_startsAnew() throws {
        var estimator = WaitEstimator()
        for step in 0...200 { estimator.observe(Self.snapshot(seconds: Double(step) * 0.2, serving: Int64(step))) }
        estimator.observe(Self.snapshot(seconds: 50, serving: 3, epoch: 2))
        #expect(try #require(estimator.estimate(ahead: 1_000)).contains(100))
    }

    /// What visitors were told against when they were called: nine of ten ranges hold, and they are of use.
    @Test(arguments: [21, 22, 23] as [UInt64])
    func estimate_steadyCrowd_isHonestAndNarrow(seed: UInt64) throws {
        var crowd = try Crowd(limits: RoomPropertyTests.limits(inflowMilli: 30_000, burst: 30), seed: seed)
        crowd.noShowShare = 0.25
        crowd.arrivalsPerSecond = 45
        try crowd.join(1_000)
        try crowd.join(500)
        var estimator = WaitEstimator()
        var told: [(number: Int64, micros: Int64, range: ClosedRange<Int64>)] = []
        var called: [Int64: Int64] = [:]
        var serving = crowd.snapshot.serving
        for step in 0..<5_000 {
            try crowd.step()
            estimator.observe(crowd.snapshot)
            for number in serving..<max(serving, crowd.snapshot.serving) { called[number + 1] = crowd.nowMicros }
            serving = crowd.snapshot.serving
            if step % 25 == 0, step > 100 {
                let ahead = Int64.random(in: 0..<max(1, crowd.snapshot.waiting), using: &crowd.random)
                let range = try #require(estimator.estimate(ahead: ahead))
                told.append((serving + 1 + ahead, crowd.nowMicros, range))
            }
        }
        let scored = told.filter { called[$0.number] != nil }
        let held = scored.filter { $0.range.contains((called[$0.number]! - $0.micros + 500_000) / 1_000_000) }
        #expect(scored.count > 100)
        #expect(Double(held.count) / Double(scored.count) >= 0.9, "\(held.count) of \(scored.count)")
        let widths = scored.map { Double($0.range.upperBound - $0.range.lowerBound) / Double($0.range.upperBound) }
        #expect(widths.sorted()[widths.count / 2] < 0.5, "median width \(widths.sorted()[widths.count / 2])")
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
