import HTTPWire

/// What one connection speaks: requests become bytes, bytes become responses. It has no socket: whoever carries it
/// sends what `takeOutput` hands over, and acts on the events that each call leaves behind.
protocol PageCodec: AnyObject {
    /// So many more requests may be sent now; 0 also when the connection is of no more use.
    var capacity: Int { get }
    /// Takes no request any more, whatever becomes of those under way.
    var isUsedUp: Bool { get }
    /// Requests that have no response yet.
    var underWay: Int { get }

    /// Allowed while there is capacity. `number` comes back with the response.
    func send(_ request: PageRequest, number: Int, cookie: String?)
    /// `head` may be shared by all codecs of a loop. Returns how many bytes were used; the rest is to be offered again.
    func received(_ bytes: UnsafeRawBufferPointer, head: inout ResponseHead) -> Int
    /// The server has sent its last byte.
    func inputEnded()
    /// Bytes to be sent.
    func takeOutput() -> [UInt8]
    /// What has come of the requests since the last call.
    func takeEvents() -> [PageCodecEvent]
}

enum PageCodecEvent: Equatable, Sendable {
    case answered(number: Int, PageResponse)
    /// The server has said that it did nothing about this one.
    case unprocessed(number: Int)
    case failed(number: Int, ErrorKind)
    /// Nothing more can be read. What is under way has failed.
    case broken(ErrorKind)
}

/// HTTP/1.1: one request at a time, and the connection is kept for the next one as long as both sides want.
final class HTTP1Codec: PageCodec {
    private static let mostHeadBytes = 32 * 1024

    private let url: SiteURL
    private var wire = HTTP1Client(limits: HTTP1Codec.limits)
    private var number: Int?
    private var keepsBody = false
    private var response = PageResponse()
    private var output: [UInt8] = []
    private var events: [PageCodecEvent] = []
    private var isBroken = false

    /// Of the head that `received` is given, too.
    static let limits = HeadLimits(maxHeadBytes: HTTP1Codec.mostHeadBytes)

    init(url: SiteURL) { self.url = url }

    var capacity: Int { !self.isUsedUp && self.number == nil ? 1 : 0 }
    var isUsedUp: Bool { self.isBroken || self.number == nil && !self.wire.canReuse }
    var underWay: Int { self.number == nil ? 0 : 1 }

    func send(_ request: PageRequest, number: Int, cookie: String?) {
        precondition(self.capacity > 0, "one request at a time")
        self.number = number
        self.keepsBody = request.keepsBody
        self.response = PageResponse()
        self.wire.begin(Self.method(request.method))
        self.wire.requestSent()
        var head = "\(request.method) \(request.target) HTTP/1.1\r\nHost: \(self.url.authority)\r\n"
        for field in request.fields { head += "\(field.name): \(field.value)\r\n" }
        if let cookie { head += "Cookie: \(cookie)\r\n" }
        if !request.body.isEmpty || !["GET", "HEAD"].contains(request.method) {
            head += "content-length: \(request.body.count)\r\n"
        }
        self.output += (head + "\r\n").utf8
        self.output += request.body
    }

    private static func method(_ name: String) -> Method {
        switch name {
        case "GET": .get
        case "HEAD": .head
        case "POST": .post
        case "PUT": .put
        case "DELETE": .delete
        case "OPTIONS": .options
        case "PATCH": .patch
        default: .other
        }
    }

    func received(_ bytes: UnsafeRawBufferPointer, head: inout ResponseHead) -> Int {
        guard !self.isBroken else { return bytes.count }
        // Nobody asked: a server that says why it closes an idle connection.
        guard self.number != nil else {
            self.isBroken = true
            return bytes.count
        }
        var used = 0
        while true {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            let (input, count) = self.wire.read(rest, into: &head)
            used += count
            switch input {
            case .needMore: return used
            case .interim: break
            case .head:
                self.response.status = Int(head.status)
                for field in head.fields {
                    self.response.take(name: field.name.slice(of: rest), value: field.value.slice(of: rest))
                }
            case .payload(let range): self.response.take(payload: range.slice(of: rest), keeps: self.keepsBody)
            case .end:
                self.finish()
                // A response that is followed by something nobody asked for leaves the connection of no more use.
                if used < bytes.count { self.isBroken = true }
                return bytes.count
            case .failed(let failure):
                self.breakOff([.headTooLong, .tooManyFields].contains(failure.reason) ? .oversizedHead : .badAnswer)
                return bytes.count
            case .switching:
                self.breakOff(.badAnswer)
                return bytes.count
            }
        }
    }

    func inputEnded() {
        guard !self.isBroken else { return }
        self.isBroken = true
        if self.wire.inputEnded() == .complete { return self.finish() }
        self.number = nil
        self.events.append(.broken(.broken))
    }

    private func breakOff(_ kind: ErrorKind) {
        self.isBroken = true
        self.number = nil
        self.events.append(.broken(kind))
    }

    private func finish() {
        guard let number = self.number else { return }
        self.number = nil
        self.events.append(.answered(number: number, self.response))
        self.response = PageResponse()
    }

    func takeOutput() -> [UInt8] {
        defer { self.output = [] }
        return self.output
    }

    func takeEvents() -> [PageCodecEvent] {
        defer { self.events = [] }
        return self.events
    }
}
