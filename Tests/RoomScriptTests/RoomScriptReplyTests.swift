import Testing

@testable import Admission

/// What the script says when something is wrong, and what it costs.
@Suite(.serialized) struct RoomScriptReplyTests {
    static let limits = RoomLimits(
        inflowMilli: 1_000,
        burst: 5,
        slots: 10,
        sessionMicros: 2_000_000,
        claimMicros: 5_000_000,
        horizonMicros: 1_000_000
    )

    @Test func script_damagedField_namesItAndWhatToDo() throws {
        let server = try RedisServer()
        let connection = try RedisConnection(socketPath: server.socketPath)
        let room = try ScriptRoom(connection, name: "damaged")
        _ = try Self.ask(room, Self.tick(Self.limits))
        try connection.command(["HSET", room.keys[0], "serving", "many"])
        guard case .failed(.refused(let text)) = try Self.ask(room, .join(count: 1)) else {
            Issue.record("a damaged field was taken for a number")
            return
        }
        #expect(text.contains("serving") && text.contains(room.keys[0]) && text.contains("delete"))
        try connection.command(["DEL", room.keys[0]])
        let known = KnownMarks(epoch: 1_700_000_000, issued: 40, serving: 30)
        guard case .tick(let tick) = try Self.ask(room, Self.tick(Self.limits), known) else {
            Issue.record("the deleted record was not restored")
            return
        }
        #expect(tick.snapshot.waiting == 10)
        #expect(tick.snapshot.serving == 30)
    }

    /// A text of 16 digits takes memory of its own.
    @Test func arguments_numbers_stayNumbers() {
        let renewals = [Renewal(id: 7, expiresMicros: 1_790_000_000_000_000), Renewal(id: -8, expiresMicros: 9)]
        let words = RoomScript.Operation.renew(renewals).arguments(known: .nothing, run: 5)
        #expect(words.filter { if case .text = $0 { true } else { false } } == [.text("renew"), .text(""), .text("")])
        #expect(words.map(\.description).suffix(5) == ["7", "1790000000000000", "-8", "9", ""])
        #expect(words[RoomScript.runArgument] == .number(5))
        let ids = RoomScript.Operation.exchange(gateway: "g", [1, 2]).arguments(known: .nothing)
        #expect(ids.suffix(4) == [.text("g"), .number(1), .number(2), .text("")])
    }

    @Test func script_unknownOperationOrArgument_isRefusedWithTheCulprit() throws {
        let server = try RedisServer()
        let connection = try RedisConnection(socketPath: server.socketPath)
        let room = try ScriptRoom(connection, name: "bad")
        let head = ["EVALSHA", room.sha, String(room.keys.count)] + room.keys
        for (arguments, culprit) in [
            (["dance"], "dance"), (["join", "1.5"], "1.5"), (["join", "inf"], "inf"),
            (["exchange", "g", "7", "x"], "x"),
            // What blocks of numbers are marked with that no gateway holds any more.
            (["exchange", "-", "7"], "gateway -"),
        ] {
            let words =
                [arguments[0]] + Array(repeating: "0", count: RoomScript.runArgument) + [""] + arguments.dropFirst() + [
                    ""
                ]
            guard case .error(let text) = try connection.command(head + words) else {
                Issue.record("\(arguments) was not refused")
                continue
            }
            #expect(text.hasPrefix("BADARG") && text.contains(culprit))
        }
    }

    /// In production the clock is Redis's own.
    @Test func script_withoutClock_takesTheTimeOfRedis() throws {
        let server = try RedisServer()
        let connection = try RedisConnection(socketPath: server.socketPath)
        let room = try ScriptRoom(connection, name: "clock")
        func redisMicros() throws -> Int64 {
            let time = try connection.command(["TIME"]).strings.compactMap { Int64($0) }
            return time[0] * 1_000_000 + time[1]
        }
        let before = try redisMicros()
        guard case .tick(let tick) = try Self.ask(room, Self.tick(Self.limits)),
            case .join(let grant) = try Self.ask(room, .join(count: 2))
        else {
            Issue.record("no answer")
            return
        }
        let after = try redisMicros()
        #expect((before...after).contains(tick.snapshot.nowMicros))
        #expect(grant.admitted == 2)
        #expect((before...after).contains(grant.expiresMicros - Self.limits.sessionMicros))
    }

