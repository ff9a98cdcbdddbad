/// What a run must reach for its verdict to be good.
struct Objectives: Codable, Equatable, Sendable {
    /// For answers to admitted visitors, counted from the moment each request was due.
    var p99Nanoseconds: Int64 = 250_000_000
    /// From the write of the changed config to the first admission decision under it.
    var reloadNanoseconds: Int64 = 1_000_000_000
    /// How late the load tool itself may be at its 99th percentile before its figures count for nothing.
    var toolLatenessNanoseconds: Int64 = 100_000_000
    /// The gateway's tick: keeping order closer than this is not promised.
    var tickMicros: Int64 = 100_000
    /// Lengths of the windows over which inflow must stay below burst + rate x window.
    var windowSeconds: [Int] = [1, 5, 30]
}
