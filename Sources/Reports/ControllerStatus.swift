/// A controller, as `/status` shows it.
public struct ControllerStatus: Codable, Equatable, Sendable {
    /// False: another controller leads, and this one stands by.
    public var leads: Bool
    /// The controller that leads in this one's place; nil when this one does, while nobody knows, and from an older
    /// version.
    public var leader: String?
    /// Of one that stands by: the workers that are left to it, and no decisions.
    public var pools: [Pool]
    /// Gateways whose signals are fresh, as the last round found; nil before the first, and while the shared state is
    /// away.
    public var gateways: Int?
    /// Gateways that have ceased to report and did not say that they stop, in the order of their names: pools do not
    /// shrink for want of what these would tell. Empty of an older version.
    public var silentGateways: [SilentGateway]
    /// Of such gateways, how many were silent for so long that they were given up, while this controller leads.
    public var forgottenGateways: Int
    /// The rates that rooms were lent last, by the one that leads. Empty of an older version.
    public var leases: [Lease]
    /// Journals that are exported, by the one that leads. Empty of an older version.
    public var exports: [Export]

    /// When the shared state last said who leads, as in RFC 3339, and how long ago that was: while it is away nobody
    /// knows. Nil before its first answer, and from an older version.
    public var leadsAsOf: String?
    public var leadsAgeMs: Int64?

    public init(
        leads: Bool,
        leader: String? = nil,
        pools: [Pool],
        gateways: Int? = nil,
        silentGateways: [SilentGateway] = [],
        forgottenGateways: Int = 0,
        leases: [Lease] = [],
        exports: [Export] = [],
        leadsAsOf: String? = nil,
        leadsAgeMs: Int64? = nil
    ) {
        self.leadsAsOf = leadsAsOf
        self.leadsAgeMs = leadsAgeMs
        self.leads = leads
        self.leader = leader
        self.pools = pools
        self.gateways = gateways
        self.silentGateways = silentGateways
        self.forgottenGateways = forgottenGateways
        self.leases = leases
        self.exports = exports
    }

    private enum CodingKeys: String, CodingKey {
        case leads, leader, pools, gateways, silentGateways, forgottenGateways, leases, exports, leadsAsOf, leadsAgeMs
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.leads = try container.decode(Bool.self, forKey: .leads)
        self.leader = try container.decodeIfPresent(String.self, forKey: .leader)
        self.pools = try container.decode([Pool].self, forKey: .pools)
        self.gateways = try container.decodeIfPresent(Int.self, forKey: .gateways)
        self.silentGateways = try container.decodeIfPresent([SilentGateway].self, forKey: .silentGateways) ?? []
        self.forgottenGateways = try container.decodeIfPresent(Int.self, forKey: .forgottenGateways) ?? 0
        self.leases = try container.decodeIfPresent([Lease].self, forKey: .leases) ?? []
        self.exports = try container.decodeIfPresent([Export].self, forKey: .exports) ?? []
        self.leadsAsOf = try container.decodeIfPresent(String.self, forKey: .leadsAsOf)
        self.leadsAgeMs = try container.decodeIfPresent(Int64.self, forKey: .leadsAgeMs)
    }

    /// A gateway from which nothing is heard.
    public struct SilentGateway: Codable, Equatable, Sendable {
        public var gateway: String
        /// The longest that a pool has not heard from it.
        public var silentMs: Int64
        /// The pools to which it reported.
        public var pools: [String]

        public init(gateway: String, silentMs: Int64, pools: [String]) {
            self.gateway = gateway
            self.silentMs = silentMs
            self.pools = pools
        }
    }

    /// The rate that a room was lent: renewed every second, and gone three seconds after the last renewal.
    public struct Lease: Codable, Equatable, Sendable {
        public var room: String
        public var rateMilli: Int64
        /// Since it was last taken; nil when it never was.
        public var ageMs: Int64?
        /// False: another controller with a higher fence has spoken since, or the shared state did not answer.
        public var taken: Bool

        public init(room: String, rateMilli: Int64, ageMs: Int64?, taken: Bool) {
            self.room = room
            self.rateMilli = rateMilli
            self.ageMs = ageMs
            self.taken = taken
        }
    }

