import Addresses
import COpenSSL

/// One `SSL *` on a non-blocking socket; a double free does not type-check.
struct TLSSession: ~Copyable {
    enum Step {
        case done(Int)
        case wantsRead, wantsWrite
        /// The peer said goodbye, as TLS does.
        case closed
        case failed(String)
    }

    private let ssl: OpaquePointer
    /// The calls of the handshake look into it, whatever certificates the listener has gone over to.
    private let context: TLSContext

    /// Sets the socket's TLS up; the handshake comes later. `serverName` is checked against the peer's certificate;
    /// `ticket` is of an earlier session with that peer.
    init(context: TLSContext, fd: Int32, isServer: Bool, serverName: String?, ticket: TLSTicket? = nil) throws {
        ERR_clear_error()
        guard let ssl = SSL_new(context.context) else { throw TransportError.tls("SSL_new", OpenSSLErrors.take()) }
        guard let bio = SocketBIO.make(fd: fd) else {
            SSL_free(ssl)
            throw TransportError.tls("BIO_new", OpenSSLErrors.take())
        }
        SSL_set_bio(ssl, bio, bio)
        if isServer {
            SSL_set_accept_state(ssl)
        } else {
            SSL_set_connect_state(ssl)
            if let serverName, !Self.ask(ssl, for: serverName) {
                let reason = OpenSSLErrors.take()
                SSL_free(ssl)
                throw TransportError.tls("server name '\(serverName)'", reason)
            }
            // A ticket that the peer does not take leads to a full handshake.
            if let ticket { SSL_set_session(ssl, ticket.session) }
        }
        self.ssl = ssl
        self.context = context
    }

    deinit { SSL_free(self.ssl) }

    /// The peer has to have a certificate for that host name or IP address. False when that cannot be asked for: then the
    /// certificate of anybody would do.
    private static func ask(_ ssl: OpaquePointer, for serverName: String) -> Bool {
        // A wildcard stands for a whole label (RFC 6125 section 6.4.3), not for a part of one.
        SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        // RFC 6066: an address is no server name. The certificate is checked against it all the same.
        let isAddress = IPAddress(parsing: serverName) != nil
        // An empty name would be met by any certificate.
        guard !serverName.isEmpty else { return false }
        return (isAddress || sluice_ssl_set_server_name(ssl, serverName) == 1) && SSL_set1_host(ssl, serverName) == 1
    }

    /// Which version was agreed on; nil for one that has no name here.
    var version: StaticString? {
        switch SSL_version(self.ssl) {
        case TLS1_3_VERSION: "TLSv1.3"
        case TLS1_2_VERSION: "TLSv1.2"
        default: nil
        }
    }

    mutating func handshake() -> Step {
        ERR_clear_error()
        let code = SSL_do_handshake(self.ssl)
        guard code == 1 else { return self.step(code) }
        // Whoever calls does so up to the end and not again.
        TLSTicketKeys.of(self.ssl)?.count(isResumed: self.isResumed)
        return .done(0)
    }

    /// A server's session to which no hello has come that it could sign for, so that the costly part lies ahead: none
    /// that is whole, or one without a key that suits the server, which was answered by asking for another hello.
    var awaitsHello: Bool {
        switch SSL_get_state(self.ssl) {
        case TLS_ST_BEFORE, TLS_ST_SR_CLNT_HELLO: true
        // With TLS 1.3 a server waits in this state for a second hello and for the client's end of the handshake alike,
        // with and without early data. Its own part of the handshake ends with its Finished, behind the signature.
        case TLS_ST_EARLY_DATA: SSL_get_finished(self.ssl, nil, 0) == 0
        default: false
        }
    }

    mutating func read(into memory: UnsafeMutableRawBufferPointer) -> Step {
        precondition(memory.count > 0, "reading needs room")
        // SSL_get_error reads a per-thread queue; stale entries lie.
        ERR_clear_error()
        var count = 0
        let code = SSL_read_ex(self.ssl, memory.baseAddress, memory.count, &count)
        return code == 1 ? .done(count) : self.step(code)
    }

