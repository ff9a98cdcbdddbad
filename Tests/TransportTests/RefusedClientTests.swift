import EventLoop
import Primitives
import TestKit
import Testing
import Transport

/// With TLS 1.3 a server refuses a client's certificate, or that there is none, when the client's side is done.
@Suite struct RefusedClientTests {
    /// Seen before: the server's end, which comes with the alert, was all that was told.
    @Test func certificateMissing_theAlertIsTold() throws {
        let folder = TestFolder()
        let fixture = try LoopFixture()
        _ = try folder.makeServerTLS()
        let (file, key) = (folder.file("certificate.pem"), folder.file("key.pem"))
        let identity = ServerIdentity(
            certificates: [try Certificate(CertificateFiles(certificate: file, key: key))],
            clientAuthority: try ClientAuthority(file: file, isRequired: true)
        )
        let server = try TLSContext(identity, ticketKeys: TLSTicketKeys())
        let client = try TLSContext(clientAuthorityFile: file)
        let address = try fixture.run {
            try Listener(loop: fixture.loop, address: .loopback(port: 0), tls: server) { _ in ScriptedHandler() }
                .boundAddress
        }
        let ended = Handover<CloseReason>()
        try fixture.run {
            let handler = ScriptedHandler()
            handler.onClosed = { ended.put($0) }
            _ = try SocketNetwork().connect(
                to: address,
                on: fixture.loop,
                timeoutNanoseconds: 60 * Nanoseconds.perSecond,
                tls: OutgoingTLS(context: client, serverName: "localhost"),
                handler: handler
            )
        }
        let reason = try ended.take()
        guard case .tls(let words) = reason else {
            Issue.record("\(reason)")
            return
        }
        #expect(words.contains("alert certificate required"))
        try fixture.end()
    }

    /// A name that cannot be asked for must not be taken for any.
    @Test func serverName_empty_isNoConnection() throws {
        let fixture = try LoopFixture()
        let client = try TLSContext()
        #expect(throws: TransportError.self) {
            try fixture.run {
                _ = try SocketNetwork().connect(
                    to: .loopback(port: 9),
                    on: fixture.loop,
                    timeoutNanoseconds: Nanoseconds.perSecond,
                    tls: OutgoingTLS(context: client, serverName: ""),
                    handler: ScriptedHandler()
                )
            }
        }
        try fixture.end()
    }
}
