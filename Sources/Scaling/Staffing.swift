/// From busy slots to workers and back: the same law says how many workers a load needs and how much load workers may be
/// given.
///
/// A load of R busy slots on average needs more than R slots so that few requests find all of them taken: R over the
/// configured utilization in a small pool. A large one is steadier and needs less: R and 1.5 square roots of R
/// (square-root staffing), but never less than a tenth to spare.
/// Source: Halfin and Whitt, "Heavy-traffic limits for queues with many exponential servers" (1981).
enum Staffing {
    /// At 1.5, about one request in fourteen meets full slots in a large pool, and does not wait long.
    static let beta = 1.5
    /// No pool is planned fuller than this, whatever its size.
    static let fullest = 0.9
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
        let byRoot = max(load / Self.fullest, load + Self.beta * load.squareRoot())
        let slots = min(load / limits.utilization, byRoot)
        let workers = limits.workers(forSlots: slots)
        return max(1, Int(min(Self.most, workers - Self.tolerance).rounded(.up)))
    }

    /// Busy slots that may be planned on `slots`.
    static func load(forSlots slots: Double, limits: ScalingLimits) -> Double {
        // The root of R + beta x sqrt(R) = slots.
        let root = ((Self.beta * Self.beta + 4 * slots).squareRoot() - Self.beta) / 2
        return max(slots * limits.utilization, min(slots * Self.fullest, root * root))
    }
}
