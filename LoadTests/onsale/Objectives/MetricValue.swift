/// Values of metrics as people write and read them, in the units of the gateway's configuration.
extension Metric.Unit {
    private static let durations: [(name: String, nanoseconds: Double)] = [
        ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("min", 60e9), ("m", 60e9), ("h", 3_600e9), ("d", 86_400e9),
    ]

    /// How such a value is written.
    var allowed: String {
        switch self {
        case .duration: "a duration such as 250ms, 1.5s or 2m (units: us, ms, s, m, h, d)"
        case .share: "a share such as 0.1% or 0.001"
        case .rate: "a rate such as 120/s or 600/min"
        case .count: "a number such as 20 or 20000"
        }
    }

    /// nil when the text is no such value.
    func parse(_ text: String) -> Double? {
        let digits = text.prefix { $0.isASCII && $0.isNumber || $0 == "." }
        guard digits.wholeMatch(of: /\d{1,15}(\.\d{1,9})?/) != nil, let number = Double(digits) else { return nil }
        let unit = text[digits.endIndex...].drop { $0 == " " }
        switch self {
        case .duration: return Self.durations.first { $0.name == unit }.map { number * $0.nanoseconds }
        case .share:
            let share = unit == "%" ? number / 100 : number
            return ["", "%"].contains(unit) && share <= 1 ? share : nil
        case .rate: return unit == "/s" ? number : unit == "/min" ? number / 60 : nil
        case .count: return unit.isEmpty ? number : nil
        }
    }

    /// For people: rounded, and with the unit that fits.
    func text(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        switch self {
        case .duration: return Format.duration(nanoseconds: Int64(value.clamped(to: -9e18...9e18)))
        case .share: return Format.percent(value)
        case .rate: return Format.perSecond(value)
        case .count: return Format.decimal(value, places: 1)
        }
    }
}
