/// What one loop counts of its tunnels.
struct TunnelCounts: Sendable {
    private(set) var opened: UInt64 = 0
    private(set) var open = 0
    /// By `TunnelEnd.index`.
    private var ends = [UInt64](repeating: 0, count: TunnelEnd.allCases.count)
    var bytesFromClients: UInt64 = 0
    var bytesToClients: UInt64 = 0

    mutating func begun() {
        self.opened += 1
        self.open += 1
    }

    mutating func ended(_ why: TunnelEnd) {
        self.open -= 1
        self.ends[why.index] += 1
    }

    func count(of end: TunnelEnd) -> UInt64 { self.ends[end.index] }

    mutating func add(_ other: TunnelCounts) {
        self.opened += other.opened
        self.open += other.open
        for index in self.ends.indices { self.ends[index] += other.ends[index] }
        self.bytesFromClients += other.bytesFromClients
        self.bytesToClients += other.bytesToClients
    }
}
