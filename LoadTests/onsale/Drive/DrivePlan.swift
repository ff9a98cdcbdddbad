/// What a drive is asked to do, and the visitors who do it.
struct DrivePlan: Sendable {
    var connections: Int
    var seconds: Int
    var thinkSeconds: Double
    var reconnects: Bool
    /// nil: everybody asks one request after the other.
    var waiting: Int?
    var arrivalsPerSecond: Int

    /// More than anybody asks in the time that a drive may take.
    private static let endless = 1 << 40
    private static let patienceNanoseconds: Int64 = 1 << 60

    func crowd() throws -> Crowd {
        let count = self.waiting ?? self.connections
        var scenario = Scenario(visitors: count, durationSeconds: 86_400, seed: 1)
        scenario.manners.thinkMedianSeconds = self.thinkSeconds
        scenario.manners.longestThinkSeconds = 20 * self.thinkSeconds
        // Those who do not wait come within a tenth of a second.
        let gap = self.waiting == nil ? 100_000_000 / Double(count) : 1e9 / Double(self.arrivalsPerSecond)
        return Crowd(scenario) { index in
            Visitor(
                index: index,
                arrivalNanoseconds: Int64(Double(index) * gap),
                patienceNanoseconds: Self.patienceNanoseconds,
                requestCount: Self.endless,
                isNoShow: false,
                eagerRefreshNanoseconds: nil,
                leavesByPage: false,
                retryHabit: .fixed,
                seed: UInt64(index)
            )
        }
    }
}
