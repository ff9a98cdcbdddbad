import Testing

@testable import Admission

/// Rooms that let in one person in a while, with a bucket that holds many: called too early, people would stand at the
/// door for as long as a line lasts elsewhere.
@Suite struct SlowRoomTests {
    @Test(arguments: [100, 500, 2_000] as [Int64], [0, 0.4])
    func called_standAtTheDoorForAFewTurns(inflowMilli: Int64, noShowShare: Double) throws {
        for seed in 1...5 as ClosedRange<UInt64> {
            let seconds = 150.0
            let limits = RoomLimits(
                inflowMilli: inflowMilli,
                burst: 40,
                slots: 100_000,
                sessionMicros: 20_000_000,
                claimMicros: 300_000_000,
                horizonMicros: 2_000_000,
                opensAtMicros: 0
            )
            let people = 1.5 * (40 + Double(inflowMilli) / 1_000 * seconds)
            var line = Line(
                Line.Plan(
                    limits: limits,
                    arrivals: LineTests.rush(people, noShowShare: noShowShare, seconds: seconds),
                    seconds: seconds,
                    noShowShare: noShowShare,
                    seed: seed
                )
            )
            try line.run()
            // What comes in three seconds, and who came when it was thought that nobody would.
            let most = line.mostAtDoor(5...140)
            #expect(most <= inflowMilli * 3 / 1_000 + 4, "\(most) at the door, seed \(seed)")
            let unused = line.undershoot(10...140)
            #expect(unused < 0.02, "\(unused) of the rate unused, seed \(seed)")
            #expect(JournalChecks(line.journal).overfullWindow() == nil)
        }
    }
}
