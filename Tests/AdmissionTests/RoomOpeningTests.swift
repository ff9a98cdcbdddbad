import Testing

@testable import Admission

/// Nobody is in before the opening: whoever was called before, and whatever the shared state has forgotten of it.
@Suite struct RoomOpeningTests {
    static let start = RoomModelTests.start
    static let opening = Self.start + 7_200_000_000
    /// The older file and the newer one.
    static let older = RoomModelTests.limits(inflowMilli: 50_000, burst: 20, claimMicros: 60_000_000)
    static let newer = RoomModelTests.limits(
        inflowMilli: 50_000,
        burst: 20,
        claimMicros: 60_000_000,
        opensAtMicros: Self.opening
    )

    /// By the gateway that has the older file.
    private func olderTick(heard: Int64 = 2) -> RoomTick {
        RoomTick(gateway: "old", limits: Self.older, generation: 1, generationHeard: heard)
    }

    private var newerTick: RoomTick {
        RoomTick(gateway: "new", limits: Self.newer, generation: 2, generationHeard: 2)
    }

    /// 100 wait for the opening in the newer file, and nobody is called; what both gateways know then.
    private func closedRoom() throws -> (room: RoomModel, known: KnownMarks) {
        var room = RoomModel()
        _ = try room.tick(self.newerTick, known: .nothing, nowMicros: Self.start)
        _ = try room.join(count: 100, nowMicros: Self.start + 1)
        var known = KnownMarks.nothing
        known.raise(try room.tick(self.olderTick(), known: known, nowMicros: Self.start + 2).snapshot)
        #expect(known.serving == 0 && known.issued == 100)
        return (room, known)
    }

    /// Seen before: the countdown was wrong by as long as Redis had been away, for ever.
    @Test func opening_roomsTimeLagsBehindTheClock_isToldAsTheRoomsTime() throws {
        var room = RoomModel()
        _ = try room.tick(self.newerTick, known: .nothing, run: 5, nowMicros: Self.start)
        let back = Self.start + 28_000_000
        let snapshot = try room.tick(self.newerTick, known: .nothing, run: 6, nowMicros: back).snapshot
        #expect(snapshot.nowMicros == back - 25_000_000)
        #expect(snapshot.opensAtMicros - snapshot.nowMicros == Self.opening - back)
        #expect(!(try room.tick(self.newerTick, known: .nothing, run: 6, nowMicros: Self.opening - 1).snapshot.isOpen))
        #expect(try room.tick(self.newerTick, known: .nothing, run: 6, nowMicros: Self.opening).snapshot.isOpen)
    }

    // MARK: Called before

    @Test func exchange_calledBeforeTheRoomWasClosed_standsAtTheDoorUntilTheOpening() throws {
        var room = RoomModel()
        let first = Self.start + 1_000_000
        _ = try room.tick(self.olderTick(heard: 0), known: .nothing, nowMicros: Self.start)
        let early = try room.join(count: 100, nowMicros: Self.start).admitted
        #expect(early == 20, "there was no opening in the older file")
        #expect(try room.tick(self.olderTick(heard: 1), known: .nothing, nowMicros: first).snapshot.serving >= 100)
        #expect(!(try room.tick(self.newerTick, known: .nothing, nowMicros: first + 1).snapshot.isOpen))
        let outcomes = try room.exchange(gateway: "new", ids: [30, 31], known: .nothing, nowMicros: first + 2).outcomes
        #expect(outcomes == [.atDoor, .atDoor])
        for later in stride(from: 100_000, through: 2_000_000, by: 100_000) as StrideThrough<Int64> {
            _ = try room.tick(self.newerTick, known: .nothing, nowMicros: first + later)
        }
        #expect(room.record.admitted == early && room.door.count == 2)
        #expect(room.record.tokens > 0, "nothing but the opening is in the way")
        #expect(try room.join(count: 1, nowMicros: first + 2_000_000).admitted == 0)
        // They keep their claim, however long the opening is away.
        _ = try room.tick(self.newerTick, known: .nothing, nowMicros: Self.opening)
        let last = try room.exchange(
            gateway: "new",
            ids: [30, 31],
            known: .nothing,
            nowMicros: Self.opening + 1_000_000
        )
        #expect(last.outcomes.allSatisfy { $0.isAdmitted })
    }

