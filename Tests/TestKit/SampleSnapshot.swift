import Admission

extension RoomSnapshot {
    /// A room of 10 slots and 2 a second, as a tick would tell.
    public static func sample(
        nowMicros: Int64 = 1_700_000_100_000_000,
        epoch: Int64 = 1_700_000_000,
        incarnation: Int64 = 1,
        issued: Int64,
        serving: Int64,
        sessionMicros: Int64 = 600_000_000
    ) -> RoomSnapshot {
        var snapshot = RoomSnapshot(
            nowMicros: nowMicros,
            epoch: epoch,
            incarnation: incarnation,
            issued: issued,
            serving: serving,
            admitted: 0,
            sessions: 0,
            door: 0,
            rateMilli: 2_000,
            tokensNano: 0,
            burst: 1,
            slots: 10,
            showUpPermille: 1_000,
            opensAtMicros: 0
        )
        snapshot.limits = RoomLimits(
            inflowMilli: 2_000,
            burst: 1,
            slots: 10,
            sessionMicros: sessionMicros,
            claimMicros: 300_000_000,
            horizonMicros: 2_000_000
        )
        return snapshot
    }
}
