import CLinux
import Foundation
import Glibc
import Synchronization

/// A backend that does exactly what a test says, and writes down what reaches it.
final class RawWorker: Sendable {
    typealias Script = @Sendable (RawWorkerConnection) throws -> Void

    let port: UInt16
    private let listener: Int32
    private let script: Script
    private let open = Mutex<[RawWorkerConnection]>([])
    private let isStopped = Mutex(false)
    /// What fills the backlog of a stalled worker.
    private let stuffing = Mutex<[Int32]>([])
    /// Every connection that was accepted, in order.
    var connections: [RawWorkerConnection] { self.open.withLock { $0 } }
    var connectionCount: Int { self.connections.count }
    /// All that came in, over all connections.
    var received: [UInt8] { self.connections.flatMap(\.received) }
    var receivedText: String { String(decoding: self.received, as: UTF8.self) }

    /// `script` runs once for each connection, on a thread of its own; when it returns or throws, the connection ends.
    init(_ script: @escaping Script) throws {
        (self.listener, self.port) = try Self.bind(listens: true)
        self.script = script
        Thread.detachNewThread { self.acceptAll() }
    }

    /// A worker that refuses every connection. Its port stays taken, so that nobody else answers there.
    init(refusing: Void) throws {
        (self.listener, self.port) = try Self.bind(listens: false)
        self.script = { _ in }
    }

    /// A worker whose backlog is full, as that of a process that hangs: whoever connects is kept waiting until
    /// `resume`, and for a second or so longer (the kernel asks again only then).
    init(stalled script: @escaping Script) throws {
        (self.listener, self.port) = try Self.bind(listens: true, backlog: 0)
        self.script = script
        // One connection fits into the smallest backlog; the second one shows that it is full.
        for _ in 0..<4 {
            let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            _ = fcntl(fd, F_SETFL, O_NONBLOCK)
            Self.withAddress(port: self.port) { _ = connect(fd, $0, $1) }
            self.stuffing.withLock { $0.append(fd) }
            var entry = pollfd(fd: fd, events: Int16(POLLOUT), revents: 0)
            if poll(&entry, 1, 0) == 0 { return }
        }
        throw Disappointment("a backlog of no connections takes four")
    }

    /// A stalled worker begins to accept.
    func resume() {
        self.stuffing.withLock { descriptors in
            for fd in descriptors { close(fd) }
            descriptors = []
        }
        // Without a longer backlog, few of those who wait would get in at once.
        listen(self.listener, 128)
        Thread.detachNewThread { self.acceptAll() }
    }

    private static func withAddress(port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Void) {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private static func bind(listens: Bool, backlog: Int32 = 128) throws -> (fd: Int32, port: UInt16) {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(fd, $0, length) == 0 && (!listens || listen(fd, backlog) == 0)
                    && getsockname(fd, $0, &length) == 0
            }
        }
        guard code else { throw Disappointment("a worker of the tests cannot listen") }
        return (fd, UInt16(bigEndian: address.sin_port))
    }

    private func acceptAll() {
        while true {
            // Closed on exec from its beginning: other tests start processes at any time.
            let fd = sluice_accept(self.listener, nil, nil)
            guard fd >= 0 else { return }
            // A script waits for its bytes.
            _ = fcntl(fd, F_SETFL, 0)
            let connection = RawWorkerConnection(fd: fd)
            self.open.withLock { $0.append(connection) }
            Thread.detachNewThread {
                try? self.script(connection)
                connection.end()
            }
        }
    }

    func stop() {
        let isFirst = self.isStopped.withLock { stopped in
            defer { stopped = true }
            return !stopped
        }
        guard isFirst else { return }
        for fd in self.stuffing.withLock({ $0 }) { close(fd) }
        // Wakes the thread that accepts, which closes nothing itself.
        shutdown(self.listener, Int32(SHUT_RDWR))
        close(self.listener)
        for connection in self.connections { connection.end() }
    }

    /// Answers each request on a kept connection with 200 and `body`.
    static func answering(_ body: String = "ok") -> Script {
        { connection in
            while let request = try connection.readRequest() {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
                if request.hasPrefix("STOP") { return }
            }
        }
    }
}

/// One connection of a gateway to a `RawWorker`.
final class RawWorkerConnection: Sendable {
    private let fd: Int32
    private let bytes = Mutex<[UInt8]>([])
    private let unread = Mutex<[UInt8]>([])
    private let hasEnded = Mutex(false)

    init(fd: Int32) {
        self.fd = fd
        // Longer than any test waits: a worker that gives up would look like a gateway that does.
        var timeout = timeval(tv_sec: Int(4 * Patience.deadlineSeconds), tv_usec: 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(self.fd) }

    var received: [UInt8] { self.bytes.withLock { $0 } }
    /// The script is through with it.
    var isEnded: Bool { self.hasEnded.withLock { $0 } }

    /// What comes next; nil at the end.
    func readSome() throws -> [UInt8]? {
        var piece = [UInt8](repeating: 0, count: 65_536)
        let count = recv(self.fd, &piece, piece.count, 0)
        guard count > 0 else { return nil }
        self.bytes.withLock { $0 += piece[..<count] }
        return Array(piece[..<count])
    }

    /// Whether nothing comes for so long, not even the end.
    func isSilent(milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: self.fd, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, milliseconds) == 0
    }

