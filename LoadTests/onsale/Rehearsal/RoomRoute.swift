import Settings

/// Where the crowd of a room goes: the host and the path under which its pages lie.
struct RoomRoute: Equatable, Sendable {
    /// nil: any; the address is sent then.
    var host: String?
    /// Without a slash at its end; empty for the whole site.
    var prefix: String
    var pool: String

    /// The pages that a visitor asks for, below the prefix.
    static let pages = ["/", "/seats", "/basket", "/event", "/leave"]

    /// The first route of the file that leads through the room, whose pages no other route takes away.
    init(to room: String, in settings: Settings) throws(RehearsalProblem) {
        let own = settings.routes.filter { $0.room == room }
        guard !own.isEmpty else {
            throw RehearsalProblem(
                "no route goes through the room \(room), so nobody would wait in it; give a route room: \(room)"
            )
        }
        var taken: [String] = []
        for route in own {
            let candidate = RoomRoute(route)
            let foreign = Self.pages.first { page in
                Self.route(of: candidate.path(of: page), host: candidate.host, in: settings.routes) != route
            }
            guard let foreign else {
                self = candidate
                return
            }
            taken.append("\(candidate.path(of: foreign)) of the route \(route)")
        }
        throw RehearsalProblem(
            "the crowd asks for \(Self.pages.joined(separator: ", ")) below a route of the room \(room), and another "
                + "route takes one of them: \(taken.joined(separator: "; ")); take that route out of a copy of the file"
        )
    }

    private init(_ route: RouteSettings) {
        self.host = route.host == "*" ? nil : route.host
        self.prefix = route.path == "/" ? "" : route.path
        self.pool = route.pool
    }

    func path(of page: String) -> String {
        page == "/" && !self.prefix.isEmpty ? self.prefix : self.prefix + page
    }

    /// As the gateway looks it up: the longest path wins, then the exact host.
    private static func route(of path: String, host: String?, in routes: [RouteSettings]) -> RouteSettings? {
        let fitting = routes.filter { route in
            let isBelow = route.path == "/" || path == route.path || path.hasPrefix(route.path + "/")
            return isBelow && (route.host == "*" || route.host == host)
        }
        return fitting.max { left, right in
            (left.path.utf8.count, left.host == "*" ? 0 : 1) < (right.path.utf8.count, right.host == "*" ? 0 : 1)
        }
    }
}
