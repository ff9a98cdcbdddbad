import RedisClient
import Testing

/// Seen before: each loop's client told of the same outage, three lines and more of a gateway with two loops.
@Suite struct RedisOutageLogTests {
    private static let away = RedisState.disconnected(reason: "gone")

    @Test func outage_seenByAllClients_isToldOnce_andItsEndWhenAllAreBack() {
        var log = RedisOutageLog()
        #expect(log.changed(client: 1, to: .connecting) == nil)
        #expect(log.changed(client: 1, to: .connected) == .connected)
        #expect(log.changed(client: 2, to: .connected) == nil)
        for _ in 1...2 {
            #expect(log.changed(client: 1, to: Self.away) == .away(reason: "gone"))
            #expect(log.changed(client: 2, to: Self.away) == nil)
            #expect(log.changed(client: 2, to: .connected) == nil)
            #expect(log.changed(client: 1, to: .connected) == .connected)
        }
    }

    @Test func anotherReason_isNews() {
        var log = RedisOutageLog()
        #expect(log.changed(client: 1, to: Self.away) == .away(reason: "gone"))
        #expect(log.changed(client: 2, to: .partly(reason: "half")) == .partlyAway(reason: "half"))
        #expect(log.changed(client: 1, to: .partly(reason: "half")) == nil)
        #expect(log.changed(client: 1, to: Self.away) == nil)
    }

    /// A client that is closed while the others are away is not waited for.
    @Test func closedClient_isForgotten() {
        var log = RedisOutageLog()
        _ = log.changed(client: 1, to: Self.away)
        _ = log.changed(client: 2, to: Self.away)
        #expect(log.changed(client: 2, to: .closed) == nil)
        #expect(log.changed(client: 1, to: .connected) == .connected)
    }

    @Test func reasonsWithoutEnd_areBounded() {
        var log = RedisOutageLog()
        let told = (0..<1_000).filter { log.changed(client: 1, to: .disconnected(reason: "\($0)")) != nil }
        #expect(told.count == 100)
    }
}
