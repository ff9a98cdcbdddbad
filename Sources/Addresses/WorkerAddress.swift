import Primitives

/// Where a worker is, and how it is spoken to: as the settings list it.
///
/// A name stands for all addresses behind it, each of which is a worker of its own (`HostBook` follows them).
public struct WorkerAddress: Hashable, Sendable, CustomStringConvertible {
    public enum Place: Hashable, Sendable {
        case address(SocketAddress)
        /// In small letters.
        case name(String, port: UInt16)
    }

    public var place: Place
    public var usesTLS: Bool

    /// Where a URL names no port.
    public static let plainPort: UInt16 = 80
    public static let tlsPort: UInt16 = 443

    public init(_ place: Place, usesTLS: Bool = false) {
        self.place = place
        self.usesTLS = usesTLS
    }

    public init(_ address: SocketAddress) { self.init(.address(address)) }

    public static func loopback(port: UInt16) -> WorkerAddress { WorkerAddress(.loopback(port: port)) }

    /// The text was not a worker's address.
    public struct ParseError: Error, Equatable, CustomStringConvertible {
        public let text: String
        /// Goes on from "found ...": `which has a path`.
        public let reason: String

        public var description: String {
            "'\(self.text)', \(self.reason), is not the address of a worker: write 127.0.0.1:8080, [::1]:8080, unix:/path, "
                + "http://name:8080 or https://name:8443"
        }
    }

    /// Takes what `SocketAddress` takes but for `localhost`, and `http://HOST[:PORT]` and `https://HOST[:PORT]` with a name
    /// or an IP address.
    public init(parsing text: String) throws(ParseError) {
        do throws(Reason) {
            if let rest = Self.dropping("https://", from: text) {
                self.init(try Self.place(rest, defaultPort: Self.tlsPort), usesTLS: true)
            } else if let rest = Self.dropping("http://", from: text) {
                self.init(try Self.place(rest, defaultPort: Self.plainPort))
            } else {
                self.init(.address(try Self.address(text)))
            }
        } catch {
            throw ParseError(text: text, reason: error.text)
        }
    }

    private struct Reason: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }

    /// Schemes are the same in capitals.
    private static func dropping(_ scheme: String, from text: String) -> Substring? {
        let count = scheme.utf8.count
        guard text.utf8.count >= count, text.utf8.prefix(count).elementsEqual(scheme.utf8, by: self.isSame) else {
            return nil
        }
        return text[text.utf8.index(text.startIndex, offsetBy: count)...]
    }

    private static func isSame(_ left: UInt8, _ right: UInt8) -> Bool { ASCII.lowercased(left) == right }

    private static func address(_ text: String) throws(Reason) -> SocketAddress {
        if !text.hasPrefix("unix:"), let colon = text.lastIndex(of: ":"), self.isName(text[..<colon]),
            PortText.parse(text[text.index(after: colon)...]) != nil
        {
            throw Reason("whose host is a name: write http:// or https:// before it")
        }
        do throws(SocketAddress.ParseError) {
            return try SocketAddress(parsing: text)
        } catch {
            throw Reason(error.reason)
        }
    }

    private static func place(_ text: Substring, defaultPort: UInt16) throws(Reason) -> Place {
        guard !text.contains("/"), !text.contains("?"), !text.contains("#") else {
            throw Reason("which has a path: a worker is a host and a port; the path is the visitor's")
        }
        guard !text.contains("@") else { throw Reason("which names a user: nobody is logged in at a worker") }
        if case .v6? = IPAddress(parsing: text) {
            throw Reason("whose IPv6 address needs brackets, as in https://[2001:db8::1]:8443")
        }
        var host = text
        var port = defaultPort
        if let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") {
            let written = text[text.index(after: colon)...]
            guard let given = PortText.parse(written) else { throw Reason(PortText.refusal(of: written)) }
            (host, port) = (text[..<colon], given)
        }
        if host.first == "[", host.last == "]" {
            guard case .v6(let high, let low)? = IPAddress(parsing: host.dropFirst().dropLast()) else {
                throw Reason("whose brackets hold no IPv6 address")
            }
            return .address(.ipv6(high, low, port: port))
        }
        switch IPAddress(parsing: host) {
        case .v4(let address)?: return .address(.ipv4(address, port: port))
        case .v6?: throw Reason("whose IPv6 address needs brackets, as in https://[2001:db8::1]:8443")
        case nil: break
        }
        guard self.isName(host) else { throw Reason("whose host is neither a name nor an IP address") }
        return .name(host.lowercased(), port: port)
    }

    /// A name whose last part is a number is an address that somebody mistyped, to everybody who reads it.
    private static func isName(_ text: Substring) -> Bool {
        guard DomainName.isWellFormed(text), let last = text.split(separator: ".").last else { return false }
        return !last.utf8.allSatisfy(ASCII.isDigit)
    }

    /// The name that has to be looked up; nil for an address.
    public var name: String? { if case .name(let name, _) = self.place { name } else { nil } }

    /// Nil for a name.
    public var address: SocketAddress? { if case .address(let address) = self.place { address } else { nil } }

    /// Nil for unix sockets.
    public var port: UInt16? {
        switch self.place {
        case .address(let address): address.port
        case .name(_, let port): port
        }
    }

    /// Whom a certificate has to be for, and whom TLS asks for: a name or an IP address.
    public var serverName: String {
        switch self.place {
        case .address(let address): address.host
        case .name(let name, _): name
        }
    }

    /// As the `Host` field has it: without the port that goes without saying.
    public var authority: String {
        let usual = self.usesTLS ? Self.tlsPort : Self.plainPort
        switch self.place {
        case .address(.unix): return "localhost"
        case .address(.ipv4), .name:
            return self.port == usual ? self.serverName : "\(self.serverName):\(self.port ?? usual)"
        case .address(.ipv6):
            return self.port == usual ? "[\(self.serverName)]" : "[\(self.serverName)]:\(self.port ?? usual)"
        }
    }

    /// As it may be written in the file; of several ways, the shortest.
    public var description: String {
        switch (self.place, self.usesTLS) {
        case (.address(let address), false): address.description
        case (.address(let address), true): "https://\(address)"
        case (.name(let name, let port), let usesTLS): "\(usesTLS ? "https" : "http")://\(name):\(port)"
        }
    }
}
