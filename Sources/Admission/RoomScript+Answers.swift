/// The answers of `room.lua`.
extension RoomScript {
    public static func joinGrant(_ reply: RoomReply) throws(RoomError) -> JoinGrant {
        let values = try NamedValues(reply, of: "join")
        let grant = JoinGrant(
            line: try Self.line(values),
            first: try values.integer("first", in: 1...RoomRules.lastNumber),
            count: try values.integer("count", in: 1...Int64(RoomRules.largestBatch)),
            admitted: try values.integer("admitted", in: 0...Int64(RoomRules.largestBatch)),
            expiresMicros: try values.integer("expiry")
        )
        guard grant.first + grant.count - 1 <= RoomRules.lastNumber else { throw values.lacks("count") }
        return grant
    }

    /// `count`: how many ids were sent.
    public static func exchangeAnswer(_ reply: RoomReply, count: Int) throws(RoomError) -> ExchangeAnswer {
        let values = try NamedValues(reply, of: "exchange")
        var outcomes: [ExchangeOutcome] = []
        outcomes.reserveCapacity(count)
        for code in try values.integers("outcomes", count: count) {
            switch code {
            case 1...: outcomes.append(.admitted(expiresMicros: code))
            case 0: outcomes.append(.notServed)
            case -1: outcomes.append(.atDoor)
            case -2: outcomes.append(.lapsed)
            case -3: outcomes.append(.ended)
            case -4: outcomes.append(.void)
            default: throw .refused("exchange answered \(code), which no version of room.lua does: reload the script")
            }
        }
        return ExchangeAnswer(line: try Self.line(values), outcomes: outcomes)
    }

    /// For each of the `count` ids sent the new expiry, nil when its session is over.
    public static func renewAnswer(_ reply: RoomReply, count: Int) throws(RoomError) -> RenewAnswer {
        let values = try NamedValues(reply, of: "renew")
        let expiries = try values.integers("expiries", count: count)
        return RenewAnswer(line: try Self.line(values), expiries: expiries.map { $0 > 0 ? $0 : nil })
    }

    /// Of a release and of a leave.
    public static func countAnswer(_ reply: RoomReply) throws(RoomError) -> CountAnswer {
        let values = try NamedValues(reply, of: "release or leave")
        return CountAnswer(line: try Self.line(values), count: Int(try values.integer("count")))
    }

    public static func allowedRate(_ reply: RoomReply) throws(RoomError) -> AllowedRateAnswer {
        let values = try NamedValues(reply, of: "allow")
        return AllowedRateAnswer(
            line: try Self.line(values),
            isTaken: try values.integer("taken") == 1,
            rateMilli: try values.integer("rate")
        )
    }

    /// Where the new line stands.
    public static func resetAnswer(_ reply: RoomReply) throws(RoomError) -> LineMarks {
        try Self.line(try NamedValues(reply, of: "reset"))
    }

    public static func tickAnswer(_ reply: RoomReply) throws(RoomError) -> TickAnswer {
        let values = try NamedValues(reply, of: "tick")
        let block = try values.integers("block")
        return TickAnswer(
            snapshot: try Self.snapshot(values),
            granted: try Self.grants(try values.integers("granted")),
            released: try Self.ids(try values.integers("released")),
            events: try values.integer("events"),
            eventsLost: try values.integer("events_lost") == 1,
            returnedMicros: try values.integer("returned", default: 0),
            block: block.count == 2 ? try Self.numbers(block[0], block[1]) : nil
        )
    }

    // MARK: Parts

    /// Numbers outside of a line would stop whoever reckons with them.
    private static func numbers(_ first: Int64, _ last: Int64) throws(RoomError) -> ClosedRange<Int64> {
        guard first >= 1, first <= last, last <= RoomRules.lastNumber else {
            throw .refused("room.lua answered the numbers \(first) to \(last), which no line has: reload the script")
        }
        return first...last
    }

    private static func ids(_ list: [Int64]) throws(RoomError) -> [Int64] {
        if let strange = list.first(where: { !PlaceID.isValid($0) }) {
            throw .refused("room.lua answered \(strange), which names no place: reload the script")
        }
        return list
    }

    private static func line(_ values: NamedValues) throws(RoomError) -> LineMarks {
        LineMarks(
            epoch: try values.integer("epoch", in: 0...Int64(UInt32.max)),
            incarnation: try values.integer("incarnation"),
            issued: try values.integer("issued", in: 0...RoomRules.lastNumber),
            serving: try values.integer("serving", in: 0...RoomRules.lastNumber),
            nowMicros: try values.integer("now")
        )
    }

