import Testing

@testable import Admission

/// A room that nobody ticks any more goes from Redis as a whole.
@Suite(.serialized) struct ExpiryTests {
    /// Names of the keys that are there and never expire.
    private static let immortal = """
        local found = {}
        for _, key in ipairs(KEYS) do
            if redis.call('PTTL', key) == -1 then found[#found + 1] = key end
        end
        return found
        """

    /// After every step, for it may be the room's last. A copy of the keys that a history puts away keeps their expiries.
    @Test func keys_anyOperations_allExpire() throws {
        let server = try RedisServer()
        let connection = try RedisConnection(socketPath: server.socketPath)
        var seen: Set<String> = []
        for seed in 1...200 as ClosedRange<UInt64> {
            let history = History(seed: seed, steps: 40)
            let room = try ScriptRoom(connection, name: "expiry-\(seed)")
            for (index, step) in history.steps.enumerated() {
                for _ in 0..<room.send(step) { _ = try connection.next() }
                let count = String(room.keys.count)
                let left = try connection.command(["EVAL", Self.immortal, count] + room.keys).strings
                #expect(left.isEmpty, "seed \(seed), step \(index), \(step)")
                guard left.isEmpty else { return }
            }
            for key in room.keys where try connection.command(["EXISTS", key]) == .integer(1) {
                seen.insert(key.split(separator: ":").last.map(String.init) ?? "")
            }
            try connection.command(["FLUSHALL"])
        }
        let all = Set(RoomScript.keys(room: "r").map { $0.split(separator: ":").last.map(String.init) ?? "" })
        // Only scripts of the first version write there.
        #expect(all.subtracting(seen) == ["seen"], "no history wrote to these")
    }
}
