import Admission
import Pools
import Primitives
import Rooms
import Settings

/// What one loop knows of itself, as a value that can leave it.
struct LoopReport: Sendable {
    struct Room: Sendable {
        var counts: RoomCounts
        var snapshot: RoomSnapshot?
        var mode: RoomMode
        var joining: Int
        var atDoor: Int
    }
    struct Pool: Sendable {
        /// Over all loops.
        var standing: SharedStandings.Summary
        var sample: PoolSample
    }
    let counters: LoopCounters
    let turns: UInt64
    let rooms: [String: Room]
    let pools: [String: Pool]

    init(counters: LoopCounters, turns: UInt64, rooms: [String: Room], pools: [String: Pool]) {
        self.counters = counters
        self.turns = turns
        self.rooms = rooms
        self.pools = pools
    }

    init(_ loop: GatewayLoop) {
        var counters = loop.tools.counters
        counters.handshakes = loop.tools.network.handshakes(on: loop.tools.loop)
        self.counters = counters
        self.turns = loop.tools.loop.turns
        self.rooms = loop.gates.mapValues {
            Room(
                counts: $0.counts,
                snapshot: $0.snapshot,
                mode: $0.mode,
                joining: $0.parked.joining,
                atDoor: $0.parked.atDoor
            )
        }
        self.pools = loop.pools.mapValues { Pool(standing: $0.standings.summary, sample: $0.current) }
    }
}

/// A gateway's counters over all its loops.
public struct GatewayReport: Sendable {
    public struct Room: Sendable {
        public let name: String
        /// As of the last tick; nil before the first.
        public internal(set) var snapshot: RoomSnapshot?
        public internal(set) var mode = RoomMode.normal
        /// As this gateway has it.
        var settings: RoomSettings?
        /// When `snapshot` came, in microseconds since 1970, and how long ago that is; nil before the first.
        public internal(set) var asOf: (wallMicros: Int64, ageNanoseconds: Int64)?
        /// Two gateways have different limits of the generation in force.
        public internal(set) var hasConflict = false
        /// Requests parked here, now.
        public internal(set) var joining = 0
        public internal(set) var atDoor = 0
        var counts = RoomCounts()
    }
    public struct Pool: Sendable {
        public let name: String
        /// Those that are well: the same that decide whether rooms let anybody in.
        public internal(set) var readyWorkers = 0
        /// Those that fail.
        public internal(set) var failing: [Failing] = []
        /// How often workers began to fail since the start.
        var ejections: [WorkerStandings.Failure: UInt64] = [:]
        /// Without tunnels.
        public internal(set) var inFlight = 0
        public internal(set) var tunnels = 0
        public internal(set) var queued = 0
    }
    public struct Failing: Sendable, Equatable {
        public let worker: String
        public let failure: String
        /// More of why.
        public var detail: String? = nil
        public let sinceNanoseconds: Int64
        public let isPassedBy: Bool
    }
    var counters = LoopCounters()
    var turns: UInt64 = 0
    public internal(set) var rooms: [Room] = []
    public internal(set) var pools: [Pool] = []
    /// Nil where no listener speaks TLS.
    var tickets: TicketRotation.Report?
    /// Of this gateway's settings.
    let generation: Int64
    /// What in it is not as it should be, and what to do.
    public let problems: [String]

    /// `pulses`: how the rooms' ticks go, as of `now`.
    init(
        _ loops: [LoopReport],
        settings: Settings,
        problems: [String],
        pulses: [String: RoomPulse] = [:],
        tickets: TicketRotation.Report? = nil,
        now: Instant = Instant(nanoseconds: 0)
    ) {
        self.tickets = tickets
        self.generation = settings.generation
        self.problems = problems
        for loop in loops {
            self.counters.add(loop.counters)
            self.turns += loop.turns
        }
        for name in Set(loops.flatMap(\.rooms.keys)).sorted() {
            var room = Room(name: name)
            room.settings = settings.room(named: name)
            room.asOf = pulses[name]?.answeredAt.map { ($0.wallMicros, now.nanoseconds(since: $0.now)) }
            room.hasConflict = pulses[name]?.hasConflict ?? false
            for part in loops.compactMap({ $0.rooms[name] }) {
                room.counts.add(part.counts)
                room.joining += part.joining
                if part.mode != .normal { room.mode = part.mode }
                room.atDoor += part.atDoor
                if let snapshot = part.snapshot, snapshot.nowMicros >= room.snapshot?.nowMicros ?? 0 {
                    room.snapshot = snapshot
                }
            }
            self.rooms.append(room)
        }
        for name in Set(loops.flatMap(\.pools.keys)).sorted() {
            var pool = Pool(name: name)
            let parts = loops.compactMap { $0.pools[name] }
            if let standing = parts.first?.standing {
                pool.readyWorkers = standing.well
                pool.ejections = standing.ejections
                pool.failing = standing.failing.map { id, trouble in
                    Failing(
                        worker: id,
                        failure: trouble.failure.rawValue,
                        detail: trouble.detail,
                        sinceNanoseconds: max(0, now.nanoseconds(since: trouble.since)),
                        isPassedBy: trouble.isPassedBy
                    )
                }
            }
            for part in parts {
                pool.inFlight += part.sample.inFlight
                pool.tunnels += part.sample.tunnels
                pool.queued += part.sample.queued
            }
            self.pools.append(pool)
        }
    }

    public var openConnections: Int { self.counters.connectionsOpen }
}
