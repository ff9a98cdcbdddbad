import Pools
import Settings
import Testing

@Suite struct RoomInflowTests {
    private func limit(inflow: Int64 = 1_000_000, free: Int64, admissions: Double = 0) -> Double {
        var room = RoomSettings(name: "sale", slots: 500, inflowMilli: inflow)
        room.sessionMicros = 600_000_000
        return RoomInflow.limitPerSecond(
            of: room,
            freeSlots: free,
            admissionsPerSecond: admissions,
            goalSeconds: 30
        )
    }

    /// 500 sessions of ten minutes: fewer than one a second ends, however many wait.
    @Test func limit_allSlotsTaken_isWhatTheSessionsGiveBack() {
        #expect(abs(self.limit(free: 0) - 500.0 / 600) < 1e-9)
    }

    @Test func limit_visitsEndSoonerThanTheirSessions_isWhatWasSeen() {
        #expect(self.limit(free: 0, admissions: 12) == 12)
    }

    @Test func limit_slotsFree_areSpreadOverTheDrainGoal() {
        #expect(abs(self.limit(free: 300) - (10 + 500.0 / 600)) < 1e-9)
        #expect(self.limit(free: 9_999_999) == self.limit(free: 500), "no room has more than its slots")
    }

    @Test func limit_inflowIsLower_binds() {
        #expect(self.limit(inflow: 2_000, free: 500, admissions: 50) == 2)
        #expect(self.limit(inflow: 0, free: 500) == 0)
    }
}
