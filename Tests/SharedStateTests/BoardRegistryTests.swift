import Pools
import Primitives
import TestKit
import Testing

@testable import SharedState

/// What controllers leave each other: who leads, and which workers there are.
@Suite(.serialized) struct BoardRegistryTests {
    static func worker(_ id: String, address: String? = "10.0.0.1:80") -> RegisteredWorker {
        RegisteredWorker(
            id: id,
            process: ProcessIdentity(place: "shop/1.2", pid: 7, startTicks: 9),
            state: address == nil ? .starting : .ready,
            startedMicros: 3,
            sinceMicros: 4,
            shape: 5,
            keeper: "c@shop/1.2:1:2",
            log: "/a b/\(id).log",
            address: address
        )
    }

    private static let record = WorkerRecord(id: "w-1", address: "10.0.0.1:80", state: .ready, sinceMicros: 1)

    @Test(arguments: StateKind.allCases)
    func registry_published_isReadBackWithItsFence(kind: StateKind) async throws {
        try await withRig(kind) { rig async throws in
            #expect(await rig.registry("p") == .success(BoardRegistry()))
            let workers = [Self.worker("w 2", address: nil), Self.worker("w-1")]
            #expect(await rig.publish("p", [Self.record], workers, fence: 5) == .success(true))
            let expected = BoardRegistry(fence: 5, directory: [Self.record], workers: workers)
            #expect(await rig.registry("p") == .success(expected))
            #expect(await rig.workers("p") == .success([Self.record]), "gateways see none of it")
            // A leader of before changes nothing of it.
            #expect(await rig.publish("p", [], [], fence: 4) == .success(false))
            #expect(await rig.registry("p") == .success(expected))
            #expect(await rig.publish("p", [], [], fence: 6) == .success(true))
            #expect(await rig.registry("p") == .success(BoardRegistry(fence: 6)))
        }
    }

    @Test(arguments: StateKind.allCases)
    func registry_thousandsOfWorkers_arriveWhole(kind: StateKind) async throws {
        try await withRig(kind) { rig async throws in
            let many = (0..<BoardLimits.maxWorkers).map { Self.worker("w-\(10_000 + $0)") }
            let records = many.map { WorkerRecord(id: $0.id, address: "a:1", state: .ready, sinceMicros: 1) }
            #expect(await rig.publish("p", records, many, fence: 1) == .success(true))
            #expect(await rig.registry("p") == .success(BoardRegistry(fence: 1, directory: records, workers: many)))
            guard case .failure(.refused) = await rig.publish("p", [], many + [Self.worker("x")], fence: 2) else {
                Issue.record("one more was taken")
                return
            }
        }
    }

    /// Seen before: a leader of before could still write its decision over that of the next one.
    @Test(arguments: StateKind.allCases)
    func decision_ofALeaderOfBefore_changesNothing(kind: StateKind) async throws {
        try await withRig(kind) { rig async throws in
            #expect(await rig.decide("p", [("desired", "7")], fence: 5) == .success(true))
            #expect(await rig.decide("p", [("desired", "8")], fence: 4) == .success(false))
            #expect(try await rig.decision("p").get().contains("desired=7"))
            // One fence for all that a leader writes.
            #expect(await rig.publish("p", [Self.record], fence: 4) == .success(false))
            #expect(await rig.publish("p", [Self.record], fence: 6) == .success(true))
            #expect(await rig.decide("p", [("desired", "9")], fence: 5) == .success(false))
        }
    }

    @Test(arguments: StateKind.allCases)
    func lead_whileAnotherDoes_tellsWhoAndDisplacesOnlyThat(kind: StateKind) async throws {
        try await withRig(kind) { rig async throws in
            let first = try #require(await rig.lead("a").get())
            #expect(await rig.leadership("b") == .success(.other("a")))
            #expect(await rig.leadership("b", displacing: "c") == .success(.other("a")), "c is not who leads")
            let second = try #require(await rig.lead("b", displacing: "a").get())
            #expect(second > first, "a new time of leading")
            #expect(await rig.leadership("a") == .success(.other("b")))
            #expect(await rig.lead("b", displacing: "a") == .success(second))
        }
    }

    @Test(arguments: StateKind.allCases)
    func resign_tellsWhoIsLeft(kind: StateKind) async throws {
        try await withRig(kind) { rig async throws in
            _ = await rig.lead("a")
            #expect(await rig.resign("a") == .success(nil))
            _ = await rig.lead("a")
            _ = await rig.lead("b")
            #expect(await rig.resign("a") == .success("b"), "it stands by")
            // Both go at the same time: nobody waits for the other.
            #expect(await rig.resign("b") == .success(nil))
            #expect(await rig.resign("a") == .success(nil))
            _ = await rig.lead("b")
            #expect(await rig.resign("a") == .success("b"), "it leads")
            #expect(await rig.leadership("a") == .success(.other("b")))
        }
    }

    @Test func registry_unreadable_isLeftOutAndTold() async throws {
        try await withRig(.redis) { rig async throws in
            _ = await rig.publish("p", [], [Self.worker("w-1")], fence: 1)
            _ = try await rig.send("HSET", "sluice:pool:{p}:registry", "w-0", "9 of a later version")
            #expect(try await rig.registry("p").get().workers == [Self.worker("w-1")])
            #expect(await rig.unreadable.contains { $0.contains("its version is not 1") })
        }
    }
}
