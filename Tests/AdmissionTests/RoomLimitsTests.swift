import Testing

@testable import Admission

/// Who says what a room allows: generations of the settings, the controller's lease, gateways that see no workers;
/// blocks of numbers, and what is kept for how long.
@Suite struct RoomLimitsTests {
    static let start = RoomModelTests.start

    static func tick(
        _ limits: RoomLimits,
        gateway: String = "g",
        generation: Int64 = 1,
        healthy: Int64? = nil,
        block: BlockReport = .none
    ) -> RoomTick {
        RoomTick(gateway: gateway, limits: limits, generation: generation, healthy: healthy, block: block)
    }

    /// Two gateways with different files.
    @Test func tick_lowerGeneration_isIgnoredAndCounted() throws {
        var room = RoomModel()
        let newer = RoomModelTests.limits(inflowMilli: 5_000, opensAtMicros: Self.start + 3_600_000_000)
        let older = RoomModelTests.limits(inflowMilli: 9_000)
        _ = try room.tick(Self.tick(newer, generation: 2), known: .nothing, nowMicros: Self.start)
        _ = room.takeJournal()
        for step in 1...50 {
            let now = Self.start + Int64(step) * 100_000
            let ignored = try room.tick(Self.tick(older, gateway: "old"), known: .nothing, nowMicros: now).snapshot
            #expect(ignored.isGenerationIgnored && ignored.limits == newer && ignored.rateMilli == 5_000)
            #expect(ignored.ignoredLimits == Int64(step) && ignored.generation == 2)
            _ = try room.tick(Self.tick(newer, generation: 2), known: .nothing, nowMicros: now)
        }
        #expect(room.takeJournal().isEmpty)
        let taken = try room.tick(Self.tick(older, generation: 3), known: .nothing, nowMicros: Self.start + 6_000_000)
        #expect(taken.snapshot.limits == older)
    }

    @Test func tick_otherLimitsOfTheSameGeneration_areAConflict() throws {
        var room = RoomModel()
        _ = try room.tick(Self.tick(RoomModelTests.limits()), known: .nothing, nowMicros: Self.start)
        let other = Self.tick(RoomModelTests.limits(burst: 7), gateway: "other")
        let snapshot = try room.tick(other, known: .nothing, nowMicros: Self.start + 1).snapshot
        #expect(snapshot.isConflicting && snapshot.conflicts == 1 && snapshot.burst == 2)
    }

    /// The controller was killed.
    @Test func allowedRate_leaseOver_givesWayToATenth() throws {
        var room = try RoomModelTests.room(RoomModelTests.limits(inflowMilli: 50_000))
        #expect(try room.setAllowedRate(0, fence: 1, nowMicros: Self.start).rateMilli == 0)
        let limits = RoomModelTests.limits(inflowMilli: 50_000)
        #expect(try room.tick(limits, nowMicros: Self.start + 2_999_999).snapshot.rateMilli == 0)
        #expect(try room.tick(limits, nowMicros: Self.start + 3_000_000).snapshot.rateMilli == 5_000)
        #expect(try room.setAllowedRate(20_000, fence: 1, nowMicros: Self.start + 4_000_000).rateMilli == 20_000)
        #expect(try room.tick(limits, nowMicros: Self.start + 8_000_000).snapshot.rateMilli == 20_000)
        #expect(try room.setAllowedRate(nil, fence: 1, nowMicros: Self.start + 9_000_000).rateMilli == 50_000)
    }

    @Test func healthyWorkers_noneAnywhere_holdTheDoorAndBurnNothing() throws {
        var room = RoomModel()
        let limits = RoomModelTests.limits(burst: 3)
        _ = try room.tick(Self.tick(limits, healthy: 0), known: .nothing, nowMicros: Self.start)
        #expect(try room.join(count: 2, nowMicros: Self.start + 1).admitted == 0)
        let held = try room.tick(Self.tick(limits, healthy: 0), known: .nothing, nowMicros: Self.start + 900_000)
        #expect(held.snapshot.isHeld && held.snapshot.serving == 0 && held.snapshot.tokensNano == 3_000_000_000)
        let other = Self.tick(limits, gateway: "other", healthy: 2)
        let open = try room.tick(other, known: .nothing, nowMicros: Self.start + 1_000_000).snapshot
        #expect(!open.isHeld && open.serving == 2)
        // Whoever does not know says nothing either way.
        var blind = RoomModel()
        let unknown = try blind.tick(Self.tick(limits), known: .nothing, nowMicros: Self.start).snapshot
        #expect(!unknown.isHeld)
    }

