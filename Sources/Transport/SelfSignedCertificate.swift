import COpenSSL
import Glibc

/// A certificate for demonstrations and tests: P-256, valid for the loopback names, signed by itself.
public enum SelfSignedCertificate {
    /// Clock skew that a fresh certificate forgives, and how long it lasts.
    private static let notBeforeSeconds = -3_600
    private static let notAfterSeconds = 365 * 24 * 3_600
    private static let names = "DNS:localhost,IP:127.0.0.1,IP:::1"

    /// Where the certificate that this program makes for itself is kept.
    public static func files(inFolder folder: String) -> CertificateFiles {
        CertificateFiles(certificate: folder + "/self-signed.pem", key: folder + "/self-signed.key")
    }

    public static func isMade(_ files: CertificateFiles) -> Bool {
        access(files.certificate, F_OK) == 0 && access(files.key, F_OK) == 0
    }

    /// Writes both files, the key readable by its owner only. Files that are there already are kept.
    public static func make(certificateFile: String, keyFile: String) throws {
        guard access(certificateFile, F_OK) != 0 || access(keyFile, F_OK) != 0 else { return }
        ERR_clear_error()
        guard let key = sluice_generate_p256() else { throw Self.failure("key") }
        defer { EVP_PKEY_free(key) }
        guard let certificate = X509_new() else { throw Self.failure("certificate") }
        defer { X509_free(certificate) }
        try Self.fill(certificate, key: key)
        try Self.write(keyFile, mode: 0o600) {
            PEM_write_PrivateKey($0, key, nil, nil, 0, nil, nil)
        }
        try Self.write(certificateFile, mode: 0o644) { PEM_write_X509($0, certificate) }
    }

    private static func fill(_ certificate: OpaquePointer, key: OpaquePointer) throws {
        // Version 3, counted from zero.
        X509_set_version(certificate, 2)
        var serial: UInt32 = 0
        RAND_bytes(&serial, 4)
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), Int(serial >> 1))
        X509_gmtime_adj(X509_getm_notBefore(certificate), Self.notBeforeSeconds)
        X509_gmtime_adj(X509_getm_notAfter(certificate), Self.notAfterSeconds)
        X509_set_pubkey(certificate, key)
        let name = X509_get_subject_name(certificate)
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, "localhost", -1, -1, 0)
        X509_set_issuer_name(certificate, name)
        guard let alternatives = X509V3_EXT_conf_nid(nil, nil, NID_subject_alt_name, Self.names) else {
            throw Self.failure("names")
        }
        X509_add_ext(certificate, alternatives, -1)
        X509_EXTENSION_free(alternatives)
        guard X509_sign(certificate, key, EVP_sha256()) > 0 else { throw Self.failure("signature") }
    }

    private static func write(
        _ path: String,
        mode: mode_t,
        _ body: (UnsafeMutablePointer<FILE>) -> Int32
    ) throws {
        let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard fd != -1, let file = fdopen(fd, "w") else { throw TransportError.system("write of \(path)", errno) }
        let written = body(file)
        guard fclose(file) == 0, written == 1 else { throw TransportError.system("write of \(path)", errno) }
    }

    private static func failure(_ part: String) -> TransportError {
        .tls("self-signed certificate (\(part))", OpenSSLErrors.take())
    }
}
