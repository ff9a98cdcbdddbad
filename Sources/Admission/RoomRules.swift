/// The constants of the rules. `room.lua` states the same values; the differential test holds them equal.
public enum RoomRules {
    /// The last place of a line: the highest offset of a Redis bitmap.
    public static let lastNumber: Int64 = 4_294_967_295
    /// Places of one `join`, numbers of one `exchange`, `renew`, `release` or `leave`, visitors at the door that one
    /// call looks at. Callers split beyond it. With a million inside, twice as many took Redis longer than 5 ms.
    public static let largestBatch = 500
    /// Numbers skipped when the shared state has lost something, so that none is handed out twice.
    public static let regressGap: Int64 = 65_536
    /// A loss takes the line on by so many times the gap at most, by one more each tenth of a second: two losses that
    /// do not know of each other end at different numbers.
    public static let regressSteps: Int64 = 16
    static let regressStepMicros: Int64 = 100_000
    /// Numbers of one block at most.
    public static let largestBlock: Int64 = 4_096
    /// Visitors at the door whose gateway has not ticked for longer than this are gone.
    public static let doorSilenceMicros: Int64 = 1_000_000
    /// Entries that the journal keeps at least; older ones may go.
    public static let journalEntries = 100_000
    /// The controller's bound on the rate holds for this long; then the stated fallback does.
    public static let allowedLeaseMicros: Int64 = 3_000_000

    /// Entries of older lines, gaps, leased blocks and pauses that a record holds at most.
    static let maxOlderLines = 4
    static let maxGaps = 8
    static let maxBlocks = 64
    static let maxPauses = 8

    static let nanoTokens: Int64 = 1_000_000_000
    static let partsPerMillion: Int64 = 1_000_000
    static let markGapMicros: Int64 = 50_000
    static let marksOfAClaim: Int64 = 2_048
    static let marksThinnedAtOnce = 4
    static let perMille: Int64 = 1_000
    /// The past weighs as much as this many fresh places, as nearly nothing in a new room.
    static let showUpMemoryPlaces: Int64 = 200
    static let showUpPriorPlaces: Int64 = 4
    /// Older calls are looked at no more.
    static let showUpSettledHorizons: Int64 = 4
    /// How much the measured ends of sessions weigh against the latest; after a longer pause their measure begins anew.
    static let endsMemory: Int64 = 3
    static let endsSilenceHorizons: Int64 = 4
    static let leastShowUp: Int64 = 20_000
    static let callCapFactor: Int64 = 50
    static let olderCallFactor: Int64 = 4
    static let olderCallMicros: Int64 = 30_000_000
    /// A block begins at least this far ahead of the last number, and is moved when that comes nearer than the second.
    static let blockLead: Int64 = 8_192
    static let blockNearest: Int64 = 4_096
    /// No block lies further ahead: after a loss the line goes on behind this and the gap.
    static let blockSpan = Self.blockLead + Int64(Self.maxBlocks) * Self.largestBlock
    static let heartbeatMicros: Int64 = 250_000
    /// A call may be on its way for so long before it looks as if the clock was set forward.
    public static let reckoningMicros: Int64 = 1_000_000
    static let healthMicros: Int64 = 3_000_000
    static let gatewayMemoryMicros: Int64 = 60_000_000
    static let doorSweep = 256
    /// Visitors looked at when a gateway comes back.
    static let returnSweep = 4_000
    /// Who says nothing for longer than this could not: what they were to do meanwhile waits for them.
    static let silenceMicros: Int64 = 3_000_000
    static let eventsKept: Int64 = 8_192
    static let eventsTold = 1_000
    static let keepMicros: Int64 = 60_000_000
    static let trimmedAtOnce: Int64 = 1_000
}
