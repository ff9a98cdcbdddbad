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

    /// Pools and rooms that share with nobody else; all by index.
    private struct Group: Sendable {
        struct Room: Sendable {
            let settings: RoomSettings
            /// The pools behind it.
            let pools: [Int]
        }

        /// In order.
        let pools: [String]
        let rooms: [Room]
        /// Of each pool.
        var offers: [Offer?]

        /// What the reports about the pools behind a room tell of its line; nil where none tells of it.
        func line(before room: String, _ pools: [Int]) -> RoomLines.Line? {
            pools.reduce(nil) { known, pool in
                guard let told = self.offers[pool]?.lines.lines[room] else { return known }
                var line = known ?? told
                line.take(told)
                return line
            }
        }
    }

    private var groups: [Group] = []
    /// By the pool's name.
    private var places: [String: (group: Int, pool: Int)] = [:]

    public init(_ settings: Settings) { self.apply(settings) }

    /// What pools have offered that are there no more is forgotten.
    public mutating func apply(_ settings: Settings) {
        let old = self
        let sharing = Sharing(settings)
        self.groups = []
        self.places = [:]
        for pool in sharing.roomsOfPool.keys.sorted() where self.places[pool] == nil {
            let (pools, rooms) = sharing.connected(to: pool)
            for (index, name) in pools.enumerated() { self.places[name] = (self.groups.count, index) }
            self.groups.append(
                Group(
                    pools: pools,
                    rooms: rooms.map { room in
                        Group.Room(
                            settings: settings.rooms[room],
                            pools: sharing.poolsOfRoom[room].compactMap { self.places[$0]?.pool }
                        )
                    },
                    offers: pools.map { old.offer(of: $0) }
                )
            )
        }
    }

    private func offer(of pool: String) -> Offer? {
        self.places[pool].flatMap { self.groups[$0.group].offers[$0.pool] }
    }

    /// `lines`: nil when no gateway has reported; what was known of the lines goes on.
    public mutating func offer(pool: String, rateMilli: Int64, lines: RoomLines?) {
        guard let (group, place) = self.places[pool] else { return }
        let lines = lines ?? self.groups[group].offers[place]?.lines ?? RoomLines()
        self.groups[group].offers[place] = Offer(rateMilli: max(0, rateMilli), lines: lines)
    }

    public mutating func forget() {
        for group in self.groups.indices { self.groups[group].offers = self.groups[group].pools.map { _ in nil } }
    }

    /// The rates of all rooms that the offers of these pools bear on, also by way of other pools and rooms. A room is left
    /// out while one of its pools has not offered anything.
    public func rates(bearing pools: Set<String>, wallMicros: Int64) -> [(room: String, rateMilli: Int64)] {
        var rates: [(room: String, rateMilli: Int64)] = []
        var isBorneOn = self.groups.map { _ in false }
        for pool in pools { self.places[pool].map { isBorneOn[$0.group] = true } }
        // Pools that share no room take nothing from each other. Shared out together, each would take as many steps as
        // all of them.
        for group in self.groups.indices where isBorneOn[group] {
            self.share(out: group, wallMicros: wallMicros, into: &rates)
        }
        return rates
    }

    private func share(
        out index: Int,
        wallMicros: Int64,
        into rates: inout [(room: String, rateMilli: Int64)]
    ) {
        let group = self.groups[index]
        let weights = group.rooms.map { self.weight(of: $0.settings, wallMicros: wallMicros) }
        var weightOfPool = group.pools.map { _ in Int64(0) }
        for room in group.rooms.indices {
            for pool in group.rooms[room].pools { weightOfPool[pool] += weights[room] }
        }
        let shares = RateShares.milli(
            of: group.offers.map { $0?.rateMilli ?? 0 },
            group.rooms.indices.map { room in
                let (settings, weight) = (group.rooms[room].settings, weights[room])
                // A pool's last word is what binds; one that has said nothing yet binds nobody.
                let binding = group.rooms[room].pools.filter { group.offers[$0] != nil }
                let reserve = binding.map { pool in
                    let rate = Double(group.offers[pool]?.rateMilli ?? 0)
                    return Int64(rate * Double(weight) / Double(max(1, weightOfPool[pool]) * Self.reserveDivisor))
                }
                let want = weight == 0 ? 0 : self.demandMilli(of: settings, group.line(before: settings.name, binding))
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
        for room in group.rooms.indices where group.rooms[room].pools.allSatisfy({ group.offers[$0] != nil }) {
            rates.append((group.rooms[room].settings.name, shares[room]))
        }
    }

    /// A room weighs what it may let in at most, once it is about to open.
    private func weight(of room: RoomSettings, wallMicros: Int64) -> Int64 {
        room.isOpen(wallMicros: wallMicros + Self.openingLeadMicros) ? room.inflowMilli : 0
    }

    /// What the room can use within a second. Of a room that nobody tells of nothing is known: it may use all it may have.
    private func demandMilli(of room: RoomSettings, _ line: RoomLines.Line?) -> Int64 {
        guard let line else { return room.inflowMilli }
        // Those in line who come need a slot each; those who came lately did so with slots that were given back meanwhile.
        let fromLine = Double(min(line.expected + line.atDoor, line.freeSlots))
        let visitors = fromLine + line.admissionsPerSecond * Self.newcomersGrowth
        return Int64(min(Double(room.inflowMilli), visitors * 1_000))
    }
}

/// Who shares with whom.
private struct Sharing {
    /// By the room's index: names of the pools behind it.
    private(set) var poolsOfRoom: [[String]]
    /// By the pool's name: indices of the rooms before it.
    private(set) var roomsOfPool: [String: [Int]] = [:]

    init(_ settings: Settings) {
        let index = Dictionary(settings.rooms.enumerated().map { ($1.name, $0) }) { first, _ in first }
        self.poolsOfRoom = settings.rooms.map { _ in [] }
        for route in settings.routes {
            guard let room = route.room.flatMap({ index[$0] }), !self.poolsOfRoom[room].contains(route.pool) else {
                continue
            }
            self.poolsOfRoom[room].append(route.pool)
            self.roomsOfPool[route.pool, default: []].append(room)
        }
    }

    /// The pool and all that share rooms with it, one after the other; names in order.
    func connected(to pool: String) -> (pools: [String], rooms: [Int]) {
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
