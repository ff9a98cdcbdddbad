import Admission
import EventLoop
import Primitives
import Testing

@testable import SharedState

/// A loop without a thread: its time moves when a test says so.
// Unchecked because a test drives it from one task alone.
private final class ManualLoop: LoopContext, @unchecked Sendable {
    let index = 0
    private(set) var now = Instant(nanoseconds: 1_000_000_000)
    private(set) var wallMicros: Int64 = 1_700_000_000_000_000
    let timers = TimerWheel()
    let readScratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)
    let writeScratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)
    private(set) var turns: UInt64 = 0
    private var submitted: [@Sendable () -> Void] = []
    private var atEnd: [() -> Void] = []
    private var next: [() -> Void] = []

    deinit {
        self.readScratch.deallocate()
        self.writeScratch.deallocate()
    }

    func preconditionOnLoop() {}
    func submit(_ work: @escaping @Sendable () -> Void) { self.submitted.append(work) }
    func atTurnEnd(_ action: @escaping () -> Void) { self.atEnd.append(action) }
    func onNextTurn(_ action: @escaping () -> Void) { self.next.append(action) }

    func turn(afterMicros micros: Int64) {
        self.now = self.now.advanced(byNanoseconds: micros * 1_000)
        self.wallMicros += micros
        self.turns += 1
        let (submitted, next) = (self.submitted, self.next)
        self.submitted = []
        self.next = []
        for work in submitted { work() }
        for action in next { action() }
        _ = self.timers.fireDue(now: self.now)
        let atEnd = self.atEnd
        self.atEnd = []
        for action in atEnd { action() }
    }
}

/// The stores in memory take their time and their turns from whatever loop they are given.
@Suite struct VirtualLoopTests {
    @Test func memoryRooms_inVirtualTime_moveOnWithIt() throws {
        let loop = ManualLoop()
        let store: any RoomStore = MemoryRoomStore(loop: loop, rooms: MemoryRooms())
        let limits = RoomLimits(
            inflowMilli: 1_000,
            burst: 1,
            slots: 10,
            sessionMicros: 600_000_000,
            claimMicros: 60_000_000,
            horizonMicros: 2_000_000
        )
        var grant: JoinGrant?
        store.tick(room: "r", limits: limits, known: .nothing) { _ in }
        store.join(room: "r", count: 3) { grant = try? $0.get() }
        #expect(grant == nil, "no completion before the call has returned")
        loop.turn(afterMicros: 0)
        #expect(grant?.first == 1 && grant?.admitted == 1)

        // One token a second: the second visitor comes in after one second, the third after another.
        var admittedAfter: [Int64: Int] = [:]
        for tenths in 1...25 {
            loop.turn(afterMicros: 100_000)
            store.tick(room: "r", limits: limits, known: .nothing) { _ in }
            store.exchange(room: "r", numbers: [2, 3]) { answer in
                for (number, outcome) in zip([2, 3] as [Int64], (try? answer.get())?.outcomes ?? []) {
                    if case .admitted = outcome, admittedAfter[number] == nil { admittedAfter[number] = tenths }
                }
            }
            loop.turn(afterMicros: 0)
        }
        #expect(admittedAfter == [2: 10, 3: 20])
    }

    @Test func memoryBoard_inVirtualTime_leadershipEndsWithTheLease() throws {
        let loop = ManualLoop()
        let board: any PoolBoard = MemoryPoolBoard(loop: loop, boards: MemoryBoards())
        var fences: [Int64?] = []
        board.lead(controller: "a", ttlMillis: 1_000) { fences.append(try? $0.get()) }
        board.lead(controller: "b", ttlMillis: 1_000) { fences.append(try? $0.get()) }
        #expect(fences.isEmpty)
        loop.turn(afterMicros: 999_000)
        board.lead(controller: "b", ttlMillis: 1_000) { fences.append(try? $0.get()) }
        loop.turn(afterMicros: 1_000)
        board.lead(controller: "b", ttlMillis: 1_000) { fences.append(try? $0.get()) }
        loop.turn(afterMicros: 0)
        try #require(fences.count == 4)
        #expect(fences[0] != nil && fences[1] == nil && fences[2] == nil)
        #expect(try #require(fences[3]) > #require(fences[0]))
    }
}
