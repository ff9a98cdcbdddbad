import Primitives
import Scaling
import Settings

/// What stands in front of a pool, each room by itself, out of all gateways' reports.
///
/// A room's line is one, whoever tells of it: of each room the longest report counts, and then rooms add up.
public struct RoomLines: Equatable, Sendable {
    public struct Line: Equatable, Sendable {
        public var waiting = 0
        public var atDoor = 0
        public var admissionsPerSecond = 0.0
        public var freeSlots = 0
        /// Of a thousand of those who wait, how many may come.
        public var showUpPermille = 0

        /// Those of them who may come when they are called. Workers for the others would stand idle.
        public var expected: Int {
            let (whole, part) = self.waiting.quotientAndRemainder(dividingBy: RoomSignals.allShowUp)
            let share = min(RoomSignals.allShowUp, self.showUpPermille)
            return whole * share + (part * share + RoomSignals.allShowUp - 1) / RoomSignals.allShowUp
        }

        /// Those who will not.
        var absent: Int { self.waiting - self.expected }

        mutating func take(_ other: Line) {
            self.waiting = max(self.waiting, other.waiting)
            self.atDoor = max(self.atDoor, other.atDoor)
            self.admissionsPerSecond = max(self.admissionsPerSecond, other.admissionsPerSecond)
            self.freeSlots = max(self.freeSlots, other.freeSlots)
            self.showUpPermille = max(self.showUpPermille, other.showUpPermille)
        }
    }

    /// By the room's name: rooms that some gateway tells of.
    public private(set) var lines = ByName<Line>()
    /// Visitors that are counted in a gateway's sum and in no room's line. Gateways of an older version tell a sum only.
    public private(set) var untold = 0

    public init() {}

    public init(_ reports: [GatewaySignals]) {
        var highest = 0
        for index in reports.indices {
            highest = max(highest, PoolSignals.counted(reports[index].waiting))
            let seconds = reports[index].intervalSeconds
            self.lines.join(reports[index].rooms, most: RoomSignals.mostRooms, fresh: Line()) { line, signals in
                line.take(
                    Line(
                        waiting: PoolSignals.counted(signals.waiting),
                        atDoor: PoolSignals.counted(signals.atDoor),
                        admissionsPerSecond: Double(PoolSignals.counted(signals.admissions)) / seconds,
                        freeSlots: PoolSignals.counted(signals.freeSlots),
                        showUpPermille: PoolSignals.counted(signals.showUpPermille)
                    )
                )
            }
        }
        self.untold = max(0, highest - self.lines.reduce(0) { $0 + $1.value.waiting })
    }

    /// Visitors in line over all rooms.
    public var waiting: Int { self.lines.reduce(self.untold) { $0 + $1.value.waiting } }
}

extension GatewaySignals {
    /// Length of the interval.
    var intervalSeconds: Double { max(0.001, Double(self.intervalMicros) / 1e6) }
}

extension RoomSettings {
    func isOpen(wallMicros: Int64) -> Bool { self.opensAtMicros.map { $0 <= wallMicros } ?? true }
}
