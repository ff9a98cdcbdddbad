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

    static let stepMicros: Int64 = 100_000
    /// So many waiting people, in seconds of the rate: fewer may all have been called and be on their way.
    static let waitingSeconds = 2.0
    static let fewestWaiting = 10
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

    /// The longest time, while somebody was due, in which nobody was let in.
    func longestStallMicros() -> Int64 {
        var longest: Int64 = 0
        let times = self.passages.inOrderOfLatest
        for (time, next) in zip(times, times.dropFirst()) where next - time > longest {
            if self.isDue(from: time, to: next) { longest = next - time }
        }
        return longest
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

    private func isDue(from start: Int64, to end: Int64) -> Bool {
        guard start >= self.due.dropFirst().first?.micros ?? .max else { return false }
        guard !self.excused.contains(where: { $0.overlaps(start...end) }) else { return false }
        let steps = self.steps(from: start, to: end)
        let rate = Double(steps.map(\.rateMilli).max() ?? 0) / 1000
        let slots = steps.map(\.slots).min() ?? 0
        let waiting = max(Self.fewestWaiting, Int(rate * Self.waitingSeconds))
        guard self.inLine.extremes(from: start, to: end).fewest >= waiting else { return false }
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
