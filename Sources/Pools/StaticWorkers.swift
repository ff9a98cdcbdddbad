import Addresses
import Settings

/// Who the workers of a static pool are, as its settings and what is known of its names have it: a value.
public struct StaticWorkers: Equatable, Sendable {
    public struct Worker: Equatable, Sendable {
        /// Unique in the pool: as the settings list it, and for a name with the address behind it.
        public let id: String
        public let address: SocketAddress
        /// As it is listed.
        public let listed: WorkerAddress
    }

    public let workers: [Worker]
    /// Nobody waits for a name any more.
    public let isComplete: Bool

    /// `addresses`: by name, as of `HostBook.addresses`; not there: not answered for.
    public init(_ pool: PoolSettings, _ addresses: [String: [IPAddress]]) {
        self.isComplete = pool.hostNames.allSatisfy { addresses[$0] != nil }
        self.workers = pool.workers.flatMap { listed in
            switch listed.place {
            case .address(let address): [Worker(id: listed.description, address: address, listed: listed)]
            case .name(let name, let port):
                (addresses[name] ?? []).map {
                    Worker(id: "\(listed) at \($0)", address: SocketAddress($0, port: port), listed: listed)
                }
            }
        }
    }
}

extension PoolSettings {
    /// How long what is known of each of its names counts, in nanoseconds.
    public var lookups: [String: Int64] {
        guard self.driver == .static else { return [:] }
        return Dictionary(self.hostNames.map { ($0, self.lookupIntervalNanoseconds) }) { first, _ in first }
    }
}

extension Settings {
    /// Of all pools; a name of several is looked up as often as one of them wants it.
    public var lookups: [String: Int64] {
        self.pools.reduce(into: [:]) { $0.merge($1.lookups, uniquingKeysWith: min) }
    }
}
