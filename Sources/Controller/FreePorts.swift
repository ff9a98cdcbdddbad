import EventLoop
import Glibc

/// Picks ports of the loopback address that nobody uses, for workers that are told where to listen.
///
/// Between the pick and the worker's own `bind` another program may take the port: then the worker cannot listen, ends,
/// and counts as a start that failed; the next one is told another port. Two workers are not told the same: the latest
/// picks are not made again.
final class FreePorts {
    static let rememberedPicks = 1_024
    private static let attempts = 64
    private var picks: [UInt16] = []

    func next() throws -> UInt16 {
        for _ in 0..<Self.attempts {
            let port = try Self.pick()
            guard !self.picks.contains(port) else { continue }
            self.picks.append(port)
            if self.picks.count > Self.rememberedPicks { self.picks.removeFirst() }
            return port
        }
        throw SystemError(call: "choice of a free port", code: EADDRINUSE)
    }

    private static func pick() throws -> UInt16 {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard fd != -1 else { throw SystemError(call: "socket") }
        defer { close(fd) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                guard bind(fd, raw, length) != -1 else { return Int32(-1) }
                return getsockname(fd, raw, &length)
            }
        }
        guard result != -1 else { throw SystemError(call: "bind to a free port of 127.0.0.1") }
        return UInt16(bigEndian: address.sin_port)
    }
}
