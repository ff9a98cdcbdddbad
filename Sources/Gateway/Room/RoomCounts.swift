/// What one loop counts for one room.
struct RoomCounts: Sendable {
    var joined: UInt64 = 0
    var admitted: UInt64 = 0
    var lapsed: UInt64 = 0
    var released: UInt64 = 0
    /// Tokens treated as none, by reason.
    var tokensForged: UInt64 = 0
    var tokensForeign: UInt64 = 0
    var tokensExpired: UInt64 = 0
    var tokensRevoked: UInt64 = 0
    /// Of a line that a reset has ended.
    var tokensVoid: UInt64 = 0
    /// Genuine, and bound to somebody else.
    var tokensElsewhere: UInt64 = 0
    /// Requests of one visitor beyond what may be under way at once, or on connections beyond what may carry the pass.
    var visitorsLimited: UInt64 = 0
    var storeFailures: UInt64 = 0

    mutating func add(_ other: RoomCounts) {
        self.joined += other.joined
        self.admitted += other.admitted
        self.lapsed += other.lapsed
        self.released += other.released
        self.tokensForged += other.tokensForged
        self.tokensForeign += other.tokensForeign
        self.tokensExpired += other.tokensExpired
        self.tokensRevoked += other.tokensRevoked
        self.tokensVoid += other.tokensVoid
        self.tokensElsewhere += other.tokensElsewhere
        self.visitorsLimited += other.visitorsLimited
        self.storeFailures += other.storeFailures
    }
}
