/// How a request's path is compared with the paths of routes.
public enum PathMatching: String, CaseIterable, Sendable {
    /// A route takes every path that some server reads as one below its own: `/a/..;/shop` also for `/shop`. Nobody
    /// walks around a room with a path that the backend reads differently.
    case everyReading = "every-reading"
    /// A route takes what is below its path as it is written, and nothing else.
    case exact
}

/// Which requests go to which pool, and through which room. The longest path prefix wins, then the exact host over `*`.
public struct RouteSettings: Equatable, Sendable, CustomStringConvertible {
    /// `*`, or a host name or address in small letters, without a port.
    public var host: String
    /// `/`, or whole segments without a slash at the end: `/assets` covers itself and `/assets/...`, not `/assetsx`.
    public var path: String
    public var pool: String
    /// Nil: nobody waits here.
    public var room: String?
    public var pathMatching: PathMatching

    public init(
        host: String = "*",
        path: String = "/",
        pool: String,
        room: String? = nil,
        pathMatching: PathMatching = .everyReading
    ) {
        self.host = host
        self.path = path
        self.pool = pool
        self.room = room
        self.pathMatching = pathMatching
    }

    public var description: String {
        "\(self.host)\(self.path) -> \(self.pool)" + (self.room.map { " through \($0)" } ?? "")
            + (self.pathMatching == .exact ? " (exact paths)" : "")
    }
}

extension RouteSettings: SettingsSection {
    package init() { self.init(pool: "") }

    package static var fields: [SettingsField<Self>] {
        [
            .value(
                "host",
                \.host,
                .parsed("\"*\", or a host name or IP address without a port", HostText.parseRouteHost),
                .live
            ),
            .value("path", \.path, .parsed("a path such as / or /tickets", HostText.parseRoutePath), .live),
            .value("pool", \.pool, .name(of: "pool"), .live, isRequired: true),
            .value("room", \.room, .either("null", or: .name(of: "room")), .live),
            .value("paths", \.pathMatching, .word, .live),
        ]
    }
}
