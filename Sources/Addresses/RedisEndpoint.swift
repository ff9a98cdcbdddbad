import Primitives

/// Where a Redis is and who asks it: one server, a master that sentinels name, or a Cluster.
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

    public enum Fleet: Hashable, Sendable {
        case standalone
        /// The name under which the sentinels watch the master.
        case sentinel(master: String)
        case cluster
    }

    public static let defaultPort: UInt16 = 6_379
    public static let defaultSentinelPort: UInt16 = 26_379
    /// More than any Redis is configured for.
    public static let maxDatabase = 1_023
    /// Sentinels, or nodes of a Cluster to begin with.
    public static let maxPlaces = 16

    public var fleet = Fleet.standalone
    /// The server, the sentinels, or some nodes of the Cluster, from which the others are learnt. At least one.
    public private(set) var places: [Place]
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
        self.places = [place]
        self.user = user
        self.password = password
        self.database = database
        self.usesTLS = usesTLS
    }

    public init(_ address: SocketAddress) { self.init(.address(address)) }

    /// The first of `places`; of one server, the only one.
    public var place: Place {
        get { self.places[0] }
        set { self.places[0] = newValue }
    }

    /// The text was not a Redis address; says what is wrong with it, and never repeats its password.
    public struct ParseError: Error, Equatable, CustomStringConvertible {
        public let text: String
        /// Goes on from "found ...": `whose port is ...`.
        public let reason: String

        public var description: String {
            "'\(self.text)', \(self.reason), is not the address of a Redis: "
                + "write redis://[user:password@]host:port[/database], redis+sentinel://host:port,.../master-name, "
                + "redis+cluster://host:port,..., the same with rediss for TLS, or unix:/path"
        }
    }

    /// Takes `redis://[[user]:password@]host[:port][/database]`,
    /// `redis+sentinel://[[user]:password@]host[:port],.../master-name[/database]`,
    /// `redis+cluster://[[user]:password@]host[:port],...`, the same with `rediss` for TLS, and `unix:/path`.
    /// User and password may be percent-encoded, and are those of the servers, not of the sentinels.
    /// `redis://:password@host` is the default user.
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
            throw ParseError(
                text: shown,
                reason: "whose scheme is none of redis://, redis+sentinel://, redis+cluster:// and the same with rediss"
            )
        }
        self.init(.name("", port: Self.defaultPort), usesTLS: scheme.hasPrefix("rediss"))
        do throws(Reason) {
            try self.read(text.dropFirst(scheme.count), scheme)
        } catch {
            throw ParseError(text: shown, reason: error.text)
        }
    }

    private static let schemes = [
        "redis://", "rediss://", "redis+sentinel://", "rediss+sentinel://", "redis+cluster://", "rediss+cluster://",
    ]

    private mutating func read(_ text: Substring, _ scheme: String) throws(Reason) {
        var rest = text
        // A password may hold an @ that nobody encoded; a host cannot.
        if let at = rest.lastIndex(of: "@") {
            (self.user, self.password) = try Self.credentials(rest[..<at])
            rest = rest[rest.index(after: at)...]
        }
        var path: [Substring] = []
        if let slash = rest.firstIndex(of: "/") {
            path = rest[rest.index(after: slash)...].split(separator: "/", omittingEmptySubsequences: false)
            rest = rest[..<slash]
        }
        var port = Self.defaultPort
        if scheme.hasSuffix("+sentinel://") {
            self.fleet = .sentinel(master: try Self.masterName(path.first))
            path = Array(path.dropFirst())
            port = Self.defaultSentinelPort
        } else if scheme.hasSuffix("+cluster://") {
            self.fleet = .cluster
        }
        guard path.count <= 1 else { throw Reason("whose path has more parts than a database") }
        self.database = try Self.database(path.first ?? "")
        if self.fleet == .cluster, self.database != 0 {
            throw Reason("whose database is not 0, the only one that a Cluster has")
        }
        self.places = try Self.places(rest, isOne: self.fleet == .standalone, defaultPort: port)
    }

    private static func masterName(_ text: Substring?) throws(Reason) -> String {
        guard let text, !text.isEmpty, let name = PercentCoding.decodedText(text) else {
            throw Reason("which does not name the master that the sentinels watch, as in /mymaster")
        }
        guard name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), name.utf8.count <= 200 else {
            throw Reason("whose name of the master has bytes that no sentinel takes")
        }
        return name
    }

    private static func places(_ text: Substring, isOne: Bool, defaultPort: UInt16) throws(Reason) -> [Place] {
        let hosts = isOne ? [text] : text.split(separator: ",", omittingEmptySubsequences: false)
        guard hosts.count <= Self.maxPlaces else { throw Reason("which names more than \(Self.maxPlaces) hosts") }
        var places: [Place] = []
        for host in hosts { places.append(try Self.place(host, defaultPort: defaultPort)) }
        guard Set(places).count == places.count else { throw Reason("which names a host twice") }
        return places
    }

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

    private static func place(_ hostAndPort: Substring, defaultPort: UInt16) throws(Reason) -> Place {
        var host = hostAndPort
        var port = defaultPort
        // The colons of an IPv6 address stand in brackets.
        if let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") {
            let portText = host[host.index(after: colon)...]
            guard let number = PortText.parse(portText) else { throw Reason(PortText.refusal(of: portText)) }
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
    public var description: String { self.text(credentials: "") }

    /// As it would be written in a configuration, the password replaced.
    public var redacted: String {
        self.text(credentials: self.password == nil ? "" : "\(self.user ?? ""):***@")
    }

    private func text(credentials: String) -> String {
        if case .address(.unix(let path)) = self.place { return "unix:\(path)" }
        let hosts = self.places.map(\.description).joined(separator: ",")
        let database = self.database == 0 ? "" : "/\(self.database)"
        let scheme = self.usesTLS ? "rediss" : "redis"
        switch self.fleet {
        case .standalone: return "\(scheme)://\(credentials)\(hosts)\(database)"
        case .sentinel(let master): return "\(scheme)+sentinel://\(credentials)\(hosts)/\(master)\(database)"
        case .cluster: return "\(scheme)+cluster://\(credentials)\(hosts)"
        }
    }
}
