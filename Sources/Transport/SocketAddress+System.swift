import Addresses
import Glibc

/// Whoever uses a transport names addresses, too.
public typealias SocketAddress = Addresses.SocketAddress

/// The system's form of an address.
extension SocketAddress {
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
            let (high, low) = Self.halves(raw.sin6_addr)
            self = .ipv6(high, low, port: UInt16(bigEndian: raw.sin6_port))
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

    private static func halves(_ raw: in6_addr) -> (high: UInt64, low: UInt64) {
        withUnsafeBytes(of: raw) {
            (
                UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
    }
}
