/// Durations as they are written in the file: `250ms`, `30s`, `10m`, `1h`, `1d`. In the program they are nanoseconds.
package enum DurationText {
    /// Smallest first.
    static let units: [(name: String, nanoseconds: Int64)] = [
        ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
        ("d", 86_400_000_000_000),
    ]

    package static func parse(_ text: String) throws(Refusal) -> Int64 {
        let quantity = try Quantity(text)
        guard !quantity.unit.isEmpty else { throw Refusal("which has no unit (30 what?)") }
        guard let unit = self.units.first(where: { $0.name == quantity.unit }) else {
            throw Refusal("whose unit is not one of ms, s, m, h and d")
        }
        guard quantity.fraction.isEmpty else { throw Refusal("which has a fraction: use the smaller unit") }
        return try quantity.scaled(by: unit.nanoseconds)
    }

    /// In the largest unit that says it exactly.
    package static func format(_ nanoseconds: Int64) -> String {
        guard nanoseconds != 0 else { return "0s" }
        for unit in self.units.reversed() where nanoseconds % unit.nanoseconds == 0 {
            return "\(nanoseconds / unit.nanoseconds)\(unit.name)"
        }
        return "\(nanoseconds)ns"
    }
}
