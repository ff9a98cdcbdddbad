/// The constants of the rules. `room.lua` states the same values; the differential test holds them equal.
public enum RoomRules {
    /// The last place of a line: the highest offset of a Redis bitmap.
    public static let lastNumber: Int64 = 4_294_967_295
    /// Places of one `join`, numbers of one `exchange`, `renew`, `release` or `leave`. Callers split beyond it.
    public static let largestBatch = 4096
    /// A visitor at the door whose gateway does not ask for longer than this is gone. Gateways ask on every tick.
    public static let doorSilenceMicros: Int64 = 1_000_000
    /// Entries that the journal keeps at least; older ones may go.
    public static let journalEntries = 100_000

    static let nanoTokens: Int64 = 1_000_000_000
    static let partsPerMillion: Int64 = 1_000_000
    static let markGapMicros: Int64 = 50_000
    static let showUpMemoryPlaces: Int64 = 200
    static let showUpPriorPlaces: Int64 = 4
    static let showUpSettledHorizons: Int64 = 4
    static let leastShowUp: Int64 = 20_000
    static let callCapFactor: Int64 = 50
}
