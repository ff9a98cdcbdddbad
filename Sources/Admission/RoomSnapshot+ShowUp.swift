extension RoomSnapshot {
    /// Nine of ten lie within this many standard deviations.
    private static let deviations = 1.64
    /// Of the first few called nobody can say what they stand for.
    private static let leastPlaces: Int64 = 10

    /// Between which shares of the called show up, given over how many places that was measured.
    public var showUp: (least: Double, most: Double) {
        guard self.showUpPlaces >= Self.leastPlaces else { return (Double(RoomRules.leastShowUp) / 1e6, 1) }
        let places = Double(self.showUpPlaces)
        // A new room's ratio begins with a few places that all showed up, which nobody has seen.
        let assumed = self.showUpPlaces < RoomRules.showUpMemoryPlaces ? Double(RoomRules.showUpPriorPlaces) : 0
        let came = max(0, Double(self.showUpPermille) / 1000 * (places + assumed) - assumed)
        let mean = (came + 1) / (places + 2)
        let deviation = Self.deviations * (mean * (1 - mean) / (places + 3)).squareRoot()
        return (max(Double(RoomRules.leastShowUp) / 1e6, mean - deviation), min(1, mean + deviation))
    }
}
