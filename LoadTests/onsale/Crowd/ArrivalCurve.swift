import Primitives

/// When people come to an on-sale: an accelerating build-up, a step at the opening, then an exponential decay.
///
/// The curve is continuous at the opening: the acceleration before it is not a setting, it follows from the share of
/// early comers, the step and the decay. Known of real sales: about 60 % come before the opening, the step is
/// 1.2 to 2 within 5 s, and the decay constant is about a sixth of the build-up.
struct ArrivalCurve: Codable, Equatable, Sendable {
    /// Seconds from the start of the run to the opening.
    var openingSeconds: Double
    /// Share of the crowd that is there before the opening, 0 to 1.
    var shareBeforeOpening: Double
    /// How much the arrival rate rises at the opening, over `stepSeconds`; 1 is no step.
    var stepFactor: Double
    var stepSeconds: Double
    /// Time constant of the decay after the step.
    var decaySeconds: Double
    /// Nobody arrives later than this; seconds from the start of the run.
    var endSeconds: Double

    /// The proportions of a real sale, squeezed into a run of `durationSeconds`.
    static func typical(durationSeconds: Double) -> ArrivalCurve {
        ArrivalCurve(
            openingSeconds: durationSeconds * 0.22,
            shareBeforeOpening: 0.6,
            stepFactor: 1.5,
            stepSeconds: durationSeconds * 0.02,
            decaySeconds: durationSeconds * 0.045,
            endSeconds: durationSeconds * 0.6
        )
    }

    func check() throws(ScenarioProblem) {
        try Self.require(self.openingSeconds >= 0, "opening", self.openingSeconds, "must be 0 s or later")
        try Self.require(
            (0...1).contains(self.shareBeforeOpening),
            "share before opening",
            self.shareBeforeOpening,
            "must be between 0 and 1"
        )
        try Self.require(
            self.openingSeconds > 0 || self.shareBeforeOpening == 0,
            "share before opening",
            self.shareBeforeOpening,
            "must be 0 when the sale opens at second 0, or open later"
        )
        try Self.require(
            (1...10).contains(self.stepFactor),
            "step factor",
            self.stepFactor,
            "must be between 1 (no step) and 10"
        )
        try Self.require(self.stepSeconds > 0, "step", self.stepSeconds, "must last longer than 0 s")
        try Self.require(self.decaySeconds > 0, "decay", self.decaySeconds, "must be longer than 0 s")
        try Self.require(
            self.endSeconds > self.openingSeconds + self.stepSeconds,
            "end of arrivals",
            self.endSeconds,
            "must be later than the opening and its step"
        )
    }

    private static func require(
        _ holds: Bool,
        _ setting: String,
        _ found: Double,
        _ allowed: String
    ) throws(ScenarioProblem) {
        // NaN fails every comparison, so it is refused here too.
        guard holds && found.isFinite else { throw ScenarioProblem(setting, "\(found)", allowed: allowed) }
    }

    /// The arrival time of the visitor at `rank` (0 to 1) of the crowd, in seconds: the inverse of `share(before:)`.
    func seconds(atRank rank: Double) -> Double { Shape(self).seconds(atRank: rank) }

    /// Arrivals per second at a moment, for a crowd of `visitors`.
    func ratePerSecond(at seconds: Double, visitors: Int) -> Double {
        Double(visitors) * Shape(self).density(at: seconds)
    }

    /// The curve with what follows from its settings worked out once.
    struct Shape: Sendable {
        /// Below this the build-up is as good as steady, and its formula divides by nearly nothing.
        private static let steady = 1e-6

        let curve: ArrivalCurve
        /// e-folds of the arrival rate between the start and the opening; 0 is a steady rate.
        let acceleration: Double
        /// Area under the curve after the opening, where its height at the opening is 1.
        let laterArea: Double
        private let stepArea: Double

        init(_ curve: ArrivalCurve) {
            self.curve = curve
            let decayLength = curve.endSeconds - curve.openingSeconds - curve.stepSeconds
            self.stepArea = curve.stepSeconds * (1 + curve.stepFactor) / 2
            self.laterArea =
                self.stepArea + curve.stepFactor * curve.decaySeconds
                * (1 - Elementary.exp(-decayLength / curve.decaySeconds))
            self.acceleration = Self.acceleration(curve, laterArea: self.laterArea)
        }

        /// Solves "rate just before the opening = rate just after it" by bisection.
        ///
        /// A build-up that would have to slow down to meet the later rate is kept steady: people do not do that, and
        /// the step then comes out higher than asked.
        private static func acceleration(_ curve: ArrivalCurve, laterArea: Double) -> Double {
            guard curve.shareBeforeOpening > 0, curve.shareBeforeOpening < 1 else { return 2 }
            let share = curve.shareBeforeOpening
            let target = (1 - share) / laterArea * curve.openingSeconds / share
            var low = 0.0
            var high = 12.0
            for _ in 0..<60 {
                let middle = (low + high) / 2
                if middle / (1 - Elementary.exp(-middle)) < target { low = middle } else { high = middle }
            }
            return low
        }

        func seconds(atRank rank: Double) -> Double {
            let rank = min(max(rank, 0), 1)
            let share = self.curve.shareBeforeOpening
            if rank < share {
                let part = rank / share
                guard self.acceleration > Self.steady else { return self.curve.openingSeconds * part }
                let growth = Elementary.exp(self.acceleration) - 1
                return self.curve.openingSeconds * Elementary.log(1 + part * growth) / self.acceleration
            }
            let area = share < 1 ? (rank - share) / (1 - share) * self.laterArea : 0
            return min(self.curve.openingSeconds + self.secondsAfterOpening(area: area), self.curve.endSeconds)
        }

        private func secondsAfterOpening(area: Double) -> Double {
            let step = self.curve.stepSeconds
            if area < self.stepArea {
                let slope = (self.curve.stepFactor - 1) / step
                guard slope > 1e-12 else { return area }
                return ((1 + 2 * slope * area).squareRoot() - 1) / slope
            }
            let rest = (area - self.stepArea) / (self.curve.stepFactor * self.curve.decaySeconds)
            return step - self.curve.decaySeconds * Elementary.log(max(1 - rest, .leastNormalMagnitude))
        }

        /// Share of the crowd that arrives per second, at a moment.
        func density(at seconds: Double) -> Double {
            let curve = self.curve
            guard seconds >= 0, seconds <= curve.endSeconds else { return 0 }
            if seconds < curve.openingSeconds {
                let mean = curve.shareBeforeOpening / curve.openingSeconds
                guard self.acceleration > Self.steady else { return mean }
                let height = Elementary.exp(self.acceleration * seconds / curve.openingSeconds)
                return mean * self.acceleration * height / (Elementary.exp(self.acceleration) - 1)
            }
            let base = (1 - curve.shareBeforeOpening) / self.laterArea
            let later = seconds - curve.openingSeconds
            if later < curve.stepSeconds { return base * (1 + (curve.stepFactor - 1) * later / curve.stepSeconds) }
            return base * curve.stepFactor * Elementary.exp(-(later - curve.stepSeconds) / curve.decaySeconds)
        }
    }
}
