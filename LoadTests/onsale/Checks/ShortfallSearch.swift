/// Finds the stretch in which least was let in of what was due: while people waited who ask when they are told to, and
/// slots were free by the visitors' own count.
///
/// Looked at are windows of one length that begin every tenth of a second. Everybody who may have been let in within
/// one counts for it.
struct ShortfallSearch {
    struct Window: Equatable, Sendable {
        var startMicros: Int64
        var admitted: Int
        var due: Double
        var share: Double { Double(self.admitted) / self.due }
    }

    /// A time in which nobody was let in.
    struct Stall: Equatable, Sendable {
        var startMicros: Int64
        var micros: Int64
        /// It may last so long.
        var limitMicros: Int64
        var share: Double { Double(self.micros) / Double(self.limitMicros) }
    }

    static let stepMicros: Int64 = 100_000
    /// So many waiting people, in seconds of the rate: fewer may all have been called and be on their way.
    static let waitingSeconds = 2.0
    static let fewestWaiting = 10
    /// In a shorter time, and of fewer, nobody can tell what is lost a little at a time.
    static let shortestMicros: Int64 = 3_000_000
    static let fewestDue = 200
    /// Whoever asks and is told to wait sees somebody let in within this time, or the time in which so many are due.
    static let longestStall = (micros: Int64(5_000_000), people: 10.0)
    /// As slow as any rate is taken to be, a second.
    private static let slowestRate = 0.001
    /// Of the slots, the share that must be free for somebody to be due.
    static let freeShare = 0.05

    let passages: Passages
    let due: [LimitStep]
    let inLine: Occupancy
    let inside: Occupancy
    /// Nothing is due then.
    var excused: [ClosedRange<Int64>] = []

    /// nil when nothing was due in any window. `burst` and a few may be missing from each window: what was let in before
    /// it may have been saved up.
    func worst(lengthMicros: Int64) -> Window? {
        guard let last = self.inLine.times.last, let first = self.due.dropFirst().first?.micros else { return nil }
        var worst: Window?
        var start = first
        while start + lengthMicros <= last {
            if let window = self.window(start, lengthMicros), window.share < worst?.share ?? .infinity {
                worst = window
            }
            start += Self.stepMicros
        }
        return worst
    }

    /// Of all that was due while people waited, slots were free and the limits had settled, what was let in; nil when that
    /// was too little to tell. Here each counts at the moment of the answer: over so long a time it does not matter who is
    /// on the way at either end, and what is lost a little at a time shows.
    func whole(_ settled: [(from: Int64, to: Int64, limits: LimitStep)]) -> Window? {
        var window = Window(startMicros: .max, admitted: 0, due: 0)
        for stretch in settled {
            let last = min(stretch.to, self.inLine.times.last ?? stretch.from)
            for part in self.dueParts(from: stretch.from, to: last) {
                let length = Double(part.upperBound - part.lowerBound)
                window.startMicros = min(window.startMicros, part.lowerBound)
                window.due += length * Double(stretch.limits.rateMilli) / 1e9
                let times = self.passages.inOrderOfLatest
                window.admitted += times.count(upTo: part.upperBound) - times.count(upTo: part.lowerBound)
            }
        }
        return window.due >= Double(Self.fewestDue) ? window : nil
    }

    /// Stretches of some length, within one in which the limits stay, for all of which somebody was due.
    private func dueParts(from start: Int64, to end: Int64) -> [ClosedRange<Int64>] {
        var parts: [ClosedRange<Int64>] = []
        var first = start
        var step = start
        while step < end {
            let next = step + Self.stepMicros
            let isDue = next <= end && self.isDue(from: step, to: next)
            if !isDue, step - first >= Self.shortestMicros { parts.append(first...step) }
            if !isDue { first = next }
            step = next
            if step >= end, isDue, step - first >= Self.shortestMicros { parts.append(first...step) }
        }
        return parts
    }

    /// The longest time for the rate in force, from a page that told somebody to wait, in which nobody was let in
    /// though slots were free, and somebody waited who came again when told. nil when nobody did.
    func worstStall(_ looks: [Look], except strangers: Set<UInt32> = []) -> Stall? {
        let looks = looks.filter { !strangers.contains($0.visitor) }
        let told = looks.lazy.filter { $0.kind == .waiting }.map(\.sentMicros).sorted()
        guard let begin = self.due.dropFirst().first?.micros else { return nil }
        let times = [begin] + self.passages.inOrderOfLatest.filter { $0 > begin } + [.max]
        var worst: Stall?
        var index = 0
        for wait in Self.waits(looks) where wait.upperBound > begin {
            while index > 0, times[index] > wait.lowerBound { index -= 1 }
            while times[index] < wait.upperBound {
                let first = told.count(upTo: max(times[index], wait.lowerBound) - 1)
                index += 1
                let end = min(times[index], wait.upperBound)
                guard first < told.count, told[first] < end else { continue }
                let start = told[first]
                let stall = Stall(startMicros: start, micros: end - start, limitMicros: self.stallLimit(from: start))
                if stall.share > worst?.share ?? -1, self.hasFreeSlots(from: start, to: end),
                    !self.isExcused(from: start, to: end)
                {
                    worst = stall
                }
            }
        }
        return worst
    }

