import EventLoop
import Glibc
import HTTPWire
import Primitives
import Transport

/// A backend that behaves as the path of each request says: `/…/BEHAVIOUR/MARK`. Good responses begin with the mark.
///
/// Lives on one loop, and is to be held while it is wanted.
final class SoakWorker {
    static let bigBytes = 3_000_000

    let loop: EventLoop
    let address: SocketAddress
    /// Filled by the connections, one at a time.
    fileprivate var head = RequestHead()
    private var listener: Listener?
    private var connections: [ObjectIdentifier: SoakWorkerConnection] = [:]

    init(on loop: EventLoop) throws {
        self.loop = loop
        let listener = try Listener(loop: loop, address: .loopback(port: 0)) { _ in nil }
        self.address = listener.boundAddress
        listener.close()
        try self.listen()
    }

    func listen() throws {
        guard self.listener == nil else { return }
        self.listener = try Listener(loop: self.loop, address: self.address) { [weak self] stream in
            guard let self else { return nil }
            let connection = SoakWorkerConnection(self, stream)
            self.connections[ObjectIdentifier(connection)] = connection
            return connection
        }
    }

    /// As if the process had died: nobody listens, and all connections break off.
    func fail() {
        self.listener?.close()
        self.listener = nil
        for connection in self.connections.values { connection.breakOff() }
    }

    fileprivate func forget(_ connection: SoakWorkerConnection) {
        self.connections[ObjectIdentifier(connection)] = nil
    }
}

/// One connection of a gateway to a `SoakWorker`.
private final class SoakWorkerConnection: StreamHandler {
    private static let dripPieces = 10
    private static let dripMilliseconds: Int64 = 30
    private static let slowMilliseconds: Int64 = 300
    private static let pieceBytes = 32_768

    private weak var worker: SoakWorker?
    private let stream: any ByteStream
    private var wire = HTTP1Server(limits: HeadLimits(), maxBodyBytes: 16 << 20)
    private var behaviour = SoakScript.Behaviour.ok
    private var mark = ""
    private var hasResponded = false
    /// What is still to be written of a body, and how much of it at once.
    private var missingBytes = 0
    private var isDripping = false
    private var asksForUpgrade = false
    private var isTunnel = false
    private var timer: LoopTimer!

    init(_ worker: SoakWorker, _ stream: any ByteStream) {
        self.worker = worker
        self.stream = stream
        self.timer = LoopTimer(loop: worker.loop) { [weak self] in self?.timerFired() }
    }

    func breakOff() { self.stream.reset() }

    func received(_ stream: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        var used = 0
        while let worker = self.worker, !self.stream.isClosed {
            if self.isTunnel {
                self.stream.write(UnsafeRawBufferPointer(rebasing: bytes[used...]))
                return bytes.count
            }
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            let (input, count) = self.wire.read(rest, into: &worker.head)
            used += count
            switch input {
            case .needMore: return used
            case .head:
                self.asksForUpgrade = worker.head.wantsUpgrade
                self.readPath(String(decoding: worker.head.pathRange.slice(of: rest), as: UTF8.self))
                if self.behaviour == .early { self.respond() }
            case .payload: break
            case .end: if self.wire.owesResponse, !self.hasResponded { self.respond() }
            case .failed:
                self.stream.close()
                return bytes.count
            }
        }
        return bytes.count
    }

    private func readPath(_ path: String) {
        let parts = path.split(separator: "/")
        self.behaviour = parts.count > 1 ? SoakScript.Behaviour(rawValue: String(parts[1])) ?? .ok : .ok
        self.mark = parts.count > 2 ? String(parts[2]) : "none"
        self.hasResponded = false
    }

