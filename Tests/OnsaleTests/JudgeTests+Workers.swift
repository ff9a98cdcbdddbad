import Testing

@testable import onsale

/// What counts as growth of a pool.
extension JudgeTests {
    /// Processes that never get ready serve nobody, and neither do ready ones that nobody has seen.
    @Test(
        arguments: [
            (ready: [1, 3, 1], isGrown: true), ([1, 1, 1], false), ([1, 9, 1], true), ([nil, nil, nil], true),
            ([1, nil, 1], false),
        ] as [(ready: [Int?], isGrown: Bool)]
    )
    func workers_thatNeverGetReady_areNoGrowth(ready: [Int?], isGrown: Bool) throws {
        let checks = Self.verdict { evidence in
            var timeline = Timeline()
            for (index, count) in [1, 3, 1].enumerated() {
                var gauges = Gauges.withWorkers(count)
                gauges.workersReady = ready[index]
                timeline.append(index == 0 ? evidence.timeline.total : Tally(), gauges)
            }
            evidence.timeline = timeline
        }.checks
        let check = try #require(checks.first { $0.name == .workers })
        #expect(check.outcome == (isGrown ? .passed : .failed), "\(check)")
        #expect(check.measured == (isGrown ? "1 → 3 → 1" : "1 → 1 → 1"))
    }
}
