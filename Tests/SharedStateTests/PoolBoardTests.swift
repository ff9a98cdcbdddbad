import Primitives
import RedisClient
import Scaling
import TestKit
import Testing

@testable import SharedState

@Suite(.serialized) struct PoolBoardTests {
    private static func signals(_ gateway: String, arrivals: Int = 0) -> GatewaySignals {
        var latency = LatencyHistogram()
        for index in 1...50 as ClosedRange<Int64> { latency.record(nanoseconds: index * 3_000_000) }
        return GatewaySignals(
            gateway: gateway,
            intervalMicros: 1_000_000,
            arrivals: arrivals,
            admissions: 2,
            waiting: 3,
            rooms: ["sale": RoomSignals(waiting: 2, atDoor: 1), "a:b,c": RoomSignals(waiting: 1, freeSlots: 9)],
            inFlight: 4,
            queued: 5,
            errors: 6,
            latency: latency,
            workerInFlight: ["w-1": 7, "a b,c:d%": 0]
        )
    }

    private static let workers = [
        WorkerRecord(id: "w-1", address: "127.0.0.1:9001", state: .ready, sinceMicros: 1, slots: 8),
        WorkerRecord(id: "w-2", address: "unix:/tmp/with space", state: .draining, sinceMicros: 2),
        WorkerRecord(id: "w-3", address: "[::1]:9", state: .starting, sinceMicros: 3),
    ]

    @Test(arguments: StateKind.allCases)
    func report_thenSignals_giveBackWhatWasReported(kind: StateKind) async throws {
        try await withRig(kind) { rig async throws in
            #expect(try await rig.report("p", Self.signals("b")).get() == [])
            #expect(await rig.publish("p", Self.workers, fence: 1) == .success(true))
            #expect(try await rig.report("p", Self.signals("a", arrivals: 1)).get() == Self.workers)
            #expect(try await rig.report("p", Self.signals("b", arrivals: 9)).get() == Self.workers)
            let read = try await rig.signals("p", maxAgeMicros: 60_000_000).get()
            #expect(read.map(\.gateway) == ["a", "b"] && read.map(\.arrivals) == [1, 9])
            var plain = read[0]
            #expect(plain.atMicros > 1_600_000_000_000_000)
            #expect(plain.ageMicros >= 0 && plain.ageMicros < 60_000_000)
            (plain.atMicros, plain.ageMicros) = (0, 0)
            #expect(plain == Self.signals("a", arrivals: 1))
            #expect(try await rig.signals("other", maxAgeMicros: 60_000_000).get() == [])
            try await rig.withdraw("p", "b").get()
            #expect(try await rig.signals("p", maxAgeMicros: 60_000_000).get().map(\.gateway) == ["a"])
        }
    }

    @Test(arguments: StateKind.allCases)
    func signals_tooOld_areForgotten(kind: StateKind) async throws {
        try await withRig(kind) { rig async throws in
            _ = try await rig.report("p", Self.signals("a")).get()
            try await rig.wait("a moment of the clock") { $0.markTime() }
            #expect(try await rig.signals("p", maxAgeMicros: 0).get() == [])
            #expect(try await rig.signals("p", maxAgeMicros: 60_000_000).get() == [])
        }
    }

    @Test(arguments: StateKind.allCases)
    func publish_olderFence_changesNothing(kind: StateKind) async throws {
        try await withRig(kind) { rig async throws in
            #expect(await rig.publish("p", Self.workers, fence: 5) == .success(true))
            #expect(await rig.publish("p", [], fence: 4) == .success(false))
            #expect(await rig.workers("p") == .success(Self.workers))
            #expect(await rig.publish("p", [Self.workers[1]], fence: 5) == .success(true))
            #expect(await rig.workers("p") == .success([Self.workers[1]]))
            #expect(await rig.publish("p", [], fence: 6) == .success(true))
            #expect(await rig.workers("p") == .success([]))
        }
    }

