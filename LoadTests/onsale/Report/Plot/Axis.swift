import Foundation

/// Maps values to 0...1 along an axis and chooses round ticks.
struct Axis: Equatable, Sendable {
    enum Kind: Sendable { case linear, logarithmic }

    let kind: Kind
    let low: Double
    let high: Double
    let ticks: [Double]

    /// From zero to a round value at or above `highest`.
    static func linear(highest: Double, tickCount: Int = 4) -> Axis {
        let highest = highest.isFinite && highest > 0 ? highest : 1
        let step = Self.roundStep(highest / Double(tickCount), mantissas: [1, 2, 2.5, 5, 10])
        // A hair of slack: a value on a tick must not add another tick by rounding.
        let count = max(1, (highest / step - 1e-9).rounded(.up))
        return Axis(
            kind: .linear,
            low: 0,
            high: step * count,
            ticks: (0...Int(count)).map { Double($0) * step }
        )
    }

    /// From zero up to a fixed end, with ticks at round values inside.
    static func fixed(high: Double, steps: [Double]) -> Axis {
        let step = steps.first { high / $0 <= 12 } ?? Self.roundStep(high / 12)
        return Axis(
            kind: .linear,
            low: 0,
            high: high,
            ticks: Array(stride(from: 0, through: high, by: step))
        )
    }

    /// From one round value to another around the values, with as many ticks in between as there is room for.
    static func logarithmic(lowest: Double, highest: Double, mostTicks: Int = 9) -> Axis {
        let low = max(lowest, 1e-9)
        let high = max(highest, low * 1.01)
        let decades = Int(log10(low).rounded(.down))...(Int(log10(high).rounded(.up)) + 1)
        var ticks: [Double] = []
        for mantissas in [[1, 2, 5], [1, 3], [1]] as [[Double]] {
            let all = decades.flatMap { decade in mantissas.map { $0 * pow(10, Double(decade)) } }
            let first = all.lastIndex { $0 <= low * 1.000001 } ?? 0
            let last = all.firstIndex { $0 >= high * 0.999999 } ?? all.count - 1
            ticks = Array(all[first...last])
            if ticks.count <= mostTicks { break }
        }
        return Axis(kind: .logarithmic, low: ticks[0], high: ticks[ticks.count - 1], ticks: ticks)
    }

    func position(_ value: Double) -> Double {
        let position: Double
        switch self.kind {
        case .linear: position = (value - self.low) / (self.high - self.low)
        case .logarithmic: position = log(max(value, self.low) / self.low) / log(self.high / self.low)
        }
        return position.isFinite ? min(max(position, 0), 1) : 0
    }

    /// One of `mantissas` times a power of ten, at or above `step`.
    static func roundStep(_ step: Double, mantissas: [Double] = [1, 2, 5, 10]) -> Double {
        let power = pow(10, log10(step).rounded(.down))
        let mantissa = mantissas.first { $0 * power >= step * 0.999999 } ?? 10
        return mantissa * power
    }
}
