import Primitives

/// The value of `redis`: `embedded`, `memory`, `unix:/path` or `redis://[[user]:password@]host[:port][/database]`.
enum RedisText {
    static func parse(_ text: String) throws(Refusal) -> RedisSettings {
        switch text {
        case "embedded": return .embedded
        case "memory": return .memory
        default: break
        }
        if text.hasPrefix("unix:") {
            let address = try NetworkAddress(parsing: text, allowsPortZero: false)
            return .server(RedisServerSettings(address: address))
        }
        guard let scheme = text.range(ofFirst: "://") else {
            let nearest = NearestWord.of(text, among: ["embedded", "memory"])
            throw Refusal(nearest.map { "did you mean \($0)?" } ?? "")
        }
        switch text[..<scheme.lowerBound] {
        case "redis": return .server(try self.server(text[scheme.upperBound...]))
        case "rediss":
            throw Refusal("which asks for TLS, that is not spoken to Redis: use a unix socket or a private network")
        default: throw Refusal("whose scheme is not redis://")
        }
    }

    /// The password is left out.
    static func format(_ settings: RedisSettings) -> String {
        switch settings {
        case .embedded: return "embedded"
        case .memory: return "memory"
        case .server(let server):
            guard case .tcp = server.address else { return server.address.description }
            let credentials = server.password == nil ? "" : "\(server.user ?? ""):***@"
            return "redis://\(credentials)\(server.address)/\(server.database)"
        }
    }

    /// For errors: whatever stands before the last `@` may be a password.
    static func redacted(_ text: String) -> String {
        guard let at = text.lastIndex(of: "@") else { return text }
        return "redis://***\(text[at...])"
    }

    private static func server(_ text: Substring) throws(Refusal) -> RedisServerSettings {
        var rest = text
        var server = RedisServerSettings(address: .tcp(host: "127.0.0.1", port: 6379))
        if let at = rest.lastIndex(of: "@") {
            let credentials = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard credentials.count == 2 else {
                throw Refusal("whose password needs a colon before it, as in :password@")
            }
            let user = try self.percentDecoded(credentials[0])
            server.user = user.isEmpty ? nil : String(decoding: user, as: UTF8.self)
            server.password = Secret(try self.percentDecoded(credentials[1]))
            rest = rest[rest.index(after: at)...]
        }
        if let slash = rest.firstIndex(of: "/") {
            let database = rest[rest.index(after: slash)...]
            if !database.isEmpty {
                guard database.allSatisfy(\.isASCIIDigit), let number = Int(database), number < 1024 else {
                    throw Refusal("whose database is not a number from 0 to 1023")
                }
                server.database = number
            }
            rest = rest[..<slash]
        }
        server.address = try self.hostAndPort(rest)
        return server
    }

    private static func hostAndPort(_ text: Substring) throws(Refusal) -> NetworkAddress {
        if text.first == "[" {
            return try NetworkAddress(
                parsing: text.hasSuffix("]") ? "\(text):6379" : String(text),
                allowsPortZero: false
            )
        }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let host = parts.first ?? ""
        guard HostText.isName(host) else { throw Refusal("whose host is neither a name nor an IP address") }
        let port = parts.count == 2 ? try NetworkAddress.port(parts[1], allowsZero: false) : 6379
        return .tcp(host: String(host), port: port)
    }

    /// So that a password may hold `@`, `:` and `/`.
    private static func percentDecoded(_ text: Substring) throws(Refusal) -> [UInt8] {
        guard let bytes = PercentCoding.decoded(text.utf8) else {
            throw Refusal("whose password holds a % that is not followed by two hexadecimal digits")
        }
        return bytes
    }
}

extension String {
    /// `Foundation` has this; the pure ring does without it.
    func range(ofFirst needle: String) -> Range<Index>? {
        var start = self.startIndex
        while start < self.endIndex {
            if self[start...].hasPrefix(needle) { return start..<self.index(start, offsetBy: needle.count) }
            start = self.index(after: start)
        }
        return nil
    }
}
