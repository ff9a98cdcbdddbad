import Admission
import Glibc
import Primitives
import RedisClient
import TestKit
import Testing

@testable import SharedState

@Suite(.serialized) struct RoomStoreTests {
    /// Next to nothing refills while a test runs: ten tokens are all there is.
    private static let limits = RoomLimits(
        inflowMilli: 1,
        burst: 10,
        slots: 100,
        sessionMicros: 600_000_000,
        claimMicros: 60_000_000,
        horizonMicros: 2_000_000
    )

    @Test(arguments: StateKind.allCases)
    func scenario_bothKinds_behaveAlike(kind: StateKind) async throws {
        try await withRig(kind) { rig async throws in
            #expect(await rig.outage == nil)
            #expect(await rig.join("r", 1) == .failure(.noRoom))
            let first = try await rig.tick("r", Self.limits).get().snapshot
            #expect(first.epoch == first.nowMicros / 1_000_000, "a line is named by the second in which it began")
            #expect(first.issued == 0 && first.serving == 0 && first.tokensNano == 10_000_000_000)

            let direct = try await rig.join("r", 4).get()
            #expect(direct.first == 1 && direct.count == 4 && direct.admitted == 4 && direct.serving == 4)
            let waiting = try await rig.join("r", 8).get()
            #expect(waiting.first == 5 && waiting.admitted == 6 && waiting.serving == 10)
            #expect(waiting.expiresMicros > first.nowMicros)

            let again = try await rig.exchange("r", [11, 1, 99]).get()
            #expect(again.outcomes[0] == .notServed && again.outcomes[2] == .notServed)
            #expect(again.outcomes[1] == .admitted(expiresMicros: direct.expiresMicros))

            let renewed = try await rig.renew("r", [2, 77]).get()
            #expect(renewed.expiries[1] == nil && (renewed.expiries[0] ?? 0) >= direct.expiresMicros)
            #expect(await rig.release("r", [1, 2, 77]) == .success(2))
            #expect(try await rig.exchange("r", [2]).get().outcomes == [.ended])
            #expect(await rig.leave("r", [5]) == .success(0))

            let bound = try await rig.allow("r", 5_000, fence: 7).get()
            #expect(bound.isTaken && bound.rateMilli == 1)
            let refused = try await rig.allow("r", 9_000, fence: 6).get()
            #expect(!refused.isTaken && refused.rateMilli == 1)
            let known = KnownMarks(epoch: first.epoch, issued: 500, serving: 12)
            let restored = try await rig.tick("r", Self.limits, known).get().snapshot
            #expect(restored.issued > 500 && restored.serving >= 12 && restored.sessions == 8)
            #expect(restored.incarnation > first.incarnation && restored.tokensNano < 1_000_000_000)
            #expect(restored.admitted == 10 && restored.door == 0)
        }
    }

    /// Seen before: a clock that was an hour ahead and was set right stopped the room's time for that hour.
    @Test func memory_clockSetBack_timeGoesOn() throws {
        let rooms = MemoryRooms()
        func now(atMicros wall: Int64) throws -> Int64 {
            let result = rooms.run(room: "r", wallMicros: wall, creates: true) { model, now throws(RoomError) in
                try model.tick(RoomTick(gateway: "g", limits: Self.limits), known: .nothing, nowMicros: now)
            }
            return try result.get().snapshot.nowMicros
        }
        let start: Int64 = 1_700_000_000_000_000
        _ = try now(atMicros: start)
        let ahead = try now(atMicros: start + 3_600_000_000)
        #expect(try now(atMicros: start + 3_599_999_000) == ahead, "another loop's turn began earlier")
        let back = try now(atMicros: start + 1_000_000)
        #expect(back >= ahead)
        #expect(try now(atMicros: start + 2_000_000) == back + 1_000_000)
    }

    /// A called visitor who finds no token stands at the door, and leaves it.
    @Test(arguments: StateKind.allCases)
    func exchange_noTokenLeft_isAtTheDoor(kind: StateKind) async throws {
        try await withRig(kind) { rig async throws in
            let epoch = try await rig.tick("r", Self.limits).get().snapshot.epoch
            #expect(try await rig.join("r", 12).get().admitted == 10)
            _ = try await rig.tick("r", Self.limits, KnownMarks(epoch: epoch, issued: 12, serving: 12)).get()
            #expect(try await rig.exchange("r", [12, 11]).get().outcomes == [.atDoor, .atDoor])
            #expect(await rig.leave("r", [11]) == .success(1))
            #expect(try await rig.tick("r", Self.limits).get().snapshot.door == 1)
        }
    }

    @Test(arguments: StateKind.allCases)
    func exchange_moreThanABatch_isSplitAndAnsweredInOrder(kind: StateKind) async throws {
        let limits = RoomLimits(
            inflowMilli: 1,
            burst: 20_000,
            slots: 20_000,
            sessionMicros: 600_000_000,
            claimMicros: 60_000_000,
            horizonMicros: 2_000_000
        )
        try await withRig(kind) { rig async throws in
            _ = try await rig.tick("r", limits, KnownMarks(epoch: 1, issued: 10_000, serving: 9_990)).get()
            var random = SplitMix64(seed: 99)
            let numbers = (1...10_000 as ClosedRange<Int64>).shuffled(using: &random)
            // A restored room has an empty bucket: all are at the door.
            let outcomes = try await rig.exchange("r", numbers).get().outcomes
            #expect(outcomes.count == 10_000)
            for (number, outcome) in zip(numbers, outcomes) where outcome != (number > 9_990 ? .notServed : .atDoor) {
                Issue.record("number \(number): \(outcome)")
                break
            }
            #expect(try await rig.renew("r", numbers).get().expiries.allSatisfy { $0 == nil })
            #expect(await rig.release("r", numbers) == .success(0))
            #expect(await rig.leave("r", numbers) == .success(9_990))
        }
    }

