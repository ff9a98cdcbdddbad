import Primitives

/// The live view of a run: a few lines redrawn in place on a terminal, one line every five seconds elsewhere.
///
/// Makes text only; whoever owns the output writes what `paint` returns.
struct ProgressView: Sendable {
    static let redrawNanoseconds = 100 * Nanoseconds.perMillisecond
    static let lineNanoseconds = 5 * Nanoseconds.perSecond
    private static let labelWidth = 10
    private static let figureWidth = 34
    private static let mostBars = 60
    /// No line is longer, however wide the terminal: the bar of the first line ends where those below it do.
    private static let widest = Self.labelWidth + Self.figureWidth + 4 + Self.mostBars

    let isTerminal: Bool
    /// Columns of the terminal; longer lines would wrap and spoil the redraw.
    var width: Int
    private let ink: Ink
    private var paintedAt: Instant?
    private var paintedLines = 0

    init(isTerminal: Bool, isColoured: Bool, width: Int = 80) {
        self.isTerminal = isTerminal
        self.width = max(width, 40)
        self.ink = Ink(isColoured: isTerminal && isColoured)
    }

    /// The text to write now; nil when the last painting is too fresh. `isLast` paints in any case.
    mutating func paint(_ state: ProgressState, now: Instant, isLast: Bool = false) -> String? {
        let pause = self.isTerminal ? Self.redrawNanoseconds : Self.lineNanoseconds
        if !isLast, let paintedAt = self.paintedAt, now.nanoseconds(since: paintedAt) < pause { return nil }
        self.paintedAt = now
        guard self.isTerminal else { return Self.line(state) + "\n" }
        let lines = self.lines(state)
        // Up to the first line of the last painting; each line then clears what is left of the old one.
        var text = self.paintedLines > 0 ? "\u{1B}[\(self.paintedLines)A" : ""
        for line in lines { text += "\r\(line)\u{1B}[K\n" }
        self.paintedLines = isLast ? 0 : lines.count
        return text
    }

    /// Something else was written: the next painting begins below it.
    mutating func wasInterrupted() { self.paintedLines = 0 }

    /// Everything on one line, for logs.
    static func line(_ state: ProgressState) -> String {
        let last = state.samples.last
        var parts = [
            "\(Format.clock(seconds: Int(state.elapsedSeconds))) \(state.label)",
            "arrived \(Format.count(state.counts.arrivals)) of \(Format.count(state.visitors))",
            "in line \(Format.count(state.gauges.waiting))",
            "let in \(Format.count(state.counts.exchanges)) (\(Format.perSecond(Double(last?.counts.exchanges ?? 0))))",
            "inside \(Format.count(state.gauges.inside))",
        ]
        if let ready = state.gauges.workersReady { parts.append("workers \(ready)") }
        if let p99 = last?.insideCorrected?.p99 { parts.append("p99 \(Format.duration(nanoseconds: p99))") }
        parts.append("errors \(Format.count(state.counts.errors.total))")
        return parts.joined(separator: " · ")
    }

    /// The lines of one painting, each at most `width` columns.
    func lines(_ state: ProgressState) -> [String] {
        let samples = state.samples
        let rate = Double(samples.last?.counts.arrivals ?? 0)
        let inflow = Double(samples.last?.counts.exchanges ?? 0)
        var lines = [self.headline(state)]
        lines.append(
            self.row(
                "arrived",
                "\(Format.count(state.counts.arrivals)) of \(Format.count(state.visitors))",
                Format.perSecond(rate),
                samples.map { Double($0.counts.arrivals) },
                .blue
            )
        )
        lines.append(
            self.row(
                "in line",
                Format.count(state.gauges.waiting),
                "inside \(Format.count(state.gauges.inside))",
                samples.map { Double($0.gauges.waiting) },
                .amber
            )
        )
        let limit = state.gauges.limitPerSecond
        lines.append(
            self.row(
                "let in",
                Format.count(state.counts.exchanges),
                Format.perSecond(inflow) + (limit.map { " of \(Format.perSecond($0))" } ?? ""),
                samples.map { Double($0.counts.exchanges) },
                .green,
                highest: limit
            )
        )
        if let ready = state.gauges.workersReady {
            lines.append(
                self.row(
                    "workers",
                    "\(ready) ready",
                    state.gauges.workersDesired.map { "\($0) wanted" } ?? "",
                    samples.map { Double($0.gauges.workersReady ?? 0) },
                    .blue
                )
            )
        }
        let inside = samples.last?.insideCorrected
        lines.append(
            self.row(
                "p99 inside",
                inside.map { Format.duration(nanoseconds: $0.p99) } ?? "–",
                inside.map { "p50 \(Format.duration(nanoseconds: $0.p50))" } ?? "",
                samples.map { Double($0.insideCorrected?.p99 ?? 0) },
                .faint
            )
        )
        lines.append(self.errors(state))
        return lines
    }

    private func headline(_ state: ProgressState) -> String {
        let elapsed = min(state.elapsedSeconds, state.durationSeconds)
        let clock = "\(Format.clock(seconds: Int(elapsed))) / \(Format.clock(seconds: Int(state.durationSeconds)))"
        let opening = state.openingSeconds - elapsed
        let phase = opening > 0 ? "opens in \(Int(opening.rounded(.up))) s" : "open"
        let room = max(min(self.width, Self.widest) - clock.count - phase.count - state.label.count - 8, 4)
        let done = Int(elapsed / max(state.durationSeconds, 1) * Double(room)).clamped(to: 0...room)
        let bar =
            self.ink(.green, String(repeating: "━", count: done))
            + self.ink(.faint, String(repeating: "─", count: room - done))
        return " \(self.ink(.bold, state.label))  \(clock)  \(bar)  \(phase)"
    }

    private func row(
        _ label: String,
        _ figure: String,
        _ aside: String,
        _ values: [Double],
        _ tone: Ink.Tone,
        highest: Double? = nil
    ) -> String {
        let figures = Self.padded(figure, to: 18) + Self.padded(aside, to: Self.figureWidth - 18)
        let room = (self.width - Self.labelWidth - Self.figureWidth - 4).clamped(to: 0...Self.mostBars)
        let spark = Sparkline.draw(values, width: room, highest: highest)
        return " \(self.ink(.faint, Self.padded(label, to: Self.labelWidth))) \(figures) \(self.ink(tone, spark))"
    }

    private func errors(_ state: ProgressState) -> String {
        let label = self.ink(.faint, Self.padded("errors", to: Self.labelWidth))
        let errors = state.counts.errors
        guard errors.total > 0 else { return " \(label) \(self.ink(.green, "0"))" }
        let kinds = errors.met.map { "\($0.kind.rawValue) \(Format.count($0.count))" }.joined(separator: ", ")
        let text = "\(Format.count(errors.total))  \(kinds)".prefix(self.width - Self.labelWidth - 3)
        return " \(label) \(self.ink(.red, String(text)))"
    }

    private static func padded(_ text: String, to width: Int) -> String {
        String(text.prefix(width)) + String(repeating: " ", count: max(width - text.count, 0))
    }
}
