import Settings

/// What the workers of an operator's pool carry of a crowd for sure, by their shape. Played and simulated runs of a file
/// are held to the same.
struct PoolCapacity {
    /// Of what workers can carry by their shape, the share that the judge asks for: service times vary, and the policy
    /// keeps some room.
    private static let carriedShare = 0.7

    let serviceMilliseconds: Int
    let requestsPerVisitor: Int
    private let slotsPerWorker: Int
    private let utilization: Double

    init(_ pool: PoolSettings, _ scenario: Scenario) {
        let crowdRequests = scenario.mean { Double($0.fewestRequests + $0.mostRequests) / 2 }
        self.serviceMilliseconds = max(1, Int(pool.worker.serviceTimeNanoseconds / 1_000_000))
        self.requestsPerVisitor = Int(max(pool.scaling.requestsPerVisitor, crowdRequests).rounded(.up))
        self.slotsPerWorker = pool.worker.slots
        self.utilization = pool.scaling.utilization
    }

    /// Visitors a second, in thousandths, that so many workers serve for sure.
    func carriedMilli(workers: Int) -> Int64 {
        let slots = Double(workers * self.slotsPerWorker) * self.utilization
        let requests = slots * 1000 / Double(self.serviceMilliseconds)
        return Int64(requests / Double(self.requestsPerVisitor) * Self.carriedShare * 1000)
    }

    /// What is due of such an inflow, in thousandths a second, and how to say so; nil: all of it.
    func due(ofInflowMilli inflowMilli: Int64, fewestWorkers: Int) -> (milli: Int64, note: String)? {
        let carried = self.carriedMilli(workers: fewestWorkers)
        guard carried < inflowMilli else { return nil }
        let note =
            "the fewest workers (\(fewestWorkers)) carry about \(SandboxedFile.rate(carried)) for sure, by their shape: "
            + "that much of the inflow must be used while people wait"
        return (carried, note)
    }
}
