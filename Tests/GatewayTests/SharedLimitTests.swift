import Rooms
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

    private static func key(_ number: Int64) -> LineKey { LineKey(epoch: 1, number: number) }

    /// Who stands on another loop has not left.
    @Test func absent_whoStandsOnAnyLoop_isNot() {
        let room = SharedRoom(gateway: "g")
        let (one, two) = (Self.key(1), Self.key(2))
        for key in [one, one, two] { room.stands(key) }
        room.ceasesToStand(one)
        room.ceasesToStand(two)
        room.ceasesToStand(two)
        #expect(room.absent([one, two]) == [two])
        room.ceasesToStand(one)
        #expect(room.absent([one, two]) == [one, two])
    }

    @Test func releases_reachEveryLoopOnce() {
        let room = SharedRoom(gateway: "g")
        var first = 0
        var second = 0
        var heard: [Int64] = []
        room.release(Self.key(7), untilMicros: 100)
        room.takeReleases(since: &first) { key, _ in heard.append(key.number) }
        room.release(Self.key(8), untilMicros: 100)
        room.takeReleases(since: &first) { key, _ in heard.append(key.number) }
        room.takeReleases(since: &first) { key, _ in heard.append(key.number) }
        #expect(heard == [7, 8])
        room.takeReleases(since: &second) { key, _ in heard.append(key.number) }
        #expect(heard == [7, 8, 7, 8])
    }

    @Test func releases_beyondTheLimit_theOldestAreForgotten() {
        let room = SharedRoom(gateway: "g")
        var seen = 0
        var heard: [Int64] = []
        for number in 1..<100_001 as Range<Int64> { room.release(Self.key(number), untilMicros: 1) }
        room.takeReleases(since: &seen) { key, _ in heard.append(key.number) }
        #expect(heard.last == 100_000 && heard.count <= 65_536)
        heard = []
        room.release(Self.key(5), untilMicros: 1)
        room.takeReleases(since: &seen) { key, _ in heard.append(key.number) }
        #expect(heard == [5])
    }
}
