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
        // TLS 1.3: the alert comes after the handshake, and is lost when the connection ends at once. Seen before: "reset
        // by the peer", and nothing else, in all attempts but the first.
        ("reset by the peer", "`certificate` and `key`"),
        ("closed by Redis", "`certificate` and `key`"),
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

    /// What has spoken as we do is away for another reason. A certificate may have run out since.
    @Test func serverThatHasAnsweredBefore_isNotSaidToSpeakInAnotherWay() {
        for reason in ["reset by the peer", "closed by Redis"] {
            for speech in [ConnectAdvice.Speech.plain, .tls] {
                #expect(ConnectAdvice.completed(reason, speech, hasAnswered: true) == reason)
            }
        }
        let expired = "TLS: certificate verify failed (certificate has expired)"
        #expect(ConnectAdvice.completed(expired, .tls, hasAnswered: true).contains("renew that certificate"))
    }

    /// What a command is refused with, and what to do.
    @Test func commandRefused_saysWhatToDo() {
        let advice = { RedisRights.adviceOnCommand(code: RedisError.code(of: $0), message: $0) }
        let rights = [
            "NOPERM User sluice has no permissions to run the 'evalsha' command",
            "ERR The user executing the script can't run this command or subcommand script: 8f, on @user_script:5.",
            "ERR The user executing the script can't access at least one of the keys mentioned in the command arguments",
        ]
        for message in rights { #expect(advice(message)?.contains("ACL SETUSER") == true, "\(message)") }
        #expect(advice("TRYAGAIN Multiple keys request during rehashing of slot")?.contains("slot") == true)
        #expect(advice("OOM command not allowed when used memory > 'maxmemory'.") == nil)
    }

    @Test func whatIsClearByItself_staysAsItIs() {
        for speech in [ConnectAdvice.Speech.plain, .tls, .unixSocket] {
            #expect(ConnectAdvice.completed("connect failed: Connection refused", speech).hasSuffix("refused"))
        }
    }
}
