/// What the room wrote down about its own decisions, read back from its Redis stream: who was let in when, and under
/// which limits. Times are Redis' own clock, the one that the bucket is filled by.
struct AdmissionJournal: Sendable, Equatable {
    struct Exchange: Sendable, Equatable {
        var micros: Int64
        var number: Int64
        /// How long the visitor was kept at the door before.
        var doorWaitMicros: Int64
    }

    /// A stream entry that does not read as the journal's format.
    struct Malformed: Error, Equatable, CustomStringConvertible {
        let description: String
        init(_ fields: [String: String], _ reason: String) {
            let shown = fields.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.prefix(80))" }
            self.description =
                "journal entry {\(shown.joined(separator: " "))}: \(reason); is the gateway of another version?"
        }
    }

    private(set) var exchanges: [Exchange] = []
    private(set) var limits: [LimitStep] = []

    init(exchanges: [Exchange] = [], limits: [LimitStep] = []) {
        self.exchanges = exchanges
        self.limits = limits
    }

    /// Takes one stream entry: `kind exchange t <micros> g "<number>:<door wait micros>,…"` or
    /// `kind limits t <micros> rate_milli … burst … slots …`. Other kinds are skipped.
    mutating func take(fields: [String: String]) throws(Malformed) {
        switch fields["kind"] {
        case "exchange":
            try self.takeExchanges(fields)
        case "limits":
            self.limits.append(
                LimitStep(
                    micros: try Self.integer("t", fields),
                    rateMilli: try Self.integer("rate_milli", fields),
                    burst: try Self.integer("burst", fields),
                    slots: try Self.integer("slots", fields)
                )
            )
        case nil:
            throw Malformed(fields, "no field \"kind\"")
        default:
            break
        }
    }

    private mutating func takeExchanges(_ fields: [String: String]) throws(Malformed) {
        let micros = try Self.integer("t", fields)
        guard let group = fields["g"] else { throw Malformed(fields, "no field \"g\"") }
        for item in group.split(separator: ",") {
            let parts = item.split(separator: ":")
            guard parts.count == 2, let number = Int64(parts[0]), let wait = Int64(parts[1]) else {
                throw Malformed(fields, "\"\(item)\" is not number:microseconds")
            }
            self.exchanges.append(Exchange(micros: micros, number: number, doorWaitMicros: wait))
        }
    }

    private static func integer(_ name: String, _ fields: [String: String]) throws(Malformed) -> Int64 {
        guard let text = fields[name] else { throw Malformed(fields, "no field \"\(name)\"") }
        guard let value = Int64(text) else { throw Malformed(fields, "\"\(text)\" is not an integer") }
        return value
    }

    /// Both histories in order of time; entries of one moment keep their order.
    mutating func sort() {
        self.exchanges = Self.sorted(self.exchanges, by: \.micros)
        self.limits = Self.sorted(self.limits, by: \.micros)
    }

    private static func sorted<Entry>(_ entries: [Entry], by time: KeyPath<Entry, Int64>) -> [Entry] {
        let order = entries.indices.sorted {
            (entries[$0][keyPath: time], $0) < (entries[$1][keyPath: time], $1)
        }
        return order.map { entries[$0] }
    }
}
