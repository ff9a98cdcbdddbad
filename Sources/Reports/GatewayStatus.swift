/// A gateway over all its loops, as `/status` shows it.
public struct GatewayStatus: Codable, Equatable, Sendable {
    /// Client connections now.
    public var connections: Int
    /// Requests whose head was read since the start.
    public var requests: UInt64
    /// In alphabetical order, as the pools are.
    public var rooms: [Room]
    public var gatewayPools: [Pool]
    /// `normal`, `degraded` or `held`: the worst of the rooms. Nil from an older version.
    public var mode: String?

    public init(connections: Int, requests: UInt64, rooms: [Room], pools: [Pool], mode: String? = nil) {
        self.mode = mode
        self.connections = connections
        self.requests = requests
        self.rooms = rooms
        self.gatewayPools = pools
    }

    /// A pool, as this gateway uses it.
    public struct Pool: Codable, Equatable, Sendable {
        public var name: String
        /// Workers that this gateway sends requests to, without those that fail.
        public var readyWorkers: Int
        /// Requests of this gateway that workers are serving, without tunnels.
        public var inFlight: Int
        /// Requests of this gateway that wait for a worker.
        public var queued: Int
        /// Connections of this gateway that were switched to another protocol and are open. Nil from an older version.
        public var tunnels: Int?
        /// Nil when nobody does, and from an older version.
        public var failing: [Failing]?

        public init(
            name: String,
            readyWorkers: Int,
            inFlight: Int,
            queued: Int,
            tunnels: Int? = nil,
            failing: [Failing] = []
        ) {
            self.tunnels = tunnels
            self.failing = failing.isEmpty ? nil : failing
            self.name = name
            self.readyWorkers = readyWorkers
            self.inFlight = inFlight
            self.queued = queued
        }
    }

    /// A worker that fails, as this gateway sees it.
    public struct Failing: Codable, Equatable, Sendable {
        public var worker: String
        /// `connect`, `tls`, `timeout`, `broken` or `status`.
        public var failure: String
        /// More of why: what speaks against a certificate, for instance.
        public var detail: String?
        public var sinceMs: Int64
        /// It gets no requests while there are others.
        public var passedBy: Bool

        public init(worker: String, failure: String, sinceMs: Int64, passedBy: Bool, detail: String? = nil) {
            self.detail = detail
            self.worker = worker
            self.failure = failure
            self.sinceMs = sinceMs
            self.passedBy = passedBy
        }
    }

    /// A room. Its standing is in the same JSON object as its name.
    public struct Room: Codable, Equatable, Sendable {
        public var name: String
        /// As of `asOf`; nil before the first tick.
        public var standing: Standing?
        /// `normal`, `degraded` or `held`. Nil from an older version.
        public var mode: String?
        /// When the shared state told the standing, as in RFC 3339, and how long ago that was: while it is away the
        /// figures stand still. Nil before the first tick, and from an older version.
        public var asOf: String?
        public var ageMs: Int64?

        public init(
            name: String,
            standing: Standing?,
            mode: String? = nil,
            asOf: String? = nil,
            ageMs: Int64? = nil
        ) {
            self.name = name
            self.standing = standing
            self.mode = mode
            self.asOf = asOf
            self.ageMs = ageMs
        }

