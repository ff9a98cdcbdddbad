import Simulation
import Testing

/// The invented crowds are what their names say, whatever the seed.
@Suite struct DemandTraceTests {
    static let seeds = (1...12).map { UInt64($0) * 7_919 }
    private static let rate = 100.0

    private func values(_ name: String, _ seed: UInt64) throws -> [Double] {
        let trace = try #require(DemandTrace.invented.first { $0.name == name })
        return trace.visitorsPerSecond(rate: Self.rate, seed: seed)
    }

    @Test(arguments: Self.seeds)
    func invented_anySeed_areWholeRunsThatTheSeedAloneDraws(seed: UInt64) {
        for trace in DemandTrace.invented {
            let values = trace.visitorsPerSecond(rate: Self.rate, seed: seed)
            #expect(values.count == DemandTrace.seconds, "\(trace.name), seed \(seed)")
            #expect(values.allSatisfy { $0.isFinite && $0 >= 0 }, "\(trace.name), seed \(seed)")
            #expect(values == trace.visitorsPerSecond(rate: Self.rate, seed: seed), "\(trace.name), seed \(seed)")
            #expect(values != trace.visitorsPerSecond(rate: Self.rate, seed: seed + 1), "\(trace.name), seed \(seed)")
        }
        let names = DemandTrace.invented.map(\.name)
        #expect(Set(names).count == names.count)
    }

    /// Its share comes before the door, nobody between the opening and the delay, and the crowd is worth half a minute
    /// of ten workers.
    @Test(arguments: Self.seeds)
    func sale_anySeed_hasItsCrowdAtTheDoorAndBehindIt(seed: UInt64) {
        let opening = DemandTrace.openingSecond
        for trace in DemandTrace.invented {
            guard case .onSale(let before, let delay, _, _) = trace.shape else { continue }
            #expect(trace.opensAtSecond == opening)
            let values = trace.visitorsPerSecond(rate: Self.rate, seed: seed)
            let crowd = values.map { $0 - values[0] }
            let sum = crowd.reduce(0, +)
            #expect((20 * Self.rate...38 * Self.rate).contains(sum), "\(trace.name), seed \(seed): \(sum)")
            let early = crowd[30..<opening].reduce(0, +) / sum
            #expect(abs(early - before) < 0.03, "\(trace.name), seed \(seed): \(early)")
            // The delay varies by a quarter.
            let quiet = crowd[..<30] + crowd[opening..<(opening + Int(delay * 0.75))]
            #expect(quiet.allSatisfy { $0 == 0 }, "\(trace.name), seed \(seed)")
        }
    }

    @Test(arguments: Self.seeds)
    func flash_anySeed_isOverWithinAQuarterOfAMinute(seed: UInt64) throws {
        let values = try self.values("flash", seed)
        let busy = values.indices.filter { values[$0] > values[0] }
        #expect((5...15).contains(busy.count) && busy.allSatisfy { (100..<155).contains($0) }, "seed \(seed)")
        #expect(values.max()! > 10 * values[0], "seed \(seed)")
    }

    /// Seven in ten stand before the door, and hardly anybody comes later than a quarter of a minute after it has
    /// opened.
    @Test(arguments: Self.seeds)
    func flashQueue_anySeed_isThereWhenTheDoorOpens(seed: UInt64) throws {
        let values = try self.values("flash-queue", seed)
        let crowd = values.map { $0 - values[0] }
        let opening = DemandTrace.openingSecond
        let late = crowd[(opening + 15)...].reduce(0, +) / crowd.reduce(0, +)
        #expect(late < 0.02, "seed \(seed): \(late)")
        #expect(crowd[opening] > crowd[opening - 1], "seed \(seed)")
    }

    @Test(arguments: Self.seeds)
    func others_anySeed_growAsTheirNamesSay(seed: UInt64) throws {
        let step = try self.values("step", seed)
        #expect(step[..<100].allSatisfy { $0 == step[0] }, "seed \(seed)")
        #expect(step[140...].allSatisfy { $0 == step[479] } && step[479] > 5 * step[0], "seed \(seed)")
        let ramp = try self.values("ramp", seed)
        #expect(zip(ramp, ramp.dropFirst()).allSatisfy { $0 <= $1 } && ramp[479] > 10 * ramp[0], "seed \(seed)")
        let double = try self.values("double", seed)
        #expect(Set(double).count == 2 && (1.8...2).contains(double[479] / double[0]), "seed \(seed)")
        let drift = try self.values("drift", seed)
        #expect((1.4...1.6).contains(drift[479] / drift[0]), "seed \(seed)")
        let daily = try self.values("daily", seed)
        #expect(daily.min()! == daily[0] && daily.max()! > 10 * daily[0], "seed \(seed)")
        let oversold = try self.values("oversold", seed)
        let crowd = oversold.reduce(0) { $0 + $1 - oversold[0] }
        #expect((115 * Self.rate...205 * Self.rate).contains(crowd), "seed \(seed): \(crowd)")
    }
}
