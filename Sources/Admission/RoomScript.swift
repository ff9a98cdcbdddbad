import CRoomScript

/// `room.lua` and how to talk to it: the keys, the arguments of each operation, and the meaning of each answer.
///
/// A store sends `EVALSHA sha 15 key... argument...` (after `SCRIPT LOAD source`, again whenever Redis says NOSCRIPT)
/// and hands the answer, a list of names and values in turn, to the parser of that operation.
public enum RoomScript {
    /// The script's text, as `SCRIPT LOAD` takes it. Needs Redis 7.
    public static let source = [UInt8](
        UnsafeBufferPointer(start: sluice_room_script(), count: Int(sluice_room_script_length()))
    )

    /// The keys of room `name` in the order that the script expects; one hash tag, so one slot of a Redis Cluster.
    /// The first nine are those of the script's first version.
    public static func keys(room name: String) -> [String] {
        [
            "state", "sessions", "arrived", "exchanged", "door", "since", "seen", "marks", "journal", "owners",
            "gateways", "events", "released", "carried", "early",
        ].map { "sluice:{\(name)}:\($0)" }
    }

    /// The stream that holds the room's `JournalEntry` fields.
    public static func journalKey(room name: String) -> String { "sluice:{\(name)}:journal" }

    /// Where in the arguments the run stands: 48 bits of a hash of the Redis server's run id, as the connection has
    /// learned it. Another one than the last means that the server was started anew, or that it is another server.
    public static let runArgument = 9

    /// One word of a call. Numbers stay numbers as long as they can: as texts, those of 16 digits and more, such as a
    /// moment in microseconds, would each take memory of their own, a thousand times a batch.
    public enum Word: Equatable, Sendable, CustomStringConvertible {
        case text(String)
        case number(Int64)

        public var description: String {
            switch self {
            case .text(let text): text
            case .number(let number): String(number)
            }
        }
    }

    public enum Operation: Equatable, Sendable {
        /// 1 to `RoomRules.largestBatch` places.
        case join(count: Int)
        case tick(RoomTick)
        /// At most `RoomRules.largestBatch` ids, in any order; so for the next three.
        case exchange(gateway: String, [Int64])
        case renew([Renewal])
        case release([Int64])
        case leave(gateway: String, [Int64])
        /// nil: no bound.
        case setAllowedRate(rateMilli: Int64?, fence: Int64)
        case reset

        var name: String {
            switch self {
            case .join: "join"
            case .tick: "tick"
            case .exchange: "exchange"
            case .renew: "renew"
            case .release: "release"
            case .leave: "leave"
            case .setAllowedRate: "allow"
            case .reset: "reset"
            }
        }

        /// The ARGV of the call. `clockMicros` stands in for Redis's own clock; only tests give it.
        public func arguments(known: KnownMarks, run: Int64 = 0, clockMicros: Int64? = nil) -> [Word] {
            let header = [
                known.epoch, known.incarnation, known.issued, known.serving, known.sessions, known.voidBefore,
                known.stated, known.reckonedMicros, run,
            ]
            var words: [Word] = []
            words.reserveCapacity(self.ownCount + header.count + 3)
            words.append(.text(self.name))
            for number in header { words.append(.number(number)) }
            words.append(.text(known.gaps.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")))
            self.appendOwn(to: &words)
            words.append(clockMicros.map(Word.number) ?? .text(""))
            return words
        }

        /// About how many words `appendOwn` appends.
        private var ownCount: Int {
            switch self {
            case .exchange(_, let ids), .leave(_, let ids): 1 + ids.count
            case .renew(let renewals): 2 * renewals.count
            case .release(let ids): ids.count
            case .join, .tick, .setAllowedRate, .reset: 20
            }
        }

        private func appendOwn(to words: inout [Word]) {
            switch self {
            case .join(let count): words.append(.number(Int64(count)))
            case .tick(let tick): words += tick.arguments.lazy.map(Word.text)
            case .exchange(let gateway, let ids), .leave(let gateway, let ids):
                words.append(.text(gateway))
                words += ids.lazy.map(Word.number)
            case .renew(let renewals):
                for renewal in renewals {
                    words.append(.number(renewal.id))
                    words.append(.number(renewal.expiresMicros))
                }
            case .release(let ids): words += ids.lazy.map(Word.number)
            case .setAllowedRate(let rateMilli, let fence):
                words.append(.number(rateMilli.map { $0.clamped(to: RoomLimits.inflowMilliRange) } ?? -1))
                words.append(.number(fence))
            case .reset: break
            }
        }
    }

    /// What an error reply of the script means. NOSCRIPT and Redis's own errors come out as `.refused`: a store looks
    /// for those first.
    public static func error(_ reply: String) -> RoomError {
        // Redis appends which script it was, and where.
        var text = reply
        if let end = reply.firstRange(of: " script: ") { text = String(reply[..<end.lowerBound]) }
        return switch text.prefix(while: { $0 != " " }) {
        case "NOROOM": .noRoom
        case "LINEFULL": .lineFull
        case "BATCH": .batch
        case "UPGRADE": .upgrade(text)
        case "VOID": .void(text)
        default: .refused(text)
        }
    }
}

extension RoomTick {
    fileprivate var arguments: [String] {
        let limits = self.limits
        let integers = [
            self.generation, limits.inflowMilli, limits.burst, limits.slots, limits.sessionMicros, limits.claimMicros,
            limits.horizonMicros, limits.opensAtMicros, self.healthy ?? -1, self.eventsSeen ?? -1, self.block.start,
            self.block.used, self.block.size, self.retention.journalEntries, self.retention.journalMicros,
            self.retention.roomMillis,
        ]
        let older = self.older.map { "\($0.epoch):\($0.lowest):\($0.highest):\($0.serving)" }
        return [self.gateway] + integers.map(String.init)
            + [older.joined(separator: ","), String(self.generationHeard), String(self.returnedMicros)]
    }
}
