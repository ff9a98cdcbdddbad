import COpenSSL
import Settings

/// Asks OpenSSL about a list of cipher suites before a listener depends on it.
enum CipherList {
    /// Nil when OpenSSL knows at least one suite of the list, which is what it takes a list for.
    static func problem(of ciphers: String, tls: TLSSettings?) -> String? {
        guard tls != nil else { return "the listener speaks no TLS; give it tls, or leave ciphers out" }
        guard let context = SSL_CTX_new(TLS_server_method()) else { return nil }
        defer { SSL_CTX_free(context) }
        let isKnown = SSL_CTX_set_cipher_list(context, ciphers) == 1
        ERR_clear_error()
        return isKnown ? nil : "OpenSSL knows none of \(ciphers); `openssl ciphers -v -tls1_2` lists what there is"
    }
}
