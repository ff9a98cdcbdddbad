import EventLoop
import Foundation
import TestKit
import Testing
import Transport

/// A listener whose certificate is renewed while somebody who has connected has not yet said hello.
@Suite struct NewestTLSTests {
    private static func encoded(_ folder: TestFolder) throws -> Data {
        let text = try String(contentsOfFile: folder.file("certificate.pem"), encoding: .utf8)
        let lines = text.split(separator: "\n").filter { !$0.hasPrefix("-----") }
        return try #require(Data(base64Encoded: lines.joined()))
    }

    @Test func acceptedBeforeTheRenewal_isShownTheNewCertificate() throws {
        let (before, after) = (TestFolder(), TestFolder())
        let fixture = try LoopFixture()
        let old = try before.makeServerTLS()
        let new = try after.makeServerTLS()
        let accepted = Record(0)
        let (listener, port) = try fixture.run {
            let listener = try Listener(loop: fixture.loop, address: .loopback(port: 0), tls: old) { _ in
                accepted.update { $0 += 1 }
                return ScriptedHandler()
            }
            return (LoopBound(listener, loop: fixture.loop), listener.boundAddress.port!)
        }
        let peer = try RawPeer(port: port)
        try fixture.waitUntil { accepted.value == 1 }
        listener.submit { $0.renew(new) }
        try fixture.run {}
        peer.send(ClientHello.bytes)
        // In TLS 1.2 it stands in the answer as it is, and more comes behind it.
        let certificate = try Self.encoded(after)
        let answer = Data(try #require(peer.read(count: certificate.count + 120)))
        #expect(answer.range(of: certificate) != nil)
        try fixture.end()
    }
}