    /// Of the time from the opening until the first was in, that in which somebody waited who comes again when told; nil
    /// when nobody did, or nothing was due.
    func untilFirst(_ looks: [Look], openingMicros: Int64, except strangers: Set<UInt32> = []) -> Int64? {
        let first = self.passages.inOrderOfLatest.first { $0 > openingMicros } ?? .max
        let waits = Self.waits(looks.filter { !strangers.contains($0.visitor) })
            .filter { $0.upperBound > openingMicros && $0.lowerBound < first }
        guard let last = waits.last else { return nil }
        let end = min(first, last.upperBound)
        guard self.hasFreeSlots(from: openingMicros, to: end), !self.isExcused(from: openingMicros, to: end) else {
            return nil
        }
        return waits.reduce(0) { $0 + min($1.upperBound, end) - max($1.lowerBound, openingMicros) }
    }

    /// How long nobody may be let in from that moment on, by the rates of just that time.
    private func stallLimit(from start: Int64) -> Int64 {
        var index = self.due.lastIndex { $0.micros <= start } ?? 0
        var (from, owed) = (start, Self.longestStall.people)
        func rate() -> Double { max(Double(self.due[index].rateMilli) / 1_000, Self.slowestRate) }
        func end() -> Int64 { from + Int64(owed / rate() * 1e6) }
        while index + 1 < self.due.count, end() > self.due[index + 1].micros {
            owed -= Double(self.due[index + 1].micros - from) / 1e6 * rate()
            index += 1
            from = self.due[index].micros
        }
        return max(Self.longestStall.micros, end() - start)
    }

    /// Stretches in which somebody waited for the time to come again, in order of time and apart from each other.
    private static func waits(_ looks: [Look]) -> [ClosedRange<Int64>] {
        var pages: [UInt32: Look] = [:]
        var spans: [ClosedRange<Int64>] = []
        for look in looks {
            let page = pages[look.visitor]
            if let page, look.kind != .error, look.kind != .joining {
                let end = look.kind == .letIn ? look.answeredMicros : look.sentMicros
                // Who comes later than told has waited until then.
                let waited = look.isLate(after: page) ? look.sentMicros - look.lateMicros(after: page) : end
                spans.append(page.sentMicros...max(page.sentMicros, waited))
            }
            pages[look.visitor] = look.kind == .waiting || look.kind == .atDoor && page != nil ? look : nil
        }
        var apart: [ClosedRange<Int64>] = []
        for span in spans.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = apart.last, span.lowerBound <= last.upperBound {
                apart[apart.count - 1] = last.lowerBound...max(last.upperBound, span.upperBound)
            } else {
                apart.append(span)
            }
        }
        return apart
    }

    private func window(_ start: Int64, _ length: Int64) -> Window? {
        guard self.isDue(from: start, to: start + length) else { return nil }
        let burst = self.due.map(\.burst).max() ?? 0
        let due = self.integral(from: start, to: start + length) - Double(burst)
        guard due >= Double(Self.fewestWaiting) else { return nil }
        return Window(
            startMicros: start,
            admitted: self.passages.atMost(from: start, to: start + length),
            due: due
        )
    }

    /// So many waited for all of the stretch that the rate could be used, and slots were free.
    func isDue(from start: Int64, to end: Int64) -> Bool {
        guard start >= self.due.dropFirst().first?.micros ?? .max else { return false }
        guard !self.isExcused(from: start, to: end) else { return false }
        let rate = Double(self.steps(from: start, to: end).map(\.rateMilli).max() ?? 0) / 1000
        let waiting = max(Self.fewestWaiting, Int(rate * Self.waitingSeconds))
        return self.waiting(from: start, to: end) >= waiting && self.hasFreeSlots(from: start, to: end)
    }

    private func isExcused(from start: Int64, to end: Int64) -> Bool {
        self.excused.contains { $0.overlaps(start...max(start, end)) }
    }

    func waiting(from start: Int64, to end: Int64) -> Int { self.inLine.extremes(from: start, to: end).fewest }

    func hasFreeSlots(from start: Int64, to end: Int64) -> Bool {
        let slots = self.steps(from: start, to: end).map(\.slots).min() ?? 0
        return Double(self.inside.extremes(from: start, to: end).most) <= Double(slots) * (1 - Self.freeShare)
    }

    private func steps(from start: Int64, to end: Int64) -> ArraySlice<LimitStep> {
        let first = self.due.lastIndex { $0.micros <= start } ?? 0
        let last = self.due.lastIndex { $0.micros <= end } ?? first
        return self.due[first...last]
    }

    private func integral(from start: Int64, to end: Int64) -> Double {
        let steps = self.steps(from: start, to: end)
        return steps.indices.reduce(0.0) { sum, index in
            let from = max(start, steps[index].micros)
            let to = index + 1 < steps.endIndex ? min(end, steps[index + 1].micros) : end
            return sum + Double(max(0, to - from)) * Double(steps[index].rateMilli) / 1e9
        }
    }
}
