import Foundation
import Testing

@testable import Admission

/// What the script costs Redis with a million waiting and a million inside. Set `SLUICE_COST` to run it: bare times
/// depend on the machine, so they are printed, and only gross excess fails.
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["SLUICE_COST"] != nil))
struct ScriptCostTests {
    static let million: Int64 = 1_000_000
    static let limits = RoomLimits(
        inflowMilli: 100_000,
        burst: 100,
        slots: 1_000_000,
        sessionMicros: 600_000_000,
        claimMicros: 60_000_000,
        horizonMicros: 2_000_000
    )

    @Test func script_aMillionWaitingAndInside_staysShort() throws {
        let server = try RedisServer()
        let connection = try RedisConnection(socketPath: server.socketPath)
        let room = try ScriptRoom(connection, name: "million")
        try self.fill(room)
        let size = RoomRules.largestBatch
        let ids = Array(1...Int64(size))
        let tick = RoomScript.Operation.tick(RoomTick(gateway: "g", limits: Self.limits, eventsSeen: 0))
        var worst: [String: Int64] = [:]
        func measure(_ name: String, times: Int, _ operation: RoomScript.Operation, clock: Int64? = nil) throws {
            try connection.command(["SLOWLOG", "RESET"])
            for step in 0..<times {
                room.send(operation, clockMicros: clock.map { $0 + Int64(step) * 10_000 })
                if case .error(let text) = try connection.next() { Issue.record("\(name): \(text)") }
            }
            let durations = try Self.durations(connection)
            worst[name] = durations.max()
            print(
                "cost of \(name): mean \(durations.reduce(0, +) / Int64(durations.count)) us, "
                    + "median \(durations.sorted()[durations.count / 2]) us, best \(durations.min()!) us, worst \(durations.max()!) us"
            )
        }
        try measure("tick", times: 100, tick)
        try measure("join of \(size)", times: 20, .join(count: size))
        try measure("renew of \(size)", times: 20, .renew(ids.map { Renewal(id: $0, expiresMicros: .max / 1_024) }))
        for batch in 0..<40 {
            let called = ids.map { Self.million + Int64(batch * size) + $0 }
            try measure("exchange of \(size) who stay at the door, \(batch)", times: 1, .exchange(gateway: "g", called))
        }
        try measure("tick, 20,000 at the door", times: 100, tick)
        try measure(
            "exchange of \(size) who stand there",
            times: 10,
            .exchange(gateway: "g", ids.map { Self.million + $0 })
        )
        try measure("leave of \(size)", times: 1, .leave(gateway: "g", ids.map { Self.million + $0 }))
        try measure("release of \(size)", times: 1, .release(ids))
        let now = try Self.now(connection)
        try measure("tick, clock set back by an hour", times: 20, tick, clock: now - 3_600_000_000)
        try connection.command(["HSET", room.keys[10], "gone", "\(now):-1"])
        try measure("tick, gateway of nobody silent", times: 20, tick, clock: now + 2_000_000)
        try measure("tick, all sessions over", times: 50, tick, clock: now + 700_000_000)
        try measure("exchange, sessions over", times: 5, .exchange(gateway: "g", ids.map { Self.million + 1_000 + $0 }))
        for (name, micros) in worst { #expect(micros < 25_000, "\(name): \(micros) us") }
    }

    /// A million sessions, a million waiting, some thousands called and not come.
    private func fill(_ room: ScriptRoom) throws {
        let connection = room.connection
        try connection.command(["CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "256"])
        room.send(.tick(RoomTick(gateway: "g", limits: Self.limits)), clockMicros: nil)
        _ = try connection.next()
        let now = try Self.now(connection)
        let script = """
            for index = tonumber(ARGV[1]), tonumber(ARGV[2]) do
                redis.call('ZADD', KEYS[1], ARGV[3] + index * 100, index)
                redis.call('SETBIT', KEYS[2], index, 1)
                redis.call('SETBIT', KEYS[3], index, 1)
            end
            """
        for first in stride(from: 1, through: Self.million, by: 100_000) {
            try connection.command([
                "EVAL", script, "3", room.keys[1], room.keys[2], room.keys[3], "\(first)", "\(first + 99_999)",
                "\(now + 500_000_000)",
            ])
        }
        try connection.command([
            "HSET", room.keys[0], "issued", "\(2 * Self.million + 30_000)", "serving", "\(Self.million + 30_000)",
            "tokens", "0", "sampled", "\(Self.million + 30_000)",
        ])
        let memory = try connection.command(["MEMORY", "USAGE", room.keys[1], "SAMPLES", "0"])
        print("a million sessions take \(memory) bytes")
    }

    private static func now(_ connection: RedisConnection) throws -> Int64 {
        let time = try connection.command(["TIME"]).strings.compactMap { Int64($0) }
        return time[0] * 1_000_000 + time[1]
    }

    /// Of the scripts since the log was reset, in microseconds.
    private static func durations(_ connection: RedisConnection) throws -> [Int64] {
        guard case .array(let entries) = try connection.command(["SLOWLOG", "GET", "256"]) else { return [] }
        return entries.compactMap { entry in
            guard case .array(let parts) = entry, case .integer(let micros) = parts[2],
                case .array(let words) = parts[3],
                words.first == .string("EVALSHA")
            else { return nil }
            return micros
        }
    }
}