    @Test(arguments: StateKind.allCases)
    func publish_thousandsOfWorkers_arriveWhole(kind: StateKind) async throws {
        try await withRig(kind) { rig async throws in
            let many = (0..<BoardLimits.maxWorkers).map {
                WorkerRecord(id: "w-\(10_000 + $0)", address: "10.0.0.1:\($0 + 1)", state: .ready, sinceMicros: 1)
            }
            #expect(await rig.publish("p", many, fence: 1) == .success(true))
            #expect(await rig.workers("p") == .success(many))
            let extra = WorkerRecord(id: "x", address: "y", state: .ready, sinceMicros: 1)
            for bad in [
                many + [extra], [extra, extra], [WorkerRecord(id: "", address: "y", state: .ready, sinceMicros: 1)],
                [WorkerRecord(id: "x", address: "y", state: .ready, sinceMicros: 1, slots: 0)],
            ] {
                guard case .failure(.refused) = await rig.publish("p", bad, fence: 2) else {
                    Issue.record("\(bad.count) workers were taken")
                    continue
                }
            }
            #expect(await rig.workers("p") == .success(many))
        }
    }

    @Test(arguments: StateKind.allCases)
    func report_tooManyRooms_isRefused(kind: StateKind) async throws {
        try await withRig(kind) { rig async throws in
            var signals = Self.signals("a")
            for index in 0..<RoomSignals.mostRooms { signals.rooms["room-\(index)"] = RoomSignals(waiting: 1) }
            guard case .failure(.refused) = await rig.report("p", signals) else {
                Issue.record("\(signals.rooms.count) rooms were taken")
                return
            }
            signals.rooms = RoomSignals.longest(of: signals.rooms)
            _ = try await rig.report("p", signals).get()
            #expect(try await rig.signals("p", maxAgeMicros: 60_000_000).get().first?.rooms == signals.rooms)
        }
    }

    @Test(arguments: StateKind.allCases)
    func report_boardFull_isRefusedAndOthersGoOn(kind: StateKind) async throws {
        try await withRig(kind) { rig async throws in
            for index in 0..<BoardLimits.maxGateways {
                _ = try await rig.report("p", GatewaySignals(gateway: "g\(index)", intervalMicros: 1)).get()
            }
            let one = GatewaySignals(gateway: "one more", intervalMicros: 1)
            guard case .failure(.refused(let text)) = await rig.report("p", one) else {
                Issue.record("the board took one more")
                return
            }
            #expect(text.contains("1000 gateways"))
            _ = try await rig.report("p", GatewaySignals(gateway: "g0", intervalMicros: 2)).get()
            #expect(try await rig.signals("p", maxAgeMicros: 60_000_000).get().count == BoardLimits.maxGateways)
        }
    }

    @Test(arguments: StateKind.allCases)
    func decision_published_isReadBackWhole(kind: StateKind) async throws {
        try await withRig(kind) { rig async throws in
            #expect(await rig.decision("p") == .success([]))
            #expect(await rig.decide("p", [("reason", "backlog"), ("desired", "7"), ("note", "")]) == .success(true))
            #expect(await rig.decide("p", [("desired", "8"), ("reason", "steady")]) == .success(true))
            let fields = try await rig.decision("p").get()
            #expect(fields.count == 3 && fields[0].hasPrefix("at_micros=1"))
            #expect(fields.dropFirst() == ["desired=8", "reason=steady"])
        }
    }

    @Test(arguments: StateKind.allCases)
    func lead_oneAtATime_fenceRises(kind: StateKind) async throws {
        try await withRig(kind) { rig async throws in
            let first = try #require(await rig.lead("a").get())
            #expect(await rig.lead("b") == .success(nil))
            #expect(await rig.lead("a") == .success(first))
            #expect(await rig.resign("b") == .success("a"))
            #expect(await rig.lead("b") == .success(nil))
            #expect(await rig.resign("a") == .success("b"), "it would have liked to")
            let second = try #require(await rig.lead("b", ttlMillis: 1).get())
            #expect(second > first)
            var third: Int64?
            try await rig.wait("a moment of the clock") { $0.markTime() }
            while third == nil { third = try await rig.lead("a").get() }
            #expect(try #require(third) > second)
        }
    }

