import Pools
import Primitives
import Scaling

/// What one loop did with one pool since the last sample; the loops' samples of a second become a gateway's signals.
struct PoolSample: Sendable {
    var arrivals = 0
    /// The part of `arrivals` that came over routes without a room.
    var unguarded = 0
    var admissions = 0
    var errors = 0
    /// Without those that have become tunnels.
    var inFlight = 0
    var tunnels = 0
    /// So many tunnels are as much work to a worker as one request.
    var tunnelsPerSlot = 1
    var queued = 0
    var latency = LatencyHistogram()
    /// By worker id, tunnels included: a worker that has one is not idle. Those with none are left out.
    var workerInFlight = ByName<Int>()

    mutating func add(_ other: PoolSample) {
        self.arrivals += other.arrivals
        self.unguarded += other.unguarded
        self.admissions += other.admissions
        self.errors += other.errors
        self.inFlight += other.inFlight
        self.tunnels += other.tunnels
        self.tunnelsPerSlot = max(self.tunnelsPerSlot, other.tunnelsPerSlot)
        self.queued += other.queued
        self.latency.merge(other.latency)
        self.workerInFlight.join(other.workerInFlight, fresh: 0) { $0 += $1 }
    }
}

extension PoolSample {
    /// Slots that are taken. A tunnel is open for hours and does little: counted as a request it would call for workers
    /// that have nothing to do, and not counted at all for none when they have too much.
    var slotsTaken: Int { self.inFlight + (self.tunnels + self.tunnelsPerSlot - 1) / self.tunnelsPerSlot }
}

extension GatewaySignals {
    /// What all loops of a gateway together have to tell of a pool. `rooms`: those before it.
    init(
        _ sample: PoolSample,
        of gateway: String,
        rooms: [String: RoomSignals],
        intervalMicros: Int64,
        process: ProcessIdentity?
    ) {
        self.init(
            gateway: gateway,
            intervalMicros: intervalMicros,
            arrivals: sample.arrivals,
            unguarded: sample.unguarded,
            admissions: sample.admissions,
            waiting: rooms.values.reduce(0) { $0 + $1.waiting },
            rooms: RoomSignals.longest(of: ByName(rooms)),
            inFlight: sample.slotsTaken,
            queued: sample.queued,
            errors: sample.errors,
            latency: sample.latency,
            workerInFlight: sample.workerInFlight,
            process: process
        )
    }
}
