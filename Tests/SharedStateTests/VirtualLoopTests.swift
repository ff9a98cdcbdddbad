import Admission
import EventLoop
import Primitives
import TestKit
import Testing

@testable import SharedState

/// The stores in memory take their time and their turns from whatever loop they are given.
@Suite struct VirtualLoopTests {
    /// One token a second: whichever loop asks, the second visitor comes in one second after the first, the third after
    /// another.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func memoryRooms_inVirtualTime_moveOnWithIt(seed: UInt64) throws {
        let world = VirtualWorld(seed: seed)
        let rooms = MemoryRooms()
        let stores: [any RoomStore] = (0..<2).map { _ in MemoryRoomStore(loop: world.makeLoop(), rooms: rooms) }
        let limits = RoomLimits(
            inflowMilli: 1_000,
            burst: 1,
            slots: 10,
            sessionMicros: 600_000_000,
            claimMicros: 60_000_000,
            horizonMicros: 2_000_000
        )
        var grant: JoinGrant?
        world.run(on: world.loops[0]) {
            stores[0].tick(room: "r", RoomTick(gateway: "g", limits: limits), known: .nothing) { _ in }
            stores[0].join(room: "r", count: 3, known: .nothing) { grant = try? $0.get() }
            #expect(grant == nil, "no completion before the call has returned")
        }
        world.runUntilIdle()
        #expect(grant?.first == 1 && grant?.admitted == 1)

        let start = world.now
        var admittedAfter: [Int64: Int64] = [:]
        for _ in 0..<250 {
            world.run(forNanoseconds: 10 * Nanoseconds.perMillisecond)
            let index = world.random(0...1)
            world.run(on: world.loops[index]) {
                stores[index].tick(room: "r", RoomTick(gateway: "g", limits: limits), known: .nothing) { _ in }
                stores[index].exchange(room: "r", gateway: "g", ids: [2, 3], known: .nothing) { answer in
                    for (number, outcome) in zip([2, 3] as [Int64], (try? answer.get())?.outcomes ?? []) {
                        guard case .admitted = outcome, admittedAfter[number] == nil else { continue }
                        admittedAfter[number] = world.now.nanoseconds(since: start) / Nanoseconds.perMillisecond
                    }
                }
            }
        }
        #expect((990...1_030).contains(try #require(admittedAfter[2])), "seed \(seed)")
        #expect((1_990...2_030).contains(try #require(admittedAfter[3])), "seed \(seed)")
    }

    @Test func memoryBoard_inVirtualTime_leadershipEndsWithTheLease() throws {
        let world = VirtualWorld(seed: 4)
        let boards = MemoryBoards()
        let names = ["a", "b"]
        let pool: [any PoolBoard] = names.map { _ in MemoryPoolBoard(loop: world.makeLoop(), boards: boards) }
        var fences: [Int64?] = []
        func lead(_ index: Int) {
            world.run(on: world.loops[index]) {
                pool[index].lead(controller: names[index], ttlMillis: 1_000, displacing: nil) { result in
                    if case .success(.own(let fence)) = result { fences.append(fence) } else { fences.append(nil) }
                }
            }
            world.runUntilIdle()
        }
        lead(0)
        lead(1)
        world.run(forNanoseconds: 990 * Nanoseconds.perMillisecond)
        lead(1)
        world.run(forNanoseconds: 20 * Nanoseconds.perMillisecond)
        lead(1)
        try #require(fences.count == 4)
        #expect(fences[0] != nil && fences[1] == nil && fences[2] == nil)
        #expect(try #require(fences[3]) > #require(fences[0]))
    }
}
