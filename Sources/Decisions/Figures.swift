import Primitives

/// Figures as people read them, without the system's help.
enum Figures {
    /// 1,234.
    static func count(_ value: Int) -> String {
        let digits = Array(String(value.magnitude))
        var text = value < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
            text.append(digit)
        }
        return text
    }

    /// `1 worker`, `2 workers`.
    static func count(_ value: Int, _ one: String, _ many: String? = nil) -> String {
        "\(self.count(value)) \(value == 1 ? one : many ?? one + "s")"
    }

    /// Three digits at least: 0.4, 12.3, 123, 1,234.
    static func number(_ value: Double) -> String {
        guard value.isFinite, value.magnitude < 1e15 else { return "no limit" }
        guard value.magnitude < 99.95 else { return self.count(Int(value.rounded())) }
        let tenths = Int((value * 10).rounded())
        let whole = self.count(tenths / 10)
        return tenths % 10 == 0 ? whole : "\(tenths < 0 && tenths > -10 ? "-" : "")\(whole).\((tenths % 10).magnitude)"
    }

    /// `20 ms`, `1.5 s`, `3 min 20 s`.
    static func duration(nanoseconds: Int64) -> String {
        let milliseconds = Double(nanoseconds) / 1e6
        guard milliseconds >= 1_000 else { return "\(self.number(milliseconds)) ms" }
        let seconds = milliseconds / 1_000
        guard seconds >= 120 else { return "\(self.number(seconds)) s" }
        let whole = Int(seconds.rounded())
        return "\(self.count(whole / 60)) min" + (whole % 60 == 0 ? "" : " \(whole % 60) s")
    }

    /// Of one: `62 %`.
    static func percent(_ share: Double) -> String { "\(self.count(Int((share * 100).rounded()))) %" }

    /// `a`, `a and b`, `a, b and c`.
    static func list(_ items: [String]) -> String {
        guard let last = items.last, items.count > 1 else { return items.first ?? "" }
        return "\(items.dropLast().joined(separator: ", ")) and \(last)"
    }
}
