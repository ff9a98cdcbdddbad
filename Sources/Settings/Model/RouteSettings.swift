/// Which requests go to which pool, and through which room. The longest path prefix wins, then the exact host over `*`.
public struct RouteSettings: Equatable, Sendable, CustomStringConvertible {
    /// `*`, or a host name or address in small letters, without a port.
    public var host: String
    /// `/`, or whole segments without a slash at the end: `/assets` covers itself and `/assets/...`, not `/assetsx`.
    public var path: String
    public var pool: String
    /// Nil: nobody waits here.
    public var room: String?

    public init(host: String = "*", path: String = "/", pool: String, room: String? = nil) {
        self.host = host
        self.path = path
        self.pool = pool
        self.room = room
    }

    public var description: String {
        "\(self.host)\(self.path) -> \(self.pool)" + (self.room.map { " through \($0)" } ?? "")
    }
}

extension RouteSettings: SettingsSection {
    init() { self.init(pool: "") }

    static var fields: [SettingsField<Self>] {
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
        ]
    }
}
