/// How closely a supply of workers follows the demand for them, second by second.
///
/// Source: Herbst, Kounev, Weber, Groenda, "BUNGEE: An Elasticity Benchmark for Self-Adaptive IaaS Cloud Environments"
/// (SEAMS 2015): its accuracy, time share and jitter.
public struct ProvisioningScore: Equatable, Sendable {
    /// Workers that are missing, or too many, on average over the whole time: the integral of what is missing over
    /// time.
    public var missingWorkers = 0.0
    public var surplusWorkers = 0.0
    /// Shares of the time in which any are.
    public var missingShare = 0.0
    public var surplusShare = 0.0
    /// How often the supply changes in a minute, beyond the changes of the demand; negative when it changes less often.
    public var jitterPerMinute = 0.0

    public init() {}

    /// Workers in each second, of the same seconds.
    public init(demand: [Int], supply: [Int]) {
        precondition(demand.count == supply.count, "a supply is held against the demand of the same seconds")
        guard !demand.isEmpty else { return }
        let seconds = Double(demand.count)
        let surplus = zip(supply, demand).map { $0 - $1 }
        self.missingWorkers = Double(surplus.reduce(0) { $0 + max(0, -$1) }) / seconds
        self.surplusWorkers = Double(surplus.reduce(0) { $0 + max(0, $1) }) / seconds
        self.missingShare = Double(surplus.filter { $0 < 0 }.count) / seconds
        self.surplusShare = Double(surplus.filter { $0 > 0 }.count) / seconds
        self.jitterPerMinute = Double(Self.changes(supply) - Self.changes(demand)) / seconds * 60
    }

    private static func changes(_ workers: [Int]) -> Int {
        zip(workers, workers.dropFirst()).filter { $0 != $1 }.count
    }
}
