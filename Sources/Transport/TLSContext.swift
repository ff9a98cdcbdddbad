import COpenSSL
import Glibc

/// Certificates, keys and rules for the TLS sessions of one loop, which are made from it and keep it. TLS 1.2 and 1.3.
// Unchecked because an `SSL_CTX` counts its references atomically and is not changed after `init`.
public final class TLSContext: @unchecked Sendable {
    let context: OpaquePointer
    /// Of a listener with several certificates: which session it goes on with is decided by the name that is asked for.
    private let others: [OpaquePointer]
    private let table: HandshakeTable?

    /// What a listener offers to clients of TLS 1.2: forward secrecy and authenticated encryption, nothing else. TLS 1.3
    /// has only such suites. Source: Mozilla's "intermediate" configuration, without its finite-field exchanges.
    public static let defaultCiphers =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
        + "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

    /// For a listener with one certificate. Both files are PEM; the certificate's file may hold the chain. `ciphers` is a
    /// list as OpenSSL reads it, for TLS 1.2. Contexts with the same `ticketKeys` take each other's tickets.
    public convenience init(
        certificateFile: String,
        keyFile: String,
        ciphers: String = TLSContext.defaultCiphers,
        ticketKeys: TLSTicketKeys = TLSTicketKeys()
    ) throws {
        let certificate = try Certificate(CertificateFiles(certificate: certificateFile, key: keyFile))
        try self.init(ServerIdentity(certificates: [certificate], ciphers: ciphers), ticketKeys: ticketKeys)
    }

    /// For a listener. Contexts with the same `ticketKeys` take each other's tickets, within their `SessionScope`.
    public init(_ identity: ServerIdentity, ticketKeys: TLSTicketKeys) throws {
        let contexts = try identity.makeContexts(ticketKeys: ticketKeys)
        self.context = contexts[0]
        self.others = Array(contexts.dropFirst())
        let table = HandshakeTable(identity.certificates, contexts)
        self.table = table
        table.install()
    }

    /// For outgoing connections. `authorityFile` is what the peer's certificate is checked against: a PEM file, whose
    /// authorities need no others above them, or nil for the system's authorities. `certificateFile` and `keyFile`, both PEM, are shown to a peer that asks for a
    /// certificate. `verifies: false` takes any certificate: for tests and rehearsals. `protocols` are offered by ALPN,
    /// the preferred one first; what the peer chose is the connection's `negotiatedProtocol`.
    public init(
        clientAuthorityFile authorityFile: String? = nil,
        certificateFile: String? = nil,
        keyFile: String? = nil,
        verifies: Bool = true,
        protocols: [String] = []
    ) throws {
        self.context = try Self.make(TLS_client_method())
        (self.others, self.table) = ([], nil)
        if !protocols.isEmpty {
            let list = protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
            // Of OpenSSL's calls the one that returns zero when all is well.
            guard SSL_CTX_set_alpn_protos(self.context, list, UInt32(list.count)) == 0 else {
                throw TransportError.tls("protocols \(protocols)", OpenSSLErrors.take())
            }
        }
        if let authorityFile {
            guard SSL_CTX_load_verify_locations(self.context, authorityFile, nil) == 1 else {
                throw TransportError.tls("authorities \(authorityFile)", OpenSSLErrors.take())
            }
            // As for a listener's clients: what the operator names is trusted as it is, also when it is signed by
            // somebody else.
            X509_STORE_set_flags(SSL_CTX_get_cert_store(self.context), UInt(X509_V_FLAG_PARTIAL_CHAIN))
        } else {
            SSL_CTX_set_default_verify_paths(self.context)
        }
        if let certificateFile, let keyFile {
            let own = try Certificate(CertificateFiles(certificate: certificateFile, key: keyFile))
            guard own.install(in: self.context) else {
                throw TransportError.tls("certificate \(certificateFile)", OpenSSLErrors.take())
            }
        }
        SSL_CTX_set_verify(self.context, verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
    }

    deinit {
        SSL_CTX_free(self.context)
        for context in self.others { SSL_CTX_free(context) }
    }

    static func make(_ method: OpaquePointer?) throws -> OpaquePointer {
        ERR_clear_error()
        guard let context = SSL_CTX_new(method) else {
            throw TransportError.tls("SSL_CTX_new", OpenSSLErrors.take())
        }
        sluice_ssl_set_modes(context)
        // A connection reads until OpenSSL wants more, so that what it has read ahead is never forgotten.
        sluice_ssl_read_ahead(context)
        guard sluice_ssl_set_protocols(context, TLS1_2_VERSION, TLS1_3_VERSION) == 1 else {
            SSL_CTX_free(context)
            throw TransportError.tls("protocol versions", OpenSSLErrors.take())
        }
        return context
    }
}

/// OpenSSL's error queue belongs to the thread: it is emptied before a call whose error matters, and read after it.
enum OpenSSLErrors {
    /// Whether the latest error is this one.
    static func isLast(library: Int32, reason: Int32) -> Bool {
        let code = ERR_peek_last_error()
        return ERR_GET_LIB(code) == library && ERR_GET_REASON(code) == reason
    }

    /// The oldest error in words; the queue is empty afterwards.
    static func take() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0 else { return "unknown reason" }
        var text = [CChar](repeating: 0, count: 256)
        ERR_error_string_n(code, &text, text.count)
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