    /// Nothing is left to read, neither in OpenSSL nor in the socket: the next byte that comes makes an event. What was
    /// read ahead makes none.
    var isEmptied: Bool {
        guard SSL_has_pending(self.ssl) == 0, let bio = SSL_get_rbio(self.ssl) else { return false }
        return SocketBIO.isEmptied(bio)
    }

    /// The socket has made an event: OpenSSL may read from it again.
    func becameReadable(endIsNear: Bool) {
        if let bio = SSL_get_rbio(self.ssl) { SocketBIO.becameReadable(bio, endIsNear: endIsNear) }
    }

    /// What is written is followed by more, or by the socket's end: it may leave together with that.
    var endFollows: Bool {
        get { SSL_get_wbio(self.ssl).map(SocketBIO.endFollows) ?? false }
        nonmutating set { if let bio = SSL_get_wbio(self.ssl) { SocketBIO.setEndFollows(bio, newValue) } }
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer) -> Step {
        precondition(bytes.count > 0, "writing needs bytes")
        ERR_clear_error()
        var count = 0
        let code = SSL_write_ex(self.ssl, bytes.baseAddress, bytes.count, &count)
        return code == 1 ? .done(count) : self.step(code)
    }

    /// Sends the goodbye; the peer's is not waited for. False when the socket had no room: call again when it has.
    /// Once it was sent, another call would read, and break on what the peer still has to say.
    ///
    /// `endFollows`: the socket is closed next.
    mutating func shutdown(endFollows: Bool) -> Bool {
        self.endFollows = endFollows
        ERR_clear_error()
        let code = SSL_shutdown(self.ssl)
        let mustWait = code < 0 && SSL_get_error(self.ssl, code) == SSL_ERROR_WANT_WRITE
        ERR_clear_error()
        return !mustWait
    }

    // MARK: What the handshake came to

    /// The protocol that both sides agreed on by ALPN.
    var negotiatedProtocol: String? {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(self.ssl, &name, &count)
        guard let name, count > 0 else { return nil }
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
    }

    /// The peer's certificate as DER, if it has shown one that was verified, also in the session that it goes on with.
    var verifiedCertificate: [UInt8]? {
        guard SSL_get_verify_result(self.ssl) == Int(X509_V_OK), let shown = SSL_get0_peer_certificate(self.ssl) else {
            return nil
        }
        let count = Int(i2d_X509(shown, nil))
        guard count > 0 else { return nil }
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
            var position = buffer.baseAddress
            written = max(0, Int(i2d_X509(shown, &position)))
        }
    }

    /// The handshake was an abbreviated one, thanks to a ticket.
    var isResumed: Bool { SSL_session_reused(self.ssl) == 1 }

    /// For the next connection to the same peer. With TLS 1.3 the peer hands it over after the handshake.
    var ticket: TLSTicket? {
        guard let session = SSL_get_session(self.ssl), SSL_SESSION_is_resumable(session) == 1 else { return nil }
        // A copy: a connection that ends without goodbyes marks its own as spoiled.
        return SSL_SESSION_dup(session).map(TLSTicket.init)
    }

    private func step(_ code: Int32) -> Step {
        switch SSL_get_error(self.ssl, code) {
        case SSL_ERROR_WANT_READ: return .wantsRead
        case SSL_ERROR_WANT_WRITE: return .wantsWrite
        case SSL_ERROR_ZERO_RETURN: return .closed
        case SSL_ERROR_SYSCALL: return .failed("the peer broke the connection off")
        default: return .failed(self.reason)
        }
    }

    /// OpenSSL's own words, and what it has against the peer's certificate.
    private var reason: String {
        let text = OpenSSLErrors.take()
        let verdict = SSL_get_verify_result(self.ssl)
        guard text.contains("certificate verify failed"), verdict != Int(X509_V_OK),
            let words = X509_verify_cert_error_string(verdict)
        else { return text }
        return "\(text) (\(String(cString: words)))"
    }
}

extension Connection {
    public var tlsVersion: StaticString? { self.isOpen ? self.tls?.version : nil }
}
