@testable import Admission

/// One room in Redis, spoken to as a store would, with the test's clock.
struct ScriptRoom {
    let connection: RedisConnection
    let sha: String
    let name: String

    init(_ connection: RedisConnection, name: String) throws {
        self.connection = connection
        self.name = name
        let source = String(decoding: RoomScript.source, as: UTF8.self)
        guard case .string(let sha) = try connection.command(["SCRIPT", "LOAD", source]) else {
            throw RedisConnection.Failure(description: "room.lua does not compile")
        }
        self.sha = sha
    }

    var keys: [String] { RoomScript.keys(room: self.name) }

    /// Sends without waiting; `next` reads the answers in order.
    func send(_ operation: RoomScript.Operation, known: KnownMarks = .nothing, run: Int64 = 0, clockMicros: Int64?) {
        let arguments = operation.arguments(known: known, run: run, clockMicros: clockMicros)
        let words = arguments.map(\.description)
        self.connection.append(["EVALSHA", self.sha, String(self.keys.count)] + self.keys + words)
    }

    /// Sends a step of a history; how many replies come.
    func send(_ step: History.Step) -> Int {
        switch step {
        case .ask(let question, _):
            self.send(question.operation, known: question.known, run: question.run, clockMicros: question.clockMicros)
            return 1
        case .loseAll: self.connection.append(["DEL"] + self.keys)
        case .loseRecord: self.connection.append(["DEL", self.keys[0]])
        case .loseKey(let key): self.connection.append(["DEL", self.keys[Int(key.rawValue) - 1]])
        case .save: return self.copy(from: self.keys, to: self.keys.map { $0 + ":saved" })
        case .restore: return self.copy(from: self.keys.map { $0 + ":saved" }, to: self.keys)
        }
        return 1
    }

    private func copy(from: [String], to: [String]) -> Int {
        self.connection.append(["DEL"] + to)
        for (source, destination) in zip(from, to) { self.connection.append(["COPY", source, destination]) }
        return 1 + from.count
    }

    func next(_ operation: RoomScript.Operation) throws(RoomError) -> History.Answer {
        let reply: RedisConnection.Reply
        do { reply = try self.connection.next() } catch { throw .refused("\(error)") }
        if case .error(let text) = reply { return .failed(RoomScript.error(text)) }
        guard let answer = reply.roomReply else { throw .refused("no list: \(reply)") }
        switch operation {
        case .join: return .join(try RoomScript.joinGrant(answer))
        case .tick: return .tick(try RoomScript.tickAnswer(answer))
        case .exchange(_, let ids): return .exchange(try RoomScript.exchangeAnswer(answer, count: ids.count))
        case .renew(let renewals): return .renew(try RoomScript.renewAnswer(answer, count: renewals.count))
        case .release, .leave: return .count(try RoomScript.countAnswer(answer))
        case .setAllowedRate: return .allowed(try RoomScript.allowedRate(answer))
        case .reset: return .reset(try RoomScript.resetAnswer(answer))
        }
    }

    /// Where the stored state differs from the model's; empty when it does not. Sessions and releases that are over
    /// may still be stored: they are cleared away a part at a time.
    func differences(from model: RoomModel, journal: [JournalEntry]) throws -> [String] {
        var found: [String] = []
        func compare<Value: Equatable>(_ what: String, _ stored: Value, _ expected: Value) {
            if stored != expected { found.append("\(what): stored \(stored), expected \(expected)") }
        }
        let expectedRecord = model.record.epoch == 0 ? [:] : model.record.fields
        let storedRecord = try self.texts(0)
        for field in Set(storedRecord.keys).union(expectedRecord.keys).sorted() {
            compare(field, storedRecord[field], expectedRecord[field])
        }
        let sessions = model.sessions.expiries.filter { $0.value > model.now }
        compare("sessions", try self.sortedSet(1).filter { $0.value > model.now }, Self.texts(sessions))
        let door = try self.sortedSet(4).merging(try self.sortedSet(14)) { $1 }
        compare("door", door, Self.texts(model.door.stays.mapKeysToThemselves()))
        compare("since", try self.sortedSet(5), Self.texts(model.door.stays.mapValues(\.sinceMicros)))
        compare("seen", try self.sortedSet(6), [:])
        let owners = model.door.stays.map { (String($0.key), $0.value.gateway) }
        compare("owners", try self.texts(9), Dictionary(uniqueKeysWithValues: owners))
        let marks = model.marks.marks.map { ("\($0.serving):\($0.direct)", $0.micros) }
        compare("marks", try self.sortedSet(7), Dictionary(uniqueKeysWithValues: marks))
        compare("arrived", try self.bits(2), model.arrived.members)
        compare("exchanged", try self.bits(3), model.exchanged.members)
        compare("gateways", try self.texts(10), model.gateways.mapValues { "\($0.micros):\($0.healthy):\($0.back)" })
        let events = model.events.events.map { (($0.kind == .granted ? "g" : "r") + String($0.id), $0.number) }
        compare("events", try self.sortedSet(11), Dictionary(uniqueKeysWithValues: events))
        let released = model.released.expiries.filter { $0.value > model.now }
        compare("released", try self.sortedSet(12).filter { $0.value > model.now }, Self.texts(released))
        let carried = try self.connection.command(["SMEMBERS", self.keys[13]]).strings
        compare("carried", Set(carried), Set(model.carried.map(String.init)))
        compare("journal", try self.journal(), journal.map(\.fields))
        return found
    }