    /// Rooms tick several times a second whether or not anybody comes: that must cost next to nothing, and no write.
    @Test func tick_idleRoom_costsElevenCommandsAndNoWrite() throws {
        let server = try RedisServer()
        let connection = try RedisConnection(socketPath: server.socketPath)
        let room = try ScriptRoom(connection, name: "idle")
        _ = try Self.ask(room, Self.tick(Self.limits))
        try connection.command(["CONFIG", "RESETSTAT"])
        _ = try Self.ask(room, Self.tick(Self.limits))
        let calls = try Self.calls(connection)
        #expect(calls.values.reduce(0, +) <= 11, "\(calls)")
        #expect(calls["hset"] == nil && calls["zadd"] == nil && calls["xadd"] == nil)
    }

    /// Visitors at the door are asked for in batches: however many they are, it is a handful of commands. Values go to
    /// Redis in chunks of 1,000, pairs of them in two, which makes up the last few.
    @Test func exchange_crowdAtTheDoor_costsAsManyCommandsAsOneVisitor() throws {
        let server = try RedisServer()
        let connection = try RedisConnection(socketPath: server.socketPath)
        let room = try ScriptRoom(connection, name: "door")
        let limits = RoomLimits(
            inflowMilli: 1_000_000,
            burst: 1_000,
            slots: 0,
            sessionMicros: 2_000_000,
            claimMicros: 5_000_000,
            horizonMicros: 1_000_000
        )
        let count = Int64(RoomRules.largestBatch)
        let known = KnownMarks(epoch: 1_700_000_000, issued: count, serving: count)
        _ = try Self.ask(room, Self.tick(limits), known)
        let numbers = Array(1...count)
        _ = try Self.ask(room, .exchange(gateway: "g", numbers))
        try connection.command(["CONFIG", "RESETSTAT"])
        guard case .exchange(let answer) = try Self.ask(room, .exchange(gateway: "g", numbers)) else {
            Issue.record("no answer")
            return
        }
        #expect(answer.outcomes.allSatisfy { $0 == .atDoor })
        let calls = try Self.calls(connection)
        #expect(calls.values.reduce(0, +) <= 27, "\(calls)")
    }

    // MARK: The record over time

    @Test func record_fieldGone_takesItsDefault() throws {
        let server = try RedisServer()
        let connection = try RedisConnection(socketPath: server.socketPath)
        let room = try ScriptRoom(connection, name: "fields")
        _ = try Self.ask(room, Self.tick(Self.limits))
        try connection.command(["HSET", room.keys[0], "of_a_later_version", "7"])
        for field in ["show_up", "allowed", "gaps", "older", "blocks", "limits", "skew", "version", "events"] {
            try connection.command(["HDEL", room.keys[0], field])
            guard case .tick = try Self.ask(room, Self.tick(Self.limits)) else {
                Issue.record("the room stands still without \(field)")
                continue
            }
        }
        #expect(try connection.command(["HGET", room.keys[0], "of_a_later_version"]) == .string("7"))
        try connection.command(["HSET", room.keys[0], "needs", "3"])
        guard case .failed(.upgrade) = try Self.ask(room, .join(count: 1)) else {
            Issue.record("a record of a later version was written")
            return
        }
    }

    /// Nought would end every session, or lapse everybody.
    @Test(arguments: [true, false])
    func record_lengthGone_isTakenFromTheLimits(hasLimits: Bool) throws {
        let server = try RedisServer()
        let connection = try RedisConnection(socketPath: server.socketPath)
        let room = try ScriptRoom(connection, name: "lengths")
        _ = try Self.ask(room, Self.tick(Self.limits))
        try connection.command(["HDEL", room.keys[0], "session", "claim", "horizon"])
        if !hasLimits { try connection.command(["HDEL", room.keys[0], "limits"]) }
        guard case .join(let grant) = try Self.ask(room, .join(count: 1)) else { throw OtherAnswer() }
        let length = hasLimits ? Self.limits.sessionMicros : 600_000_000
        #expect(grant.admitted == 1 && grant.expiresMicros == grant.line.nowMicros + length)
    }

