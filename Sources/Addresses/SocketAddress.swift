import Primitives

/// Where a socket listens or connects to. Names are not resolved: a loop that asks DNS stands still.
public enum SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// Host byte order.
    case ipv4(UInt32, port: UInt16)
    /// The address as two halves in host byte order.
    case ipv6(UInt64, UInt64, port: UInt16)
    case unix(path: String)

    /// What fits into the kernel's `sockaddr_un`, without the closing zero.
    public static let maxUnixPathBytes = 107

    /// The text was not an address.
    public struct ParseError: Error, Equatable, CustomStringConvertible {
        public let text: String
        /// Goes on from "found ...": `which has no port`.
        public let reason: String

        public var description: String {
            "'\(self.text)', \(self.reason), is not an address: write 127.0.0.1:8080, [::1]:8080 or unix:/path"
        }
    }

    public init(_ address: IPAddress, port: UInt16) {
        switch address {
        case .v4(let address): self = .ipv4(address, port: port)
        case .v6(let high, let low): self = .ipv6(high, low, port: port)
        }
    }

    /// Takes `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080` and `unix:/path`.
    public init(parsing text: String) throws(ParseError) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard !path.isEmpty else { throw ParseError(text: text, reason: "which names no path behind unix:") }
            guard path.utf8.count <= Self.maxUnixPathBytes, !path.utf8.contains(0) else {
                throw ParseError(text: text, reason: "whose path has more than \(Self.maxUnixPathBytes) bytes")
            }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") else {
            throw ParseError(text: text, reason: "which has no port")
        }
        let portText = text[text.index(after: colon)...]
        guard let port = PortText.parse(portText) else {
            throw ParseError(text: text, reason: PortText.refusal(of: portText))
        }
        let host = text[..<colon]
        if host == "localhost" {
            self = .loopback(port: port)
        } else if host.first == "[", host.last == "]" {
            guard case .v6(let high, let low)? = IPAddress(parsing: host.dropFirst().dropLast()) else {
                throw ParseError(text: text, reason: "whose brackets hold no IPv6 address")
            }
            self = .ipv6(high, low, port: port)
        } else {
            switch IPAddress(parsing: host) {
            case .v4(let address)?: self = .ipv4(address, port: port)
            case .v6?: throw ParseError(text: text, reason: "whose IPv6 address needs brackets, as in [::1]:8080")
            case nil:
                throw ParseError(text: text, reason: "whose host is not an IP address (names are not looked up)")
            }
        }
    }

    public static func loopback(port: UInt16) -> SocketAddress { .ipv4(0x7F00_0001, port: port) }

    /// Nil for unix sockets.
    public var port: UInt16? {
        switch self {
        case .ipv4(_, let port), .ipv6(_, _, let port): port
        case .unix: nil
        }
    }

    /// The address without its port, as `X-Forwarded-For` wants it; `unix` for unix sockets.
    public var host: String {
        switch self {
        case .ipv4(let address, _): IPAddress.v4(address).description
        case .ipv6(let high, let low, _): IPAddress.v6(high, low).description
        case .unix: "unix"
        }
    }

    public var description: String {
        switch self {
        case .ipv4(_, let port): "\(self.host):\(port)"
        case .ipv6(_, _, let port): "[\(self.host)]:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

/// Ports as addresses write them.
enum PortText {
    /// Why `text` is none.
    static func refusal(of text: Substring) -> String {
        let isNumber = !text.isEmpty && text.utf8.allSatisfy(ASCII.isDigit)
        return isNumber
            ? "whose port is too high: ports go from 1 to 65535" : "whose port is not a number from 1 to 65535"
    }

    /// `UInt16` alone would take a plus sign, too.
    static func parse(_ text: Substring) -> UInt16? { text.utf8.allSatisfy(ASCII.isDigit) ? UInt16(text) : nil }
}
