import Glibc
import Primitives

/// Where a socket listens or connects to. Names are not resolved: an edge that asks DNS on its loop stands still.
public enum SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// Host byte order.
    case ipv4(UInt32, port: UInt16)
    /// The address as two halves in host byte order.
    case ipv6(UInt64, UInt64, port: UInt16)
    case unix(path: String)

    /// The text was not an address; says what is.
    public struct ParseError: Error, CustomStringConvertible {
        public let text: String
        public var description: String {
            "'\(self.text)' is not an address: write 127.0.0.1:8080, [::1]:8080 or unix:/path"
        }
    }

    /// Takes `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080` and `unix:/path`.
    public init(parsing text: String) throws(ParseError) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            // `sun_path` holds 108 bytes with the closing zero.
            guard !path.isEmpty, path.utf8.count < 108 else { throw ParseError(text: text) }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":") else { throw ParseError(text: text) }
        let digits = text[text.index(after: colon)...]
        // `UInt16` alone would take a plus sign, too.
        guard digits.utf8.allSatisfy(ASCII.isDigit), let port = UInt16(digits) else { throw ParseError(text: text) }
        var host = String(text[..<colon])
        if host == "localhost" { host = "127.0.0.1" }
        if host.hasPrefix("["), host.hasSuffix("]") {
            var raw = in6_addr()
            guard inet_pton(AF_INET6, String(host.dropFirst().dropLast()), &raw) == 1 else {
                throw ParseError(text: text)
            }
            self = Self.ipv6(from: raw, port: port)
        } else {
            var raw = in_addr()
            guard inet_pton(AF_INET, host, &raw) == 1 else { throw ParseError(text: text) }
            self = .ipv4(UInt32(bigEndian: raw.s_addr), port: port)
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
        case .ipv4(let address, _):
            return "\(address >> 24).\(address >> 16 & 255).\(address >> 8 & 255).\(address & 255)"
        case .ipv6(let high, let low, _):
            var raw = Self.raw(high, low)
            var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
            inet_ntop(AF_INET6, &raw, &text, socklen_t(text.count))
            return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        case .unix: return "unix"
        }
    }

    public var description: String {
        switch self {
        case .ipv4(_, let port): "\(self.host):\(port)"
        case .ipv6(_, _, let port): "[\(self.host)]:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    var family: Int32 {
        switch self {
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        case .unix: AF_UNIX
        }
    }

    /// Calls `body` with the C form.
    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        switch self {
        case .ipv4(let address, let port):
            var raw = sockaddr_in()
            raw.sin_family = sa_family_t(AF_INET)
            raw.sin_port = port.bigEndian
            raw.sin_addr.s_addr = address.bigEndian
            return Self.withBytes(of: &raw, body)
        case .ipv6(let high, let low, let port):
            var raw = sockaddr_in6()
            raw.sin6_family = sa_family_t(AF_INET6)
            raw.sin6_port = port.bigEndian
            raw.sin6_addr = Self.raw(high, low)
            return Self.withBytes(of: &raw, body)
        case .unix(let path):
            var raw = sockaddr_un()
            raw.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &raw.sun_path) { $0.copyBytes(from: path.utf8) }
            return Self.withBytes(of: &raw, body)
        }
    }

    init?(_ storage: sockaddr_storage) {
        switch Int32(storage.ss_family) {
        case AF_INET:
            let raw = withUnsafeBytes(of: storage) { $0.load(as: sockaddr_in.self) }
            self = .ipv4(UInt32(bigEndian: raw.sin_addr.s_addr), port: UInt16(bigEndian: raw.sin_port))
        case AF_INET6:
            let raw = withUnsafeBytes(of: storage) { $0.load(as: sockaddr_in6.self) }
            self = Self.ipv6(from: raw.sin6_addr, port: UInt16(bigEndian: raw.sin6_port))
        case AF_UNIX:
            // The peer of a unix socket has no name worth showing.
            self = .unix(path: "")
        default: return nil
        }
    }

    /// The address that a socket is bound to: how port 0 is read back.
    static func bound(fd: Int32) throws -> SocketAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let code = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(fd, $0, &length) }
        }
        guard code != -1 else { throw TransportError.system("getsockname", errno) }
        guard let address = SocketAddress(storage) else { throw TransportError.system("getsockname", EAFNOSUPPORT) }
        return address
    }

    private static func withBytes<Raw, Result>(
        of raw: inout Raw,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        withUnsafePointer(to: &raw) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<Raw>.size)) }
        }
    }

    private static func raw(_ high: UInt64, _ low: UInt64) -> in6_addr {
        var raw = in6_addr()
        withUnsafeMutableBytes(of: &raw) {
            $0.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
            $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        return raw
    }

    private static func ipv6(from raw: in6_addr, port: UInt16) -> SocketAddress {
        withUnsafeBytes(of: raw) {
            .ipv6(
                UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                port: port
            )
        }
    }
}
