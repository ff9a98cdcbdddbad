import Testing

@testable import Admission

/// Promises about the use of the rate and the slots, and about what visitors are told, kept with a whole line of
/// visitors in virtual time. A failure names its seed.
@Suite struct LineTests {
    static func limits(
        _ perSecond: Int64,
        burst: Int64? = nil,
        slots: Int64 = 100_000,
        sessionSeconds: Int64 = 20,
        opensAtMicros: Int64 = 0
    ) -> RoomLimits {
        RoomLimits(
            inflowMilli: perSecond * 1_000,
            burst: burst ?? perSecond,
            slots: slots,
            sessionMicros: sessionSeconds * 1_000_000,
            claimMicros: 300_000_000,
            horizonMicros: 2_000_000,
            opensAtMicros: opensAtMicros
        )
    }

    /// Half of them at once, the others over two thirds of the time, and more than can be let in.
    static func rush(_ people: Double, noShowShare: Double, seconds: Double) -> [Line.Arrivals] {
        let half = Int(people / 2 / (1 - noShowShare))
        return [
            Line.Arrivals(from: 1, until: 1.5, count: half),
            Line.Arrivals(from: 1.5, until: seconds * 2 / 3, count: half),
        ]
    }

    static func rateBound(_ perSecond: Int64, noShowShare: Double, gateways: Int = 2, seed: UInt64) throws -> Line {
        let seconds = 70.0
        var line = Line(
            Line.Plan(
                limits: Self.limits(perSecond),
                arrivals: Self.rush(1.8 * Double(perSecond) * seconds, noShowShare: noShowShare, seconds: seconds),
                seconds: seconds,
                gateways: gateways,
                noShowShare: noShowShare,
                seed: seed
            )
        )
        try line.run()
        return line
    }

    static func slotsBound(
        noShowShare: Double,
        staySeconds: ClosedRange<Double>,
        releaseShare: Double,
        seed: UInt64
    ) throws -> Line {
        let (slots, seconds) = (100.0, 150.0)
        let stay = (staySeconds.lowerBound + staySeconds.upperBound) / 2 + 17 * (1 - releaseShare)
        var line = Line(
            Line.Plan(
                limits: Self.limits(50, slots: Int64(slots)),
                arrivals: Self.rush(1.5 * slots / stay * seconds, noShowShare: noShowShare, seconds: seconds),
                seconds: seconds,
                noShowShare: noShowShare,
                staySeconds: staySeconds,
                releaseShare: releaseShare,
                seed: seed
            )
        )
        try line.run()
        return line
    }

    /// Every tenth of the waits, at the first look and at later ones.
    static func expectHonest(
        _ line: Line,
        _ seconds: ClosedRange<Double>,
        width: Double,
        least: Double = 0.8,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        for isAtJoin in [true, false] {
            let promises = line.promises(seconds, atJoin: isAtJoin)
            guard promises.count >= 40 else { continue }
            let held = Line.heldByDecile(promises)
            #expect(held.allSatisfy { $0 >= least }, "at join \(isAtJoin): \(held)", sourceLocation: sourceLocation)
            let long = Line.medianWidth(Array(promises.suffix(promises.count / 2)))
            #expect(long <= width, "at join \(isAtJoin): median width \(long)", sourceLocation: sourceLocation)
        }
    }

    // MARK: The rate

    /// Seen before: 35 % of the rate unused with nine no-shows of ten, 67 % with nineteen of twenty, for ever.
    @Test(arguments: [0, 0.1, 0.3, 0.6, 0.8, 0.9, 0.95], [5, 20] as [Int64])
    func rate_anyNoShows_isUsed(noShowShare: Double, perSecond: Int64) throws {
        let line = try Self.rateBound(perSecond, noShowShare: noShowShare, seed: 7)
        let warm = line.undershoot(20...65)
        #expect(warm < 0.02, "\(warm) of the rate unused")
        // While nobody knows yet how few will come.
        let early = line.undershoot(1...20)
        #expect(early < (noShowShare > 0.7 ? 0.08 : 0.03), "\(early) of the rate unused in the first 20 s")
        #expect(JournalChecks(line.journal).overfullWindow() == nil)
        // Who was called too early waits at the door for a few seconds only.
        #expect(line.mostAtDoor(20...65) <= perSecond * 4 + 5)
        Self.expectHonest(line, 20...65, width: 2.2)
    }

    @Test func rate_changed_isUsedFromThenOn() throws {
        for noShowShare in [0, 0.6] {
            var line = Line(
                Line.Plan(
                    limits: Self.limits(20),
                    arrivals: Self.rush(6_000, noShowShare: noShowShare, seconds: 100),
                    seconds: 100,
                    changes: [(40, Self.limits(60)), (70, Self.limits(30))],
                    gateways: 3,
                    noShowShare: noShowShare,
                    seed: 11
                )
            )
            try line.run()
            for seconds in [20...40.0, 42...70.0, 72...99.0] {
                #expect(line.undershoot(seconds) < 0.02, "\(line.undershoot(seconds)) in \(seconds)")
            }
            #expect(JournalChecks(line.journal).overfullWindow() == nil)
            Self.expectHonest(line, 20...99, width: 2)
        }
    }

