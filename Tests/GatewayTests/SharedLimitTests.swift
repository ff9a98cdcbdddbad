import Testing

@testable import Gateway

@Suite struct SharedLimitTests {
    /// Loops share a limit: one of 1 is 1, not none and not one for each loop.
    @Test func take_smallLimit_isExact() {
        let limit = SharedLimit()
        #expect(limit.take(limit: 1))
        #expect(!limit.take(limit: 1))
        limit.giveBack()
        #expect(limit.take(limit: 1))
        #expect(!limit.take(limit: 0))
        #expect(limit.count == 1)
    }

    @Test func releases_reachEveryLoopOnce() {
        let room = SharedRoom()
        var first = 0
        var second = 0
        var heard: [Int64] = []
        room.release(7, untilMicros: 100)
        room.takeReleases(since: &first) { number, _ in heard.append(number) }
        room.release(8, untilMicros: 100)
        room.takeReleases(since: &first) { number, _ in heard.append(number) }
        room.takeReleases(since: &first) { number, _ in heard.append(number) }
        #expect(heard == [7, 8])
        room.takeReleases(since: &second) { number, _ in heard.append(number) }
        #expect(heard == [7, 8, 7, 8])
    }

    @Test func releases_beyondTheLimit_theOldestAreForgotten() {
        let room = SharedRoom()
        var seen = 0
        var heard: [Int64] = []
        for number in 0..<100_000 as Range<Int64> { room.release(number, untilMicros: 1) }
        room.takeReleases(since: &seen) { number, _ in heard.append(number) }
        #expect(heard.last == 99_999 && heard.count <= 65_536)
        heard = []
        room.release(5, untilMicros: 1)
        room.takeReleases(since: &seen) { number, _ in heard.append(number) }
        #expect(heard == [5])
    }
}
