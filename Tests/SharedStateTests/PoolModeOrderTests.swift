import Pools
import RedisClient
import TestKit
import Testing

@testable import SharedState

/// An operator's order about a pool's mode, in memory and in Redis.
@Suite(.serialized) struct PoolModeOrderTests {
    @Test(arguments: StateKind.allCases)
    func order_isKept_replaced_andTakenAway(kind: StateKind) async throws {
        try await withRig(kind) { rig async throws in
            #expect(try await rig.mode("p").get() == nil)
            let first = ModeOrder(mode: .manual(12), untilMicros: 1_795_000_000_000_000)
            try await rig.setMode("p", first).get()
            #expect(try await rig.mode("p").get() == first)
            #expect(try await rig.mode("q").get() == nil)
            try await rig.setMode("p", ModeOrder(mode: .freeze)).get()
            #expect(try await rig.mode("p").get() == ModeOrder(mode: .freeze))
            // What a leader writes leaves it as it is.
            #expect(await rig.publish("p", [], fence: 9) == .success(true))
            #expect(await rig.decide("p", [("desired", "7")], fence: 9) == .success(true))
            #expect(try await rig.mode("p").get() == ModeOrder(mode: .freeze))
            try await rig.setMode("p", nil).get()
            #expect(try await rig.mode("p").get() == nil)
        }
    }

    /// By a later version, or by hand: the configuration holds, and it is told of.
    @Test func order_thatCannotBeRead_isNone() async throws {
        try await withRig(.redis) { rig async throws in
            _ = try await rig.send("SET", "sluice:pool:{p}:mode", "9 sleep")
            #expect(try await rig.mode("p").get() == nil)
            let unreadable = await rig.unreadable
            #expect(unreadable.count == 1 && unreadable[0].contains("the mode of pool p"))
            // It goes with the pool, when nobody has asked for a day.
            let left = try await rig.send("PTTL", "sluice:pool:{p}:mode").integer ?? 0
            #expect(left > 0 && left <= BoardLimits.keptMillis)
        }
    }
}
