import Testing

/// How long nobody has led, in looks at Redis and at the controller that stands by. Each look takes an answer of both
/// and comes at least 5 ms after the one before: on a slow machine there are fewer of them in a second, never more.
struct LeadWatch {
    static let key = "sluice:{controller}:leader"
    /// What is left of three seconds when a lead of 2.5 s is over is half a second, a hundred looks at most.
    private static let mostLooks = 100
    private let redis: RedisShell
    private let leader: String

    /// Looks whose the lead is, just before something happens to that controller.
    init(_ redis: RedisShell) throws {
        self.redis = redis
        self.leader = try #require(try redis("GET", Self.key).first, "nobody leads")
    }

    /// Whatever became of the one that led, another one leads within three seconds: the lead lasts no longer than
    /// 2.5 s, and when it is over the other one takes it at one of its next tries, four of which come in a second.
    ///
    /// To be called when the leader renews its lead no more.
    func expectLead(of other: SluiceProcess) throws {
        let leftMilliseconds = try self.redis.number("PTTL", Self.key) ?? -1
        #expect(leftMilliseconds != -1 && leftMilliseconds <= 2_500, "a lead of \(leftMilliseconds) ms")
        var looks = 0
        try Patience.wait(for: "\(other.name) to lead") {
            let isHeld = try self.redis("GET", Self.key).first == self.leader
            if try other.leads() { return true }
            if !isHeld { looks += 1 }
            return false
        }
        #expect(looks <= Self.mostLooks, "\(looks) looks at a site that nobody leads")
    }
}