    /// A journal on its way to a folder. Entries are numbered from 1 since the shared state began to count.
    public struct Export: Codable, Equatable, Sendable {
        public var room: String
        public var folder: String
        /// The last entry in the folder; nil when there is none, or nothing is known yet.
        public var exportedTo: Int64?
        /// Entries written by this process.
        public var written: Int64
        /// Entries that the shared state has beyond that; nil while nobody knows: before the first look, and while it
        /// fails so that there is none.
        public var behind: Int64?
        public var kept: Int64
        /// Entries that were dropped before they could be written, since this process leads.
        public var lost: Int64
        /// Why it does not go on; nil when it does.
        public var problem: String?

        public init(room: String, folder: String) {
            self.room = room
            self.folder = folder
            self.exportedTo = nil
            self.written = 0
            self.behind = nil
            self.kept = 0
            self.lost = 0
            self.problem = nil
        }
    }

    /// A pool. Its last decision is in the same JSON object as its workers.
    public struct Pool: Codable, Equatable, Sendable {
        public var name: String
        /// Workers by state.
        public var ready: Int
        public var pending: Int
        public var draining: Int
        /// Workers that died unasked, did not get ready, or were replaced because they hung.
        public var crashes: Int
        /// Who decides how many workers there are. Nil before the first decision, and of an older version.
        public var mode: Mode?
        /// Nil before the first one. What the policy would have, whatever the mode makes of it.
        public var decision: Decision?

        public init(
            name: String,
            ready: Int,
            pending: Int,
            draining: Int,
            crashes: Int,
            mode: Mode? = nil,
            decision: Decision?
        ) {
            self.mode = mode
            self.name = name
            self.ready = ready
            self.pending = pending
            self.draining = draining
            self.crashes = crashes
            self.decision = decision
        }

        private enum CodingKeys: String, CodingKey { case name, ready, pending, draining, crashes, mode, desired }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            self.name = try container.decode(String.self, forKey: .name)
            self.ready = try container.decode(Int.self, forKey: .ready)
            self.pending = try container.decode(Int.self, forKey: .pending)
            self.draining = try container.decode(Int.self, forKey: .draining)
            self.crashes = try container.decode(Int.self, forKey: .crashes)
            self.mode = try container.decodeIfPresent(Mode.self, forKey: .mode)
            self.decision = container.contains(.desired) ? try Decision(from: decoder) : nil
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(self.name, forKey: .name)
            try container.encode(self.ready, forKey: .ready)
            try container.encode(self.pending, forKey: .pending)
            try container.encode(self.draining, forKey: .draining)
            try container.encode(self.crashes, forKey: .crashes)
            try container.encodeIfPresent(self.mode, forKey: .mode)
            try self.decision?.encode(to: encoder)
        }
    }

    /// Who decides how many workers a pool has.
    public struct Mode: Codable, Equatable, Sendable {
        /// automatic, advise, manual or freeze.
        public var name: String
        /// How many there are to be; nil: nothing is changed.
        public var workers: Int?
        /// "operator" or "configuration".
        public var setBy: String
        /// When what the operator has set ends, as in RFC 3339.
        public var until: String?

        public init(name: String, workers: Int?, setBy: String, until: String?) {
            self.name = name
            self.workers = workers
            self.setBy = setBy
            self.until = until
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
        /// Nil where the pool may cost whatever it takes, and from an older version.
        public var cost: Cost?

        /// What the pool cost in the window of its cap that ends now, in worker-seconds.
        public struct Cost: Codable, Equatable, Sendable {
            public var spentSeconds: Double
            public var capSeconds: Double
            /// When the cap will bind if the pool stays as it is; nil when it has no workers.
            public var bindsInSeconds: Double?

            public init(spentSeconds: Double, capSeconds: Double, bindsInSeconds: Double?) {
                self.spentSeconds = spentSeconds
                self.capSeconds = capSeconds
                self.bindsInSeconds = bindsInSeconds
            }
        }

        public init(
            desired: Int,
            needed: Int,
            reason: String,
            admissionRateMilli: Int64,
            serviceTimeUs: Int64,
            requestsPerVisitor: Double,
            latencyTrim: Double,
            cost: Cost? = nil
        ) {
            self.cost = cost
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
