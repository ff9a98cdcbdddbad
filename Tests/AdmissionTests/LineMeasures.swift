@testable import Admission

/// What a `Line` did, as figures.
extension Line {
    private func moment(_ second: Double) -> Moment { self.moments[max(0, Int(second * 100) - 1)] }

    /// The share of what the rate allowed that nobody used from one second to another; below zero when what the bucket
    /// held was used as well.
    func undershoot(_ seconds: ClosedRange<Double>) -> Double {
        let (first, last) = (self.moment(seconds.lowerBound), self.moment(seconds.upperBound))
        return 1 - Double(last.admitted - first.admitted) / (last.allowed - first.allowed)
    }

    /// The share of the slots that were free, on average, while somebody waited.
    func unusedSlots(_ seconds: ClosedRange<Double>) -> Double {
        let moments = self.moments[Int(seconds.lowerBound * 100)..<Int(seconds.upperBound * 100)].filter(\.hasLine)
        let shares = moments.map { 1 - Double($0.sessions) / Double(max(1, $0.slots)) }
        return shares.reduce(0, +) / Double(max(1, shares.count))
    }

    func mostAtDoor(_ seconds: ClosedRange<Double>) -> Int64 {
        self.moments[Int(seconds.lowerBound * 100)..<Int(seconds.upperBound * 100)].map(\.door).max() ?? 0
    }

    /// A range that was told, and what became of it.
    struct Promise {
        var waitSeconds: Double
        var range: ClosedRange<Int64>
        var isHeld: Bool {
            Double(self.range.lowerBound) <= self.waitSeconds && self.waitSeconds <= Double(self.range.upperBound)
        }
        /// How many times the shorter end the longer one is.
        var width: Double { Double(self.range.upperBound) / Double(max(1, self.range.lowerBound)) }
    }

    /// Ranges that were told in these seconds to visitors who came in later, in order of the wait that followed.
    func promises(_ seconds: ClosedRange<Double>, atJoin: Bool? = nil) -> [Promise] {
        self.told.compactMap { told -> Promise? in
            let second = Double(told.micros - Self.startMicros) / 1e6
            let visitor = self.visitors[told.visitor]
            guard seconds.contains(second), visitor.insideMicros > 0, let range = told.range,
                atJoin == nil || atJoin == told.isAtJoin
            else { return nil }
            // Nobody can know that the limits will be changed.
            let inside = Double(visitor.insideMicros - Self.startMicros) / 1e6
            guard !self.plan.changes.contains(where: { second <= $0.second && $0.second <= inside }) else { return nil }
            return Promise(waitSeconds: Double(visitor.insideMicros - told.micros) / 1e6, range: range)
        }
        .sorted { $0.waitSeconds < $1.waitSeconds }
    }

    /// The share of the ranges that held, for each tenth of the waits.
    static func heldByDecile(_ promises: [Promise]) -> [Double] {
        (0..<10).map { decile in
            let part = promises[promises.count * decile / 10..<promises.count * (decile + 1) / 10]
            return Double(part.filter(\.isHeld).count) / Double(max(1, part.count))
        }
    }

    static func medianWidth(_ promises: [Promise]) -> Double {
        let widths = promises.map(\.width).sorted()
        return widths.isEmpty ? .infinity : widths[widths.count / 2]
    }

    /// Of the looks in these seconds by visitors who came in later, the share that was told a range.
    func toldShare(_ seconds: ClosedRange<Double>) -> Double {
        let looks = self.told.filter {
            seconds.contains(Double($0.micros - Self.startMicros) / 1e6) && self.visitors[$0.visitor].insideMicros > 0
        }
        return Double(looks.filter { $0.range != nil }.count) / Double(max(1, looks.count))
    }
}
