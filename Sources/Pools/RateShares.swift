import Settings

/// How a pool's rate is shared out over the rooms in front of it.
public enum RateShares {
    /// In proportion to the rooms' configured inflow, in their order; empty when none lets anybody in.
    public static func milli(of rateMilli: Int64, _ rooms: [RoomSettings]) -> [Int64] {
        let total = rooms.reduce(Int64(0)) { $0 + $1.inflowMilli }
        guard total > 0 else { return [] }
        return rooms.map { Int64((Double(rateMilli) * (Double($0.inflowMilli) / Double(total))).rounded()) }
    }
}

extension Settings {
    /// The rooms that guard routes to a pool, in the order of the settings.
    public func rooms(of pool: String) -> [RoomSettings] {
        let names = Set(self.routes.filter { $0.pool == pool }.compactMap(\.room))
        return self.rooms.filter { names.contains($0.name) }
    }
}
