import Addresses

/// The value of `redis`: `embedded`, `memory`, `unix:/path` or `redis://[[user]:password@]host[:port][/database]`.
enum RedisText {
    static func parse(_ text: String) throws(Refusal) -> RedisSettings {
        switch text {
        case "embedded": return .embedded
        case "memory": return .memory
        default: break
        }
        guard text.hasPrefix("unix:") || text.contains("://") else {
            throw Refusal(NearestWord.of(text, among: ["embedded", "memory"]).map { "did you mean \($0)?" } ?? "")
        }
        guard !text.hasPrefix("rediss://") else {
            throw Refusal("which asks for TLS, that is not spoken to Redis: use a unix socket or a private network")
        }
        do throws(RedisEndpoint.ParseError) {
            return .server(try RedisEndpoint(parsing: text))
        } catch {
            throw Refusal(error.reason)
        }
    }

    /// The password is left out.
    static func format(_ settings: RedisSettings) -> String {
        switch settings {
        case .embedded: return "embedded"
        case .memory: return "memory"
        case .server(let server):
            if case .address(.unix) = server.place { return server.place.description }
            let credentials = server.password == nil ? "" : "\(server.user ?? ""):***@"
            return "redis://\(credentials)\(server.place)/\(server.database)"
        }
    }
}
