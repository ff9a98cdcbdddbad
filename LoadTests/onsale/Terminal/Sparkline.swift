/// A row of small bars, newest at the right.
enum Sparkline {
    private static let bars: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

    /// Bars for the last `width` values, from zero to `highest` (the largest shown when nil); blanks on the left when
    /// there are fewer values.
    static func draw(_ values: [Double], width: Int, highest: Double? = nil) -> String {
        guard width > 0 else { return "" }
        let shown = values.suffix(width)
        let top = max(highest ?? shown.max() ?? 0, .leastNormalMagnitude)
        let drawn = shown.map { value -> Character in
            guard value > 0 else { return Self.bars[0] }
            let step = Int((value / top * Double(Self.bars.count)).rounded(.up)) - 1
            return Self.bars[step.clamped(to: 0...(Self.bars.count - 1))]
        }
        return String(repeating: " ", count: width - shown.count) + String(drawn)
    }
}