    private static func snapshot(_ values: NamedValues) throws(RoomError) -> RoomSnapshot {
        let line = try Self.line(values)
        let opens = try values.integer("opens")
        let skew = try values.integer("skew", default: 0)
        var snapshot = RoomSnapshot(
            nowMicros: line.nowMicros,
            epoch: line.epoch,
            incarnation: line.incarnation,
            issued: line.issued,
            serving: line.serving,
            admitted: try values.integer("admitted"),
            sessions: try values.integer("sessions"),
            door: try values.integer("door"),
            rateMilli: try values.integer("rate"),
            tokensNano: try values.integer("tokens"),
            burst: try values.integer("burst"),
            slots: try values.integer("slots"),
            showUpPermille: try values.integer("show_up"),
            showUpPlaces: try values.integer("show_up_places", default: RoomRules.showUpMemoryPlaces),
            opensAtMicros: opens > 0 ? opens + skew : 0
        )
        try Self.addLosses(values, to: &snapshot)
        try Self.addLimits(values, to: &snapshot)
        snapshot.journalEntries = try values.integer("journal", default: 0)
        snapshot.journalTrimmed = try values.integer("trimmed", default: 0)
        return snapshot
    }

    private static func addLosses(_ values: NamedValues, to snapshot: inout RoomSnapshot) throws(RoomError) {
        snapshot.lostSessions = try values.integer("lost", default: 0)
        snapshot.voidBefore = try values.integer("void_before", default: 0)
        for gap in try RoomTexts.fields(of: try values.text("gaps"), count: 2) {
            snapshot.gaps.append(try Self.numbers(gap[0], gap[1]))
        }
        for line in try RoomTexts.fields(of: try values.text("older"), count: 3) {
            guard line.allSatisfy({ (0...RoomRules.lastNumber).contains($0) }) else { throw values.lacks("older") }
            snapshot.older.append(OlderLine(epoch: line[0], issued: line[1], serving: line[2]))
        }
    }

    private static func addLimits(_ values: NamedValues, to snapshot: inout RoomSnapshot) throws(RoomError) {
        snapshot.limits = RoomLimits(
            inflowMilli: try values.integer("inflow"),
            burst: snapshot.burst,
            slots: snapshot.slots,
            sessionMicros: try values.integer("session"),
            claimMicros: try values.integer("claim"),
            horizonMicros: try values.integer("horizon"),
            opensAtMicros: try values.integer("opens")
        )
        snapshot.generation = try values.integer("generation", default: 0)
        snapshot.isGenerationIgnored = try values.integer("ignored", default: 0) == 1
        snapshot.isConflicting = try values.integer("conflict", default: 0) == 1
        snapshot.ignoredLimits = try values.integer("stale", default: 0)
        snapshot.conflicts = try values.integer("conflicts", default: 0)
        let allowed = try values.integer("allowed", default: -1)
        snapshot.allowedMilli = allowed < 0 ? nil : allowed
        snapshot.allowedUntilMicros = try values.integer("allowed_until", default: 0)
        snapshot.isHeld = try values.integer("held", default: 0) == 1
    }

    private static func grants(_ list: [Int64]) throws(RoomError) -> [DoorGrant] {
        guard list.count % 2 == 0 else {
            throw .refused(
                "tick granted \(list.count) integers, which are no pairs: is room.lua of this version loaded?"
            )
        }
        _ = try Self.ids(stride(from: 0, to: list.count, by: 2).map { list[$0] })
        return stride(from: 0, to: list.count, by: 2).map { DoorGrant(id: list[$0], expiresMicros: list[$0 + 1]) }
    }
}

/// Short lists inside one field of the record: `1:2,3:4`, with `-` or `:` between the integers of an entry.
enum RoomTexts {
    static func fields(of text: String, count: Int) throws(RoomError) -> [[Int64]] {
        var entries: [[Int64]] = []
        for entry in text.split(separator: ",") {
            let integers = entry.split(whereSeparator: { $0 == ":" || $0 == "-" }).map { Int64($0) }
            guard integers.count == count, !integers.contains(nil) else {
                throw .refused("room.lua answered `\(text)`, which is no list: is it of this version?")
            }
            entries.append(integers.map { $0! })
        }
        return entries
    }
}
