import Primitives

/// What one gateway saw of one pool in its last interval.
public struct GatewaySignals: Equatable, Sendable {
    /// Unique among the gateways of the pool.
    public var gateway: String
    /// When it was published, on the clock of the shared state; set by the board, not by the gateway.
    public var atMicros: Int64
    /// How long ago that was when the board was asked; set by the board.
    public var ageMicros: Int64
    /// Length of the interval.
    public var intervalMicros: Int64
    /// Requests that asked for the pool.
    public var arrivals: Int
    /// The part of `arrivals` that came over routes without a room.
    public var unguarded: Int
    /// Visitors who were let in.
    public var admissions: Int
    /// Visitors in the waiting rooms in front of the pool, all rooms together.
    public var waiting: Int
    /// Each of these rooms by itself, by name. A gateway of an older version tells of none.
    public var rooms: ByName<RoomSignals>
    /// Requests at the workers at the end of the interval.
    public var inFlight: Int
    /// Requests held back in the gateway at the end of the interval.
    public var queued: Int
    /// Requests that failed by a worker's fault, or for want of one.
    public var errors: Int
    /// Of the requests that ended in the interval.
    public var latency: LatencyHistogram
    /// Requests at each worker at the end of the interval, by worker id.
    public var workerInFlight: ByName<Int>
    /// The gateway's process, so that whoever can see it knows whether it is still there. One of an older version does
    /// not tell it.
    public var process: ProcessIdentity?

    public init(
        gateway: String,
        atMicros: Int64 = 0,
        ageMicros: Int64 = 0,
        intervalMicros: Int64,
        arrivals: Int = 0,
        unguarded: Int = 0,
        admissions: Int = 0,
        waiting: Int = 0,
        rooms: ByName<RoomSignals> = [:],
        inFlight: Int = 0,
        queued: Int = 0,
        errors: Int = 0,
        latency: LatencyHistogram = LatencyHistogram(),
        workerInFlight: ByName<Int> = [:],
        process: ProcessIdentity? = nil
    ) {
        self.gateway = gateway
        self.atMicros = atMicros
        self.ageMicros = ageMicros
        self.intervalMicros = intervalMicros
        self.arrivals = arrivals
        self.unguarded = unguarded
        self.admissions = admissions
        self.waiting = waiting
        self.rooms = rooms
        self.inFlight = inFlight
        self.queued = queued
        self.errors = errors
        self.latency = latency
        self.workerInFlight = workerInFlight
        self.process = process
    }
}
