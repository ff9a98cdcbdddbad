import COpenSSL

/// Which listeners take up each other's sessions: those whose certificates are for the same names, that offer the same
/// ciphers and ask their clients for the same certificates. A session holds what was agreed on at its beginning, and
/// going on with it skips both certificates: at a listener for another name, with stricter rules or with other
/// authorities, that would pass what is asked there.
///
/// It is that of the whole listener, the same for each of its contexts: OpenSSL looks at it before it is known which name
/// the client asks for. The names count and not the keys, so that a renewed certificate ends no session; other
/// authorities of clients end all, as a client must not come back by the ticket of a time when more was allowed.
enum SessionScope {
    /// False when OpenSSL refuses.
    static func set(for identity: ServerIdentity, on context: OpaquePointer) -> Bool {
        var bytes: [UInt8] = []
        self.append(Array(identity.ciphers.utf8), to: &bytes)
        for certificate in identity.certificates {
            guard let subject = self.subject(of: certificate.x509) else { return false }
            self.append(subject, to: &bytes)
            self.append(self.alternativeNames(of: certificate.x509), to: &bytes)
        }
        if let authority = identity.clientAuthority {
            guard let fingerprints = authority.fingerprints else { return false }
            self.append([authority.isRequired ? 1 : 0], to: &bytes)
            for fingerprint in fingerprints { self.append(fingerprint, to: &bytes) }
        }
        var digest = [UInt8](repeating: 0, count: 32)
        SHA256(bytes, bytes.count, &digest)
        return SSL_CTX_set_session_id_context(context, digest, UInt32(digest.count)) == 1
    }

    /// With its length before it, so that the end of one part is never read as the beginning of the next.
    private static func append(_ part: [UInt8], to bytes: inout [UInt8]) {
        withUnsafeBytes(of: UInt64(part.count).bigEndian) { bytes += $0 }
        bytes += part
    }

    private static func subject(of certificate: OpaquePointer) -> [UInt8]? {
        var subject: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509_NAME(X509_get_subject_name(certificate), &subject)
        guard count >= 0, let subject else { return nil }
        defer { CRYPTO_free(subject, #file, #line) }
        return Array(UnsafeBufferPointer(start: subject, count: Int(count)))
    }

    private static func alternativeNames(of certificate: OpaquePointer) -> [UInt8] {
        let place = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1)
        guard place >= 0, let names = X509_EXTENSION_get_data(X509_get_ext(certificate, place)) else { return [] }
        return Array(UnsafeBufferPointer(start: ASN1_STRING_get0_data(names), count: Int(ASN1_STRING_length(names))))
    }
}
