import Primitives
import Testing

@testable import Admission

/// What the rules promise, on random crowds. Seeds are the arguments; a failure names its own.
@Suite struct RoomPropertyTests {
    static func limits(
        inflowMilli: Int64 = 50_000,
        burst: Int64 = 10,
        slots: Int64 = 100_000,
        claimMicros: Int64 = 30_000_000,
        opensAtMicros: Int64 = 0
    ) -> RoomLimits {
        RoomLimits(
            inflowMilli: inflowMilli,
            burst: burst,
            slots: slots,
            sessionMicros: 60_000_000,
            claimMicros: claimMicros,
            horizonMicros: 2_000_000,
            opensAtMicros: opensAtMicros
        )
    }

    @Test(arguments: [1, 2, 3, 4, 5, 0xBEEF] as [UInt64])
    func anyCrowd_changingLimits_keepsRateSlotsOrderAndUniqueness(seed: UInt64) throws {
        var crowd = try Crowd(limits: Self.limits(), seed: seed)
        crowd.gateways = 3
        crowd.noShowShare = 0.2
        crowd.hangUpsPerSecond = 2
        for _ in 0..<12 {
            crowd.limits = Self.limits(
                inflowMilli: [0, 700, 20_000, 90_000].randomElement(using: &crowd.random)!,
                burst: [1, 3, 30].randomElement(using: &crowd.random)!,
                slots: [5, 60, 1_000].randomElement(using: &crowd.random)!
            )
            crowd.arrivalsPerSecond = Double.random(in: 0...80, using: &crowd.random)
            let bound = Bool.random(using: &crowd.random) ? nil : Int64.random(in: 0...60_000, using: &crowd.random)
            _ = try crowd.model.setAllowedRate(bound, fence: 1, nowMicros: crowd.nowMicros)
            try crowd.run(seconds: 3)
        }
        #expect(!crowd.slotsWereExceeded)
        // The journal begins with the limits that the first tick wrote.
        let checks = JournalChecks(crowd.journal)
        #expect(checks.admissions.count > 60)
        #expect(checks.overfullWindow() == nil)
        #expect(checks.inversion() == nil)
        #expect(!checks.hasDuplicates)
    }

    /// The room calls ahead by the share that shows up, so the backend is used whatever that share is. Below a quarter
    /// the cap on outstanding calls begins to bind.
    @Test(arguments: [(0.0, 0.97), (0.3, 0.97), (0.6, 0.97), (0.75, 0.95), (0.85, 0.85)])
    func crowdedLine_noShows_stillUsesTheRate(noShowShare: Double, leastShare: Double) throws {
        var crowd = try Crowd(limits: Self.limits(inflowMilli: 40_000, burst: 40), seed: 7)
        crowd.noShowShare = noShowShare
        for _ in 0..<24 { try crowd.join(500) }
        try crowd.run(seconds: 15)
        let warm = crowd.model.record.admitted
        try crowd.run(seconds: 20)
        let share = Double(crowd.model.record.admitted - warm) / (40 * 20)
        #expect(share > leastShare && share < 1.06, "\(share) of the rate")
        let measured = Double(crowd.snapshot.showUpPermille) / 1000
        #expect(abs(measured - (1 - noShowShare)) < 0.12, "show-up ratio \(measured)")
    }

    @Test func fullRoom_nobodyLeavesUntilLater_callsNoMoreThanSlots() throws {
        var crowd = try Crowd(limits: Self.limits(slots: 50), seed: 3)
        crowd.stayMicros = 40_000_000...40_000_000
        for _ in 0..<2 { try crowd.join(500) }
        try crowd.run(seconds: 20)
        #expect(crowd.mostSessions == 50)
        #expect(crowd.model.record.admitted == 50)
        #expect(crowd.snapshot.serving <= 100)
        try crowd.run(seconds: 30)
        #expect(crowd.mostSessions == 50)
        #expect(crowd.model.record.admitted > 80)
    }

    @Test func closedRoom_untilItOpens_callsNobodyThenServesInOrder() throws {
        let start: Int64 = 1_700_000_000_000_000
        var crowd = try Crowd(limits: Self.limits(opensAtMicros: start + 5_000_000), seed: 11)
        crowd.arrivalsPerSecond = 100
        try crowd.run(seconds: 4.9)
        #expect(crowd.model.record.serving == 0)
        #expect(crowd.model.record.issued > 400)
        try crowd.run(seconds: 15)
        let checks = JournalChecks(crowd.journal)
        #expect(checks.admissions.count > 400)
        #expect(checks.inversion() == nil)
        #expect(checks.overfullWindow() == nil)
    }

    /// A burst of one token and ticks of 200 ms at 20 a second: whoever asks lets in the door, so the bucket seldom
    /// overflows.
    @Test func smallBurst_steadyArrivals_isNotBoundToTicks() throws {
        var crowd = try Crowd(limits: Self.limits(inflowMilli: 20_000, burst: 1), seed: 5)
        crowd.arrivalsPerSecond = 60
        try crowd.run(seconds: 5)
        let before = crowd.model.record.admitted
        try crowd.run(seconds: 20)
        let share = Double(crowd.model.record.admitted - before) / (20 * 20)
        #expect(share > 0.5, "\(share) of the rate")
        #expect(JournalChecks(crowd.journal).inversion() == nil)
    }
}
