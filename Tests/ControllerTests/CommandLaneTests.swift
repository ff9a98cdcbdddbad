import EventLoop
import Primitives
import TestKit
import Testing

@testable import Controller

/// One kind of an operator's commands.
@Suite struct CommandLaneTests {
    /// An operator reads the time by the clock as it is now, also where that was set since the command failed.
    @Test func nextTry_isToldByTheClockOfNow() {
        let world = VirtualWorld(seed: 1)
        let loop = world.makeLoop()
        let lane = CommandLane(
            loop: loop,
            run: { _, _, _ in throw CommandFailure(what: "no such program") },
            seed: 1
        )
        world.run(on: loop) { lane.start(["list"], timeoutNanoseconds: 1, use: { _ in }, completion: {}) }
        func told() -> (nextMicros: Int64, nowMicros: Int64) {
            world.run(on: loop) { (lane.nextMicros, loop.wallMicros) }
        }
        let first = told()
        #expect(lane.trouble?.what.contains("no such program") == true)
        #expect((1_000_000 - 1_000...2_000_000).contains(first.nextMicros - first.nowMicros), "the shortest pause")
        world.wallShiftMicros = 3_600_000_000
        let second = told()
        #expect((500_000...2_000_000).contains(second.nextMicros - second.nowMicros), "an hour is no pause")
        world.run(forNanoseconds: 3 * Nanoseconds.perSecond)
        let last = told()
        #expect(last.nextMicros == last.nowMicros && world.run(on: loop) { lane.isFree }, "it is due")
    }
}
