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

    /// Sets the socket's TLS up; the handshake comes later. `serverName` is checked against the peer's certificate.
    init(context: TLSContext, fd: Int32, isServer: Bool, serverName: String?) throws {
        ERR_clear_error()
        guard let ssl = SSL_new(context.context) else { throw TransportError.tls("SSL_new", OpenSSLErrors.take()) }
        guard SSL_set_fd(ssl, fd) == 1 else {
            SSL_free(ssl)
            throw TransportError.tls("SSL_set_fd", OpenSSLErrors.take())
        }
        self.ssl = ssl
        if isServer {
            SSL_set_accept_state(ssl)
        } else {
            SSL_set_connect_state(ssl)
            if let serverName {
                _ = sluice_ssl_set_server_name(ssl, serverName)
                SSL_set1_host(ssl, serverName)
            }
        }
    }

    deinit { SSL_free(self.ssl) }

    mutating func handshake() -> Step {
        ERR_clear_error()
        let code = SSL_do_handshake(self.ssl)
        return code == 1 ? .done(0) : self.step(code)
    }

    mutating func read(into memory: UnsafeMutableRawBufferPointer) -> Step {
        precondition(memory.count > 0, "reading needs room")
        // SSL_get_error reads a per-thread queue; stale entries lie.
        ERR_clear_error()
        var count = 0
        let code = SSL_read_ex(self.ssl, memory.baseAddress, memory.count, &count)
        return code == 1 ? .done(count) : self.step(code)
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
    mutating func shutdown() -> Bool {
        ERR_clear_error()
        let code = SSL_shutdown(self.ssl)
        let mustWait = code < 0 && SSL_get_error(self.ssl, code) == SSL_ERROR_WANT_WRITE
        ERR_clear_error()
        return !mustWait
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
