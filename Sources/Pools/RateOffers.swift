import Scaling
import Settings

/// Which rate each room is lent, out of what all pools offer and what stands in front of the rooms.
///
/// A pool offers what its ready workers can take; what a room wants is what its line and its newcomers can use within a
/// second, and no more than its inflow. `RateShares` shares out. A room that has not opened gets nothing until shortly
/// before it does. One in which nobody stands keeps a small reserve, also when others could use all there is: at a rate of
/// nought even a full bucket lets nobody in, and its first visitors would be held until the next round.
public struct RateOffers: Sendable {
    /// So long before its opening a room counts as open: a report, a round and the lending of a rate take two seconds.
    public static let openingLeadMicros: Int64 = 10_000_000
    /// Of what its weight alone would give it, a room keeps this part in any case: one in so many.
    public static let reserveDivisor: Int64 = 20
    /// More than any pool offers.
    private static let boundlessMilli: Int64 = 1_000_000_000_000_000
    /// Newcomers may become more by this factor from one second to the next before they have to wait for a round.
    static let newcomersGrowth = 1.25

    private struct Offer: Sendable {
        var rateMilli: Int64
        var lines: RoomLines
    }

    private var rooms: [RoomSettings] = []
    /// By the room's index: names of the pools behind it.
    private var poolsOfRoom: [[String]] = []
    /// By the pool's name: indices of the rooms before it.
    private var roomsOfPool: [String: [Int]] = [:]
    private var offers: [String: Offer] = [:]

    public init(_ settings: Settings) { self.apply(settings) }

    /// What pools have offered that are there no more is forgotten.
    public mutating func apply(_ settings: Settings) {
        self.rooms = settings.rooms
        let index = Dictionary(settings.rooms.enumerated().map { ($1.name, $0) }) { first, _ in first }
        self.poolsOfRoom = settings.rooms.map { _ in [] }
        self.roomsOfPool = [:]
        for route in settings.routes {
            guard let room = route.room.flatMap({ index[$0] }), !self.poolsOfRoom[room].contains(route.pool) else {
                continue
            }
            self.poolsOfRoom[room].append(route.pool)
            self.roomsOfPool[route.pool, default: []].append(room)
        }
        self.offers = self.offers.filter { self.roomsOfPool[$0.key] != nil }
    }

    /// `lines`: nil when no gateway has reported; what was known of the lines goes on.
    public mutating func offer(pool: String, rateMilli: Int64, lines: RoomLines?) {
        guard self.roomsOfPool[pool] != nil else { return }
        let lines = lines ?? self.offers[pool]?.lines ?? RoomLines()
        self.offers[pool] = Offer(rateMilli: max(0, rateMilli), lines: lines)
    }

    public mutating func forget() { self.offers = [:] }

    /// The rates of all rooms that the offers of these pools bear on, also by way of other pools and rooms. A room is left
    /// out while one of its pools has not offered anything.
    public func rates(bearing pools: Set<String>, wallMicros: Int64) -> [(room: String, rateMilli: Int64)] {
        var rates: [(room: String, rateMilli: Int64)] = []
        var seen: Set<String> = []
        // Pools that share no room take nothing from each other. Shared out together, each would take as many steps as
        // all of them.
        for pool in pools.sorted() where self.roomsOfPool[pool] != nil && !seen.contains(pool) {
            let (names, rooms) = self.connected(to: pool)
            seen.formUnion(names)
            rates += self.rates(of: names, rooms, wallMicros: wallMicros)
        }
        return rates
    }

    /// Of pools and rooms that share with nobody else.
    private func rates(
        of names: [String],
        _ indices: [Int],
        wallMicros: Int64
    ) -> [(room: String, rateMilli: Int64)] {
        let poolIndex = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        var lines = RoomLines()
        for name in names { self.offers[name].map { lines.merge($0.lines) } }
        let weights = names.map { name in
            self.roomsOfPool[name, default: []].reduce(Int64(0)) { $0 + self.weight(of: $1, wallMicros: wallMicros) }
        }
        let shares = RateShares.milli(
            of: names.map { self.offers[$0]?.rateMilli ?? 0 },
            indices.map { room in
                let settings = self.rooms[room]
                let behind = self.poolsOfRoom[room].compactMap { poolIndex[$0] }
                let weight = self.weight(of: room, wallMicros: wallMicros)
                // A pool's last word is what binds; one that has said nothing yet binds nobody.
                let binding = behind.filter { self.offers[names[$0]] != nil }
                let reserve = binding.map { pool in
                    let rate = Double(self.offers[names[pool]]?.rateMilli ?? 0)
                    return Int64(rate * Double(weight) / Double(max(1, weights[pool]) * Self.reserveDivisor))
                }
                let want = weight == 0 ? 0 : self.demandMilli(of: settings, lines.lines[settings.name])
                return RateShares.Room(
                    name: settings.name,
                    pools: binding,
                    weight: weight,
                    wantMilli: min(weight, want + (reserve.min() ?? 0)),
                    mostMilli: weight,
                    spareMilli: weight == 0 ? 0 : Self.boundlessMilli
                )
            }
        )
        return zip(indices, shares).compactMap { room, share in
            guard self.poolsOfRoom[room].allSatisfy({ self.offers[$0] != nil }) else { return nil }
            return (self.rooms[room].name, share)
        }
    }

    /// A room weighs what it may let in at most, once it is about to open.
    private func weight(of room: Int, wallMicros: Int64) -> Int64 {
        let settings = self.rooms[room]
        return settings.isOpen(wallMicros: wallMicros + Self.openingLeadMicros) ? settings.inflowMilli : 0
    }

    /// What the room can use within a second. Of a room that nobody tells of nothing is known: it may use all it may have.
    private func demandMilli(of room: RoomSettings, _ line: RoomLines.Line?) -> Int64 {
        guard let line else { return room.inflowMilli }
        // Those in line who come need a slot each; those who came lately did so with slots that were given back meanwhile.
        let fromLine = Double(min(line.expected + line.atDoor, line.freeSlots))
        let visitors = fromLine + line.admissionsPerSecond * Self.newcomersGrowth
        return Int64(min(Double(room.inflowMilli), visitors * 1_000))
    }

    /// The pool and all that share rooms with it, one after the other; names in order.
    private func connected(to pool: String) -> (pools: [String], rooms: [Int]) {
        var open = [pool]
        var found: Set = [pool]
        var rooms: Set<Int> = []
        while let pool = open.popLast() {
            for room in self.roomsOfPool[pool, default: []] where rooms.insert(room).inserted {
                for other in self.poolsOfRoom[room] where found.insert(other).inserted { open.append(other) }
            }
        }
        return (found.sorted(), rooms.sorted())
    }
}
