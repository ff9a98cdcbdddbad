/// What to do about a connection that ended before its first answer: mostly, one side speaks TLS and the other does not,
/// or there is no trust between them.
enum ConnectAdvice {
    /// How a link speaks to its server.
    enum Speech { case unixSocket, plain, tls }

    /// `reason`, with what to do where that is known.
    static func completed(_ reason: String, _ speech: Speech) -> String {
        let advice: String? =
            switch speech {
            case .unixSocket: nil
            case .plain: self.plain(reason)
            case .tls: self.tls(reason)
            }
        return advice.map { "\(reason); \($0)" } ?? reason
    }

    /// A server that waits for a TLS handshake takes a command for a bad one: it hangs up, or sends an alert first.
    private static func plain(_ reason: String) -> String? {
        let words = ["closed by", "reset by", "not an answer of Redis: Protocol error, got \"\\x15\""]
        guard words.contains(where: reason.hasPrefix) else { return nil }
        return "if that port speaks TLS, write rediss in place of redis at the beginning of the address"
    }

    private static func tls(_ reason: String) -> String? {
        let table: [(words: [String], advice: String)] = [
            (
                ["hostname mismatch", "IP address mismatch"],
                "its certificate is for another name: write one that stands in it into the address"
            ),
            (
                ["certificate has expired", "certificate is not yet valid"],
                "renew that certificate, or set the clock of this machine"
            ),
            (
                ["certificate verify failed"],
                "its certificate is signed by nobody known here: name the PEM file of the authority that signed it as "
                    + "`authority` under redis_access"
            ),
            (
                ["alert unknown ca", "alert bad certificate", "alert certificate unknown"],
                "Redis does not accept the certificate shown: check `certificate` under redis_access against its "
                    + "tls-ca-cert-file"
            ),
            (
                ["certificate required", "alert handshake failure"],
                "if Redis asks for a certificate, name one as `certificate` and `key` under redis_access"
            ),
            (
                ["wrong version number", "not answered in time", "packet length too long"],
                "if that port does not speak TLS, write redis in place of rediss at the beginning of the address"
            ),
        ]
        return table.first { $0.words.contains(where: reason.contains) }?.advice
    }
}
