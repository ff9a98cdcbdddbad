import Primitives
import Testing

@testable import Gateway

@Suite struct PaceWatchTests {
    private let second = Nanoseconds.perSecond

    private func at(_ seconds: Double) -> Instant { Instant(nanoseconds: UInt64(seconds * 1e9) + 1_000) }

    private func watch(patience: Double = 3, total: Double? = nil) -> PaceWatch {
        PaceWatch(
            now: self.at(0),
            bytes: 0,
            patienceNanoseconds: Int64(patience * 1e9),
            totalNanoseconds: total.map { Int64($0 * 1e9) }
        )
    }

    @Test func fastEnough_isFineForEver() {
        var watch = self.watch()
        for step in 1...100 {
            #expect(watch.look(now: self.at(Double(step)), bytes: step * 100, minimumBytesPerSecond: 100) != .tooSlow)
        }
    }

    @Test func aByteASecond_isTooSlowAfterAWindow() {
        var watch = self.watch()
        for step in 1...4 {
            #expect(
                watch.look(now: self.at(Double(step)), bytes: step, minimumBytesPerSecond: 100) != .tooSlow,
                "\(step)"
            )
        }
        #expect(watch.look(now: self.at(5), bytes: 5, minimumBytesPerSecond: 100) == .tooSlow)
    }

    @Test func aByteASecond_whileNothingIsHeld_isFine() {
        var watch = self.watch()
        for step in 1...60 {
            #expect(
                watch.look(now: self.at(Double(step)), bytes: step, minimumBytesPerSecond: 0) != .tooSlow,
                "\(step)"
            )
        }
        // Taking a worker begins a new window: what was slow before is not held against the client.
        #expect(watch.look(now: self.at(61), bytes: 61, minimumBytesPerSecond: 100) != .tooSlow)
    }

    @Test func silence_isTooSlowAfterThePatience() {
        var watch = self.watch()
        #expect(watch.look(now: self.at(2.9), bytes: 0, minimumBytesPerSecond: 100) == .fine(until: self.at(3)))
        #expect(watch.look(now: self.at(3), bytes: 0, minimumBytesPerSecond: 100) == .tooSlow)
    }

    @Test func burstThenPause_isFineWithinTheWindow() {
        var watch = self.watch()
        #expect(watch.look(now: self.at(1), bytes: 10_000, minimumBytesPerSecond: 100) != .tooSlow)
        #expect(watch.look(now: self.at(3.5), bytes: 10_000, minimumBytesPerSecond: 100) != .tooSlow)
        #expect(watch.look(now: self.at(3.9), bytes: 10_001, minimumBytesPerSecond: 100) != .tooSlow)
    }

    @Test func total_endsEvenAFastOne() {
        var watch = self.watch(total: 10)
        #expect(
            watch.look(now: self.at(9.9), bytes: 1_000_000, minimumBytesPerSecond: 100) == .fine(until: self.at(10))
        )
        #expect(watch.look(now: self.at(10), bytes: 2_000_000, minimumBytesPerSecond: 100) == .tooSlow)
    }

    @Test func restart_theGatewaysOwnPauseDoesNotCount() {
        var watch = self.watch()
        watch.restart(now: self.at(100), bytes: 0)
        #expect(watch.look(now: self.at(102), bytes: 0, minimumBytesPerSecond: 100) != .tooSlow)
        #expect(watch.look(now: self.at(103), bytes: 0, minimumBytesPerSecond: 100) == .tooSlow)
    }

    @Test func firstLook_isTheEarliestReason() {
        #expect(self.watch(patience: 3).firstLook == self.at(3))
        #expect(self.watch(patience: 60).firstLook == self.at(5))
        #expect(self.watch(patience: 60, total: 2).firstLook == self.at(2))
    }
}
