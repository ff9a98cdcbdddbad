import Primitives
import Transport

/// Where a Redis is and who asks it.
public struct RedisEndpoint: Hashable, Sendable, CustomStringConvertible {
    public enum Place: Hashable, Sendable {
        case address(SocketAddress)
        /// Looked up off the loop before every attempt: managed Redis moves its names when it fails over.
        case name(String, port: UInt16)
    }

    public static let defaultPort: UInt16 = 6_379

    public var place: Place
    /// Nil: the default user.
    public var user: String?
    /// Nil: no `AUTH` is sent.
    public var password: String?
    public var database: Int
    public var usesTLS: Bool

    public init(
        _ place: Place,
        user: String? = nil,
        password: String? = nil,
        database: Int = 0,
        usesTLS: Bool = false
    ) {
        self.place = place
        self.user = user
        self.password = password
        self.database = database
        self.usesTLS = usesTLS
    }

    public init(_ address: SocketAddress) { self.init(.address(address)) }

    /// The text was not a Redis address; says what is wrong with it, and never repeats its password.
    public struct ParseError: Error, Equatable, CustomStringConvertible {
        public let text: String
        public let problem: String
        public var description: String {
            "'\(self.text)' is not the address of a Redis: \(self.problem). "
                + "Write redis://[user:password@]host:port[/database], rediss:// for TLS, or unix:/path"
        }
    }

    /// Takes `redis://[user[:password]@]host[:port][/database]`, the same with `rediss` for TLS, and `unix:/path`.
    /// User and password may be percent-encoded. `redis://:password@host` is the default user.
    public init(parsing text: String) throws(ParseError) {
        if text.hasPrefix("unix:") {
            guard let address = try? SocketAddress(parsing: text) else {
                throw ParseError(text: text, problem: "a unix socket's path has 1 to 107 bytes")
            }
            self.init(address)
            return
        }
        let usesTLS = text.hasPrefix("rediss://")
        guard usesTLS || text.hasPrefix("redis://") else {
            throw ParseError(text: Self.withoutPassword(text), problem: "it begins with none of the three schemes")
        }
        try self.init(rest: text.dropFirst(usesTLS ? 9 : 8), usesTLS: usesTLS, text: Self.withoutPassword(text))
    }

    /// `rest` is what follows the scheme; `text` is fit to be shown.
    private init(rest: Substring, usesTLS: Bool, text: String) throws(ParseError) {
        var rest = rest
        var user: String?
        var password: String?
        // A password may hold an @ that nobody encoded; a host cannot.
        if let at = rest.lastIndex(of: "@") {
            let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            rest = rest[rest.index(after: at)...]
            guard let name = PercentCoding.decodedText(parts[0]),
                let secret = parts.count > 1 ? PercentCoding.decodedText(parts[1]) : ""
            else { throw ParseError(text: text, problem: "a % in user or password is not followed by two hex digits") }
            guard name.isEmpty || !secret.isEmpty else {
                throw ParseError(text: text, problem: "it has a user and no password")
            }
            user = name.isEmpty ? nil : name
            password = secret.isEmpty ? nil : secret
        }
        var database = 0
        if let slash = rest.firstIndex(of: "/") {
            let digits = rest[rest.index(after: slash)...]
            rest = rest[..<slash]
            guard digits.isEmpty || digits.utf8.allSatisfy(ASCII.isDigit),
                let number = Int(digits.isEmpty ? "0" : digits)
            else { throw ParseError(text: text, problem: "'\(digits)' is not the number of a database") }
            database = number
        }
        let place = try Self.place(rest, text: text)
        self.init(place, user: user, password: password, database: database, usesTLS: usesTLS)
    }

    private static func place(_ hostAndPort: Substring, text: String) throws(ParseError) -> Place {
        var host = hostAndPort
        var port = Self.defaultPort
        // The colons of an IPv6 address stand in brackets.
        if let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") {
            guard let number = UInt16(host[host.index(after: colon)...]), number > 0 else {
                throw ParseError(text: text, problem: "'\(host[host.index(after: colon)...])' is not a port")
            }
            port = number
            host = host[..<colon]
        }
        if let address = try? SocketAddress(parsing: "\(host):\(port)") { return .address(address) }
        let isName = host.utf8.allSatisfy {
            ASCII.isDigit($0) || ASCII.lowercased($0) &- 0x61 < 26 || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F
        }
        guard !host.isEmpty, isName, host.utf8.count <= 253 else {
            throw ParseError(text: text, problem: host.isEmpty ? "it has no host" : "'\(host)' is not a host")
        }
        return .name(String(host), port: port)
    }

    private static func withoutPassword(_ text: String) -> String {
        guard let at = text.lastIndex(of: "@") else { return text }
        let scheme = ["redis://", "rediss://"].first { text.hasPrefix($0) } ?? ""
        return scheme + "***" + text[at...]
    }

    /// Without user and password: fit for logs.
    public var description: String {
        let scheme = self.usesTLS ? "rediss" : "redis"
        let suffix = self.database == 0 ? "" : "/\(self.database)"
        switch self.place {
        case .address(.unix(let path)): return "unix:\(path)"
        case .address(let address): return "\(scheme)://\(address)\(suffix)"
        case .name(let name, let port): return "\(scheme)://\(name):\(port)\(suffix)"
        }
    }
}
