/// A controller, as `/status` shows it.
public struct ControllerStatus: Codable, Equatable, Sendable {
    /// False: another controller leads, and this one stands by.
    public var leads: Bool
    public var pools: [Pool]

    public init(leads: Bool, pools: [Pool]) {
        self.leads = leads
        self.pools = pools
    }

    /// A pool. Its last decision is in the same JSON object as its workers.
    public struct Pool: Codable, Equatable, Sendable {
        public var name: String
        /// Workers by state.
        public var ready: Int
        public var pending: Int
        public var draining: Int
        /// Workers that died unasked or did not get ready.
        public var crashes: Int
        /// Nil before the first one.
        public var decision: Decision?

        public init(name: String, ready: Int, pending: Int, draining: Int, crashes: Int, decision: Decision?) {
            self.name = name
            self.ready = ready
            self.pending = pending
            self.draining = draining
            self.crashes = crashes
            self.decision = decision
        }

        private enum CodingKeys: String, CodingKey { case name, ready, pending, draining, crashes, desired }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            self.name = try container.decode(String.self, forKey: .name)
            self.ready = try container.decode(Int.self, forKey: .ready)
            self.pending = try container.decode(Int.self, forKey: .pending)
            self.draining = try container.decode(Int.self, forKey: .draining)
            self.crashes = try container.decode(Int.self, forKey: .crashes)
            self.decision = container.contains(.desired) ? try Decision(from: decoder) : nil
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(self.name, forKey: .name)
            try container.encode(self.ready, forKey: .ready)
            try container.encode(self.pending, forKey: .pending)
            try container.encode(self.draining, forKey: .draining)
            try container.encode(self.crashes, forKey: .crashes)
            try self.decision?.encode(to: encoder)
        }
    }

    /// What the scaling policy decided last, and what it reckoned with.
    public struct Decision: Codable, Equatable, Sendable {
        /// Workers that ready and pending ones should come to.
        public var desired: Int
        /// Workers that this moment alone would ask for.
        public var needed: Int
        public var reason: String
        /// Visitors that the ready workers can take, in thousandths a second.
        public var admissionRateMilli: Int64
        public var serviceTimeUs: Int64
        public var requestsPerVisitor: Double
        /// The factor that latency and errors leave of the rate.
        public var latencyTrim: Double

        public init(
            desired: Int,
            needed: Int,
            reason: String,
            admissionRateMilli: Int64,
            serviceTimeUs: Int64,
            requestsPerVisitor: Double,
            latencyTrim: Double
        ) {
            self.desired = desired
            self.needed = needed
            self.reason = reason
            self.admissionRateMilli = admissionRateMilli
            self.serviceTimeUs = serviceTimeUs
            self.requestsPerVisitor = requestsPerVisitor
            self.latencyTrim = latencyTrim
        }
    }
}
