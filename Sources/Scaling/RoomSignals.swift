import Primitives

/// What a gateway saw of one room in its last interval. The room is one, whoever tells of it: gateways tell the same.
public struct RoomSignals: Equatable, Sendable {
    /// Rooms that one report tells of, at most. The longest lines are told; the sum in `GatewaySignals.waiting` counts
    /// all of them.
    public static let mostRooms = 1_024

    /// Visitors in line who have not been called.
    public var waiting: Int
    /// Visitors who were called, came, and found no token or slot yet.
    public var atDoor: Int
    /// Visitors whom the room let in, through any gateway and into any of its pools.
    public var admissions: Int
    /// Slots that are not taken.
    public var freeSlots: Int
    /// Of a thousand in line, how many may come when they are called: the most that is likely after those called lately.
    public var showUpPermille: Int

    public init(
        waiting: Int = 0,
        atDoor: Int = 0,
        admissions: Int = 0,
        freeSlots: Int = 0,
        showUpPermille: Int = RoomSignals.allShowUp
    ) {
        self.waiting = waiting
        self.atDoor = atDoor
        self.admissions = admissions
        self.freeSlots = freeSlots
        self.showUpPermille = showUpPermille
    }

    /// Everybody, in thousandths.
    public static let allShowUp = 1_000

    /// As many of `rooms` as a report takes: those with the longest lines, of equal ones the first by name. `most`: at
    /// least 1.
    public static func longest(
        of rooms: ByName<RoomSignals>,
        most: Int = Self.mostRooms
    ) -> ByName<RoomSignals> {
        guard rooms.count > most else { return rooms }
        func goesBefore(_ one: ByName<RoomSignals>.Entry, _ other: ByName<RoomSignals>.Entry) -> Bool {
            (other.value.waiting, one.name) < (one.value.waiting, other.name)
        }
        let lastTold = rooms.sorted(by: goesBefore)[most - 1]
        var told = ByName<RoomSignals>()
        for room in rooms where !goesBefore(lastTold, room) { told[room.name] = room.value }
        return told
    }
}
