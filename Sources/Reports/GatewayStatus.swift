/// A gateway over all its loops, as `/status` shows it.
public struct GatewayStatus: Codable, Equatable, Sendable {
    /// Client connections now.
    public var connections: Int
    /// Requests whose head was read since the start.
    public var requests: UInt64
    /// In alphabetical order, as the pools are.
    public var rooms: [Room]
    public var gatewayPools: [Pool]

    public init(connections: Int, requests: UInt64, rooms: [Room], pools: [Pool]) {
        self.connections = connections
        self.requests = requests
        self.rooms = rooms
        self.gatewayPools = pools
    }

    /// A pool, as this gateway uses it.
    public struct Pool: Codable, Equatable, Sendable {
        public var name: String
        /// Workers that this gateway sends requests to.
        public var readyWorkers: Int
        /// Requests of this gateway that workers are serving.
        public var inFlight: Int
        /// Requests of this gateway that wait for a worker.
        public var queued: Int

        public init(name: String, readyWorkers: Int, inFlight: Int, queued: Int) {
            self.name = name
            self.readyWorkers = readyWorkers
            self.inFlight = inFlight
            self.queued = queued
        }
    }

    /// A room. Its standing is in the same JSON object as its name.
    public struct Room: Codable, Equatable, Sendable {
        public var name: String
        /// As of the last tick; nil before the first.
        public var standing: Standing?

        public init(name: String, standing: Standing?) {
            self.name = name
            self.standing = standing
        }

        private enum CodingKeys: String, CodingKey { case name, open }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            self.name = try container.decode(String.self, forKey: .name)
            self.standing = container.contains(.open) ? try Standing(from: decoder) : nil
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(self.name, forKey: .name)
            try self.standing?.encode(to: encoder)
        }
    }

    /// How a room stands in the shared state, over all gateways.
    public struct Standing: Codable, Equatable, Sendable {
        public var open: Bool
        public var epoch: Int64
        /// The last number handed out.
        public var issued: Int64
        /// Every place up to it has been called.
        public var serving: Int64
        /// Places handed out and not called yet.
        public var waiting: Int64
        /// Called visitors who wait for a token or a slot.
        public var door: Int64
        /// Exchanges since the room began.
        public var admitted: Int64
        /// Live sessions, and how many there may be.
        public var sessions: Int64
        public var slots: Int64
        /// The rate in force in thousandths a second.
        public var rateMilli: Int64
        public var burst: Int64
        /// Of a thousand called visitors, how many come in time.
        public var showUpPermille: Int64

        public init(
            open: Bool,
            epoch: Int64,
            issued: Int64,
            serving: Int64,
            waiting: Int64,
            door: Int64,
            admitted: Int64,
            sessions: Int64,
            slots: Int64,
            rateMilli: Int64,
            burst: Int64,
            showUpPermille: Int64
        ) {
            self.open = open
            self.epoch = epoch
            self.issued = issued
            self.serving = serving
            self.waiting = waiting
            self.door = door
            self.admitted = admitted
            self.sessions = sessions
            self.slots = slots
            self.rateMilli = rateMilli
            self.burst = burst
            self.showUpPermille = showUpPermille
        }
    }
}
