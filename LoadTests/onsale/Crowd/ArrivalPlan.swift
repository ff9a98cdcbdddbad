/// When people come: one wave or several, and the moment at which the sale opens.
struct ArrivalPlan: Codable, Equatable, Sendable {
    static let mostWaves = 16
    /// No run is longer.
    static let longestSeconds = 86_400.0

    /// Seconds from the start of the run to the opening.
    var openingSeconds: Double
    /// At least one.
    var waves: [Wave]

    static func typical(visitors: Int, durationSeconds: Double) -> ArrivalPlan {
        let curve = ArrivalCurve.typical(durationSeconds: durationSeconds)
        return ArrivalPlan(
            openingSeconds: curve.openingSeconds,
            waves: [Wave(visitors: visitors, shape: .sale(curve))]
        )
    }

    /// Nobody arrives later than this; seconds from the start of the run.
    var endSeconds: Double { self.waves.map(\.shape.endSeconds).max() ?? 0 }

    var visitors: Int { self.waves.reduce(0) { $0 + $1.visitors } }

    /// The same waves for so many people altogether: each keeps its share, to the nearest person.
    func scaled(toVisitors visitors: Int) -> ArrivalPlan {
        let former = max(1, self.visitors)
        guard visitors != former else { return self }
        var plan = self
        var (before, given) = (0, 0)
        for index in plan.waves.indices {
            before += self.waves[index].visitors
            // By what all waves up to this one have: so the parts add up to the whole.
            let upTo = Int((Double(before) / Double(former) * Double(visitors)).rounded())
            plan.waves[index].visitors = upTo - given
            given = upTo
        }
        return plan
    }

    /// The same in another time: each moment that many times as late.
    func stretched(by factor: Double) -> ArrivalPlan {
        var plan = self
        plan.openingSeconds *= factor
        for index in plan.waves.indices { plan.waves[index].shape.stretch(by: factor) }
        return plan
    }

    func check() throws(ScenarioProblem) {
        guard (1...Self.mostWaves).contains(self.waves.count) else {
            throw ScenarioProblem("waves", "\(self.waves.count)", allowed: "must be 1 to \(Self.mostWaves)")
        }
        guard (0...Self.longestSeconds).contains(self.openingSeconds) else {
            throw ScenarioProblem("opening", "\(self.openingSeconds)", allowed: "must be 0 s to a day")
        }
        for wave in self.waves where !(0...Scenario.mostVisitors).contains(wave.visitors) {
            throw ScenarioProblem(
                "visitors of a wave",
                "\(wave.visitors)",
                allowed: "must be 0 to \(Scenario.mostVisitors)"
            )
        }
        for wave in self.waves { try wave.shape.check() }
    }
}

/// Some of the people, and when they come.
struct Wave: Codable, Equatable, Sendable {
    var visitors: Int
    var shape: Shape

    enum Shape: Codable, Equatable, Sendable, CustomStringConvertible {
        case sale(ArrivalCurve)
        case rates(RateCurve)
        case counts(ArrivalCounts)

        /// For people who read a plan or a report.
        var description: String {
            func time(_ seconds: Double) -> String { Format.duration(nanoseconds: Int64(seconds * 1e9)) }
            switch self {
            case .sale(let curve):
                return "as to a sale, \(Format.percent(curve.shareBeforeOpening)) before "
                    + "\(time(curve.openingSeconds)), step \(Format.significant(curve.stepFactor)) in "
                    + "\(time(curve.stepSeconds)), decay \(time(curve.decaySeconds))"
            case .rates(let curve):
                let (first, last) = (curve.points[0], curve.points[curve.points.count - 1])
                return "\(Format.significant(first.ratePerSecond))/s at \(time(first.seconds)) to "
                    + "\(Format.significant(last.ratePerSecond))/s at \(time(last.seconds)), "
                    + "\(Format.count(curve.points.count)) points"
            case .counts(let counts):
                return "as they came, \(Format.count(counts.counts.count)) steps of \(time(counts.stepSeconds)) from "
                    + time(counts.startSeconds)
            }
        }

        var endSeconds: Double {
            switch self {
            case .sale(let curve): curve.endSeconds
            case .rates(let curve): curve.endSeconds
            case .counts(let counts): counts.endSeconds
            }
        }

        func check() throws(ScenarioProblem) {
            switch self {
            case .sale(let curve): try curve.check()
            case .rates(let curve): try curve.check()
            case .counts(let counts): try counts.check()
            }
        }

        mutating func stretch(by factor: Double) {
            switch self {
            case .sale(var curve):
                curve.openingSeconds *= factor
                curve.stepSeconds *= factor
                curve.decaySeconds *= factor
                curve.endSeconds *= factor
                self = .sale(curve)
            case .rates(var curve):
                for index in curve.points.indices {
                    curve.points[index].seconds *= factor
                    curve.points[index].ratePerSecond /= factor
                }
                self = .rates(curve)
            case .counts(var counts):
                counts.startSeconds *= factor
                counts.stepSeconds *= factor
                self = .counts(counts)
            }
        }
    }

    /// The moments at which the people of a wave come, in order, one at a time.
    struct Arrivals: Sendable {
        private enum Way: Sendable {
            case sale(ArrivalCurve.Shape)
            case rates(RateCurve.Walk)
            case counts(ArrivalCounts.Walk)
        }

        private var draws: SortedDraws
        private var way: Way

        init(_ wave: Wave, seed: UInt64) {
            self.draws = SortedDraws(count: wave.visitors, seed: seed)
            self.way =
                switch wave.shape {
                case .sale(let curve): .sale(ArrivalCurve.Shape(curve))
                case .rates(let curve): .rates(RateCurve.Walk(curve))
                case .counts(let counts): .counts(ArrivalCounts.Walk(counts, visitors: wave.visitors, seed: seed))
                }
        }

        /// Seconds from the start of the run; nil after the last.
        mutating func next() -> Double? {
            switch self.way {
            case .sale(let shape): return self.draws.next().map(shape.seconds)
            case .rates(var walk):
                guard let rank = self.draws.next() else { return nil }
                let seconds = walk.seconds(atRank: rank)
                self.way = .rates(walk)
                return seconds
            case .counts(var walk):
                let seconds = walk.next()
                self.way = .counts(walk)
                return seconds
            }
        }
    }
}
