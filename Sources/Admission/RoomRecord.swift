/// The numbers of a room; in Redis, the fields of the hash `state`.
struct RoomRecord: Equatable, Sendable {
    /// Numbers that were skipped, ends included.
    struct Gap: Equatable { var from, to: Int64 }
    /// Numbers leased ahead to a gateway, ends included.
    struct Block: Equatable { var start, end: Int64, gateway: String }
    /// How long nobody could ask, and until when.
    struct Pause: Equatable { var until, micros: Int64 }

    /// 0: there is no room.
    var epoch: Int64 = 0
    var issued: Int64 = 0
    var serving: Int64 = 0
    var admitted: Int64 = 0
    /// Places admitted in the moment they joined.
    var direct: Int64 = 0
    /// Nano-tokens in the bucket as of `refilled`, on the room's time.
    var tokens: Int64 = 0
    var refilled: Int64 = 0
    /// The rate in force: `inflow` as bounded by `allowed`.
    var rate: Int64 = 0
    var burst: Int64 = 0
    var slots: Int64 = 0
    var inflow: Int64 = 0
    /// The controller's bound; -1: none.
    var allowed: Int64 = -1
    var fence: Int64 = 0
    var session: Int64 = 0
    var claim: Int64 = 0
    var horizon: Int64 = 0
    var opens: Int64 = 0
    /// Parts per million of the called who come in time.
    var showUp: Int64 = RoomRules.partsPerMillion
    /// Where now-serving stood before the oldest mark.
    var floor: Int64 = 0
    /// Over how many places that was measured, at most `RoomRules.showUpMemoryPlaces`.
    var showUpPlaces: Int64 = 0
    /// Thousandths of a session that end within a horizon.
    var ends: Int64 = 0
    /// When that was last measured, how many had ended then, and how many were about to expire.
    var endsAt: Int64 = 0
    var endsBefore: Int64 = 0
    var due: Int64 = 0
    /// Thousandths of a session that were about to expire, on average.
    var dueMean: Int64 = 0
    /// How far the show-up ratio has been measured.
    var sampled: Int64 = 0
    var sampledDirect: Int64 = 0
    /// The newest mark, again.
    var mark: Int64 = 0
    var markServing: Int64 = 0
    var markDirect: Int64 = 0

    // Since version 2 of the script.

    /// How often this line has lost something.
    var incarnation: Int64 = 1
    /// The Redis server that the record was last written by.
    var run: Int64 = 0
    /// What the clock is behind the room's time, which never goes back.
    var skew: Int64 = 0
    /// Of the settings that `settled` comes from; the latter is what every tick enforces, nil before the first.
    var generation: Int64 = 0
    var settled: RoomLimits?
    /// The highest generation that a gateway has heard of here; until when its limits may still come back.
    var heard: Int64 = 0
    var heardUntil: Int64 = 0
    var ignored: Int64 = 0
    var conflicts: Int64 = 0
    /// Until when `allowed` is leased.
    var allowedUntil: Int64 = 0
    var isHeld = false
    /// Ascending, at most `RoomRules.maxGaps`.
    var gaps: [Gap] = []
    /// Oldest first, at most `RoomRules.maxOlderLines`; when places of one were last called for.
    var older: [OlderLine] = []
    var olderCalled: Int64 = 0
    var voidBefore: Int64 = 0
    /// Sessions lost and not shown up yet, until `lostUntil`.
    var lost: Int64 = 0
    var lostUntil: Int64 = 0
    /// Ascending, at most `RoomRules.maxBlocks`.
    var blocks: [Block] = []
    /// Ascending, at most `RoomRules.maxPauses`: of more outages within one claim window, only the latest count.
    var pauses: [Pause] = []
    /// When a gateway last called: the controller's calls are none.
    var asked: Int64 = 0
    /// A silence has gone by, and the first to call after it did not know the line: until then the others may say how
    /// many were inside before it.
    var insideUntil: Int64 = 0
    /// Which of the watched keys the last call left behind, one bit each, and how many live sessions; in Redis, what is
    /// missing since was deleted or evicted. When a script of version 1 was noticed last: here never.
    var present: Int64 = 0
    var inside: Int64 = 0
    var mixed: Int64 = 0
    /// Since when the gateways are to say anew who stands at their doors.
    var away: Int64 = 0
    /// The latest silence: sessions that ran out in it are kept for one session's length.
    var silentFrom: Int64 = 0
    var silentTo: Int64 = 0
    /// The last number before those that the latest loss skipped. Until `waitsUntil` gateways may still tell which of
    /// those were handed out.
    var regressed: Int64 = 0
    var waitsUntil: Int64 = 0
    /// The last event's number.
    var events: Int64 = 0
    /// How far marks are thinned; how far the door is swept, 0: from its beginning.
    var coarse: Int64 = 0
    var swept: Int64 = 0
    /// Journal entries trimmed; when what is kept was last looked after.
    var trimmed: Int64 = 0
    var kept: Int64 = 0
    /// How many milliseconds all of the room lives on when nobody ticks it; 0 before the first tick. Here nothing ends
    /// by itself; in Redis whatever is written lives that long at most.
    var retention: Int64 = 0

    /// Exact in integers; a bucket that would overflow is full long before.
    mutating func refill(nowMicros: Int64) {
        let elapsed = nowMicros - self.refilled
        guard elapsed > 0 else { return }
        let full = self.burst * RoomRules.nanoTokens
        let (product, overflow) = elapsed.multipliedReportingOverflow(by: self.rate)
        self.tokens = overflow || product >= full ? full : min(full, self.tokens + product)
        self.refilled = nowMicros
    }

    func equalsBesidesBucket(_ other: RoomRecord) -> Bool {
        var same = other
        same.tokens = self.tokens
        same.refilled = self.refilled
        same.asked = self.asked
        return self == same
    }

    /// The rate in force at `nowMicros`: past its lease, the controller's bound gives way to a tenth of the inflow.
    func rateInForce(nowMicros: Int64) -> Int64 {
        guard self.allowed >= 0 else { return self.inflow }
        let left = self.allowedUntil - nowMicros
        let isLeased = left > 0 && left <= RoomRules.allowedLeaseMicros
        return min(self.inflow, isLeased ? self.allowed : max(self.allowed, self.inflow / 10))
    }
}