        private enum CodingKeys: String, CodingKey { case name, open, mode, asOf, ageMs }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            self.name = try container.decode(String.self, forKey: .name)
            self.mode = try container.decodeIfPresent(String.self, forKey: .mode)
            self.asOf = try container.decodeIfPresent(String.self, forKey: .asOf)
            self.ageMs = try container.decodeIfPresent(Int64.self, forKey: .ageMs)
            self.standing = container.contains(.open) ? try Standing(from: decoder) : nil
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(self.name, forKey: .name)
            try container.encodeIfPresent(self.mode, forKey: .mode)
            try container.encodeIfPresent(self.asOf, forKey: .asOf)
            try container.encodeIfPresent(self.ageMs, forKey: .ageMs)
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
        /// The lease of that rate has run out since the shared state told it: nobody knows which one is in force now. Nil
        /// while it has not, and from an older version.
        public var rateIsLapsed: Bool?
        public var burst: Int64
        /// Of a thousand called visitors, how many come in time.
        public var showUpPermille: Int64
        /// What the shared state keeps beside it. Nil from an older version.
        public var record: Record?

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
            rateIsLapsed: Bool? = nil,
            burst: Int64,
            showUpPermille: Int64,
            record: Record? = nil
        ) {
            self.record = record
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
            self.rateIsLapsed = rateIsLapsed
            self.burst = burst
            self.showUpPermille = showUpPermille
        }
    }

    /// What the shared state keeps of a room besides its counts: by whose settings, on whose word, and what was lost.
    public struct Record: Codable, Equatable, Sendable {
        /// How often the shared state has lost something of this line.
        public var incarnation: Int64
        /// Of the settings whose limits are in force.
        public var generation: Generation
        /// This gateway's own settings, and whether they are ignored.
        public var ownGeneration: Generation
        public var generationIgnored: Bool
        /// Two gateways have different limits of the generation in force; both of them say so.
        public var limitsConflict: Bool
        /// How often limits of a lower generation were ignored, and limits of the same one contradicted.
        public var ignoredLimits: Int64
        public var conflicts: Int64
        /// The controller's bound; nil when there never was one. Leased for so long from now; 0: the fallback holds.
        public var allowedRateMilli: Int64?
        public var allowedForMs: Int64
        /// Sessions that were lost with the shared state and have not shown up yet.
        public var lostSessions: Int64
        /// Numbers that were skipped ahead and are called for nobody, in so many gaps.
        public var skipped: Int64
        public var gaps: Int
        public var olderLines: [OlderLine]
        public var journalEntries: Int64
        /// Entries that were dropped since the room began.
        public var journalTrimmed: Int64
        public var journalKeepEntries: Int64
        public var journalKeepSeconds: Int64

        public init(
            incarnation: Int64,
            generation: Generation,
            ownGeneration: Generation,
            generationIgnored: Bool,
            limitsConflict: Bool,
            ignoredLimits: Int64,
            conflicts: Int64,
            allowedRateMilli: Int64?,
            allowedForMs: Int64,
            lostSessions: Int64,
            skipped: Int64,
            gaps: Int,
            olderLines: [OlderLine],
            journalEntries: Int64,
            journalTrimmed: Int64,
            journalKeepEntries: Int64,
            journalKeepSeconds: Int64
        ) {
            self.incarnation = incarnation
            self.generation = generation
            self.ownGeneration = ownGeneration
            self.generationIgnored = generationIgnored
            self.limitsConflict = limitsConflict
            self.ignoredLimits = ignoredLimits
            self.conflicts = conflicts
            self.allowedRateMilli = allowedRateMilli
            self.allowedForMs = allowedForMs
            self.lostSessions = lostSessions
            self.skipped = skipped
            self.gaps = gaps
            self.olderLines = olderLines
            self.journalEntries = journalEntries
            self.journalTrimmed = journalTrimmed
            self.journalKeepEntries = journalKeepEntries
            self.journalKeepSeconds = journalKeepSeconds
        }
    }

    /// A generation of settings as people know it: the operator's own count, or when the file was saved.
    public struct Generation: Codable, Equatable, Sendable {
        public var text: String

        public init(_ text: String) { self.text = text }

        /// Older versions write a number, as it stands in the shared state.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            self.text = try (try? container.decode(String.self)) ?? "\(container.decode(Int64.self))"
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(self.text)
        }
    }

    /// A line that was lost with the shared state, and is called before the current one.
    public struct OlderLine: Codable, Equatable, Sendable {
        public var epoch: Int64
        public var issued: Int64
        public var serving: Int64

        public init(epoch: Int64, issued: Int64, serving: Int64) {
            self.epoch = epoch
            self.issued = issued
            self.serving = serving
        }
    }
}
