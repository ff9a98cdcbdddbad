import Primitives

/// What one loop did with one pool since the last sample; the loops' samples of a second become a gateway's signals.
struct PoolSample: Sendable {
    var arrivals = 0
    /// The part of `arrivals` that came over routes without a room.
    var unguarded = 0
    var admissions = 0
    var errors = 0
    var inFlight = 0
    var queued = 0
    var latency = LatencyHistogram()
    var workerInFlight: [String: Int] = [:]

    mutating func add(_ other: PoolSample) {
        self.arrivals += other.arrivals
        self.unguarded += other.unguarded
        self.admissions += other.admissions
        self.errors += other.errors
        self.inFlight += other.inFlight
        self.queued += other.queued
        self.latency.merge(other.latency)
        self.workerInFlight.merge(other.workerInFlight, uniquingKeysWith: +)
    }
}
