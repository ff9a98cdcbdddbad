import Testing

@testable import RedisClient

/// Connections that end before the first answer, and what an operator reads of it.
@Suite struct ConnectAdviceTests {
    /// Seen before: `reset by the peer`, or OpenSSL's number alone.
    @Test(arguments: [
        ("reset by the peer", "write rediss in place of redis"),
        ("closed by Redis", "write rediss in place of redis"),
        ("closed by the peer", "write rediss in place of redis"),
        ("not an answer of Redis: Protocol error, got \"\\x15\" as reply type byte", "write rediss in place of redis"),
    ])
    func plainToWhatMaySpeakTLS_saysHowToAskForIt(reason: String, advice: String) {
        let text = ConnectAdvice.completed(reason, .plain)
        #expect(text.hasPrefix(reason + "; ") && text.contains(advice))
        #expect(ConnectAdvice.completed(reason, .unixSocket) == reason)
    }

    @Test(arguments: [
        (
            "TLS: error:0A000086:SSL routines::certificate verify failed (unable to get local issuer certificate)",
            "`authority` under redis_access"
        ),
        ("TLS: certificate verify failed (self-signed certificate)", "`authority` under redis_access"),
        ("TLS: certificate verify failed (hostname mismatch)", "for another name"),
        ("TLS: certificate verify failed (IP address mismatch)", "for another name"),
        ("TLS: certificate verify failed (certificate has expired)", "renew that certificate"),
        ("TLS: error:0A000418:SSL routines::tlsv1 alert unknown ca", "tls-ca-cert-file"),
        ("TLS: error:0A00045C:SSL routines::tlsv13 alert certificate required", "`certificate` and `key`"),
        ("TLS: error:0A00010B:SSL routines::wrong version number", "write redis in place of rediss"),
        (
            "TLS: the handshake was not answered in time; does that port speak TLS?",
            "write redis in place of rediss"
        ),
    ])
    func handshakeThatFailed_saysWhatToDo(reason: String, advice: String) {
        let text = ConnectAdvice.completed(reason, .tls)
        #expect(text.hasPrefix(reason + "; ") && text.contains(advice))
    }

    @Test func whatIsClearByItself_staysAsItIs() {
        for speech in [ConnectAdvice.Speech.plain, .tls, .unixSocket] {
            #expect(ConnectAdvice.completed("connect failed: Connection refused", speech).hasSuffix("refused"))
        }
    }
}