    @Test(arguments: [
        ("issued", "4294967296"), ("serving", "-1"), ("gaps", "1-99999999999999999999"), ("older", "9:4294967296:1"),
        ("blocks", "1:4294967296:g"),
    ])
    func record_numberOutOfRange_isNamed(field: String, value: String) throws {
        let server = try RedisServer()
        let connection = try RedisConnection(socketPath: server.socketPath)
        let room = try ScriptRoom(connection, name: "range")
        _ = try Self.ask(room, Self.tick(Self.limits))
        try connection.command(["HSET", room.keys[0], field, value])
        let tick = RoomTick(gateway: "g", limits: Self.limits, block: BlockReport(start: 0, used: 0, size: 20))
        guard case .failed(.refused(let text)) = try Self.ask(room, .tick(tick)) else {
            Issue.record("\(field) \(value) was taken")
            return
        }
        #expect(text.contains("BADROOM") && text.contains(field))
    }

    /// It tells nothing of whom it let in: gateways of this version ask for everybody at their doors.
    @Test func tick_firstVersionWroteSince_saysThatEventsAreLost() throws {
        let server = try RedisServer()
        let connection = try RedisConnection(socketPath: server.socketPath)
        let room = try ScriptRoom(connection, name: "since")
        var tick = RoomTick(gateway: "g", limits: Self.limits, eventsSeen: 0)
        guard case .tick(let first) = try Self.ask(room, .tick(tick)) else { throw OtherAnswer() }
        tick.returnedMicros = first.returnedMicros
        guard case .tick(let before) = try Self.ask(room, .tick(tick)) else { throw OtherAnswer() }
        #expect(!before.eventsLost)
        let source = try FirstScript.text()
        guard case .string(let sha) = try connection.command(["SCRIPT", "LOAD", source]) else { throw OtherAnswer() }
        try connection.command(["EVALSHA", sha, "9"] + room.keys.prefix(9) + ["join", "1", ""])
        guard case .tick(let after) = try Self.ask(room, .tick(tick)) else { throw OtherAnswer() }
        #expect(after.eventsLost)
        tick.eventsSeen = after.events
        guard case .tick(let last) = try Self.ask(room, .tick(tick)) else { throw OtherAnswer() }
        #expect(!last.eventsLost)
    }

    @Test func record_ofTheFirstVersion_isTakenOverAsItIs() throws {
        let server = try RedisServer()
        let connection = try RedisConnection(socketPath: server.socketPath)
        let room = try ScriptRoom(connection, name: "old")
        let source = try FirstScript.text()
        guard case .string(let sha) = try connection.command(["SCRIPT", "LOAD", source]) else { throw OtherAnswer() }
        let head = ["EVALSHA", sha, "9"] + room.keys.prefix(9)
        try connection.command(
            head + ["tick", "1000", "5", "10", "2000000", "5000000", "1000000", "0", "0", "0", "0", ""]
        )
        try connection.command(head + ["join", "8", ""])
        room.send(Self.tick(Self.limits), run: 77, clockMicros: nil)
        guard case .tick(let tick) = try room.next(Self.tick(Self.limits)) else { throw OtherAnswer() }
        #expect(tick.snapshot.epoch == 1 && tick.snapshot.incarnation == 1)
        #expect(tick.snapshot.issued == 8 && tick.snapshot.sessions == 5 && tick.snapshot.gaps.isEmpty)
    }

    @Test func tick_everyKey_livesForTheRetention() throws {
        let server = try RedisServer()
        let connection = try RedisConnection(socketPath: server.socketPath)
        let room = try ScriptRoom(connection, name: "kept")
        let start: Int64 = 1_700_000_000_000_000
        var tick = RoomTick(gateway: "g", limits: Self.limits)
        tick.retention = RoomRetention(journalEntries: 1_000, roomMillis: 7_200_000)
        room.send(.tick(tick), clockMicros: start)
        _ = try connection.next()
        room.send(.join(count: 9), clockMicros: start + 1)
        _ = try connection.next()
        room.send(.release([1]), clockMicros: start + 2)
        _ = try connection.next()
        room.send(.tick(tick), clockMicros: start + 60_000_001)
        _ = try connection.next()
        for key in try connection.command(["KEYS", "*"]).strings {
            guard case .integer(let millis) = try connection.command(["PTTL", key]) else { continue }
            #expect((7_100_000...7_200_000).contains(millis), "\(key): \(millis)")
        }
    }

