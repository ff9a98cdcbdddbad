/// From busy slots to workers.
///
/// Square-root staffing: a load of R busy slots on average needs R + beta x sqrt(R) slots so that few requests find all
/// of them taken. A large pool needs a smaller margin; there the configured utilization is the stricter of the two.
/// Source: Halfin and Whitt, "Heavy-traffic limits for queues with many exponential servers" (1981).
enum Staffing {
    /// At 1, about one request in five meets full slots in a large pool, and does not wait long.
    static let beta = 1.0
    /// A need this small a part of a worker over a whole number is noise, not a reason to start one.
    static let tolerance = 0.05
    /// A smoothed flow never quite ends; below this many busy slots it has.
    static let leastLoad = 0.001
    /// More than any pool has, and still an exact Int.
    static let most = 1_000_000.0

    /// Workers for `load` busy slots; 0 for none to speak of.
    static func workers(forLoad load: Double, limits: ScalingLimits) -> Int {
        precondition(load >= 0, "a load is not negative")
        guard load >= Self.leastLoad else { return 0 }
        let slots = max(load / limits.utilization, load + Self.beta * load.squareRoot())
        let workers = limits.workers(forSlots: slots)
        return max(1, Int(min(Self.most, workers - Self.tolerance).rounded(.up)))
    }
}
