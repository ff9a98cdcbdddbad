import Foundation

/// Figures as people read them. No locale: a report reads the same on every machine. A figure and its unit are joined by
/// a space that does not break.
enum Format {
    /// `20,000`.
    static func count(_ value: Int) -> String {
        let digits = String(value.magnitude)
        var grouped = ""
        for (offset, digit) in digits.enumerated() {
            if offset > 0, (digits.count - offset).isMultiple(of: 3) { grouped.append(",") }
            grouped.append(digit)
        }
        return value < 0 ? "−" + grouped : grouped
    }

    /// With at most `places` decimals, none when they are zeros: `0.5`, `12`, `1,234.5`.
    static func decimal(_ value: Double, places: Int = 1) -> String {
        guard value.isFinite else { return "–" }
        guard value.magnitude < 9e15 else { return String(format: "%.2e", value) }
        let text = String(format: "%.\(places)f", value.magnitude)
        let parts = text.split(separator: ".")
        let whole = Self.count(Int(parts[0]) ?? 0)
        var decimals = parts.count > 1 ? String(parts[1]) : ""
        while decimals.hasSuffix("0") { decimals.removeLast() }
        let sign = value < 0 && (whole != "0" || !decimals.isEmpty) ? "−" : ""
        return decimals.isEmpty ? sign + whole : "\(sign)\(whole).\(decimals)"
    }

    /// Three significant digits with the unit that fits: `840 µs`, `12.3 ms`, `1.05 s`, `2 min 5 s`.
    static func duration(nanoseconds: Int64) -> String {
        let value = Double(nanoseconds)
        switch value.magnitude {
        case ..<1: return "0"
        case ..<999_500: return "\(Self.significant(value / 1e3))\u{A0}µs"
        case ..<999_500_000: return "\(Self.significant(value / 1e6))\u{A0}ms"
        case ..<119_500_000_000: return "\(Self.significant(value / 1e9))\u{A0}s"
        default:
            let seconds = Int((value / 1e9).rounded())
            let rest = seconds % 60
            return rest == 0 ? "\(seconds / 60)\u{A0}min" : "\(seconds / 60) min\u{A0}\(rest)\u{A0}s"
        }
    }

    static func duration(micros: Int64) -> String { Self.duration(nanoseconds: micros * 1_000) }

    /// `0 %`, `0.02 %`, `41.3 %`; a share that is not zero never reads as zero.
    static func percent(_ share: Double) -> String {
        guard share.isFinite else { return "–" }
        let percent = share * 100
        if percent == 0 { return "0\u{A0}%" }
        if percent.magnitude < 0.001 { return "<\u{A0}0.001\u{A0}%" }
        return "\(Self.significant(percent))\u{A0}%"
    }

    static func perSecond(_ value: Double) -> String { "\(Self.significant(value))/s" }

    /// Three significant digits, never in powers of ten.
    static func significant(_ value: Double) -> String {
        switch value.magnitude {
        case ..<0.095: Self.decimal(value, places: 4)
        case ..<0.995: Self.decimal(value, places: 3)
        case ..<9.995: Self.decimal(value, places: 2)
        case ..<99.95: Self.decimal(value, places: 1)
        default: Self.decimal(value, places: 0)
        }
    }

    /// A moment of a run: `0:07`, `1:30`, `1:02:05`.
    static func clock(seconds: Int) -> String {
        let rest = String(format: "%02d", seconds % 60)
        guard seconds >= 3600 else { return "\(seconds / 60):\(rest)" }
        return "\(seconds / 3600):\(String(format: "%02d", seconds / 60 % 60)):\(rest)"
    }
}