    @Test func lead_redisLostItsFence_risesAllTheSame() async throws {
        try await withRig(.redis) { rig async throws in
            let first = try #require(await rig.lead("a").get())
            _ = try await rig.send("FLUSHALL")
            #expect(try #require(await rig.lead("b").get()) > first)
        }
    }

    @Test func read_unreadableValues_areLeftOutCountedAndTold() async throws {
        try await withRig(.redis) { rig async throws in
            _ = try await rig.report("p", Self.signals("good")).get()
            _ = try await rig.publish("p", Self.workers, fence: 1).get()
            let now = try #require(await rig.signals("p", maxAgeMicros: 60_000_000).get().first).atMicros
            let bad: [RedisArgument] = ["nonsense", .text("\(now):2 1 2 3"), .bytes([0xFF, 0xFE])]
            for (index, value) in bad.enumerated() {
                _ = try await rig.send("HSET", "sluice:pool:{p}:signals", .text("bad\(index)"), value)
            }
            _ = try await rig.send("HSET", "sluice:pool:{p}:workers", "w-0", "1 dancing 0 10.0.0.1:1")
            #expect(try await rig.signals("p", maxAgeMicros: 60_000_000).get().map(\.gateway) == ["good"])
            #expect(await rig.workers("p") == .success(Self.workers))
            #expect(await rig.unreadableValues == 4)
            #expect(await rig.unreadable.contains { $0.contains("'dancing' is not a state") })
        }
    }

    /// A stamp from the future is one of a clock that was set back: a dead gateway would stay fresh for as long.
    @Test func signals_fromTheFuture_areForgotten() async throws {
        try await withRig(.redis) { rig async throws in
            let text = "9999999999999999:" + Self.signals("a").encoded
            _ = try await rig.send("HSET", "sluice:pool:{p}:signals", "a", .text(text))
            #expect(try await rig.signals("p", maxAgeMicros: 60_000_000).get() == [])
            #expect(try await rig.send("HLEN", "sluice:pool:{p}:signals") == .integer(0))
        }
    }

    /// Seen before: the signals of a pool that is configured no more stayed for ever.
    @Test func everyKey_expires_andWhateverIsWrittenRenewsIt() async throws {
        try await withRig(.redis) { rig async throws in
            func left(_ key: String) async throws -> Int64 {
                guard case .integer(let millis) = try await rig.send("PTTL", .text(key)) else { return -3 }
                return millis
            }
            let keys = ["signals", "workers", "decision", "fence", "registry"].map { "sluice:pool:{p}:\($0)" }
            _ = try await rig.report("p", Self.signals("a")).get()
            _ = try await rig.publish("p", Self.workers, [BoardRegistryTests.worker("w")], fence: 1).get()
            #expect(await rig.decide("p", [("desired", "1")], fence: 1) == .success(true))
            _ = try await rig.lead("c").get()
            for key in keys + ["sluice:{controller}:fence"] {
                #expect(try await left(key) > 3_600_000, "\(key)")
                _ = try await rig.send("PEXPIRE", .text(key), "3600000")
            }
            // A gateway alone keeps the list of workers: a controller that is away for long loses none.
            _ = try await rig.report("p", Self.signals("a")).get()
            _ = try await rig.lead("c").get()
            for key in keys + ["sluice:{controller}:fence"] {
                #expect(try await left(key) > 3_600_000, "\(key) was not renewed")
            }
        }
    }

    @Test func report_costsOneCommand() async throws {
        try await withRig(.redis) { rig async throws in
            let before = await rig.commands
            _ = try await rig.report("p", Self.signals("a")).get()
            #expect(await rig.commands == before + 1)
        }
    }
}

extension StateRig {
    var commands: UInt64 { self.client?.counters.commands ?? 0 }

    /// True from its second call on, which `wait` makes five milliseconds after the first.
    func markTime() -> Bool {
        defer { self.hasMarkedTime = true }
        return self.hasMarkedTime
    }
}
