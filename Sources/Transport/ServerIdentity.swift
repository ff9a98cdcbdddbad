import COpenSSL
import Glibc

/// Whose certificates a listener takes from its clients.
// Unchecked because OpenSSL counts the references to certificates atomically, and none is changed after `init`.
public final class ClientAuthority: @unchecked Sendable {
    /// PEM; may hold several.
    public let file: String
    /// Without a certificate nobody comes in; otherwise only a wrong one is refused.
    public let isRequired: Bool
    fileprivate let certificates: [OpaquePointer]
    /// Of what a client shows: it travels on to workers, in a head that is bounded too.
    private static let maxShownBytes = 16 * 1024

    /// Blocks on the disk.
    public init(file: String, isRequired: Bool) throws(CertificateProblems) {
        self.file = file
        self.isRequired = isRequired
        self.certificates = try PEMFile.certificates(file, part: .authority)
    }

    deinit {
        for certificate in self.certificates { X509_free(certificate) }
    }

    fileprivate func install(in context: OpaquePointer) {
        let store = SSL_CTX_get_cert_store(context)
        // What the operator names is trusted as it is, also when it is signed by somebody else.
        X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
        for certificate in self.certificates {
            X509_STORE_add_cert(store, certificate)
            SSL_CTX_add_client_CA(context, certificate)
        }
        let strictness = self.isRequired ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0
        sluice_ssl_limit_certificates(context, Self.maxShownBytes)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | strictness, nil)
    }

    /// Of each of its certificates, by SHA-256; nil when OpenSSL has no room for that.
    var fingerprints: [[UInt8]]? {
        var all: [[UInt8]] = []
        for certificate in self.certificates {
            var digest = [UInt8](repeating: 0, count: 32)
            guard X509_digest(certificate, EVP_sha256(), &digest, nil) == 1 else { return nil }
            all.append(digest)
        }
        return all
    }
}

/// What a listener shows its clients and asks of them: loaded once, and the same for all loops.
public struct ServerIdentity: Sendable {
    /// At least one; the first is for clients that ask for no name, or for one that none has.
    public let certificates: [Certificate]
    /// Nil: clients are not asked for certificates.
    public let clientAuthority: ClientAuthority?
    /// For TLS 1.2, as OpenSSL reads it.
    public let ciphers: String
    /// Clients that speak HTTP/2 are served so; else HTTP/1 alone is agreed on.
    public let offersHTTP2: Bool

    public init(
        certificates: [Certificate],
        clientAuthority: ClientAuthority? = nil,
        ciphers: String = TLSContext.defaultCiphers,
        offersHTTP2: Bool = false
    ) {
        precondition(!certificates.isEmpty, "a listener with TLS has a certificate")
        self.certificates = certificates
        self.clientAuthority = clientAuthority
        self.ciphers = ciphers
        self.offersHTTP2 = offersHTTP2
    }

    /// A context of OpenSSL's for each certificate, in their order.
    func makeContexts(ticketKeys: TLSTicketKeys) throws -> [OpaquePointer] {
        var made: [OpaquePointer] = []
        do {
            for certificate in self.certificates {
                let context = try TLSContext.make(TLS_server_method())
                made.append(context)
                try self.prepare(context, ticketKeys)
                for one in self.sameNames(certificate) where !one.install(in: context) {
                    throw TransportError.tls("certificate \(one.files.certificate)", OpenSSLErrors.take())
                }
            }
        } catch {
            for context in made { SSL_CTX_free(context) }
            throw error
        }
        return made
    }

    /// The certificate, and those that have the same names and another kind of key: of these OpenSSL shows the one that
    /// the client can read. The certificate itself comes last, and wins over one with the same kind. Two without a name
    /// have nothing in common.
    private func sameNames(_ certificate: Certificate) -> [Certificate] {
        let kind = EVP_PKEY_get_base_id(certificate.key)
        let names = Set(certificate.names)
        guard !names.isEmpty else { return [certificate] }
        return self.certificates.filter {
            $0 !== certificate && Set($0.names) == names && EVP_PKEY_get_base_id($0.key) != kind
        } + [certificate]
    }

    private func prepare(_ context: OpaquePointer, _ ticketKeys: TLSTicketKeys) throws {
        guard SSL_CTX_set_cipher_list(context, self.ciphers) == 1 else {
            throw TransportError.tls("ciphers \(self.ciphers)", OpenSSLErrors.take())
        }
        guard ticketKeys.attach(to: context) else {
            throw TransportError.tls("ticket keys", OpenSSLErrors.take())
        }
        if let authority = self.clientAuthority {
            authority.install(in: context)
            // A session that is resumed has its certificate looked at no more, and TLS 1.3 renews sessions without end:
            // whose certificate has run out would come in for ever.
            sluice_ssl_refuse_tickets(context)
        }
        guard SessionScope.set(for: self, on: context) else {
            throw TransportError.tls("session id context", OpenSSLErrors.take())
        }
        if self.offersHTTP2 {
            SSL_CTX_set_alpn_select_cb(context, selectHTTP2, nil)
        } else {
            SSL_CTX_set_alpn_select_cb(context, selectHTTP1, nil)
        }
    }
}

/// What the calls of a handshake look at.
final class HandshakeTable {
    fileprivate let names: CertificateNames
    fileprivate let contexts: [OpaquePointer]
    fileprivate let certificates: [Certificate]

    init(_ certificates: [Certificate], _ contexts: [OpaquePointer]) {
        self.names = CertificateNames(certificates.map(\.names))
        self.contexts = contexts
        self.certificates = certificates
    }

    /// The table must outlive every session of the contexts.
    func install() {
        let table = Unmanaged.passUnretained(self).toOpaque()
        if self.contexts.count > 1 { sluice_ssl_on_server_name(self.contexts[0], showNamed, table) }
        guard self.certificates.contains(where: { $0.staple != nil }) else { return }
        for context in self.contexts { sluice_ssl_on_status_request(context, staple, table) }
    }
}

/// Goes over to the context of the certificate that the client asks for by its name.
private func showNamed(
    _ ssl: OpaquePointer?,
    _ alert: UnsafeMutablePointer<Int32>?,
    _ table: UnsafeMutableRawPointer?
) -> Int32 {
    guard let ssl, let table, let name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else {
        return SSL_TLSEXT_ERR_NOACK
    }
    let known = Unmanaged<HandshakeTable>.fromOpaque(table).takeUnretainedValue()
    guard let index = known.names.certificate(for: String(cString: name)) else { return SSL_TLSEXT_ERR_NOACK }
    if index > 0 { SSL_set_SSL_CTX(ssl, known.contexts[index]) }
    return SSL_TLSEXT_ERR_OK
}

/// Gives the authority's word on the certificate that was chosen, if there is one in its time.
private func staple(_ ssl: OpaquePointer?, _ table: UnsafeMutableRawPointer?) -> Int32 {
    guard let ssl, let table, let shown = SSL_get_certificate(ssl) else { return SSL_TLSEXT_ERR_NOACK }
    let known = Unmanaged<HandshakeTable>.fromOpaque(table).takeUnretainedValue()
    guard let staple = known.certificates.first(where: { $0.x509 == shown })?.staple,
        staple.span.holds(atSeconds: Int64(time(nil))),
        sluice_ssl_staple(ssl, staple.bytes, staple.bytes.count) == 1
    else { return SSL_TLSEXT_ERR_NOACK }
    return SSL_TLSEXT_ERR_OK
}
