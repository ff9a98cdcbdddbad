import Primitives

/// Where a Redis is and who asks it.
public struct RedisEndpoint: Hashable, Sendable, CustomStringConvertible {
    public enum Place: Hashable, Sendable, CustomStringConvertible {
        case address(SocketAddress)
        /// Looked up off the loop before every attempt: managed Redis moves its names when it fails over.
        case name(String, port: UInt16)

        public var description: String {
            switch self {
            case .address(let address): address.description
            case .name(let name, let port): "\(name):\(port)"
            }
        }
    }

    public static let defaultPort: UInt16 = 6_379
    /// More than any Redis is configured for.
    public static let maxDatabase = 1_023

    public var place: Place
    /// Nil: the default user.
    public var user: String?
    /// Nil: no `AUTH` is sent.
    public var password: Secret?
    public var database: Int
    public var usesTLS: Bool

    public init(
        _ place: Place,
        user: String? = nil,
        password: Secret? = nil,
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
        /// Goes on from "found ...": `whose port is ...`.
        public let reason: String

        public var description: String {
            "'\(self.text)', \(self.reason), is not the address of a Redis: "
                + "write redis://[user:password@]host:port[/database], rediss:// for TLS, or unix:/path"
        }
    }

    /// Takes `redis://[[user]:password@]host[:port][/database]`, the same with `rediss` for TLS, and `unix:/path`.
    /// User and password may be percent-encoded. `redis://:password@host` is the default user.
    public init(parsing text: String) throws(ParseError) {
        if text.hasPrefix("unix:") {
            do throws(SocketAddress.ParseError) {
                self.init(try SocketAddress(parsing: text))
            } catch {
                throw ParseError(text: text, reason: error.reason)
            }
            return
        }
        let shown = Self.withoutPassword(text)
        guard let scheme = Self.schemes.first(where: text.hasPrefix) else {
            throw ParseError(text: shown, reason: "whose scheme is neither redis:// nor rediss://")
        }
        var rest = text.dropFirst(scheme.count)
        self.init(.name("", port: Self.defaultPort), usesTLS: scheme == "rediss://")
        do throws(Reason) {
            // A password may hold an @ that nobody encoded; a host cannot.
            if let at = rest.lastIndex(of: "@") {
                (self.user, self.password) = try Self.credentials(rest[..<at])
                rest = rest[rest.index(after: at)...]
            }
            if let slash = rest.firstIndex(of: "/") {
                self.database = try Self.database(rest[rest.index(after: slash)...])
                rest = rest[..<slash]
            }
            self.place = try Self.place(rest)
        } catch {
            throw ParseError(text: shown, reason: error.text)
        }
    }

    private static let schemes = ["redis://", "rediss://"]

    private struct Reason: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }

    private static func credentials(_ text: Substring) throws(Reason) -> (user: String?, password: Secret?) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[1].isEmpty else {
            throw Reason("whose password needs a colon before it, as in :password@")
        }
        guard let password = PercentCoding.decoded(parts[1].utf8), let user = PercentCoding.decodedText(parts[0]) else {
            throw Reason("whose password holds a % that is not followed by two hexadecimal digits")
        }
        return (user.isEmpty ? nil : user, Secret(password))
    }

    private static func database(_ digits: Substring) throws(Reason) -> Int {
        guard !digits.isEmpty else { return 0 }
        guard digits.utf8.allSatisfy(ASCII.isDigit), let number = Int(digits), number <= Self.maxDatabase else {
            throw Reason("whose database is not a number from 0 to \(Self.maxDatabase)")
        }
        return number
    }

    private static func place(_ hostAndPort: Substring) throws(Reason) -> Place {
        var host = hostAndPort
        var port = Self.defaultPort
        // The colons of an IPv6 address stand in brackets.
        if let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") {
            guard let number = PortText.parse(host[host.index(after: colon)...]) else { throw Reason(PortText.refusal) }
            guard number > 0 else { throw Reason("whose port is 0: only a listener can pick a free one") }
            port = number
            host = host[..<colon]
        }
        if let address = try? SocketAddress(parsing: "\(host):\(port)") { return .address(address) }
        guard DomainName.isWellFormed(host) else { throw Reason("whose host is neither a name nor an IP address") }
        return .name(String(host), port: port)
    }

    /// `text` fit for logs: whatever stands before the last `@` may be a password.
    public static func withoutPassword(_ text: String) -> String {
        guard let at = text.lastIndex(of: "@") else { return text }
        return (Self.schemes.first(where: text.hasPrefix) ?? "") + "***" + text[at...]
    }

    /// Without user and password: fit for logs.
    public var description: String {
        if case .address(.unix(let path)) = self.place { return "unix:\(path)" }
        return "\(self.usesTLS ? "rediss" : "redis")://\(self.place)" + (self.database == 0 ? "" : "/\(self.database)")
    }
}
