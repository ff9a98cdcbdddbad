import TestKit
import Testing

/// The fleets that other tests stand on.
@Suite(.serialized) struct RedisFleetKitTests {
    @Test(arguments: [RedisFleet.Options(), .init(tls: true, acl: true)])
    func sentinel_masterKilled_isReplaced(options: RedisFleet.Options) async throws {
        try await blocking {
            let fleet = try RedisFleet.start(.sentinel, options)
            defer { fleet.finish() }
            let old = try #require(fleet.master)
            old.kill()
            try RedisFleet.wait(for: "another master") { fleet.masterBySentinels.map { $0 !== old } ?? false }
        }
    }

    @Test(arguments: [RedisFleet.Options(), .init(tls: true, acl: true)])
    func cluster_slotMoved_isFoundAtItsNewPlace(options: RedisFleet.Options) async throws {
        try await blocking {
            let fleet = try RedisFleet.start(.cluster, options)
            defer { fleet.finish() }
            let old = try #require(try fleet.master(ofKey: "a"))
            let new = try #require(fleet.servers.prefix(3).first { $0 !== old })
            try old.order("SET", "a", "1")
            try fleet.beginMove(slotOf: "a", to: new)
            try fleet.finishMove(slotOf: "a", to: new)
            #expect(try fleet.master(ofKey: "a") === new)
            #expect(try new.order("GET", "a") == .text("1"))
        }
    }
}
