/// Arrivals by rates that are known: straight lines between points. Two points at one moment are a jump.
///
/// A constant rate, a step, a ramp and a table of rates are all of this kind.
struct RateCurve: Codable, Equatable, Sendable {
    static let mostPoints = 100_000

    struct Point: Codable, Equatable, Sendable {
        var seconds: Double
        var ratePerSecond: Double
    }

    /// In order of time; at least two.
    var points: [Point]

    static func constant(_ ratePerSecond: Double, from start: Double, to end: Double) -> RateCurve {
        RateCurve(points: [
            Point(seconds: start, ratePerSecond: ratePerSecond), Point(seconds: end, ratePerSecond: ratePerSecond),
        ])
    }

    /// Arrivals that the rates come to.
    var area: Double {
        zip(self.points, self.points.dropFirst()).reduce(0) { $0 + Self.area($1.0, $1.1) }
    }

    var endSeconds: Double { self.points.last?.seconds ?? 0 }

    private static func area(_ one: Point, _ other: Point) -> Double {
        (other.seconds - one.seconds) * (one.ratePerSecond + other.ratePerSecond) / 2
    }

    func check() throws(ScenarioProblem) {
        guard (2...Self.mostPoints).contains(self.points.count) else {
            throw ScenarioProblem("rates", "\(self.points.count)", allowed: "must be 2 to \(Self.mostPoints) points")
        }
        var last = 0.0
        for point in self.points {
            guard point.seconds.isFinite, point.seconds >= last else {
                throw ScenarioProblem("time of a rate", "\(point.seconds)", allowed: "must not go back")
            }
            guard point.ratePerSecond >= 0, point.ratePerSecond <= 10_000_000 else {
                throw ScenarioProblem(
                    "rate",
                    "\(point.ratePerSecond)",
                    allowed: "must be between 0 and 10,000,000 a second"
                )
            }
            last = point.seconds
        }
        guard self.area > 0 else { throw ScenarioProblem("rates", "0", allowed: "must let somebody come") }
    }

    /// Finds the moment of each rank in turn; ranks only rise, so that each point is passed once.
    struct Walk: Sendable {
        private let curve: RateCurve
        private let area: Double
        /// The stretch under way begins with this point.
        private var index = 0
        /// Of all stretches before it.
        private var passed = 0.0

        init(_ curve: RateCurve) {
            self.curve = curve
            self.area = curve.area
        }

        mutating func seconds(atRank rank: Double) -> Double {
            let target = rank * self.area
            let points = self.curve.points
            while self.index + 2 < points.count {
                let stretch = RateCurve.area(points[self.index], points[self.index + 1])
                guard self.passed + stretch < target else { break }
                self.passed += stretch
                self.index += 1
            }
            let (start, end) = (points[self.index], points[self.index + 1])
            return min(start.seconds + Self.time(of: max(0, target - self.passed), start, end), end.seconds)
        }

        /// How long after `start` the area under the line has come to `part`.
        private static func time(of part: Double, _ start: Point, _ end: Point) -> Double {
            let length = end.seconds - start.seconds
            guard length > 0, part > 0 else { return 0 }
            let slope = (end.ratePerSecond - start.ratePerSecond) / length
            let rate = start.ratePerSecond
            // The root of `slope / 2 * t^2 + rate * t = part`, in the form that loses nothing where the slope is small.
            let root = max(0, rate * rate + 2 * slope * part).squareRoot()
            return 2 * part / (rate + root)
        }
    }
}
