import COpenSSL
import Settings

/// Loads the files for TLS with Redis as the client will, before anything depends on them.
enum RedisCertificates {
    /// The key of `redis_access`, and what is wrong with its file.
    static func problems(of access: RedisAccessSettings) -> [(key: String, problem: String)] {
        guard let context = SSL_CTX_new(TLS_client_method()) else { return [] }
        defer { SSL_CTX_free(context) }
        var problems: [(key: String, problem: String)] = []
        ERR_clear_error()
        if let file = access.authority, SSL_CTX_load_verify_locations(context, file, nil) != 1 {
            problems.append(("authority", "\(file) \(self.reason); name a readable PEM file with certificates"))
        }
        guard let certificate = access.certificate, let key = access.key else { return problems }
        let hasCertificate = SSL_CTX_use_certificate_chain_file(context, certificate) == 1
        if !hasCertificate {
            problems.append(("certificate", "\(certificate) \(self.reason); name a readable PEM file"))
        }
        // Loading a key compares it with the certificate that was loaded before.
        if SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 {
            let other = hasCertificate ? ", and it must belong to \(certificate)" : ""
            problems.append(("key", "\(key) \(self.reason); name a readable PEM file without a passphrase\(other)"))
        }
        return problems
    }

    private static var reason: String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0, let text = ERR_reason_error_string(code) else { return "cannot be loaded" }
        return "cannot be loaded (\(String(cString: text)))"
    }
}
