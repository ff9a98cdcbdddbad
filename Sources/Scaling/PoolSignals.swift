import Primitives

/// What every gateway saw of one pool in the last second, added up over the gateways.
///
/// Rates and counts that are negative or not finite are taken as zero, counts above 10^12 as that: one bad report must not move a pool.
public struct PoolSignals: Codable, Sendable, Equatable {
    /// Requests a second that passed the room gate on their way to the pool, those of unguarded routes included.
    public var arrivalsPerSecond: Double
    /// The part of `arrivalsPerSecond` that came over routes without a room. No admission rate can hold it back, so it
    /// is taken off the capacity that the rooms share.
    public var unguardedPerSecond: Double
    /// Visitors a second who exchanged a place for a pass, over all rooms of the pool.
    public var admissionsPerSecond: Double
    /// Requests at the workers now.
    public var inFlight: Int
    /// Requests that stand in the gateways for want of a free worker.
    public var queued: Int
    /// Visitors in line over the pool's rooms, those of rooms that have not opened yet included.
    public var waiting: Int
    /// Those of them, before open doors, who will not come when they are called, by what became of those called lately.
    /// Nil: none, as far as is known.
    public var absent: Int?
    /// Sum of the open rooms' configured inflow in visitors a second; `.infinity` when nothing bounds it. However long the
    /// line, it cannot ask for more workers than this lets in.
    public var inflowLimitPerSecond: Double
    /// The part of `inflowLimitPerSecond` that is used as soon as the rate allows it: of each open room no more than it
    /// lets in now, or than those who stand before it and come when they are called. Nil: none, or not known.
    public var lineInflowPerSecond: Double?
    /// How long the workers took over the requests that ended in this second, first byte sent to last byte received,
    /// without the wait in the gateway.
    public var latency: LatencyHistogram
    /// Requests a second that the pool failed: 5xx answers, refused and broken connections, timeouts, and those that
    /// gateways turned away for want of a worker.
    public var errorsPerSecond: Double
    /// Gateways whose report is in the sums, last words that are held included. At zero the rest means nothing.
    public var gatewaysReporting: Int
    /// Of those, gateways that have fallen silent and whose last words are taken to go on.
    public var gatewaysHeld: Int
    /// Gateways that have ceased to report and did not say that they stop. They may serve as many visitors as ever, so
    /// that nothing that is missing from the sums means less to do.
    public var gatewaysSilent: Int

    public init(
        arrivalsPerSecond: Double,
        unguardedPerSecond: Double = 0,
        admissionsPerSecond: Double,
        inFlight: Int,
        queued: Int,
        waiting: Int,
        absent: Int = 0,
        inflowLimitPerSecond: Double,
        lineInflowPerSecond: Double = 0,
        latency: LatencyHistogram,
        errorsPerSecond: Double,
        gatewaysReporting: Int,
        gatewaysHeld: Int = 0,
        gatewaysSilent: Int = 0
    ) {
        self.arrivalsPerSecond = Self.finite(arrivalsPerSecond)
        self.unguardedPerSecond = min(Self.finite(unguardedPerSecond), self.arrivalsPerSecond)
        self.admissionsPerSecond = Self.finite(admissionsPerSecond)
        self.inFlight = Self.counted(inFlight)
        self.queued = Self.counted(queued)
        self.waiting = Self.counted(waiting)
        self.absent = absent > 0 ? min(Self.counted(absent), self.waiting) : nil
        self.inflowLimitPerSecond = inflowLimitPerSecond > 0 ? inflowLimitPerSecond : 0
        self.lineInflowPerSecond = lineInflowPerSecond > 0 ? lineInflowPerSecond : nil
        self.latency = latency
        self.errorsPerSecond = Self.finite(errorsPerSecond)
        self.gatewaysReporting = Self.counted(gatewaysReporting)
        self.gatewaysHeld = Self.counted(gatewaysHeld)
        self.gatewaysSilent = Self.counted(gatewaysSilent)
    }

    /// What no site has, and what still adds up.
    @usableFromInline static let most = 1_000_000_000_000

    @inlinable
    package static func counted(_ value: Int) -> Int { min(Self.most, max(0, value)) }

    private static func finite(_ value: Double) -> Double { value.isFinite ? max(0, value) : 0 }

    /// Failed requests over all that ended, in `0...1`.
    var errorShare: Double {
        let ended = max(Double(self.latency.count), self.errorsPerSecond)
        return ended > 0 ? self.errorsPerSecond / ended : 0
    }

    /// Whether anything at all asks for a worker now.
    public var showsDemand: Bool { self.arrivalsPerSecond > 0 || self.inFlight > 0 || self.queued > 0 }
}
