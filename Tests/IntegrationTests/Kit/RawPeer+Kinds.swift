import Glibc
import TestKit

/// Clients that are not like others.
extension RawPeer {
    /// Over a unix socket.
    convenience init(unixPath path: String) throws {
        let fd = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { memory in
            precondition(path.utf8.count < memory.count, "\(path) is too long for a socket")
            memory.copyBytes(from: path.utf8)
        }
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(fd, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        self.init(adopting: fd)
        guard code == 0 else { throw Disappointment("\(path): \(String(cString: strerror(errno)))") }
    }

    /// Nothing has come in, nor the end, for so long.
    func isSilent(milliseconds: Int32) -> Bool {
        var watched = pollfd(fd: self.fd, events: Int16(POLLIN), revents: 0)
        return poll(&watched, 1, milliseconds) == 0
    }

    /// With so little room for what comes in that the other side soon has to wait.
    convenience init(port: UInt16, receiveBufferBytes: Int32) throws {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var size = receiveBufferBytes
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        self.init(adopting: fd)
        guard code == 0 else { throw Disappointment("connect: \(String(cString: strerror(errno)))") }
    }

    /// From another address of the loopback.
    convenience init(port: UInt16, from source: String) throws {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        func address(_ host: String, _ port: UInt16) -> sockaddr_in {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            inet_pton(AF_INET, host, &address.sin_addr)
            return address
        }
        var (own, other) = (address(source, 0), address("127.0.0.1", port))
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        var code = withUnsafePointer(to: &own) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(fd, $0, size) }
        }
        if code == 0 {
            code = withUnsafePointer(to: &other) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(fd, $0, size) }
            }
        }
        self.init(adopting: fd)
        guard code == 0 else { throw Disappointment("from \(source): \(String(cString: strerror(errno)))") }
    }

    /// Sends a reset at once, whoever still holds this.
    func breakOff() {
        var hard = linger(l_onoff: 1, l_linger: 0)
        setsockopt(self.fd, SOL_SOCKET, SO_LINGER, &hard, socklen_t(MemoryLayout<linger>.size))
        var nobody = sockaddr()
        nobody.sa_family = sa_family_t(AF_UNSPEC)
        connect(self.fd, &nobody, socklen_t(MemoryLayout<sockaddr>.size))
    }

    enum Ending: Equatable { case inOrder, reset, silence }

    /// All that comes, and how it ends.
    func readAll() -> (bytes: [UInt8], ending: Ending) {
        var all: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(self.fd, &piece, piece.count, 0)
            let code = errno
            if count == 0 { return (all, .inOrder) }
            guard count > 0 else { return (all, code == EAGAIN ? .silence : .reset) }
            all += piece[..<count]
        }
    }

    /// What comes next; nil at the end, however it comes.
    func readSome() -> [UInt8]? {
        var piece = [UInt8](repeating: 0, count: 65_536)
        let count = recv(self.fd, &piece, piece.count, 0)
        return count > 0 ? Array(piece[..<count]) : nil
    }

    /// Takes at most `count` bytes of what is there; never waits.
    @discardableResult
    func takeSome(_ count: Int) -> [UInt8] {
        var piece = [UInt8](repeating: 0, count: count)
        let received = recv(self.fd, &piece, count, Int32(MSG_DONTWAIT))
        return Array(piece[..<max(0, received)])
    }

    /// Whether the other side has ended or broken off, with nothing left to read. Never waits.
    var hasEnded: Bool {
        var byte: UInt8 = 0
        let count = recv(self.fd, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
        return count == 0 || count == -1 && errno != EAGAIN
    }
}
