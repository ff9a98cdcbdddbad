/// Bytes both ways, in order: `Connection` over a socket, an in-memory one in tests. Confined to its loop.
///
/// Reading: what arrives goes to the handler, and what the handler leaves is kept, up to a limit; then reading stops
/// until the handler takes some. Writing: what the peer does not take now is kept; a producer watches `isCongested` and
/// waits for `drained`.
public protocol ByteStream: AnyObject {
    var peer: SocketAddress { get }
    var isSecure: Bool { get }
    /// `TLSv1.3` or `TLSv1.2`; nil without TLS, and before the handshake is done.
    var tlsVersion: StaticString? { get }
    /// What both sides agreed on by ALPN; nil without that, and before the handshake is done.
    var negotiatedProtocol: String? { get }
    /// The peer's certificate as DER, if it has shown one that was verified; nil without TLS.
    var verifiedCertificate: [UInt8]? { get }
    /// What the peer has left for the next stream to it, so that it needs no full handshake; nil without TLS.
    var ticket: TLSTicket? { get }
    /// The handshake was an abbreviated one, thanks to a ticket.
    var isResumed: Bool { get }
    /// The handshake, if there is one, is done, and the end has not begun: bytes flow.
    var isOpen: Bool { get }
    var isClosed: Bool { get }
    /// True when a producer should stop until `drained`.
    var isCongested: Bool { get }
    /// Bytes that were written and that the peer's side of the wire has not taken yet.
    var pendingWriteBytes: Int { get }
    /// When bytes are pending: these, and what the peer has not confirmed of those that left. It shrinks with every byte
    /// that the peer takes. Zero when nothing is pending.
    var untakenBytes: Int { get }
    /// Bytes that were written and that the peer's system has not confirmed: none of them has been read over there. After
    /// the end it says how many there were when it came.
    var unacknowledgedBytes: Int { get }
    /// Bytes that came in and were not used yet.
    var retainedBytes: Int { get }

    /// Hands the stream to another handler, as a connection pool does.
    func setHandler(_ handler: any StreamHandler)

    func pauseReading()
    /// What was kept is offered again before anything new is read.
    func resumeReading()
    /// Offers what the handler left once more, though nothing new has come: the handler can go on now.
    func offerRetained()

    /// Sends `bytes`, or keeps a copy of what does not leave now. Ignored once writing has ended.
    func write(_ bytes: UnsafeRawBufferPointer)
    /// Sends a head and what follows it in one piece.
    func write(_ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer)
    /// What is written until `uncork` is gathered and leaves with one system call, or one TLS record. Large writes, and
    /// those of a stream that loses the loop's memory to another one, leave sooner, in order. Not nested; a turn that ends
    /// with a corked stream that holds bytes is a programming error.
    func cork()
    func uncork()
    /// Tells the peer, after what is pending, that no more will come; reading goes on.
    func finishWriting()
    /// Closes when what is pending has been sent and the peer has closed too, or a second later.
    ///
    /// `isPeerDone`: it has said that it sends no more. Then it is not waited for, unless something of it is unread: a
    /// socket that is closed with bytes unread in it, or to come, takes back what the peer has not read yet. Who sends
    /// more all the same may lose what it was sent.
    func closeAfterWriting(isPeerDone: Bool)
    /// Closes at once; what is pending is lost.
    func close()
    /// Closes at once and tells the peer so by breaking the connection off: what it has is not whole.
    func reset()
}

extension ByteStream {
    public func closeAfterWriting() { self.closeAfterWriting(isPeerDone: false) }
    public var tlsVersion: StaticString? { nil }
    public var negotiatedProtocol: String? { nil }
    public var verifiedCertificate: [UInt8]? { nil }
    public var ticket: TLSTicket? { nil }
    public var isResumed: Bool { false }

    public func write(_ bytes: [UInt8]) { bytes.withUnsafeBytes { self.write($0) } }

    public func write(_ text: String) {
        var text = text
        text.withUTF8 { self.write(UnsafeRawBufferPointer($0)) }
    }
}
