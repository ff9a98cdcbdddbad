import Foundation

/// What `/status` on the admin listener says, as far as a run needs it.
struct SiteStatus: Decodable, Equatable, Sendable {
    struct Room: Decodable, Equatable, Sendable {
        var name: String
        var issued: Int64?
        var waiting: Int?
        var admitted: Int?
        var sessions: Int?
        var rateMilli: Int64?
        var burst: Int64?
    }

    struct Pool: Decodable, Equatable, Sendable {
        var name: String
        var ready: Int
        var pending: Int
        var draining: Int
        var crashes: Int
        var desired: Int?
    }

    var reloadsApplied: Int
    var reloadsRefused: Int
    var rooms: [Room]
    var pools: [Pool]

    init(json: [UInt8]) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        self = try decoder.decode(Self.self, from: Data(json))
    }

    var room: Room? { self.rooms.first { $0.name == SitePlan.roomName } }
    var pool: Pool? { self.pools.first { $0.name == SitePlan.poolName } }
}
