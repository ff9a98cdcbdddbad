/// Makes one log of the states of all clients of a process: each loop has a client of its own, and an operator wants to
/// read of an outage once. A value; whoever shares it among loops guards it.
public struct RedisOutageLog: Sendable {
    public enum Line: Equatable, Sendable {
        /// All clients that are there take commands, for the first time or again.
        case connected
        case away(reason: String)
        case partlyAway(reason: String)
    }

    private static let maxReasons = 100
    private var isConnected: [Int: Bool] = [:]
    /// Of the outage that goes on.
    private var told: Set<String> = []
    private var hasSaidConnected = false

    public init() {}

    /// What is to be logged, when it is news. `client` is a number that the caller has given it.
    public mutating func changed(client: Int, to state: RedisState) -> Line? {
        switch state {
        case .idle, .connecting: return nil
        case .closed:
            self.isConnected[client] = nil
            return nil
        case .connected:
            self.isConnected[client] = true
            guard !self.hasSaidConnected, self.isConnected.values.allSatisfy({ $0 }) else { return nil }
            self.hasSaidConnected = true
            self.told = []
            return .connected
        case .disconnected(let reason): return self.lost(client, reason) ? .away(reason: reason) : nil
        case .partly(let reason): return self.lost(client, reason) ? .partlyAway(reason: reason) : nil
        }
    }

    /// True when that reason is news.
    private mutating func lost(_ client: Int, _ reason: String) -> Bool {
        self.isConnected[client] = false
        self.hasSaidConnected = false
        return self.told.count < Self.maxReasons && self.told.insert(reason).inserted
    }
}