    @Test(arguments: StateKind.allCases)
    func calls_nothingToDo_answerEmpty(kind: StateKind) async throws {
        try await withRig(kind) { rig async throws in
            _ = try await rig.tick("r", Self.limits).get()
            #expect(try await rig.exchange("r", []).get().outcomes.isEmpty)
            #expect(try await rig.renew("r", []).get().expiries.isEmpty)
            #expect(await rig.release("r", []) == .success(0))
            #expect(await rig.exchange("none", [1]) == .failure(.noRoom))
        }
    }

    @Test(arguments: StateKind.allCases)
    func join_badCountOrFullLine_saysWhich(kind: StateKind) async throws {
        try await withRig(kind) { rig async throws in
            _ = try await rig.tick("r", Self.limits, KnownMarks(epoch: 1, issued: RoomRules.lastNumber - 1, serving: 0))
                .get()
            #expect(await rig.join("r", 2) == .failure(.lineFull))
            for count in [0, RoomRules.largestBatch + 1] {
                guard case .failure(.refused) = await rig.join("r", count) else {
                    Issue.record("\(count) places were handed out")
                    continue
                }
            }
        }
    }

    @Test func journal_memory_keepsAdmissionsAndLimits() async throws {
        try await withRig(.memory) { rig async throws in
            _ = try await rig.tick("r", Self.limits).get()
            _ = try await rig.join("r", 3).get()
            let entries = await rig.memoryJournal("r")
            #expect(entries.count == 2)
            guard case .limits(_, 1, 10, 100)? = entries.first, case .exchange(_, let grants)? = entries.last else {
                Issue.record("got \(entries)")
                return
            }
            #expect(grants.map(\.number) == [1, 2, 3])
        }
    }

    @Test func calls_redisAway_areUnavailableAndSayWhy() async throws {
        try await withRig(.redis) { rig async throws in
            _ = try await rig.tick("r", Self.limits).get()
            await rig.stopRedis()
            try await rig.wait("disconnected") { !$0.isConnected }
            guard case .failure(.unavailable(let reason)) = await rig.join("r", 1) else {
                Issue.record("a Redis that is away answered")
                return
            }
            #expect(reason.contains("redis.sock"))
            #expect(await rig.outage != nil)
        }
    }

    @Test func calls_redisTakesNoWrites_areRefusedForNow() async throws {
        try await withRig(.redis) { rig async throws in
            _ = try await rig.tick("r", Self.limits).get()
            #expect(try await rig.send("CONFIG", "SET", "maxmemory", "1") == .status("OK"))
            guard case .failure(.notNow(let reason)) = await rig.join("r", 1) else {
                Issue.record("a full Redis took a join")
                return
            }
            #expect(reason.contains("OOM"))
            #expect(try await rig.send("CONFIG", "SET", "maxmemory", "0") == .status("OK"))
            #expect(try await rig.join("r", 1).get().first == 1)
        }
    }

    @Test func calls_keyOfAnotherKind_areRefusedNotFatal() async throws {
        try await withRig(.redis) { rig async throws in
            #expect(try await rig.send("SET", "sluice:{r}:state", "nonsense") == .status("OK"))
            guard case .failure(.refused(let text)) = await rig.tick("r", Self.limits) else {
                Issue.record("nonsense was taken")
                return
            }
            #expect(text.contains("WRONGTYPE"))
        }
    }

    @Test func calls_scriptsFlushed_goOn() async throws {
        try await withRig(.redis) { rig async throws in
            _ = try await rig.tick("r", Self.limits).get()
            #expect(try await rig.send("SCRIPT", "FLUSH") == .status("OK"))
            #expect(try await rig.join("r", 1).get().first == 1)
            #expect(try await rig.lead("c").get() != nil)
        }
    }

    /// Kills Redis over and over under joins: with what the gateway knows passed into every call, no number is ever
    /// handed out twice.
    @Test(arguments: [31, 32] as [UInt64])
    func join_redisDiesAtRandomMoments_noNumberTwice(seed: UInt64) async throws {
        try await withRig(.redis) { rig async throws in
            var random = SplitMix64(seed: seed)
            var known = KnownMarks.nothing
            var handedOut: Set<Int64> = []
            var kills = 0
            while kills < 4 {
                guard case .success(let answer) = await rig.tick("r", Self.limits, known) else { continue }
                let snapshot = answer.snapshot
                known.raise(snapshot)
                let joins = Int.random(in: 5...60, using: &random)
                let fatal = Int.random(in: 0..<joins, using: &random)
                for index in 0..<joins {
                    let (count, seen) = (Int.random(in: 1...9, using: &random), known)
                    async let grant = rig.join("r", count, seen)
                    if index == fatal {
                        await rig.signal(SIGKILL)
                        kills += 1
                    }
                    guard case .success(let places) = await grant else { continue }
                    known.raise(epoch: places.epoch, issued: places.first + places.count - 1, serving: places.serving)
                    for number in places.first..<places.first + places.count {
                        #expect(handedOut.insert(number).inserted, "number \(number) twice, seed \(seed)")
                    }
                }
                try await rig.wait("connected") { $0.isConnected }
            }
            #expect(handedOut.count > 20)
        }
    }
}

extension StateRig {
    func memoryJournal(_ room: String) -> [JournalEntry] {
        (self.store as? MemoryRoomStore)?.rooms.journal(room: room) ?? []
    }
}