    @Test func rate_arrivalsInGusts_areToldTheTruth() throws {
        for noShowShare in [0, 0.6] {
            var line = Line(
                Line.Plan(
                    limits: Self.limits(20),
                    arrivals: (0..<6).map {
                        Line.Arrivals(
                            from: Double($0) * 20 + 1,
                            until: Double($0) * 20 + 2,
                            count: Int(450 / (1 - noShowShare))
                        )
                    },
                    seconds: 120,
                    gateways: 3,
                    noShowShare: noShowShare,
                    seed: 12
                )
            )
            try line.run()
            #expect(line.undershoot(20...119) < 0.02)
            Self.expectHonest(line, 20...119, width: 2)
        }
    }

    @Test func opening_crowdBefore_isToldTheTruth() throws {
        for noShowShare in [0, 0.6] {
            var line = Line(
                Line.Plan(
                    limits: Self.limits(20, opensAtMicros: Line.startMicros + 30_000_000),
                    arrivals: [.init(from: 1, until: 30, count: Int(2_000 / (1 - noShowShare)))],
                    seconds: 100,
                    noShowShare: noShowShare,
                    seed: 13
                )
            )
            try line.run()
            #expect(line.undershoot(50...99) < 0.02)
            // Before, nobody knows how many will show up: few are told, and a wider range.
            Self.expectHonest(line, 2...29, width: 5)
            Self.expectHonest(line, 40...99, width: 2)
        }
    }

    // MARK: The slots

    /// Seen before: 3 to 16 % of the slots unused, ranges like 28 to 1,029 s.
    @Test(arguments: [0, 0.3, 0.6, 0.9], [0, 1, 2, 3])
    func slots_anyNoShowsAndEnds_areUsed(noShowShare: Double, ends: Int) throws {
        // All released; half left to expire; all left to expire; in waves.
        let kind = [(5...25.0, 1.0), (5...25.0, 0.5), (2...6.0, 0.0), (17...23.0, 0.5)][ends]
        let line = try Self.slotsBound(noShowShare: noShowShare, staySeconds: kind.0, releaseShare: kind.1, seed: 9)
        let unused = line.unusedSlots(40...148)
        #expect(unused < 0.02, "\(unused) of the slots unused")
        // Waves of sessions that begin and end together leave a range of about a wave.
        Self.expectHonest(line, 60...148, width: ends >= 2 ? 4.5 : 3)
        let highest = line.promises(0...148).map(\.range.upperBound).max() ?? 0
        #expect(highest < 1_000, "told \(highest) s in a line of \(line.plan.seconds) s")
    }

    /// Far more were called than there are slots, since those who had been told to ask in two seconds were taken for
    /// no-shows after one. Seen before: 14, 17 and 20 inside for a whole session, and 8 to 13 outside.
    @Test(arguments: [(6, 6), (5, 1), (40, 2)] as [(Int64, Int64)])
    func slots_crowdAtOnce_theFirstHaveThem(perSecond: Int64, burst: Int64) throws {
        for seed in 1...20 as ClosedRange<UInt64> {
            var line = Line(
                Line.Plan(
                    limits: Self.limits(perSecond, burst: burst, slots: 12, sessionSeconds: 60),
                    arrivals: [.init(from: 1, until: 2, count: 30)],
                    seconds: 20,
                    staySeconds: 60...60,
                    releaseShare: 1,
                    seed: seed
                )
            )
            try line.run()
            let inside = line.visitors.filter { $0.state == .inside }.map(\.number).sorted()
            #expect(inside == Array(1...12), "seed \(seed)")
        }
    }

    /// While the slots fill up for the first time nobody can know when they come free again.
    @Test func slots_fillingUp_nothingIsToldBeyondThem() throws {
        let line = try Self.slotsBound(noShowShare: 0, staySeconds: 30...30, releaseShare: 1, seed: 3)
        #expect(line.toldShare(5...25) < 0.05)
        #expect(line.toldShare(80...140) > 0.2)
    }

    // MARK: An outage

    @Test func outage_estimate_standsAndSaysSo() throws {
        var estimator = WaitEstimator()
        #expect(!estimator.isFrozen(nowMicros: 5_000_000))
        for step in 0...100 {
            estimator.observe(
                WaitEstimatorTests.snapshot(seconds: Double(step) * 0.2, serving: Int64(step) * 2)
            )
        }
        let before = try #require(estimator.estimate(ahead: 500))
        #expect(!estimator.isFrozen(nowMicros: 22_000_000))
        #expect(estimator.isFrozen(nowMicros: 24_000_000))
        #expect(estimator.estimate(ahead: 500) == before)
        // The silence says nothing about how fast the line moves.
        estimator.observe(WaitEstimatorTests.snapshot(seconds: 80, serving: 202))
        let after = try #require(estimator.estimate(ahead: 500))
        #expect(abs(after.lowerBound - before.lowerBound) <= 2 && abs(after.upperBound - before.upperBound) <= 2)
        #expect(!estimator.isFrozen(nowMicros: 80_500_000))
    }

    @Test func outage_line_isUsedAgainSoonAfter() throws {
        var line = Line(
            Line.Plan(
                limits: Self.limits(20),
                arrivals: Self.rush(3_500, noShowShare: 0.5, seconds: 90),
                seconds: 90,
                outage: 30...38,
                noShowShare: 0.5,
                seed: 17
            )
        )
        try line.run()
        #expect(line.undershoot(45...89) < 0.02)
        Self.expectHonest(line, 45...89, width: 2)
    }
}
