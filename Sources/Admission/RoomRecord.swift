/// The numbers of a room; in Redis, the fields of the hash `state`. All integers.
struct RoomRecord: Equatable, Sendable {
    /// 0: there is no room.
    var epoch: Int64 = 0
    var issued: Int64 = 0
    var serving: Int64 = 0
    var admitted: Int64 = 0
    /// Places admitted in the moment they joined.
    var direct: Int64 = 0
    /// Nano-tokens in the bucket as of `refilled`.
    var tokens: Int64 = 0
    var refilled: Int64 = 0
    /// The rate in force: the lower of `inflow` and `allowed`.
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
        return self == same
    }
}
