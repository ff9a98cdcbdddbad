import COpenSSL

/// Which listeners take up each other's sessions: those whose certificates are for the same names and that offer the
/// same ciphers. A session holds what was agreed on at its beginning, and going on with it skips the certificate: at a
/// listener for another name, or with stricter rules, that would pass what is asked there.
///
/// The names count and not the key, so that a renewed certificate ends no session.
enum SessionScope {
    /// Once the certificate is loaded. False when OpenSSL refuses.
    static func set(on context: OpaquePointer, ciphers: String) -> Bool {
        guard let certificate = SSL_CTX_get0_certificate(context) else { return false }
        var bytes = Array(ciphers.utf8) + [0]
        var subject: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509_NAME(X509_get_subject_name(certificate), &subject)
        guard count >= 0, let subject else { return false }
        bytes += UnsafeBufferPointer(start: subject, count: Int(count))
        CRYPTO_free(subject, #file, #line)
        let place = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1)
        if place >= 0, let names = X509_EXTENSION_get_data(X509_get_ext(certificate, place)) {
            let start = ASN1_STRING_get0_data(names)
            bytes += UnsafeBufferPointer(start: start, count: Int(ASN1_STRING_length(names)))
        }
        var digest = [UInt8](repeating: 0, count: 32)
        SHA256(bytes, bytes.count, &digest)
        return SSL_CTX_set_session_id_context(context, digest, UInt32(digest.count)) == 1
    }
}
