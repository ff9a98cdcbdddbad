import Primitives
import Testing

@testable import Admission

/// Doors at which more stand than one call looks at, of several gateways that rest, fall silent and come back: the
/// histories drawn at random hold too few visitors to get there.
@Suite(.serialized) struct CrowdedDoorTests {
    static let histories: UInt64 = 60
    static let gateways = ["a", "b", "c"]

    @Test func script_crowdedDoors_answersAndKeepsWhatTheModelDoes() throws {
        let server = try RedisServer()
        let connection = try RedisConnection(socketPath: server.socketPath)
        var crowded = 0
        for seed in 1...Self.histories {
            let history = Self.history(seed: seed)
            if let violation = history.violations.first { Issue.record("seed \(seed): \(violation)") }
            if let difference = try RoomScriptTests.firstDifference(history, connection, name: "crowded-\(seed)") {
                Issue.record("seed \(seed): \(difference)")
                return
            }
            crowded += history.doors.count { $0 > RoomRules.largestBatch } > 4 ? 1 : 0
            try connection.command(["FLUSHALL"])
        }
        #expect(crowded > Self.histories / 4, "a door of no more than one batch proves nothing about the next")
    }

    /// A gateway comes back to a door at which more of its visitors stand than one call looks at.
    @Test func script_returnToADoorOfManyBatches_doesWhatTheModelDoes() throws {
        let limits = RoomLimits(
            inflowMilli: 2_000_000,
            burst: 1,
            slots: 100_000,
            sessionMicros: 2_000_000,
            claimMicros: 300_000_000,
            horizonMicros: 3_000_000,
            opensAtMicros: 0
        )
        let tick = RoomScript.Operation.tick(RoomTick(gateway: "a", limits: limits, healthy: 3, eventsSeen: 0))
        let batches = stride(from: Int64(2), to: 5_000, by: RoomRules.largestBatch).map {
            Array($0..<min(5_000, $0 + Int64(RoomRules.largestBatch)))
        }
        var script: [(microsLater: Int64, operation: RoomScript.Operation)] = []
        for _ in batches { script.append((0, .join(count: RoomRules.largestBatch))) }
        script.append((1_000, tick))
        for batch in batches { script.append((0, .exchange(gateway: "a", batch))) }
        script += [(3_000_000, tick), (1_000, .exchange(gateway: "a", batches[0])), (1_000, tick)]
        let history = History(limits: limits, script)
        #expect(history.violations.isEmpty && history.doors.contains { $0 > RoomRules.returnSweep })
        let server = try RedisServer()
        let connection = try RedisConnection(socketPath: server.socketPath)
        #expect(try RoomScriptTests.firstDifference(history, connection, name: "return") == nil)
    }

    private static func history(seed: UInt64) -> History {
        var random = SplitMix64(seed: seed)
        let limits = RoomLimits(
            inflowMilli: [20_000, 300_000, 2_000_000].randomElement(using: &random)!,
            burst: [20, 400, 1_000].randomElement(using: &random)!,
            slots: [300, 100_000].randomElement(using: &random)!,
            sessionMicros: 2_000_000,
            claimMicros: 300_000_000,
            horizonMicros: 3_000_000,
            opensAtMicros: 0
        )
        var script: [(microsLater: Int64, operation: RoomScript.Operation)] = []
        for _ in 0..<8 { script.append((0, .join(count: RoomRules.largestBatch))) }
        var served: Int64 = 1
        var healthy: [String: Int64] = [:]
        for _ in 0..<60 {
            let gateway = self.gateways.randomElement(using: &random)!
            let later = [1_000, 20_000, 100_000, 400_000, 1_100_000].randomElement(using: &random)! as Int64
            if Int.random(in: 0..<6, using: &random) == 0 {
                healthy[gateway] = [0, 0, 3].randomElement(using: &random)!
            }
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                let count = Int64.random(in: 1...Int64(RoomRules.largestBatch), using: &random)
                let first = max(1, served - Int64.random(in: 0...300, using: &random))
                script.append((1_000, .exchange(gateway: gateway, Array(first..<first + count))))
                served = min(first + count, 4_000 - Int64(RoomRules.largestBatch))
            case 5: script.append((later, .leave(gateway: gateway, Array(max(1, served - 200)...served))))
            default:
                let tick = RoomTick(gateway: gateway, limits: limits, healthy: healthy[gateway] ?? 3, eventsSeen: 0)
                script.append((later, .tick(tick)))
            }
        }
        return History(limits: limits, script)
    }
}
