import Admission
import Primitives

/// What one loop knows of itself, as a value that can leave it.
struct EdgeReport: Sendable {
    struct Room: Sendable {
        var counts: RoomCounts
        var snapshot: RoomSnapshot?
        var joining: Int
        var atDoor: Int
    }
    struct Pool: Sendable {
        var readyWorkers: Int
        var sample: PoolSample
    }
    let metrics: EdgeMetrics
    let turns: UInt64
    let rooms: [String: Room]
    let pools: [String: Pool]

    init(_ edge: Edge) {
        self.metrics = edge.metrics
        self.turns = edge.loop.turns
        self.rooms = edge.gates.mapValues {
            Room(counts: $0.counts, snapshot: $0.snapshot, joining: $0.parked.joining, atDoor: $0.parked.atDoor)
        }
        self.pools = edge.pools.mapValues { Pool(readyWorkers: $0.readyCount, sample: $0.current) }
    }
}

/// A gateway's counters over all its loops.
public struct GatewayReport: Sendable {
    public struct Room: Sendable {
        public let name: String
        /// As of the last tick; nil before the first.
        public internal(set) var snapshot: RoomSnapshot?
        /// Requests parked here, now.
        public internal(set) var joining = 0
        public internal(set) var atDoor = 0
        var counts = RoomCounts()
    }
    public struct Pool: Sendable {
        public let name: String
        public internal(set) var readyWorkers = 0
        public internal(set) var inFlight = 0
        public internal(set) var queued = 0
    }
    var metrics = EdgeMetrics()
    var turns: UInt64 = 0
    public internal(set) var rooms: [Room] = []
    public internal(set) var pools: [Pool] = []

    init(_ edges: [EdgeReport]) {
        for edge in edges {
            self.metrics.add(edge.metrics)
            self.turns += edge.turns
        }
        for name in Set(edges.flatMap(\.rooms.keys)).sorted() {
            var room = Room(name: name)
            for part in edges.compactMap({ $0.rooms[name] }) {
                room.counts.add(part.counts)
                room.joining += part.joining
                room.atDoor += part.atDoor
                if let snapshot = part.snapshot, snapshot.nowMicros >= room.snapshot?.nowMicros ?? 0 {
                    room.snapshot = snapshot
                }
            }
            self.rooms.append(room)
        }
        for name in Set(edges.flatMap(\.pools.keys)).sorted() {
            var pool = Pool(name: name)
            for part in edges.compactMap({ $0.pools[name] }) {
                pool.readyWorkers = max(pool.readyWorkers, part.readyWorkers)
                pool.inFlight += part.sample.inFlight
                pool.queued += part.sample.queued
            }
            self.pools.append(pool)
        }
    }

    public var openConnections: Int { self.metrics.connectionsOpen }
}
