import Addresses

/// The value of `redis`: `embedded`, `memory`, `unix:/path`, or an address as `RedisEndpoint` takes it.
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
        case .server(let server): return server.redacted
        }
    }
}
