import EventLoop
import HTTPWire
import Transport

/// One connection of a visitor's browser: a stream, and what is spoken on it. Lives on the crowd's loop.
final class PageConnection: StreamHandler {
    private enum State { case connecting, open, closed }

    /// Told of everything; it closes its connections before it goes.
    private weak var owner: (any PageConnectionOwner)?
    private let target: SiteTarget
    private var state = State.connecting
    private var stream: Connection?
    private var codec: (any PageCodec)?
    /// Requests under way here, and whether some byte came since they were sent.
    private(set) var numbers: [Int] = []
    private var receivedSinceSending = false
    /// A response has come over it before.
    private(set) var wasUsed = false

    init(_ target: SiteTarget, owner: any PageConnectionOwner) {
        self.target = target
        self.owner = owner
    }

    /// Throws when the socket could not even be made.
    func connect(of index: Int, ticket: TLSTicket?, on loop: EventLoop) throws {
        self.stream = try Connection.connect(
            to: self.target.address(of: index),
            from: self.target.source(of: index),
            on: loop,
            timeoutNanoseconds: CrowdPart.connectTimeoutNanoseconds,
            tls: self.target.tls,
            serverName: self.target.tls == nil ? nil : self.target.url.host,
            ticket: ticket,
            handler: self
        )
    }

    var isConnecting: Bool { self.state == .connecting }
    /// Carries many requests at a time.
    var isMultiplexed: Bool { self.codec is HTTP2Codec }
    var capacity: Int { self.state == .open ? self.codec?.capacity ?? 0 : 0 }
    var isIdle: Bool { self.state == .open && self.numbers.isEmpty }
    /// Takes no more requests, and has none.
    var isUsedUp: Bool { self.numbers.isEmpty && (self.codec?.isUsedUp ?? false) }
    /// For the next connection; the server hands it over with its first bytes.
    private(set) var ticket: TLSTicket?
    var isResumed: Bool { self.stream?.isResumed ?? false }

    func send(_ request: PageRequest, number: Int, cookie: String?) {
        guard let codec = self.codec else { preconditionFailure("a request on a connection that is not open") }
        self.numbers.append(number)
        self.receivedSinceSending = false
        codec.send(request, number: number, cookie: cookie)
        self.flush()
        // What the codec could not send is told when the caller has written down that it was sent.
    }

    /// Hands over what happened without a byte from the server.
    func settle() { self.handOver() }

    func close() {
        guard self.state != .closed else { return }
        self.state = .closed
        self.numbers = []
        let stream = self.stream
        self.stream = nil
        stream?.close()
    }

    private func flush() {
        guard let stream = self.stream, let output = self.codec?.takeOutput(), !output.isEmpty else { return }
        stream.write(output)
    }

    /// The codec's events, one after the other: each may lead to the next request, or to the end of this connection.
    private func handOver() {
        for event in self.codec?.takeEvents() ?? [] {
            guard self.state == .open else { return }
            switch event {
            case .answered(let number, let response):
                self.wasUsed = true
                if self.ticket == nil { self.ticket = self.stream?.ticket }
                self.remove(number)
                self.owner?.answered(number, response, self)
            case .unprocessed(let number):
                self.remove(number)
                self.owner?.failed(number, .broken, mayRepeat: true, self)
            case .failed(let number, let kind):
                self.remove(number)
                self.owner?.failed(number, kind, mayRepeat: false, self)
            case .broken(let kind): self.end(kind, detail: nil)
            }
        }
    }

    private func remove(_ number: Int) { self.numbers.removeAll { $0 == number } }

    /// Everything under way has failed.
    private func end(_ kind: ErrorKind, detail: CloseReason?) {
        guard self.state != .closed else { return }
        // A kept connection that goes before a byte of the response has come was gone before the request was sent.
        let isStale = kind == .broken && self.wasUsed && !self.receivedSinceSending
        let numbers = self.numbers
        let owner = self.owner
        self.close()
        for number in numbers { owner?.failed(number, kind, mayRepeat: isStale, self) }
        owner?.ended(self, kind, detail: detail)
    }

    // MARK: What the stream tells

    func connected(_ stream: any ByteStream) {
        guard self.state == .connecting, stream === self.stream else { return }
        self.state = .open
        self.codec = self.target.makeCodec(negotiated: self.stream?.negotiatedProtocol)
        self.flush()
        self.owner?.opened(self)
    }

    func received(_ stream: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        guard stream === self.stream, let codec = self.codec, let owner = self.owner else { return bytes.count }
        self.receivedSinceSending = true
        let used = owner.withHead { codec.received(bytes, head: &$0) }
        self.flush()
        self.handOver()
        if self.state == .open, self.isUsedUp { self.end(.broken, detail: nil) }
        // A server may have raised what it takes, without a word on any request.
        if self.capacity > 0 { owner.mayTakeMore(self) }
        return self.state == .open ? used : bytes.count
    }

    func inputEnded(_ stream: any ByteStream) {
        guard stream === self.stream else { return }
        self.codec?.inputEnded()
        self.handOver()
        self.end(.broken, detail: .peer)
    }

    func closed(_ stream: any ByteStream, _ reason: CloseReason) {
        guard stream === self.stream else { return }
        self.end(ErrorKind(reason), detail: reason)
    }
}

/// The browser of a visitor, as its connections see it.
protocol PageConnectionOwner: AnyObject {
    /// Lends the memory that heads are read into.
    func withHead(_ body: (inout ResponseHead) -> Int) -> Int
    func opened(_ connection: PageConnection)
    func answered(_ number: Int, _ response: PageResponse, _ connection: PageConnection)
    /// `mayRepeat`: the server has surely, or very likely, not seen the request.
    func failed(_ number: Int, _ kind: ErrorKind, mayRepeat: Bool, _ connection: PageConnection)
    /// Bytes have come, and there is room for a request.
    func mayTakeMore(_ connection: PageConnection)
    /// Its last word. Requests under way have been told of before.
    func ended(_ connection: PageConnection, _ kind: ErrorKind, detail: CloseReason?)
}
