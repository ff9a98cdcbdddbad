import Testing

@testable import Admission

/// What those who wait get of their turns when the shared state was away: called numbers, claims, numbers of blocks.
@Suite struct RoomOutageTests {
    static let start = RoomModelTests.start
    static let second: Int64 = 1_000_000

    /// Ticks of one gateway, a second apart.
    static func tick(_ room: inout RoomModel, seconds: ClosedRange<Int64>, _ limits: RoomLimits) throws {
        for second in seconds { _ = try room.tick(limits, nowMicros: Self.start + second * Self.second) }
    }

    // MARK: Numbers of blocks

    /// Six had numbers of the line; while the state was away six more got those of a block, which begins 8,193 further.
    /// The state comes back empty, or as it was before anybody came.
    @Test(arguments: [false, true])
    func tick_lostWithABlockInUse_callsEverybodySoon(isCopy: Bool) throws {
        let limits = RoomLossTests.limits()
        var room = try RoomModelTests.room(limits)
        let copy = isCopy ? room : RoomModel()
        _ = try room.join(count: 6, nowMicros: Self.start)
        var tick = RoomTick(gateway: "g", limits: limits)
        tick.block.size = RoomRules.largestBlock
        var known = RoomLossTests.known(issued: 6, serving: 2)
        let answer = try room.tick(tick, known: known, nowMicros: Self.start + 1)
        known.raise(answer.snapshot)
        let first = try #require(answer.block).lowerBound
        known.raise(epoch: known.epoch, issued: first + 5, serving: 0)
        tick.block = BlockReport(start: first, used: first + 5, size: RoomRules.largestBlock)
        room = copy
        var uncalled = Set(3...6).union(first...first + 5)
        for step in 0...150 as ClosedRange<Int64> where !uncalled.isEmpty {
            let now = Self.start + 5 * Self.second + step * 100_000
            let answer = try room.tick(tick, known: known, nowMicros: now)
            known.raise(answer.snapshot)
            if let next = answer.block?.lowerBound, next != tick.block.start {
                tick.block = BlockReport(start: next, used: 0, size: RoomRules.largestBlock)
            }
            let called = uncalled.filter { $0 <= answer.snapshot.serving }
            uncalled.subtract(called)
            _ = try room.exchange(gateway: "g", ids: called.sorted(), known: known, nowMicros: now)
        }
        #expect(uncalled.isEmpty, "not called within 15 s: \(uncalled.sorted())")
        let gap = try #require(room.record.gaps.first)
        #expect(gap.from == 7 && gap.to == first - 1, "who may have a number was called by number")
    }
}
