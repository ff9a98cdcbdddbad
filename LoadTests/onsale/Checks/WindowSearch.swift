/// Finds the window of a given length in which most was admitted compared with what the limits allowed.
///
/// Counted are those who were surely let in within the window, whatever the way of their answer took. Exact, not
/// sampled. Let a closed window of fixed length slide along: its count changes only where a passage enters or leaves, and
/// what is allowed (burst + integral of the rate) is linear between the moments at which a change of limits enters or
/// leaves. So the share that is used is greatest at one of these moments, and looking at all of them is enough.
struct WindowSearch {
    struct Window: Codable, Equatable, Sendable {
        var startMicros: Int64
        var lengthMicros: Int64
        var exchanges: Int
        /// In nano-exchanges, so that rate x microseconds is an integer.
        var allowedNano: Int64

        var excessNano: Int64 { Int64(self.exchanges) * WindowSearch.nano - self.allowedNano }
        var allowed: Double { Double(self.allowedNano) / 1e9 }
        /// 1 is the limit; infinite when something was admitted where nothing was allowed.
        var used: Double { self.allowedNano > 0 ? Double(self.exchanges) / self.allowed : .infinity }

        /// Exact where it matters: one above the limit comes before all that are not.
        fileprivate func isTighter(than other: Window) -> Bool {
            let isOver = self.excessNano > 0
            if isOver != (other.excessNano > 0) { return isOver }
            return self.used > other.used
        }
    }

    static let nano: Int64 = 1_000_000_000

    private let passages: Passages
    private let limits: [LimitStep]
    /// Integral of the rate up to each change of limits.
    private let integralNano: [Int64]

    /// `limits` in order of time. Before the first nothing is allowed.
    init(_ passages: Passages, limits: [LimitStep]) {
        self.passages = passages
        self.limits = limits
        var integrals: [Int64] = []
        for index in limits.indices {
            guard let before = integrals.last else {
                integrals.append(0)
                continue
            }
            let last = limits[index - 1]
            integrals.append(before + (limits[index].micros - last.micros) * last.rateMilli)
        }
        self.integralNano = integrals
    }

    /// The window that used most of what it was allowed; nil when nothing was admitted.
    func worst(lengthMicros: Int64) -> Window? {
        var worst: Window?
        let fitting = self.fitting(lengthMicros)
        fitting.forEachStart(lengthMicros) { startMicros in
            let window = fitting.window(startMicros: startMicros, lengthMicros: lengthMicros)
            if window.exchanges > 0, worst.map(window.isTighter(than:)) ?? true { worst = window }
        }
        return worst
    }

    /// The window of whatever length in which most was admitted beyond what the rate alone brings; nil when nothing was
    /// admitted. A short window is given the whole burst again, and a long one shows what is too much a little at a
    /// time.
    func worstOfAnyLength() -> Window? {
        let (starts, ends) = (self.passages.inOrderOfEarliest, self.passages.inOrderOfLatest)
        // Who was surely in by the end counts, but for those who may have been before the start: that is least at the
        // start which is worth most, whatever the end.
        var start: (micros: Int64, worthNano: Int64)?
        var worst: (start: Int64, end: Int64, nano: Int64)?
        var passed = 0
        for (index, end) in ends.enumerated() {
            while passed < starts.count, starts[passed] <= end {
                let worth = self.integral(to: starts[passed]) - Int64(passed) * Self.nano
                if worth > start?.worthNano ?? .min { start = (starts[passed], worth) }
                passed += 1
            }
            guard let start else { continue }
            let beyond = Int64(index + 1) * Self.nano - self.integral(to: end) + start.worthNano
            if beyond > worst?.nano ?? .min { worst = (start.micros, end, beyond) }
        }
        return worst.map { self.window(startMicros: $0.start, lengthMicros: $0.end - $0.start) }
    }

    /// The last window that begins within `from` and `to` and in which more was admitted than allowed.
    func lastExceeded(lengthMicros: Int64, from: Int64, to: Int64) -> Window? {
        var last: Window?
        let fitting = self.fitting(lengthMicros)
        fitting.forEachStart(lengthMicros) { startMicros in
            guard startMicros >= from, startMicros <= to, startMicros > last?.startMicros ?? .min else { return }
            let window = fitting.window(startMicros: startMicros, lengthMicros: lengthMicros)
            if window.excessNano > 0 { last = window }
        }
        return last
    }

    /// Who may have been let in at either side of any such window is not counted in any.
    private func fitting(_ lengthMicros: Int64) -> WindowSearch {
        WindowSearch(self.passages.fitting(lengthMicros: lengthMicros), limits: self.limits)
    }

    private func forEachStart(_ lengthMicros: Int64, _ body: (Int64) -> Void) {
        for time in self.passages.inOrderOfEarliest { body(time) }
        for time in self.passages.inOrderOfLatest { body(time - lengthMicros) }
        for change in self.limits {
            body(change.micros)
            body(change.micros - lengthMicros)
            // A window that ends just before a larger burst begins is not given that burst.
            body(change.micros - lengthMicros - 1)
        }
    }

    func window(startMicros: Int64, lengthMicros: Int64) -> Window {
        let endMicros = startMicros + lengthMicros
        let allowed =
            self.burst(from: startMicros, to: endMicros) * Self.nano
            + self.integral(to: endMicros) - self.integral(to: startMicros)
        return Window(
            startMicros: startMicros,
            lengthMicros: lengthMicros,
            exchanges: self.passages.surely(from: startMicros, to: endMicros),
            allowedNano: allowed
        )
    }

    /// The largest burst that held at any moment of the window: what the bucket may have held at its start.
    private func burst(from startMicros: Int64, to endMicros: Int64) -> Int64 {
        guard let last = self.lastChange(atOrBefore: endMicros) else { return 0 }
        let first = self.lastChange(atOrBefore: startMicros) ?? 0
        return self.limits[first...last].reduce(0) { max($0, $1.burst) }
    }

    private func integral(to micros: Int64) -> Int64 {
        guard let index = self.lastChange(atOrBefore: micros) else { return 0 }
        return self.integralNano[index] + (micros - self.limits[index].micros) * self.limits[index].rateMilli
    }

    private func lastChange(atOrBefore micros: Int64) -> Int? {
        var low = 0
        var high = self.limits.count
        while low < high {
            let middle = (low + high) / 2
            if self.limits[middle].micros <= micros { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? low - 1 : nil
    }
}
