import Primitives
import Settings

/// A crowd, and the pool and room that it comes to. Seconds are those of the run.
public struct CapacityScenario: Sendable {
    public var name: String
    /// People who come in each second, on average. As many seconds as there are, the run is long.
    public var visitorsPerSecond: [Double]
    /// Requests over a route that no room guards, in each second; those missing are none.
    public var unguardedPerSecond: [Double] = []
    /// Everybody comes past the room.
    public var isUnguarded = false
    public var pool: PoolSettings
    public var room: RoomSettings
    /// The room opens then; whoever comes earlier stands before the door.
    public var opensAtSecond: Int?
    /// The crowd is served from here on, as far as its time is concerned.
    public var crowdFromSecond = 0
    /// Who comes in the last seconds of a run may not be served within it by anybody.
    public var crowdUntilSecond: Int { self.seconds - min(60, self.seconds / 4) }
    public var requestsPerVisitor = 5
    /// Between an answer and the next request, on average.
    public var thinkSeconds = 2.0
    /// Of those who join the line, the share that never comes when called.
    public var noShowShare = 0.0
    /// The traffic of the first second goes on for so long before the run.
    public var warmUpSeconds = 0
    /// The slots of the backend take so many times longer from that second on.
    public var slowdowns: [(second: Int, factor: Double)] = []
    /// Workers take so many times longer to start from that second on.
    public var startSlowdown: (second: Int, factor: Double)?
    /// Half of a start-up is chance.
    public var startTimeVaries = false
    /// The gateway tells nothing in these seconds.
    public var signalsLost: Range<Int> = 0..<0
    /// Seconds at which one ready worker dies, with what it had.
    public var crashes: Set<Int> = []

    public init(name: String, visitorsPerSecond: [Double], pool: PoolSettings, room: RoomSettings) {
        self.name = name
        self.visitorsPerSecond = visitorsPerSecond
        self.pool = pool
        self.room = room
    }

    public var seconds: Int { self.visitorsPerSecond.count }

    /// The last second goes on: who came in it is still there.
    func visitors(atSecond second: Int) -> Double {
        self.visitorsPerSecond.isEmpty ? 0 : self.visitorsPerSecond[min(max(0, second), self.seconds - 1)]
    }

    func unguarded(atSecond second: Int) -> Double {
        let index = max(0, second)
        return index < self.unguardedPerSecond.count ? self.unguardedPerSecond[index] : 0
    }
}
