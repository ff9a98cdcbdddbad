import Settings

/// How the rates of pools are shared out over the rooms in front of them.
///
/// Weighted max-min fairness: all rooms' shares rise together, each at the pace of its weight, until a room has what it
/// wants or a pool has nothing left. Who wants little gets all of it, and the others share what that leaves; no room can
/// get more without taking it from one that has less for its weight. A room behind several pools gets the same of each,
/// so that what one of them cannot give, the others give to their other rooms.
///
/// What nobody wants is shared out the same way in a second round, up to what each room may have at most: a room in which
/// nobody stands now is ready for the next crowd as long as it costs nobody anything. What is left even then is lent in a
/// third, up to `spareMilli`: a room's own inflow holds it, and a file that raises that is in force with the next tick.
///
/// Source: Bertsekas and Gallager, "Data Networks" (1992), 6.5.2, max-min flow control.
public enum RateShares {
    public struct Room: Equatable, Sendable {
        public var name: String
        /// Indices of the pools behind it.
        public var pools: [Int]
        /// 0: it gets nothing.
        public var weight: Int64
        public var wantMilli: Int64
        /// Never less than `wantMilli`.
        public var mostMilli: Int64
        /// Never less than `mostMilli`.
        public var spareMilli: Int64

        /// `spareMilli`: nil: no more than `mostMilli`.
        public init(
            name: String,
            pools: [Int],
            weight: Int64,
            wantMilli: Int64,
            mostMilli: Int64,
            spareMilli: Int64? = nil
        ) {
            self.name = name
            self.pools = pools
            self.weight = max(0, weight)
            self.wantMilli = max(0, wantMilli)
            self.mostMilli = max(self.wantMilli, mostMilli)
            self.spareMilli = max(self.mostMilli, spareMilli ?? 0)
        }
    }

    /// Each room's share, in the order of `rooms`. No pool gives more than its rate, and none keeps anything back that
    /// one of its rooms may have. Does not depend on the order of the rooms. Takes at most as many steps as there are
    /// rooms and pools, each as long as that.
    public static func milli(of pools: [Int64], _ rooms: [Room]) -> [Int64] {
        var filling = Filling(pools: pools, rooms: rooms)
        filling.fill { $0.wantMilli }
        filling.fill { $0.mostMilli }
        filling.fill { $0.spareMilli }
        return filling.shares
    }

    private struct Filling {
        let rooms: [Room]
        /// Of the rooms that get anything, by name.
        let order: [Int]
        var left: [Int64]
        var shares: [Int64]

        init(pools: [Int64], rooms: [Room]) {
            self.rooms = rooms
            self.order = rooms.indices.filter { rooms[$0].weight > 0 && !rooms[$0].pools.isEmpty }
                .sorted { rooms[$0].name < rooms[$1].name }
            self.left = pools.map { max(0, $0) }
            self.shares = rooms.map { _ in 0 }
        }

        /// Raises the shares together towards what each room is to have.
        mutating func fill(towards goal: (Room) -> Int64) {
            let gains = self.gains(towards: goal)
            // Whole thousandths first, then what rounding left over: one each, and in the end whatever there is.
            for room in self.order { self.give(Int64(gains[room]), to: room, goal: goal(self.rooms[room])) }
            for most in [1, Int64.max] {
                for room in self.order { self.give(most, to: room, goal: goal(self.rooms[room])) }
            }
        }

        private mutating func give(_ milli: Int64, to room: Int, goal: Int64) {
            let pools = self.rooms[room].pools
            let possible = pools.reduce(goal - self.shares[room]) { min($0, self.left[$1]) }
            let gift = max(0, min(milli, possible))
            self.shares[room] += gift
            for pool in pools { self.left[pool] -= gift }
        }

        /// What each room is to get on top, before rounding.
        private func gains(towards goal: (Room) -> Int64) -> [Double] {
            var gains = self.rooms.map { _ in 0.0 }
            var left = self.left.map(Double.init)
            var rising = self.order.filter { self.shares[$0] < goal(self.rooms[$0]) }
            while !rising.isEmpty {
                var weights = left.map { _ in 0.0 }
                for room in rising {
                    for pool in self.rooms[room].pools { weights[pool] += Double(self.rooms[room].weight) }
                }
                var step = Double.infinity
                for pool in left.indices where weights[pool] > 0 { step = min(step, left[pool] / weights[pool]) }
                func missing(_ room: Int) -> Double { Double(goal(self.rooms[room]) - self.shares[room]) - gains[room] }
                for room in rising { step = min(step, missing(room) / Double(self.rooms[room].weight)) }
                step = max(0, step)
                for room in rising {
                    let gain = step * Double(self.rooms[room].weight)
                    gains[room] += gain
                    for pool in self.rooms[room].pools { left[pool] -= gain }
                }
                // A hair above the step, so that what ends together by arithmetic ends together here.
                let isEmpty = left.indices.map { weights[$0] > 0 && left[$0] <= weights[$0] * step * 1e-12 + 1e-9 }
                let before = rising.count
                let hasAll = rising.filter { missing($0) <= 1e-9 * max(1, Double(goal(self.rooms[$0]))) }
                for room in hasAll { gains[room] = Double(goal(self.rooms[room]) - self.shares[room]) }
                rising.removeAll { room in
                    missing(room) <= 0 || self.rooms[room].pools.contains { isEmpty[$0] }
                }
                if rising.count == before { break }
            }
            return gains
        }
    }
}

extension Settings {
    /// The rooms that guard routes to a pool, in the order of the settings.
    public func rooms(of pool: String) -> [RoomSettings] {
        let names = Set(self.routes.filter { $0.pool == pool }.compactMap(\.room))
        return self.rooms.filter { names.contains($0.name) }
    }
}
