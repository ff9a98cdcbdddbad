/// `room.lua` and how to talk to it: the keys, the arguments of each operation, and the meaning of each answer.
///
/// A store sends `EVALSHA sha 9 key... argument...` (after `SCRIPT LOAD source`, again whenever Redis says NOSCRIPT)
/// and hands the flat list of integers that comes back to the parser of that operation.
public enum RoomScript {
    /// The script's text, as `SCRIPT LOAD` takes it. Needs Redis 7.
    public static var source: [UInt8] { PackageResources.room_lua }

    /// The keys of room `name` in the order that the script expects; one hash tag, so one slot of a Redis Cluster.
    public static func keys(room name: String) -> [String] {
        ["state", "sessions", "arrived", "exchanged", "door", "since", "seen", "marks", "journal"]
            .map { "sluice:{\(name)}:\($0)" }
    }

    /// The stream that holds the room's `JournalEntry` fields.
    public static func journalKey(room name: String) -> String { "sluice:{\(name)}:journal" }

    public enum Operation: Equatable, Sendable {
        /// 1 to `RoomRules.largestBatch` places.
        case join(count: Int)
        case tick(RoomLimits, known: KnownMarks)
        /// At most `RoomRules.largestBatch` numbers, in any order; so for the next three.
        case exchange([Int64])
        case renew([Int64])
        case release([Int64])
        case leave([Int64])
        /// nil: no bound.
        case setAllowedRate(rateMilli: Int64?, fence: Int64)

        /// The ARGV of the call. `clockMicros` stands in for Redis's own clock; only tests give it.
        public func arguments(clockMicros: Int64? = nil) -> [String] {
            let clock = clockMicros.map(String.init) ?? ""
            switch self {
            case .join(let count): return ["join", String(count), clock]
            case .tick(let limits, let known):
                let integers = [
                    limits.inflowMilli, limits.burst, limits.slots, limits.sessionMicros, limits.claimMicros,
                    limits.horizonMicros, limits.opensAtMicros, known.epoch, known.issued, known.serving,
                ]
                return ["tick"] + integers.map(String.init) + [clock]
            case .exchange(let numbers): return ["exchange"] + numbers.map(String.init) + [clock]
            case .renew(let numbers): return ["renew"] + numbers.map(String.init) + [clock]
            case .release(let numbers): return ["release"] + numbers.map(String.init) + [clock]
            case .leave(let numbers): return ["leave"] + numbers.map(String.init) + [clock]
            case .setAllowedRate(let rateMilli, let fence):
                let rate = rateMilli.map { $0.clamped(to: RoomLimits.inflowMilliRange) } ?? -1
                return ["allow", String(rate), String(fence), clock]
            }
        }
    }

    // MARK: Answers

    public static func joinGrant(_ reply: [Int64]) throws(RoomError) -> JoinGrant {
        try self.expect(reply, count: 6, of: "join")
        return JoinGrant(
            epoch: reply[0],
            first: reply[1],
            count: reply[2],
            admitted: reply[3],
            expiresMicros: reply[4],
            serving: reply[5]
        )
    }

    public static func tickAnswer(_ reply: [Int64]) throws(RoomError) -> TickAnswer {
        try self.expect(reply, count: 14, orMore: true, of: "tick")
        let snapshot = RoomSnapshot(
            nowMicros: reply[0],
            epoch: reply[1],
            issued: reply[2],
            serving: reply[3],
            admitted: reply[4],
            sessions: reply[5],
            door: reply[6],
            rateMilli: reply[7],
            tokensNano: reply[8],
            burst: reply[9],
            slots: reply[10],
            showUpPermille: reply[11],
            opensAtMicros: reply[12]
        )
        return TickAnswer(
            snapshot: snapshot,
            others: DoorAdmissions(numbers: Array(reply.dropFirst(14)), expiresMicros: reply[13])
        )
    }

    /// `count`: how many numbers were sent.
    public static func exchangeAnswer(_ reply: [Int64], count: Int) throws(RoomError) -> ExchangeAnswer {
        try self.expect(reply, count: count + 1, orMore: true, of: "exchange")
        var outcomes: [ExchangeOutcome] = []
        outcomes.reserveCapacity(count)
        for code in reply.prefix(count) {
            switch code {
            case 1...: outcomes.append(.admitted(expiresMicros: code))
            case 0: outcomes.append(.notServed)
            case -1: outcomes.append(.atDoor)
            case -2: outcomes.append(.lapsed)
            case -3: outcomes.append(.ended)
            default: throw .refused("exchange answered \(code), which no version of room.lua does: reload the script")
            }
        }
        return ExchangeAnswer(
            outcomes: outcomes,
            others: DoorAdmissions(numbers: Array(reply.dropFirst(count + 1)), expiresMicros: reply[count])
        )
    }

    /// For each of the `count` numbers sent the new expiry, nil when its session is gone.
    public static func renewedExpiries(_ reply: [Int64], count: Int) throws(RoomError) -> [Int64?] {
        try self.expect(reply, count: count, of: "renew")
        return reply.map { $0 > 0 ? $0 : nil }
    }

    /// How many slots became free.
    public static func releasedCount(_ reply: [Int64]) throws(RoomError) -> Int {
        try self.expect(reply, count: 1, of: "release")
        return Int(reply[0])
    }

    /// How many stood at the door.
    public static func leftCount(_ reply: [Int64]) throws(RoomError) -> Int {
        try self.expect(reply, count: 1, of: "leave")
        return Int(reply[0])
    }

    public static func allowedRate(_ reply: [Int64]) throws(RoomError) -> AllowedRateAnswer {
        try self.expect(reply, count: 2, of: "allow")
        return AllowedRateAnswer(isTaken: reply[0] == 1, rateMilli: reply[1])
    }

    /// What an error reply of the script means. NOSCRIPT and Redis's own errors come out as `.refused`: a store looks
    /// for those first.
    public static func error(_ text: String) -> RoomError {
        switch text.prefix(while: { $0 != " " }) {
        case "NOROOM": .noRoom
        case "LINEFULL": .lineFull
        case "BATCH": .batch
        default: .refused(text)
        }
    }

    private static func expect(
        _ reply: [Int64],
        count: Int,
        orMore: Bool = false,
        of operation: String
    ) throws(RoomError) {
        guard reply.count == count || orMore && reply.count > count else {
            throw .refused(
                "\(operation) answered \(reply.count) integers instead of \(count): is room.lua of this version loaded?"
            )
        }
    }
}
