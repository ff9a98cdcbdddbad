import EventLoop
import HTTPWire
import Primitives
import TestKit
import Transport

/// A client of the virtual world: sends some requests in pieces, one after the other or ahead, takes the responses at
/// its own pace, keeps its cookies, and sometimes leaves without a word.
final class WorldClient: StreamHandler {
    /// What the client saw over all its connections.
    struct Books {
        var sent = 0
        var responses = 0
        /// Requests whose connection ended without a whole response.
        var unanswered = 0
        /// It broke the connection off itself.
        var left = false
    }

    private let loop: VirtualLoop
    private let network: VirtualNetwork
    private let addresses: [SocketAddress]
    private let register: WorldRegister
    private var stream: (any ByteStream)?
    private var wire = HTTP1Client(limits: HeadLimits())
    private var head = ResponseHead()
    private var cookies: [String: String] = [:]
    private var requestsLeft: Int
    private var owed: [Method] = []
    /// For each of them the end of the pass that went with it, in seconds since 1970; nil: none did, or it was no
    /// question for the room.
    private var owedPasses: [UInt32?] = []
    /// A response was lost that may have ended the session.
    private var mayHaveBeenReleased = false
    private var isMisbehaving: Bool
    private var isSendingBody = false
    private var connections = 0
    private(set) var books = Books()
    private(set) var isDone = false
    private let complain: (String) -> Void

    /// `addresses`: of the gateways; each connection goes to one of them.
    init(
        loop: VirtualLoop,
        network: VirtualNetwork,
        addresses: [SocketAddress],
        register: WorldRegister,
        complain: @escaping (String) -> Void
    ) {
        self.loop = loop
        self.network = network
        self.addresses = addresses
        self.register = register
        self.complain = complain
        self.requestsLeft = loop.world.random(1...5)
        self.isMisbehaving = loop.world.oneIn(3)
    }

    private var world: VirtualWorld { self.loop.world }

    func start() {
        guard self.requestsLeft > 0 else { return self.end() }
        do {
            self.wire = HTTP1Client(limits: HeadLimits())
            self.connections += 1
            self.isSendingBody = false
            self.stream = try self.network.connect(
                to: self.world.pick(self.addresses)!,
                on: self.loop,
                timeoutNanoseconds: Nanoseconds.perSecond,
                handler: self
            )
        } catch {
            self.complain("a client cannot connect: \(error)")
            self.end()
        }
    }

    private func end() {
        self.isDone = true
        self.stream = nil
    }

    func connected(_ stream: any ByteStream) {
        if self.isMisbehaving {
            self.loop.after(nanoseconds: Int64(self.world.random(0...400_000_000))) { self.misbehave() }
        }
        if self.world.oneIn(10) {
            stream.pauseReading()
            self.loop.after(nanoseconds: Int64(self.world.random(0...2_000_000_000))) { self.stream?.resumeReading() }
        }
        self.sendNext()
    }

    private func misbehave() {
        guard let stream = self.stream else { return }
        self.books.left = true
        switch self.world.random(1...4) {
        case 1: stream.reset()
        case 2: stream.close()
        case 3: stream.finishWriting()
        default:
            stream.write("\u{0}garbage\r\n\r\n")
            self.loop.after(nanoseconds: 3 * Nanoseconds.perSecond) { self.stream?.close() }
        }
    }

    // MARK: Sending

    private func sendNext() {
        guard self.requestsLeft > 0, let stream = self.stream else { return }
        self.requestsLeft -= 1
        self.books.sent += 1
        let path = self.world.pick(["/open", "/sale", "/sale", "/gone"])!
        let cookie = self.cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ")
        self.owedPasses.append(path == "/sale" ? self.passEnd : nil)
        let fields = "Host: shop.test\r\n" + (cookie.isEmpty ? "" : "Cookie: \(cookie)\r\n")
        guard self.world.oneIn(3) else {
            let method = self.world.oneIn(8) ? "HEAD" : "GET"
            self.owe(method == "HEAD" ? .head : .get)
            return stream.write("\(method) \(path) HTTP/1.1\r\n\(fields)Accept: application/json\r\n\r\n")
        }
        self.owe(.post)
        let size = self.world.random(0...self.world.pick([20, 5_000, 200_000])!)
        let expect = self.world.oneIn(8) ? "Expect: 100-continue\r\n" : ""
        if self.world.oneIn(2) {
            stream.write("POST \(path)/size-\(size) HTTP/1.1\r\n\(fields)\(expect)Content-Length: \(size)\r\n\r\n")
            self.sendBody(left: size, isChunked: false, on: self.connections)
        } else {
            stream.write("POST \(path)/size-\(size) HTTP/1.1\r\n\(fields)\(expect)Transfer-Encoding: chunked\r\n\r\n")
            self.sendBody(left: size, isChunked: true, on: self.connections)
        }
    }

