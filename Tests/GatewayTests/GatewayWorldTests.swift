import Foundation
import Testing

@testable import Gateway

/// A thousand worlds: whatever clients, workers and the shared state do, every exchange ends once, every lease returns,
/// nobody is parked for ever, and nothing is left in memory. No number is given to two, and nobody who has a genuine pass
/// is sent to the line. A failure names its seed.
///
/// What is promised of numbers has a bound: of two losses, a gateway that sees the second has heard of the first, or the
/// line went on at different tenths of a second. These worlds keep no such bound, but go beyond it hardly ever.
@Suite struct GatewayWorldTests {
    /// Fewer under a sanitizer, which takes ten times as long for each: a thousand are played without.
    private static let perCase = ProcessInfo.processInfo.environment["SLUICE_SANITIZER"] == nil ? 50 : 5

    @Test(arguments: 0..<20 as Range<UInt64>)
    func seeds_everyExchangeEndsAndNothingIsLeft(block: UInt64) {
        var (numbers, losses, newOnesOfBlocks) = (0, 0, 0)
        for seed in block * UInt64(Self.perCase)..<(block + 1) * UInt64(Self.perCase) {
            let world = GatewayWorld(seed: seed)
            world.play()
            world.checkRest()
            world.checkEnd()
            #expect(world.complaints.isEmpty, "seed \(seed): \(world.complaints)")
            numbers += world.register.count
            losses += world.rooms.losses
            newOnesOfBlocks += world.register.farAhead
        }
        // Else these worlds would show nothing.
        #expect(numbers > Self.perCase)
        if Self.perCase >= 50 { #expect(losses > 0 && newOnesOfBlocks > 0) }
    }

    /// An outage is timed by a clock that nobody sets. Seen before: with the wall clock set back it was noticed as much
    /// later, and with one set ahead each tick on its way was an outage.
    @Test(arguments: [-10_000_000, 0, 10_000_000] as [Int64])
    func outage_clockSet_isNoticedAfterASecondAllTheSame(shift: Int64) {
        for seed in 0..<5 as Range<UInt64> {
            let early = GatewayWorld(seed: seed)
            let soon = early.mode(afterAwayForNanoseconds: 600_000_000, clockSetByMicros: shift)
            #expect(soon == .normal, "seed \(seed)")
            let late = GatewayWorld(seed: seed)
            let then = late.mode(afterAwayForNanoseconds: 2_000_000_000, clockSetByMicros: shift)
            #expect(then?.text == "degraded", "seed \(seed): \(then.map { "\($0)" } ?? "no report")")
            for world in [early, late] {
                world.checkEnd()
                #expect(world.complaints.isEmpty, "seed \(seed): \(world.complaints)")
            }
        }
    }
}
