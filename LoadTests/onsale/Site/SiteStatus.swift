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

        /// Of all workers, those that start and drain included; nil where the figures are none that a pool can have.
        var processes: Int? {
            let figures = [self.ready, self.pending, self.draining]
            return figures.allSatisfy { (0...1_000_000).contains($0) } ? figures.reduce(0, +) : nil
        }
    }

    var reloadsApplied: Int
    var reloadsRefused: Int
    var rooms: [Room]
    var pools: [Pool]

    /// Of the process that is asked: `sluice run` tells everything; a gateway alone has no pools, a controller no rooms.
    init(json: [UInt8]) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        self = try decoder.decode(Self.self, from: Data(json))
    }

    private enum CodingKeys: String, CodingKey { case reloadsApplied, reloadsRefused, rooms, pools }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.reloadsApplied = try container.decode(Int.self, forKey: .reloadsApplied)
        self.reloadsRefused = try container.decode(Int.self, forKey: .reloadsRefused)
        self.rooms = try container.decodeIfPresent([Room].self, forKey: .rooms) ?? []
        self.pools = try container.decodeIfPresent([Pool].self, forKey: .pools) ?? []
    }

    func room(named name: String) -> Room? { self.rooms.first { $0.name == name } }
    func pool(named name: String) -> Pool? { self.pools.first { $0.name == name } }
}