    private func owe(_ method: Method) {
        self.owed.append(method)
        guard self.owed.count == 1 else { return }
        self.wire.begin(method)
        self.wire.requestSent()
    }

    /// In pieces, with pauses between them.
    private func sendBody(left: Int, isChunked: Bool, on connection: Int) {
        self.isSendingBody = true
        // The connection of that body is gone.
        guard let stream = self.stream, connection == self.connections else { return }
        guard left > 0 else {
            self.isSendingBody = false
            if isChunked { stream.write("0\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n") }
            return
        }
        let piece = min(left, self.world.random(1...60_000))
        if isChunked { stream.write(String(piece, radix: 16) + ";ext\r\n") }
        stream.write([UInt8](repeating: 0x62, count: piece))
        if isChunked { stream.write("\r\n") }
        self.loop.after(nanoseconds: Int64(self.world.random(0...50_000_000))) {
            self.sendBody(left: left - piece, isChunked: isChunked, on: connection)
        }
    }

    // MARK: Receiving

    func received(_ stream: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        var used = 0
        while self.stream != nil, !self.owed.isEmpty {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            let (input, count) = self.wire.read(rest, into: &self.head)
            used += count
            switch input {
            case .needMore: return used
            case .interim, .payload: continue
            case .switching: self.complain("a switch that nobody asked for")
            case .head:
                self.checkStanding(rest)
                self.takeCookies(rest)
            case .end: self.responseEnded(stream)
            case .failed(let failure):
                if !self.books.left { self.complain("a client cannot read a response: \(failure)") }
                stream.reset()
            }
        }
        return bytes.count
    }

    private func takeCookies(_ bytes: UnsafeRawBufferPointer) {
        for field in self.head.fields where field.id == .setCookie {
            let text = String(decoding: field.value.slice(of: bytes), as: UTF8.self)
            let pair = text.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1).map(String.init)
            // An empty one takes the cookie away.
            guard pair.count == 2 else { continue }
            self.cookies[pair[0]] = pair[1]
            guard let token = WorldRegister.token(pair[1]) else { continue }
            if token.kind == .pass { self.mayHaveBeenReleased = false }
            if let complaint = self.register.take(token, of: ObjectIdentifier(self)) { self.complain(complaint) }
        }
    }

    private var passEnd: UInt32? {
        self.cookies["sluice-pass-sale"].flatMap(WorldRegister.token)?.expiresSeconds
    }

    /// Who holds a genuine pass is inside, whatever has become of the shared state.
    private func checkStanding(_ bytes: UnsafeRawBufferPointer) {
        guard let end = self.owedPasses.first ?? nil, !self.mayHaveBeenReleased else { return }
        guard Int64(end) * 1_000_000 > self.loop.wallMicros + 1_000_000 else { return }
        for field in self.head.fields {
            let name = String(decoding: field.name.slice(of: bytes), as: UTF8.self).lowercased()
            let value = String(decoding: field.value.slice(of: bytes), as: UTF8.self)
            guard name == "sluice-state", value != "admitted" else { continue }
            self.complain("a visitor with a pass is \(value)")
        }
    }

    private func responseEnded(_ stream: any ByteStream) {
        self.books.responses += 1
        self.owed.removeFirst()
        self.owedPasses.removeFirst()
        if let next = self.owed.first {
            guard self.wire.canReuse else { return stream.close() }
            self.wire.begin(next)
            self.wire.requestSent()
            return
        }
        guard self.requestsLeft > 0 else { return stream.close() }
        self.loop.after(nanoseconds: Int64(self.world.random(0...700_000_000))) {
            guard self.stream === stream else { return }
            // The response came before the end of the body: nobody begins another request within it.
            guard self.owed.isEmpty, self.wire.canReuse, !self.isSendingBody else { return stream.close() }
            self.sendNext()
        }
    }

    func inputEnded(_ stream: any ByteStream) {
        if !self.owed.isEmpty, self.wire.inputEnded() == .complete {
            self.books.responses += 1
            self.owed.removeFirst()
            self.owedPasses.removeFirst()
        }
        stream.close()
    }

    func closed(_ stream: any ByteStream, _ reason: CloseReason) {
        self.stream = nil
        self.books.unanswered += self.owed.count
        if !self.owed.isEmpty { self.mayHaveBeenReleased = true }
        self.owed = []
        self.owedPasses = []
        if self.books.left { return self.end() }
        // Anew, with what is left to be asked.
        self.loop.after(nanoseconds: Int64(self.world.random(0...100_000_000))) { self.start() }
    }
}
