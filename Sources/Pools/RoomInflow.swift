import Settings

/// How fast a room can let people in, whatever the rate: its slots bind as well.
public enum RoomInflow {
    /// Visitors a second, over the next `goalSeconds`: at most the configured inflow, and at most what the slots give: the
    /// free ones spread over that time, and as many again as are given back. At least every session ends when its time is
    /// up; how many end sooner is seen in `admissionsPerSecond`, since where the slots bind one comes for each who goes.
    ///
    /// However long the line, workers beyond this have nothing to do.
    public static func limitPerSecond(
        of room: RoomSettings,
        freeSlots: Int64,
        admissionsPerSecond: Double,
        goalSeconds: Double
    ) -> Double {
        precondition(goalSeconds > 0, "the drain goal is a length of time")
        let free = Double(min(room.slots, max(0, freeSlots))) / goalSeconds
        let expiring = Double(room.slots) * 1_000_000 / Double(max(1, room.sessionMicros))
        return min(Double(room.inflowMilli) / 1_000, free + max(expiring, admissionsPerSecond))
    }
}
