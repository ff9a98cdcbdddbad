/// One backend instance of a pool, as the controller publishes it and gateways use it.
public struct WorkerRecord: Equatable, Sendable {
    public enum State: String, Sendable, CaseIterable {
        case starting, ready, draining
    }

    public static let slotsRange = 1...1_000_000

    /// Unique in the pool.
    public var id: String
    /// As `SocketAddress` takes it, such as `127.0.0.1:9001`.
    public var address: String
    public var state: State
    /// When it came into this state, microseconds since 1970.
    public var sinceMicros: Int64
    /// Requests that it serves at once, as it was started: settings that change later do not change it. Nil: as many as
    /// the settings say, or not told, as by a controller of an older version.
    public var slots: Int?

    public init(id: String, address: String, state: State, sinceMicros: Int64, slots: Int? = nil) {
        self.id = id
        self.address = address
        self.state = state
        self.sinceMicros = sinceMicros
        self.slots = slots
    }

    /// `version state since extras address`; the id is the field's name. The address comes last: a path may hold spaces.
    ///
    ///     2 ready 1795000000000000 slots=8 127.0.0.1:9001
    ///
    /// Extras are `key=value`, with commas between them, or `-`; those that are not known are passed over, so that a later
    /// program may add some. Version 1 has none. It is written where there is nothing to add, because gateways that know
    /// no other would leave the worker out.
    var encoded: String {
        guard let slots = self.slots else { return "1 \(self.state.rawValue) \(self.sinceMicros) \(self.address)" }
        return "2 \(self.state.rawValue) \(self.sinceMicros) slots=\(slots) \(self.address)"
    }

    init(id: String, encoded: String) throws(UnreadableValue) {
        let what = "worker \(id)"
        let version = encoded.prefix { $0 != " " }
        guard version == "1" || version == "2" else {
            throw UnreadableValue(what, encoded, "its version is neither 1 nor 2")
        }
        let count = version == "1" ? 4 : 5
        let parts = encoded.split(separator: " ", maxSplits: count - 1, omittingEmptySubsequences: false)
        guard parts.count == count, let address = parts.last, !address.isEmpty else {
            throw UnreadableValue(what, encoded, "it has not \(count) parts")
        }
        guard let state = State(rawValue: String(parts[1])) else {
            throw UnreadableValue(what, encoded, "'\(parts[1])' is not a state")
        }
        guard let since = Int64(parts[2]), since >= 0 else {
            throw UnreadableValue(what, encoded, "'\(parts[2])' is not a time")
        }
        self.init(id: id, address: String(address), state: state, sinceMicros: since)
        guard version == "2" else { return }
        for extra in parts[3].split(separator: ",") where extra.hasPrefix("slots=") {
            guard let slots = Int(extra.dropFirst("slots=".count)), Self.slotsRange.contains(slots) else {
                throw UnreadableValue(what, encoded, "'\(extra)' is not a number of slots")
            }
            self.slots = slots
        }
    }
}
