/// What to do about a connection that ended before its first answer: mostly, one side speaks TLS and the other does not,
/// or there is no trust between them.
enum ConnectAdvice {
    /// How a link speaks to its server.
    enum Speech { case unixSocket, plain, tls }

    /// `reason`, with what to do where that is known. `hasAnswered`: the server has answered an earlier connection. So it
    /// speaks as we do, and something else is the matter.
    static func completed(_ reason: String, _ speech: Speech, hasAnswered: Bool = false) -> String {
        let advice: String? =
            switch speech {
            case .unixSocket: nil
            case .plain: hasAnswered ? nil : self.plain(reason)
            case .tls: self.tls(reason) ?? (hasAnswered ? nil : self.tlsAtFirst(reason))
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
            (["certificate required", "alert handshake failure"], self.ownCertificate),
        ]
        return table.first { $0.words.contains(where: reason.contains) }?.advice
    }

    private static let ownCertificate =
        "if Redis asks for a certificate, name one as `certificate` and `key` under redis_access"

    /// A server that misses our certificate says so in an alert and hangs up. In TLS 1.3 that is after the handshake, so
    /// that the hanging up may come first and the alert be lost: the next attempt of the same fault shows no more.
    private static func tlsAtFirst(_ reason: String) -> String? {
        if ["closed by", "reset by"].contains(where: reason.hasPrefix) { return self.ownCertificate }
        let words = ["wrong version number", "not answered in time", "packet length too long"]
        guard words.contains(where: reason.contains) else { return nil }
        return "if that port does not speak TLS, write redis in place of rediss at the beginning of the address"
    }
}