    // MARK: Blocks

    @Test func block_usedWhileAway_countsAndTheRestIsAGap() throws {
        var room = RoomModel()
        let limits = RoomModelTests.limits()
        func tick(_ block: BlockReport, _ later: Int64) throws -> TickAnswer {
            try room.tick(
                Self.tick(limits, block: block),
                known: KnownMarks(
                    epoch: Self.start / 1_000_000,
                    incarnation: 1,
                    issued: max(block.used, room.record.issued),
                    serving: 0
                ),
                nowMicros: Self.start + later
            )
        }
        _ = try room.tick(Self.tick(limits), known: .nothing, nowMicros: Self.start)
        let first = try #require(try tick(BlockReport(start: 0, used: 0, size: 100), 1).block)
        #expect(first.lowerBound > RoomRules.blockLead && first.count == 100)
        #expect(try tick(BlockReport(start: first.lowerBound, used: 0, size: 100), 2).block == first)
        _ = try room.join(count: 10, nowMicros: Self.start + 3)
        let used = first.lowerBound + 9
        let answer = try tick(BlockReport(start: first.lowerBound, used: used, size: 100), 4)
        #expect(answer.snapshot.incarnation == 1, "numbers of a leased block are no loss")
        #expect(answer.snapshot.issued == first.upperBound)
        #expect(answer.snapshot.gaps == [11...first.lowerBound - 1, used + 1...first.upperBound])
        #expect(try #require(answer.block).lowerBound > first.upperBound)
        #expect(try room.join(count: 1, nowMicros: Self.start + 5).first == first.upperBound + 1)
    }

    @Test func block_lineComesNear_isMovedAndTheOldOneKeptUntilTheGatewayKnows() throws {
        var room = RoomModel()
        let limits = RoomModelTests.limits()
        func ask(_ start: Int64) throws -> ClosedRange<Int64> {
            let report = BlockReport(start: start, used: 0, size: 50)
            let known = KnownMarks(epoch: Self.start / 1_000_000, incarnation: 1, issued: 0, serving: 0)
            return try #require(
                try room.tick(Self.tick(limits, block: report), known: known, nowMicros: Self.start).block
            )
        }
        let first = try ask(0)
        for _ in 0..<10 { _ = try room.join(count: 500, nowMicros: Self.start) }
        let second = try ask(first.lowerBound)
        #expect(second.lowerBound > first.upperBound)
        #expect(try ask(first.lowerBound) == second, "the answer was lost")
        for _ in 0..<8 { _ = try room.join(count: 500, nowMicros: Self.start) }
        let handedOut = try room.join(count: 500, nowMicros: Self.start)
        #expect(!(handedOut.first...handedOut.first + 499).overlaps(first))
        #expect(room.record.blocks.contains { $0.start == second.lowerBound })
    }

    // MARK: What is kept

    @Test func marks_longClaimWindow_areFew() throws {
        let limits = RoomLimits(
            inflowMilli: 10_000,
            burst: 10,
            slots: 10_000_000,
            sessionMicros: 1_000_000,
            claimMicros: 86_400_000_000,
            horizonMicros: 1_000_000
        )
        #expect(limits.claimMicros == 86_400_000_000, "what is configured is what holds")
        var room = try RoomModelTests.room(limits)
        for step in 1...20_000 {
            let now = Self.start + Int64(step) * 1_000_000
            _ = try room.join(count: 3, nowMicros: now)
            _ = try room.tick(limits, nowMicros: now + 100_000)
        }
        #expect(room.marks.marks.count < 700, "20,000 s in steps of 42 s, and the newest: \(room.marks.marks.count)")
    }

    @Test func journal_longerThanKept_isTrimmedAndCounted() throws {
        var room = try RoomModelTests.room()
        for step in 1...3_000 {
            let limits = RoomModelTests.limits(inflowMilli: Int64(step % 2 + 1))
            _ = try room.tick(limits, nowMicros: Self.start + Int64(step))
        }
        var tick = Self.tick(RoomModelTests.limits(), generation: .max / 1024)
        tick.retention = RoomRetention(journalEntries: 1_000)
        let first = try room.tick(tick, known: .nothing, nowMicros: Self.start + 4_000).snapshot
        #expect(first.journalTrimmed == 1_000)
        _ = try room.tick(tick, known: .nothing, nowMicros: Self.start + 4_001)
        let last = try room.tick(tick, known: .nothing, nowMicros: Self.start + 4_002).snapshot
        #expect(last.journalEntries == 1_000 && last.journalTrimmed > 2_000)
    }
}
