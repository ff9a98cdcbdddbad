/// One backend instance of a pool, as the controller publishes it and gateways use it.
public struct WorkerRecord: Equatable, Sendable {
    public enum State: String, Sendable, CaseIterable {
        case starting, ready, draining
    }

    /// Unique in the pool.
    public var id: String
    /// As `SocketAddress` takes it, such as `127.0.0.1:9001`.
    public var address: String
    public var state: State
    /// When it came into this state, microseconds since 1970.
    public var sinceMicros: Int64

    public init(id: String, address: String, state: State, sinceMicros: Int64) {
        self.id = id
        self.address = address
        self.state = state
        self.sinceMicros = sinceMicros
    }

    /// `version state since address`; the id is the field's name. The address comes last: a path may hold spaces.
    var encoded: String { "1 \(self.state.rawValue) \(self.sinceMicros) \(self.address)" }

    init(id: String, encoded: String) throws(UnreadableValue) {
        let parts = encoded.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
        let what = "worker \(id)"
        guard parts.first == "1" else { throw UnreadableValue(what, encoded, "its version is not 1") }
        guard parts.count == 4, !parts[3].isEmpty else { throw UnreadableValue(what, encoded, "it has not four parts") }
        guard let state = State(rawValue: String(parts[1])) else {
            throw UnreadableValue(what, encoded, "'\(parts[1])' is not a state")
        }
        guard let since = Int64(parts[2]), since >= 0 else {
            throw UnreadableValue(what, encoded, "'\(parts[2])' is not a time")
        }
        self.init(id: id, address: String(parts[3]), state: state, sinceMicros: since)
    }
}