    private func texts(_ key: Int) throws -> [String: String] {
        let strings = try self.connection.command(["HGETALL", self.keys[key]]).strings
        var texts: [String: String] = [:]
        for index in stride(from: 0, to: strings.count - 1, by: 2) { texts[strings[index]] = strings[index + 1] }
        return texts
    }

    private func sortedSet(_ key: Int) throws -> [String: Int64] {
        self.pairs(try self.connection.command(["ZRANGE", self.keys[key], "0", "-1", "WITHSCORES"]))
    }

    private func pairs(_ reply: RedisConnection.Reply) -> [String: Int64] {
        let strings = reply.strings
        var pairs: [String: Int64] = [:]
        for index in stride(from: 0, to: strings.count - 1, by: 2) {
            // A score that is not a plain integer would be a number that Lua rounded or spelled with an exponent.
            pairs[strings[index]] = Int64(strings[index + 1]) ?? .min
        }
        return pairs
    }

    private func bits(_ key: Int) throws -> [Int64] {
        let bytes: [UInt8]
        switch try self.connection.command(["GET", self.keys[key]]) {
        case .string(let text): bytes = Array(text.utf8)
        case .bytes(let raw): bytes = raw
        default: bytes = []
        }
        var members: [Int64] = []
        for (index, byte) in bytes.enumerated() where byte != 0 {
            for bit in 0..<8 where byte & (0x80 >> bit) != 0 { members.append(Int64(index * 8 + bit)) }
        }
        return members
    }

    private func journal() throws -> [[String]] {
        guard case .array(let entries) = try self.connection.command(["XRANGE", self.keys[8], "-", "+"]) else {
            return []
        }
        return entries.map { entry in
            guard case .array(let parts) = entry, parts.count == 2 else { return [] }
            return parts[1].strings
        }
    }

    private static func texts(_ numbers: [Int64: Int64]) -> [String: Int64] {
        Dictionary(uniqueKeysWithValues: numbers.map { (String($0.key), $0.value) })
    }
}

extension [Int64: Door.Stay] {
    fileprivate func mapKeysToThemselves() -> [Int64: Int64] {
        Dictionary<Int64, Int64>(uniqueKeysWithValues: self.keys.map { ($0, $0) })
    }
}

extension NumberSet {
    fileprivate var members: [Int64] {
        var members: [Int64] = []
        for (page, words) in self.pages.enumerated() {
            for (index, word) in words.enumerated() where word != 0 {
                let base = Int64(page * 65_536 + index * 64)
                members += (0..<64).filter { word & (1 << UInt64($0)) != 0 }.map { base + $0 }
            }
        }
        return members
    }
}

extension RoomRecord {
    /// As they stand in the hash `state`.
    fileprivate var fields: [String: String] {
        let limits = self.settled.map {
            [
                $0.inflowMilli, $0.burst, $0.slots, $0.sessionMicros, $0.claimMicros, $0.horizonMicros,
                $0.opensAtMicros,
            ].map(String.init).joined(separator: ":")
        }
        return self.integers.mapValues(String.init).merging([
            "limits": limits ?? "",
            "gaps": self.gaps.map { "\($0.from)-\($0.to)" }.joined(separator: ","),
            "older": self.older.map { "\($0.epoch):\($0.issued):\($0.serving)" }.joined(separator: ","),
            "blocks": self.blocks.map { "\($0.start):\($0.end):\($0.gateway)" }.joined(separator: ","),
            "pauses": self.pauses.map { "\($0.until):\($0.micros)" }.joined(separator: ","),
        ]) { $1 }
    }

    private var integers: [String: Int64] {
        [
            "epoch": self.epoch, "issued": self.issued, "serving": self.serving, "admitted": self.admitted,
            "direct": self.direct, "tokens": self.tokens, "refilled": self.refilled, "rate": self.rate,
            "burst": self.burst, "slots": self.slots, "inflow": self.inflow, "allowed": self.allowed,
            "fence": self.fence, "session": self.session, "claim": self.claim, "horizon": self.horizon,
            "opens": self.opens, "show_up": self.showUp, "floor": self.floor, "sampled": self.sampled,
            "sampled_direct": self.sampledDirect, "mark": self.mark, "mark_serving": self.markServing,
            "mark_direct": self.markDirect, "show_up_places": self.showUpPlaces, "ends": self.ends,
            "ends_at": self.endsAt, "ends_before": self.endsBefore, "due": self.due, "due_mean": self.dueMean,
            "version": 2, "needs": 1, "incarnation": self.incarnation,
            "run": self.run, "skew": self.skew, "moved": self.refilled, "generation": self.generation,
            "stale": self.ignored, "conflicts": self.conflicts, "allowed_until": self.allowedUntil,
            "held": self.isHeld ? 1 : 0, "older_called": self.olderCalled, "void_before": self.voidBefore,
            "lost": self.lost, "lost_until": self.lostUntil, "events": self.events, "coarse": self.coarse,
            "swept": self.swept, "trimmed": self.trimmed, "kept": self.kept,
            "retention": self.retention, "asked": self.asked, "inside_until": self.insideUntil,
            "present": self.present, "inside": self.inside, "mixed": self.mixed, "away": self.away,
            "silent_from": self.silentFrom, "silent_to": self.silentTo,
            "regressed": self.regressed, "waits_until": self.waitsUntil,
            "heard": self.heard, "heard_until": self.heardUntil,
        ]
    }
}
