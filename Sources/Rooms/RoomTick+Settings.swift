import Admission
import Settings

extension RoomTick {
    /// What a gateway tells the shared state of itself and of the room as its file has it. `healthy`: workers behind the
    /// room that it sees; nil when that is not known.
    public init(
        gateway: String,
        room: RoomSettings,
        generation: Int64,
        healthy: Int64?,
        pulse: RoomPulse,
        block: BlockReport,
        older: [SeenLine]
    ) {
        self.init(
            gateway: gateway,
            limits: RoomLimits(room),
            generation: generation,
            healthy: healthy,
            eventsSeen: pulse.eventsSeen,
            block: block,
            retention: RoomRetention(
                journalEntries: Int64(room.journalEntries),
                journalMicros: room.journalMicros,
                roomMillis: room.retentionMicros / 1_000
            ),
            older: older,
            generationHeard: pulse.generationHeard,
            returnedMicros: pulse.returnedMicros
        )
    }
}
