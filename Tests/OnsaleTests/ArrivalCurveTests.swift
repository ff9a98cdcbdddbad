import Foundation
import Testing

@testable import onsale

@Suite struct ArrivalCurveTests {
    static let curves = [
        ArrivalCurve.typical(durationSeconds: 90), ArrivalCurve.typical(durationSeconds: 600),
        ArrivalCurve(
            openingSeconds: 10,
            shareBeforeOpening: 0.3,
            stepFactor: 1,
            stepSeconds: 2,
            decaySeconds: 20,
            endSeconds: 60
        ),
        ArrivalCurve(
            openingSeconds: 0,
            shareBeforeOpening: 0,
            stepFactor: 2,
            stepSeconds: 5,
            decaySeconds: 10,
            endSeconds: 50
        ),
    ]

    @Test(arguments: Self.curves)
    func secondsAtRank_risingRanks_riseWithinTheCurve(curve: ArrivalCurve) {
        var last = -1e-9
        for step in 0...2_000 {
            let seconds = curve.seconds(atRank: Double(step) / 2_000)
            #expect(seconds >= last, "rank \(step)/2000")
            #expect((0...curve.endSeconds).contains(seconds))
            last = seconds
        }
    }

    /// The density is what the inverse's slope says, everywhere: the two were derived apart.
    @Test(arguments: Self.curves)
    func density_anywhere_isTheSlopeOfTheInverse(curve: ArrivalCurve) {
        let shape = ArrivalCurve.Shape(curve)
        for step in 1..<200 {
            let rank = Double(step) / 200
            let before = shape.seconds(atRank: rank - 1e-6)
            let after = shape.seconds(atRank: rank + 1e-6)
            // Across a corner of the curve a slope says nothing.
            let corners = [curve.openingSeconds, curve.openingSeconds + curve.stepSeconds]
            guard !corners.contains(where: { abs($0 - before) < 0.05 }) else { continue }
            let slope = 2e-6 / (after - before)
            let density = shape.density(at: (before + after) / 2)
            #expect(abs(slope - density) < 0.01 * density, "rank \(rank): \(slope) against \(density)")
        }
    }

    @Test(arguments: Self.curves)
    func density_overTheRun_addsUpToTheCrowd(curve: ArrivalCurve) {
        let step = curve.endSeconds / 200_000
        let area = (0..<200_000).reduce(0.0) { sum, index in
            sum + curve.ratePerSecond(at: (Double(index) + 0.5) * step, visitors: 1) * step
        }
        #expect(abs(area - 1) < 1e-3)
    }

    @Test func typicalCurve_atTheOpening_isContinuousAndAccelerates() {
        let curve = ArrivalCurve.typical(durationSeconds: 90)
        let start = curve.ratePerSecond(at: 0, visitors: 1_000)
        let before = curve.ratePerSecond(at: curve.openingSeconds - 1e-6, visitors: 1_000)
        let after = curve.ratePerSecond(at: curve.openingSeconds + 1e-6, visitors: 1_000)
        let step = curve.ratePerSecond(at: curve.openingSeconds + curve.stepSeconds, visitors: 1_000)
        #expect(abs(before - after) < 0.001 * after)
        #expect(before > start * 2)
        #expect(abs(step - after * curve.stepFactor) < 0.01 * step)
        #expect(abs(curve.seconds(atRank: curve.shareBeforeOpening) - curve.openingSeconds) < 1e-9)
    }

    @Test func check_settingsThatCannotBe_areNamed() throws {
        func problem(_ change: (inout ArrivalCurve) -> Void) -> String? {
            var curve = ArrivalCurve.typical(durationSeconds: 90)
            change(&curve)
            do { try curve.check() } catch { return error.setting }
            return nil
        }
        #expect(problem { _ in } == nil)
        #expect(problem { $0.openingSeconds = -1 } == "opening")
        #expect(problem { $0.openingSeconds = .nan } == "opening")
        #expect(problem { $0.shareBeforeOpening = 1.1 } == "share before opening")
        #expect(problem { $0.openingSeconds = 0 } == "share before opening")
        #expect(problem { $0.stepFactor = 0.5 } == "step factor")
        #expect(problem { $0.stepSeconds = 0 } == "step")
        #expect(problem { $0.decaySeconds = 0 } == "decay")
        #expect(problem { $0.endSeconds = 20 } == "end of arrivals")
    }
}