    private func respond() {
        self.hasResponded = true
        switch self.behaviour {
        case .ok, .early: self.respond(bodyBytes: 200)
        case .big: self.respond(bodyBytes: SoakWorker.bigBytes)
        case .slow: self.timer.arm(afterNanoseconds: Self.slowMilliseconds * Nanoseconds.perMillisecond)
        case .interim:
            self.stream.write("HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")
            self.respond(bodyBytes: 200)
        case .drip:
            self.isDripping = true
            self.respond(bodyBytes: 200)
        case .chunked:
            _ = self.wire.beginResponse(.chunked, staysOpen: true)
            let pieces = [self.mark, "filler", "filler"].map { "\(String($0.utf8.count, radix: 16))\r\n\($0)\r\n" }
            self.stream.write(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(pieces.joined())0\r\nServer-Timing: a\r\n\r\n"
            )
            self.responseIsWritten()
        case .untilClose:
            self.stream.write("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n\(self.mark) until close")
            self.stream.closeAfterWriting()
        case .lastOne:
            self.stream.write("HTTP/1.1 200 OK\r\nContent-Length: \(self.mark.utf8.count)\r\n\r\n\(self.mark)")
            self.stream.closeAfterWriting()
        case .cut, .reset:
            self.stream.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n\(self.mark) and then no more")
            if self.behaviour == .cut { self.stream.close() } else { self.stream.reset() }
        case .garbage: self.stream.write("HELLO\r\n\r\n")
        case .silence: self.stream.close()
        case .stall: break
        case .echo where self.asksForUpgrade:
            self.stream.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            self.wire.switchProtocols()
            self.isTunnel = true
        case .echo: self.respond(bodyBytes: 200)
        }
    }

    private func respond(bodyBytes: Int) {
        let plan = self.wire.beginResponse(.length(Int64(bodyBytes)), staysOpen: true)
        let filled = max(0, bodyBytes - self.mark.utf8.count)
        let connection = plan.announcesClose ? "Connection: close\r\n" : ""
        self.stream.write("HTTP/1.1 200 OK\r\n\(connection)Content-Length: \(bodyBytes)\r\n\r\n\(self.mark)")
        self.missingBytes = filled
        self.writeMore()
    }

    private func writeMore() {
        let all = self.isDripping ? max(1, 200 / Self.dripPieces) : Self.pieceBytes
        while self.missingBytes > 0, !self.stream.isCongested, !self.stream.isClosed {
            let count = min(self.missingBytes, all)
            self.missingBytes -= count
            self.stream.write([UInt8](repeating: UInt8(ascii: "f"), count: count))
            if self.isDripping, self.missingBytes > 0 {
                return self.timer.arm(afterNanoseconds: Self.dripMilliseconds * Nanoseconds.perMillisecond)
            }
        }
        guard self.missingBytes == 0, !self.stream.isClosed else { return }
        self.isDripping = false
        self.responseIsWritten()
    }

    private func responseIsWritten() {
        switch self.wire.endResponse() {
        case .close: self.stream.closeAfterWriting()
        case .readOn, .discardRequest: self.worker?.loop.onNextTurn { [weak self] in self?.stream.offerRetained() }
        }
    }

    private func timerFired() {
        if self.stream.isClosed { return }
        if self.isDripping { self.writeMore() } else { self.respond(bodyBytes: 200) }
    }

    func drained(_ stream: any ByteStream) { if !self.isDripping, self.missingBytes > 0 { self.writeMore() } }

    func inputEnded(_ stream: any ByteStream) { stream.close() }

    func closed(_ stream: any ByteStream, _ reason: CloseReason) {
        self.timer.disarm()
        self.worker?.forget(self)
    }
}

/// An address at which nobody ever accepts: the first connections wait in the backlog, later ones for the handshake.
final class DeafWorker {
    let address: SocketAddress
    private let fd: Int32

    init() throws(PlayProblem) {
        self.fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard self.fd != -1 else { throw PlayProblem("no socket can be made: \(String(cString: strerror(errno)))") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let fd = self.fd
        let listens = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(fd, $0, length) == 0 && Glibc.listen(fd, 0) == 0 && getsockname(fd, $0, &length) == 0
            }
        }
        guard listens else { throw PlayProblem("a deaf worker cannot listen: \(String(cString: strerror(errno)))") }
        self.address = .loopback(port: UInt16(bigEndian: address.sin_port))
    }

    deinit { close(self.fd) }
}
