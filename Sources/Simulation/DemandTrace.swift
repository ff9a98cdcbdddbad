import Primitives

/// A shape of demand: how many people come in each second, as a share of the busiest one's measure, drawn from a seed that
/// also varies the shape, so that nothing can be tuned to one.
public struct DemandTrace: Sendable {
    public enum Shape: Sendable {
        /// A sale that opens at a known time. Of the crowd a share stands before the door; the rest comes from `delay`
        /// seconds after the opening on and falls away by half every `halving` seconds, and a second wave of the share
        /// `echo` a minute later.
        case onSale(before: Double, delay: Double, halving: Double, echo: Double)
        /// A sale that opens to a crowd that the largest pool cannot serve in time.
        case oversold
        /// A crowd that nobody announced, within seconds, and before no door: it comes as it is.
        case flash
        case step, double, ramp, drift, daily, noise
        /// Measured counts, each played for `secondsPerSample`, with straight lines between their middles.
        case measured([Double], secondsPerSample: Double)
    }

    public let name: String
    public let shape: Shape

    public init(name: String, shape: Shape) {
        self.name = name
        self.shape = shape
    }

    /// Seconds until the door opens, for sales.
    public static let openingSecond = 150
    public static let seconds = 480

    public var opensAtSecond: Int? {
        switch self.shape {
        case .onSale, .oversold: Self.openingSecond
        default: nil
        }
    }

    /// Ten sales, and the rest. `flash-queue` is the flash whose hour is known: most of it stands in line by then, and
    /// the others come within seconds.
    public static let invented: [DemandTrace] = {
        func sale(_ name: String, _ before: Double, _ delay: Double, _ halving: Double, _ echo: Double) -> DemandTrace {
            DemandTrace(
                name: "sale-" + name,
                shape: .onSale(before: before, delay: delay, halving: halving, echo: echo)
            )
        }
        return [
            sale("door", 1, 0, 10, 0), sale("front", 0.7, 0, 20, 0), sale("half", 0.5, 0, 30, 0),
            sale("late", 0, 20, 20, 0), sale("burst", 0.3, 0, 5, 0), sale("tail", 0.4, 0, 80, 0),
            sale("echo", 0.4, 0, 20, 0.3), sale("echo-late", 0.2, 10, 15, 0.5), sale("slow", 0.1, 0, 60, 0),
            sale("even", 0.2, 5, 40, 0.2),
            DemandTrace(name: "oversold", shape: .oversold), DemandTrace(name: "flash", shape: .flash),
            DemandTrace(name: "flash-queue", shape: .onSale(before: 0.7, delay: 0, halving: 3, echo: 0)),
            DemandTrace(name: "step", shape: .step), DemandTrace(name: "double", shape: .double),
            DemandTrace(name: "ramp", shape: .ramp), DemandTrace(name: "drift", shape: .drift),
            DemandTrace(name: "daily", shape: .daily), DemandTrace(name: "noise", shape: .noise),
        ]
    }()

    /// Visitors in each second. `rate` is what a pool of some ten workers bears, in visitors a second.
    public func visitorsPerSecond(rate: Double, seed: UInt64) -> [Double] {
        var random = SplitMix64(seed: seed)
        func vary(_ value: Double) -> Double { value * (0.75 + 0.5 * random.nextUnit()) }
        let base = rate * (0.02 + 0.04 * random.nextUnit())
        var values = Array(repeating: base, count: Self.seconds)
        func add(_ second: Int, _ visitors: Double) {
            if values.indices.contains(second) { values[second] += visitors }
        }
        let at = 100 + Int(40 * random.nextUnit())
        switch self.shape {
        case .onSale(let before, let delay, let halving, let echo):
            let crowd = vary(rate * 30)
            let half = vary(halving)
            Self.sale(crowd, before: before, delay: vary(delay), halving: half, echo: echo, add)
        case .oversold:
            Self.sale(vary(rate * 160), before: 0.6, delay: 0, halving: vary(20), echo: 0, add)
        case .flash:
            let length = 5 + Int(10 * random.nextUnit())
            let crowd = vary(rate * 15)
            for second in at..<(at + length) { add(second, crowd / Double(length)) }
        case .step:
            let level = vary(rate * 0.6)
            for second in at..<values.count { add(second, level) }
        case .double:
            let level = vary(rate * 0.35)
            for second in values.indices { add(second, second < at + 60 ? level : 2 * level) }
        case .ramp:
            let level = vary(rate * 0.9)
            let length = vary(200)
            for second in at..<values.count { add(second, level * min(1, Double(second - at) / length)) }
        case .drift:
            let level = vary(rate * 0.4)
            for second in values.indices { add(second, level * (1 + 0.6 * Double(second) / Double(values.count))) }
        case .daily:
            let level = vary(rate * 0.4)
            let period = vary(400)
            for second in values.indices {
                add(second, level * (1 - Elementary.cosine(turns: Double(second) / period)))
            }
        case .noise:
            let level = vary(rate * 0.4)
            var swing = 0.0
            for second in values.indices {
                swing = swing * 0.8 + 0.15 * random.nextNormal()
                add(second, level * max(0, 1 + swing))
            }
        case .measured(let samples, let secondsPerSample):
            return Self.play(samples, secondsPerSample, peak: vary(rate * 0.7), random: &random)
        }
        return values
    }

    private static func sale(
        _ crowd: Double,
        before: Double,
        delay: Double,
        halving: Double,
        echo: Double,
        _ add: (Int, Double) -> Void
    ) {
        let opening = Self.openingSecond
        for second in 30..<opening { add(second, crowd * before / Double(opening - 30)) }
        let rest = crowd * (1 - before)
        func wave(_ people: Double, from: Double) {
            // Of a wave that halves, each second has this share of what is left.
            let share = 1 - Elementary.exp(-0.693 / halving)
            var left = people
            var second = opening + Int(from)
            while left > 0.5, second < Self.seconds {
                add(second, left * share)
                left -= left * share
                second += 1
            }
        }
        wave(rest * (1 - echo), from: delay)
        if echo > 0 { wave(rest * echo, from: delay + 60) }
    }

    /// So many a measured trace must have: a run, and one sample to choose where it begins.
    public static func fewestSamples(secondsPerSample: Double) -> Int {
        Int(Double(Self.seconds) / secondsPerSample) + 3
    }

    /// A cut of the samples that begins where the seed says.
    private static func play(
        _ samples: [Double],
        _ secondsPerSample: Double,
        peak: Double,
        random: inout SplitMix64
    ) -> [Double] {
        let cut = Self.fewestSamples(secondsPerSample: secondsPerSample) - 1
        precondition(samples.count > cut, "a trace is as long as a run")
        let first = Int(random.nextUnit() * Double(samples.count - cut))
        let highest = max(1, samples[first..<(first + cut)].max() ?? 1)
        return (0..<Self.seconds).map { second in
            let position = Double(second) / secondsPerSample
            let before = first + Int(position)
            let part = position - position.rounded(.down)
            return peak / highest * (samples[before] * (1 - part) + samples[before + 1] * part)
        }
    }
}