    // MARK: The newest limits are lost

    @Test func tick_recordLost_olderFileFirst_nobodyIsCalledUntilTheNewerIsBack() throws {
        let (_, known) = try self.closedRoom()
        var room = RoomModel()
        for step in 1...20 as ClosedRange<Int64> {
            let now = Self.start + 1_000_000 + step * 100_000
            let snapshot = try room.tick(self.olderTick(), known: known, nowMicros: now).snapshot
            #expect(snapshot.generation == 1 && snapshot.serving == 0, "called after \(step) ticks")
            #expect(try room.join(count: 1, known: known, nowMicros: now).admitted == 0)
        }
        let back = try room.tick(self.newerTick, known: known, nowMicros: Self.start + 3_100_000).snapshot
        #expect(back.generation == 2 && back.opensAtMicros == Self.opening)
        let late = try room.tick(self.olderTick(), known: known, nowMicros: Self.start + 9_000_000).snapshot
        #expect(late.serving == 0 && late.admitted == 0)
    }

    /// The copy is from before the newer file, when the room was open and people had been called.
    @Test func staleReturn_anyOperationFirst_nobodyIsLetInUntilTheNewerIsBack() throws {
        var room = RoomModel()
        _ = try room.tick(self.olderTick(heard: 0), known: .nothing, nowMicros: Self.start)
        _ = try room.join(count: 100, nowMicros: Self.start)
        _ = try room.tick(self.olderTick(heard: 1), known: .nothing, nowMicros: Self.start + 1_000_000)
        let copy = room
        var known = KnownMarks.nothing
        known.raise(try room.tick(self.newerTick, known: known, nowMicros: Self.start + 1_000_001).snapshot)
        known.raise(try room.join(count: 1, known: known, nowMicros: Self.start + 1_000_002).line)
        room = copy
        let now = Self.start + 2_000_000
        #expect(try room.join(count: 1, known: known, nowMicros: now).line.incarnation == 2)
        let asked = try room.exchange(gateway: "old", ids: [30], known: known, nowMicros: now + 900_000)
        #expect(asked.outcomes == [.atDoor], "before the first tick")
        _ = try room.tick(self.olderTick(), known: known, nowMicros: now + 1_000_000)
        #expect(room.record.admitted == 20 && room.record.tokens > 0, "by the tick of the older file")
        let back = try room.tick(self.newerTick, known: known, nowMicros: now + 1_100_000).snapshot
        #expect(back.admitted == 20 && back.generation == 2)
    }

    /// Whoever had the newer file is gone for good: three seconds later the room goes on, and is not closed once more.
    @Test func tick_heardGenerationNeverComes_goesOnAfterTheGrace() throws {
        let (_, known) = try self.closedRoom()
        var room = RoomModel()
        let now = Self.start + 1_000_000
        _ = try room.tick(self.olderTick(), known: known, nowMicros: now)
        let waiting = try room.tick(self.olderTick(), known: known, nowMicros: now + RoomRules.silenceMicros - 1)
        #expect(waiting.snapshot.serving == 0)
        let open = try room.tick(self.olderTick(), known: known, nowMicros: now + RoomRules.silenceMicros).snapshot
        #expect(open.serving > 0 && open.generation == 1 && open.limits == Self.older)
        let inside = try room.exchange(
            gateway: "old",
            ids: [1, 2],
            known: known,
            nowMicros: now + RoomRules.silenceMicros + 1
        )
        #expect(inside.outcomes.allSatisfy { $0.isAdmitted })
    }

    /// A loss in which no limits were lost costs nobody anything.
    @Test func tick_heardGenerationIsThere_callsAtOnce() throws {
        let (_, known) = try self.closedRoom()
        var room = RoomModel()
        let snapshot = try room.tick(self.olderTick(heard: 1), known: known, nowMicros: Self.start + 1_000_000).snapshot
        #expect(snapshot.incarnation > 0 && snapshot.serving > 0)
    }
}

extension ExchangeOutcome {
    fileprivate var isAdmitted: Bool { if case .admitted = self { true } else { false } }
}
