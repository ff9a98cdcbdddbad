import Admission
import Primitives

/// How a room's ticks go, as the gateway's home loop sees them: when the next one is due, since when there is no answer,
/// and what that makes of the room. A value without clock or store.
///
/// How long something takes is told by a clock that nobody sets; by the wall clock only what day and hour it is.
public struct RoomPulse: Sendable {
    /// A tick in so many is sent for a room in which nobody waits.
    public static let idleTicks = 10
    /// One missed tick is a hiccup, or a connection that is being made.
    public static let missedTicksWorthTelling = 5
    /// Without an answer for longer than this, the shared state counts as away.
    public static let patienceNanoseconds = Nanoseconds.perSecond

    public private(set) var isTicking = false
    /// Ticks in a row that got no answer.
    public private(set) var missed = 0
    /// The cursor in the shared state's events.
    public private(set) var eventsSeen: Int64?
    /// How far the room's time is ahead of this machine's clock.
    public private(set) var offsetMicros: Int64 = 0
    /// What the next tick repeats, so that the shared state knows that its answer has arrived.
    public private(set) var returnedMicros: Int64 = 0
    public private(set) var snapshot: RoomSnapshot?
    /// When that came, by either clock: what is shown of the room is as of then.
    public private(set) var answeredAt: (now: Instant, wallMicros: Int64)?
    /// When it was last seen that two gateways have different limits of one generation.
    private var conflictAt: Instant?
    /// The highest generation of the settings that was ever in force here.
    public private(set) var generationHeard: Int64 = 0
    /// What the loops were told last.
    public var toldMode = RoomMode.normal
    /// Ticks left out because nobody waits.
    private var skipped = 0
    /// What the loops had done in the room at the last tick.
    private var activity = 0
    private var isIdle = false
    /// What the last tick said of the workers.
    private var sawWorkers = true
    /// The shared state has heard that this gateway sees no healthy worker.
    public private(set) var isRestTold = false
    public private(set) var sentAt = Instant(nanoseconds: 0)
    /// When the first tick was sent that has not been followed by an answer, by either clock.
    public private(set) var unansweredSince: (now: Instant, wallMicros: Int64)?
    /// Why the last tick had no good answer; nil when it had one.
    public private(set) var lastError: StoreError?

    public init() {}

    // MARK: Ticks

    /// Whether a tick is to be sent now. Rooms in which somebody waits, or that somebody has entered since, move on
    /// with every tick, and all when the first worker is there or the last has gone; the others once in a while, so
    /// that a hundred rooms that are not on sale cost little.
    public mutating func isDue(activity: Int, seesWorkers: Bool = true, isForced: Bool) -> Bool {
        let hasNews = activity != self.activity || seesWorkers != self.sawWorkers
        let isDue = isForced || hasNews || !self.isIdle || self.skipped >= Self.idleTicks - 1
        guard isDue, !self.isTicking else {
            self.skipped += 1
            return false
        }
        return true
    }

    public mutating func sent(activity: Int, seesWorkers: Bool = true, now: Instant, wallMicros: Int64) {
        self.isTicking = true
        self.sawWorkers = seesWorkers
        self.skipped = 0
        self.activity = activity
        self.sentAt = now
        if self.unansweredSince == nil { self.unansweredSince = (now, wallMicros) }
    }

    /// What an answer tells the operator.
    public struct Arrival: Equatable, Sendable {
        /// The room stood still before.
        public var isBack = false
        public var change: LineChange?
    }

    public mutating func answered(_ answer: TickAnswer, now: Instant, wallMicros: Int64) -> Arrival {
        let arrival = Arrival(
            isBack: self.missed >= Self.missedTicksWorthTelling,
            change: LineChange(from: self.snapshot, to: answer.snapshot)
        )
        self.noteConflict(answer.snapshot, now: now)
        self.answeredAt = (now, wallMicros)
        self.isTicking = false
        self.missed = 0
        self.unansweredSince = nil
        self.lastError = nil
        self.eventsSeen = answer.events
        self.returnedMicros = answer.returnedMicros
        self.isRestTold = !self.sawWorkers
        // Numbers are set aside for a gateway that knows the line: it is to have them before anything happens.
        let isNewLine = self.snapshot?.epoch != answer.snapshot.epoch
        self.snapshot = answer.snapshot
        self.generationHeard = max(self.generationHeard, answer.snapshot.generation)
        self.isIdle = Self.isIdle(answer.snapshot) && !isNewLine
        // The room's time was told somewhere between the question and now: taken for the middle, it is wrong by no more
        // than half of the round trip.
        let halfMicros = now.nanoseconds(since: self.sentAt) / Nanoseconds.perMicrosecond / 2
        self.offsetMicros = answer.snapshot.nowMicros - (wallMicros - halfMicros)
        return arrival
    }

    /// The shared state tells the gateway whose limits came second, and counts: by the count the one whose limits are in
    /// force sees it as well.
    private mutating func noteConflict(_ snapshot: RoomSnapshot, now: Instant) {
        let isOfOneCount = self.snapshot.map { $0.epoch == snapshot.epoch && $0.generation == snapshot.generation }
        if isOfOneCount == false { self.conflictAt = nil }
        let hasRisen = isOfOneCount == true && snapshot.conflicts > self.snapshot?.conflicts ?? 0
        if snapshot.isConflicting || hasRisen { self.conflictAt = now }
    }

    /// Gateways tick once a second at least: a conflict that none of them has renewed for so long is over.
    public static let conflictNanoseconds = 5 * Nanoseconds.perSecond

    /// Two gateways have different limits of the generation in force, as of the last answer.
    public var hasConflict: Bool {
        guard let conflictAt = self.conflictAt, let answeredAt = self.answeredAt else { return false }
        return answeredAt.now.nanoseconds(since: conflictAt) < Self.conflictNanoseconds
    }

    /// True when it is time to tell the operator.
    public mutating func failed(_ error: StoreError) -> Bool {
        self.isTicking = false
        self.lastError = error
        self.missed += 1
        self.isIdle = false
        return self.missed == Self.missedTicksWorthTelling
    }

    /// Nobody waits, and the bucket is as full as it will get: only somebody who comes changes anything.
    private static func isIdle(_ snapshot: RoomSnapshot) -> Bool {
        let isFull = snapshot.tokensNano >= snapshot.burst * 1_000_000_000
        return snapshot.waiting == 0 && snapshot.door == 0 && (isFull || snapshot.rateMilli == 0 || !snapshot.isOpen)
    }

    // MARK: What that makes of the room

    /// `healthy`: workers that this gateway sees; nil when it does not know.
    public func mode(healthy: Int64?, now: Instant) -> RoomMode {
        if let since = self.unansweredSince, now.nanoseconds(since: since.now) >= Self.patienceNanoseconds {
            return .degraded(sinceMicros: since.wallMicros)
        }
        return healthy == 0 || self.snapshot?.isHeld == true ? .held : .normal
    }
}
