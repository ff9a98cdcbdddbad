import EventLoop
import Glibc

/// A blocking socket on the test's thread: a peer that shares no code with what is tested.
public final class RawPeer: Sendable {
    public let fd: Int32
    private static let receiveTimeoutSeconds = LoopFixture.deadlineSeconds

    public init(port: UInt16) throws {
        self.fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var timeout = timeval(tv_sec: Self.receiveTimeoutSeconds, tv_usec: 0)
        setsockopt(self.fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(self.fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(self.fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code != -1 else { throw SystemError(call: "connect") }
    }

    /// Takes ownership of a connected, blocking socket.
    public init(adopting fd: Int32) {
        self.fd = fd
        var timeout = timeval(tv_sec: Self.receiveTimeoutSeconds, tv_usec: 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(self.fd) }

    /// False when the connection broke on the way.
    @discardableResult
    public func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(self.fd, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    @discardableResult
    public func send(_ text: String) -> Bool { self.send(Array(text.utf8)) }

    public func finishWriting() { shutdown(self.fd, Int32(SHUT_WR)) }

    /// What comes until the other side ends; nil when it breaks the connection off or says nothing for too long.
    public func readToEnd() -> [UInt8]? {
        var all: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(self.fd, &piece, piece.count, 0)
            if count == 0 { return all }
            guard count > 0 else { return nil }
            all += piece[..<count]
        }
    }

    /// Exactly `count` bytes; nil when the other side ends, breaks off or says nothing for too long before.
    public func read(count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var received = 0
        while received < count {
            let step = bytes.withUnsafeMutableBytes { recv(self.fd, $0.baseAddress! + received, count - received, 0) }
            guard step > 0 else { return nil }
            received += step
        }
        return bytes
    }

    /// Breaks the connection off instead of closing it.
    public func reset() {
        var hard = linger(l_onoff: 1, l_linger: 0)
        setsockopt(self.fd, SOL_SOCKET, SO_LINGER, &hard, socklen_t(MemoryLayout<linger>.size))
        shutdown(self.fd, Int32(SHUT_RD))
    }
}