    /// However many are over at once, an operation clears away a part; those left count as gone.
    @Test func tick_manySessionsOver_clearsAPartAtATime() throws {
        let server = try RedisServer()
        let connection = try RedisConnection(socketPath: server.socketPath)
        let room = try ScriptRoom(connection, name: "over")
        _ = try Self.ask(room, Self.tick(Self.limits))
        for first in stride(from: 1, to: 5_000, by: 1_000) {
            try connection.command(["ZADD", room.keys[1]] + (first..<first + 1_000).flatMap { ["1", String($0)] })
        }
        guard case .tick(let tick) = try Self.ask(room, Self.tick(Self.limits)) else { throw OtherAnswer() }
        #expect(tick.snapshot.sessions == 0)
        #expect(try connection.command(["ZCARD", room.keys[1]]) == .integer(4_000))
    }

    @Test func error_ofScript_becomesWhatACallerCanActOn() {
        #expect(RoomScript.error("NOROOM sluice:{a}:state is not there") == .noRoom)
        #expect(RoomScript.error("LINEFULL all are out") == .lineFull)
        #expect(RoomScript.error("BATCH too many") == .batch)
        #expect(RoomScript.error("OOM command not allowed") == .refused("OOM command not allowed"))
    }

    @Test func answers_ofAnotherShape_areRefused() {
        let marks: [RoomReply] = [
            .text("epoch"), .integer(1), .text("incarnation"), .integer(1), .text("issued"), .integer(1),
            .text("serving"), .integer(1), .text("now"), .integer(1),
        ]
        #expect(throws: RoomError.self) { try RoomScript.joinGrant(.list([.integer(1), .integer(2)])) }
        #expect(throws: RoomError.self) { try RoomScript.joinGrant(.integer(1)) }
        #expect(throws: RoomError.self) { try RoomScript.tickAnswer(.list(marks)) }
        let codes = { (list: [Int64]) in RoomReply.list(marks + [.text("outcomes"), .list(list.map { .integer($0) })]) }
        #expect(throws: RoomError.self) { try RoomScript.exchangeAnswer(codes([1]), count: 2) }
        #expect(throws: RoomError.self) { try RoomScript.exchangeAnswer(codes([-9]), count: 1) }
        #expect(throws: RoomError.self) { try RoomScript.renewAnswer(.list(marks), count: 0) }
        #expect(throws: RoomError.self) { try RoomScript.allowedRate(.list([])) }
    }

    /// A gateway reckons with what comes: numbers that no line has would stop it.
    @Test func answers_numbersOfNoLine_areRefused() {
        let marks: [RoomReply] = [
            .text("epoch"), .integer(1), .text("incarnation"), .integer(1), .text("issued"), .integer(9),
            .text("serving"), .integer(1), .text("now"), .integer(1), .text("admitted"), .integer(0),
            .text("expiry"), .integer(0),
        ]
        for (first, count) in [(0, 1), (-4, 1), (RoomRules.lastNumber, 2), (1, .max), (1, 0)] as [(Int64, Int64)] {
            let grant: [RoomReply] = [.text("first"), .integer(first), .text("count"), .integer(count)]
            #expect(throws: RoomError.self) { try RoomScript.joinGrant(.list(marks + grant)) }
        }
        let far: [RoomReply] = [.text("issued"), .integer(.max), .text("count"), .integer(1)]
        #expect(throws: RoomError.self) { try RoomScript.countAnswer(.list(marks + far)) }
    }

    static func tick(_ limits: RoomLimits) -> RoomScript.Operation { .tick(RoomTick(gateway: "g", limits: limits)) }

    static func ask(_ room: ScriptRoom, _ operation: RoomScript.Operation, _ known: KnownMarks = .nothing) throws
        -> History.Answer
    {
        room.send(operation, known: known, clockMicros: nil)
        return try room.next(operation)
    }

    /// Calls by command since the last reset, the reset and this question left out.
    static func calls(_ connection: RedisConnection) throws -> [String: Int] {
        guard case .string(let text) = try connection.command(["INFO", "commandstats"]) else { return [:] }
        var calls: [String: Int] = [:]
        for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix("cmdstat_") {
            let parts = line.dropFirst("cmdstat_".count).split(separator: ":")
            let count = parts[1].dropFirst("calls=".count).prefix(while: \.isNumber)
            if !parts[0].hasPrefix("config") { calls[String(parts[0])] = Int(count) }
        }
        return calls
    }
}

/// Nothing that a test asks for is answered otherwise.
struct OtherAnswer: Error {}