    func readToEnd() throws { while try self.readSome() != nil {} }

    /// Sends everything back that comes, what has been read and not used first.
    func echoToEnd() throws {
        let unread = self.takeUnread()
        if !unread.isEmpty { try self.send(unread) }
        while let some = try self.readSome() { try self.send(some) }
    }

    /// The head of the next request, and its body when it has a length; nil at the end.
    func readRequest() throws -> String? {
        var all = self.unread.withLock { unread in
            defer { unread = [] }
            return unread
        }
        while true {
            let text = String(decoding: all, as: UTF8.self)
            if let end = text.range(of: "\r\n\r\n") {
                let head = String(text[..<end.upperBound])
                let wanted = head.utf8.count + Self.contentLength(head)
                while all.count < wanted {
                    guard let more = try self.readSome() else { return nil }
                    all += more
                }
                self.unread.withLock { $0 = Array(all[wanted...]) }
                return String(decoding: all[..<wanted], as: UTF8.self)
            }
            guard let more = try self.readSome() else { return nil }
            all += more
        }
    }

    /// The head of the next request; what follows it stays unread. Nil at the end.
    func readHead() throws -> String? {
        var all = self.takeUnread()
        while true {
            if let end = Self.endOfHead(all) {
                self.unread.withLock { $0 = Array(all[end...]) }
                return String(decoding: all[..<end], as: UTF8.self)
            }
            guard let more = try self.readSome() else { return nil }
            all += more
        }
    }

    /// Reads until `count` bytes have come since the connection began, heads included; false at an earlier end.
    func read(upTo count: Int) throws -> Bool {
        while self.received.count < count { guard try self.readSome() != nil else { return false } }
        return true
    }

    /// Reads until what has come on this connection ends so; false at an earlier end.
    func read(until ending: String) throws -> Bool {
        while !self.received.suffix(ending.utf8.count).elementsEqual(ending.utf8) {
            guard try self.readSome() != nil else { return false }
        }
        _ = self.takeUnread()
        return true
    }

    /// Reads a body in chunks, of whatever form, to its empty line; false at an earlier end. `received` has the bytes.
    func readChunks() throws -> Bool {
        var body = self.takeUnread()
        while !Self.isWhole(body) {
            guard let more = try self.readSome() else { return false }
            body += more
        }
        return true
    }

    /// Only for bodies without the end of another one within their payload.
    private static func isWhole(_ body: [UInt8]) -> Bool {
        let text = String(decoding: body, as: UTF8.self)
        guard text.hasSuffix("\r\n\r\n") else { return false }
        return text.hasPrefix("0") || text.contains("\r\n0")
    }

    private func takeUnread() -> [UInt8] {
        self.unread.withLock { unread in
            defer { unread = [] }
            return unread
        }
    }

    private static func endOfHead(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        for index in 3..<bytes.count where bytes[index] == 10 && bytes[index - 3...index] == [13, 10, 13, 10] {
            return index + 1
        }
        return nil
    }

    private static func contentLength(_ head: String) -> Int {
        for line in head.lowercased().components(separatedBy: "\r\n") where line.hasPrefix("content-length:") {
            return Int(line.dropFirst("content-length:".count).trimmingCharacters(in: .whitespaces)) ?? 0
        }
        return 0
    }

    func send(_ text: String) throws { try self.send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(self.fd, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Disappointment("the gateway has gone") }
            sent += count
        }
    }

    /// Sends, and ends the stream with the very segment that carries the last byte: whoever has read all of it can know
    /// of the end.
    func sendAndEnd(_ text: String) throws {
        var one: Int32 = 1
        setsockopt(self.fd, Int32(IPPROTO_TCP), TCP_CORK, &one, socklen_t(MemoryLayout<Int32>.size))
        try self.send(text)
        shutdown(self.fd, Int32(SHUT_WR))
    }

    /// Ends both directions; the descriptor lives as long as somebody holds this.
    func end() {
        self.hasEnded.withLock { $0 = true }
        shutdown(self.fd, Int32(SHUT_RDWR))
    }

    /// Breaks the connection off instead of ending it.
    func reset() {
        var hard = linger(l_onoff: 1, l_linger: 0)
        setsockopt(self.fd, SOL_SOCKET, SO_LINGER, &hard, socklen_t(MemoryLayout<linger>.size))
        // The kernel sends the reset when nothing refers to the socket any more.
        var address = sockaddr()
        address.sa_family = sa_family_t(AF_UNSPEC)
        connect(self.fd, &address, socklen_t(MemoryLayout<sockaddr>.size))
    }
}
