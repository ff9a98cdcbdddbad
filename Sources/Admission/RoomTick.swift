/// What a gateway tells a room with each tick.
public struct RoomTick: Equatable, Sendable {
    /// Names the gateway (or its loop): 1 to 64 letters, digits, dots, dashes and underscores.
    public var gateway: String
    public var limits: RoomLimits
    /// Of the settings that `limits` come from: a higher one is taken, a lower one ignored.
    public var generation: Int64
    /// Healthy workers that the gateway sees; nil: it does not know.
    public var healthy: Int64?
    /// `TickAnswer.events` of the last answer taken in; nil: none yet.
    public var eventsSeen: Int64?
    public var block: BlockReport
    public var retention: RoomRetention
    /// Places of older lines that visitors have shown, one entry a line; at most 8.
    public var older: [SeenLine]
    /// The highest generation that an answer told this gateway to be in force: should the shared state have lost those
    /// limits, nobody is let in by older ones until they are back.
    public var generationHeard: Int64
    /// `TickAnswer.returnedMicros` of the last answer taken in; 0: none yet.
    public var returnedMicros: Int64

    public init(
        gateway: String,
        limits: RoomLimits,
        generation: Int64 = 0,
        healthy: Int64? = nil,
        eventsSeen: Int64? = nil,
        block: BlockReport = .none,
        retention: RoomRetention = RoomRetention(),
        older: [SeenLine] = [],
        generationHeard: Int64 = 0,
        returnedMicros: Int64 = 0
    ) {
        self.gateway = gateway
        self.limits = limits
        self.generation = generation
        self.healthy = healthy
        self.eventsSeen = eventsSeen
        self.block = block
        self.retention = retention
        self.older = older
        self.generationHeard = generationHeard
        self.returnedMicros = returnedMicros
    }
}

/// The numbers leased ahead to a gateway: it hands them out while the shared state is away.
public struct BlockReport: Equatable, Sendable {
    /// First number of the block that the gateway holds; 0: none.
    public var start: Int64
    /// The last number of it that was handed out; 0: none.
    public var used: Int64
    /// How many numbers a block should have, at most `RoomRules.largestBlock`; 0: none is wanted, and the one held is
    /// given up. Not a number of it may be handed out any more from then on, whether an answer comes or not.
    public var size: Int64

    public static let none = BlockReport(start: 0, used: 0, size: 0)

    public init(start: Int64, used: Int64, size: Int64) {
        self.start = start
        self.used = used
        self.size = size
    }
}

/// What is kept of a room, and for how long.
public struct RoomRetention: Equatable, Sendable {
    /// Journal entries at most.
    public var journalEntries: Int64
    /// Age of a journal entry at most.
    public var journalMicros: Int64
    /// All of a room that nobody has ticked for this long is removed.
    public var roomMillis: Int64

    public static let entriesRange: ClosedRange<Int64> = 1_000...100_000_000
    public static let journalMicrosRange: ClosedRange<Int64> = 60_000_000...315_360_000_000_000
    public static let roomMillisRange: ClosedRange<Int64> = 3_600_000...315_360_000_000

    public init(
        journalEntries: Int64 = Int64(RoomRules.journalEntries),
        journalMicros: Int64 = 30 * 86_400_000_000,
        roomMillis: Int64 = 30 * 86_400_000
    ) {
        self.journalEntries = journalEntries.clamped(to: Self.entriesRange)
        self.journalMicros = journalMicros.clamped(to: Self.journalMicrosRange)
        self.roomMillis = roomMillis.clamped(to: Self.roomMillisRange)
    }
}

/// What gateways have seen of an older line of the room: its places still count, before those of the current line.
public struct SeenLine: Equatable, Sendable {
    public var epoch: Int64
    /// The lowest and the highest number that a visitor showed.
    public var lowest: Int64
    public var highest: Int64
    /// Now-serving of that line, as far as it is known.
    public var serving: Int64

    public init(epoch: Int64, lowest: Int64, highest: Int64, serving: Int64) {
        self.epoch = epoch
        self.lowest = lowest
        self.highest = highest
        self.serving = serving
    }
}

/// An older line of the room: it was lost with the shared state, and is called before the current one.
public struct OlderLine: Equatable, Sendable {
    public var epoch: Int64
    public var issued: Int64
    public var serving: Int64

    public init(epoch: Int64, issued: Int64, serving: Int64) {
        self.epoch = epoch
        self.issued = issued
        self.serving = serving
    }
}

/// A pass that is to be renewed.
public struct Renewal: Equatable, Sendable {
    public var id: Int64
    /// When the pass in the visitor's hand expires: a session that the shared state has forgotten is made anew.
    public var expiresMicros: Int64

    public init(id: Int64, expiresMicros: Int64) {
        self.id = id
        self.expiresMicros = expiresMicros
    }
}
