import EventLoop
import Primitives
import TestKit
import Testing
import Transport

/// What a client of TLS may ask for besides secrecy: a protocol, and an abbreviated handshake.
@Suite struct TLSTicketTests {
    private struct Heard: Sendable {
        var negotiatedProtocol: String?
        var isResumed = false
        var ticket: TLSTicket?
    }

    /// Connects, has a byte echoed, and says how that was.
    private func talk(
        _ fixture: LoopFixture,
        _ address: SocketAddress,
        _ tls: TLSContext,
        name: String? = "localhost",
        ticket: TLSTicket? = nil
    ) throws -> Heard {
        let heard = Record(Heard())
        let ended = Handover<CloseReason>()
        try fixture.run {
            let client = ScriptedHandler()
            client.onConnected = { $0.write("x") }
            client.onReceived = { stream, bytes in
                let connection = stream as? Connection
                heard.update {
                    $0.negotiatedProtocol = connection?.negotiatedProtocol
                    $0.isResumed = connection?.isResumed ?? false
                    $0.ticket = connection?.ticket
                }
                stream.close()
                return bytes.count
            }
            client.onClosed = { ended.put($0) }
            _ = try Connection.connect(
                to: address,
                on: fixture.loop,
                timeoutNanoseconds: 60 * Nanoseconds.perSecond,
                tls: tls,
                serverName: name,
                ticket: ticket,
                handler: client
            )
        }
        #expect(try ended.take() == .local)
        return heard.value
    }

    private func serve(_ fixture: LoopFixture, _ folder: TestFolder) throws -> SocketAddress {
        try self.serve(fixture, try folder.makeServerTLS())
    }

    private func serve(_ fixture: LoopFixture, _ tls: TLSContext) throws -> SocketAddress {
        try fixture.run {
            try Listener(loop: fixture.loop, address: .loopback(port: 0), tls: tls) { _ in
                let handler = ScriptedHandler()
                handler.onReceived = { connection, bytes in
                    connection.write(bytes)
                    return bytes.count
                }
                return handler
            }.boundAddress
        }
    }

    @Test func secondConnection_withATicket_isAbbreviated() throws {
        let folder = TestFolder()
        let fixture = try LoopFixture()
        let address = try self.serve(fixture, folder)
        let tls = try TLSContext(clientAuthorityFile: folder.file("certificate.pem"))
        let first = try self.talk(fixture, address, tls)
        let ticket = try #require(first.ticket)
        #expect(!first.isResumed)
        // The connection that it came from has ended without goodbyes.
        let second = try self.talk(fixture, address, tls, ticket: ticket)
        #expect(second.isResumed)
        #expect(try !self.talk(fixture, address, tls).isResumed)
        try fixture.end()
    }

    /// As the loops of one listener do: a client that comes back may meet any of them.
    @Test func ticket_ofOneContext_isTakenByAllWithItsKeys_andByNoOther() throws {
        let folder = TestFolder()
        let fixture = try LoopFixture()
        _ = try folder.makeServerTLS()
        let keys = TLSTicketKeys()
        let servers = try [keys, keys, keys, TLSTicketKeys()].map {
            let tls = try TLSContext(
                certificateFile: folder.file("certificate.pem"),
                keyFile: folder.file("key.pem"),
                ticketKeys: $0
            )
            return try self.serve(fixture, tls)
        }
        let tls = try TLSContext(clientAuthorityFile: folder.file("certificate.pem"))
        let ticket = try #require(try self.talk(fixture, servers[0], tls).ticket)
        let taken = try servers.map { try self.talk(fixture, $0, tls, ticket: ticket).isResumed }
        #expect(taken == [true, true, true, false])
        try fixture.end()
    }

    /// As rotation does it, with the same contexts throughout.
    @Test func keys_replacedByOthers_openTheOldTicketsAsLongAsTheyAreAmongThem() throws {
        let folder = TestFolder()
        let fixture = try LoopFixture()
        _ = try folder.makeServerTLS()
        let keys = TLSTicketKeys()
        let server = try TLSContext(
            certificateFile: folder.file("certificate.pem"),
            keyFile: folder.file("key.pem"),
            ticketKeys: keys
        )
        let address = try self.serve(fixture, server)
        let old = TicketKey.random(fromMicros: 0, untilMicros: 1)
        let new = TicketKey.random(fromMicros: 1, untilMicros: 2)
        keys.install(TicketKeySet(sealing: old))
        let tls = try TLSContext(clientAuthorityFile: folder.file("certificate.pem"))
        let first = try #require(try self.talk(fixture, address, tls).ticket)
        keys.install(TicketKeySet(sealing: new, accepted: [old, new]))
        let second = try self.talk(fixture, address, tls, ticket: first)
        #expect(second.isResumed)
        keys.install(TicketKeySet(sealing: new))
        #expect(keys.freeReplaced(), "nobody is inside")
        #expect(try !self.talk(fixture, address, tls, ticket: first).isResumed)
        // It came with the resumed session, under the new key.
        let renewed = try #require(second.ticket)
        #expect(try self.talk(fixture, address, tls, ticket: renewed).isResumed)
        #expect(keys.handshakes.full == 2 && keys.handshakes.resumed == 2)
        try fixture.end()
    }

    /// Going on with a session skips what is agreed on at its beginning.
    @Test func ticket_ofAListenerWithOtherCiphers_isNotTaken_ofARenewedCertificateItIs() throws {
        let (folder, other) = (TestFolder(), TestFolder())
        let fixture = try LoopFixture()
        _ = try folder.makeServerTLS()
        _ = try other.makeServerTLS()
        let keys = TLSTicketKeys()
        let strict = "ECDHE-ECDSA-AES256-GCM-SHA384"
        let rules = [(folder, TLSContext.defaultCiphers), (other, TLSContext.defaultCiphers), (folder, strict)]
        let servers = try rules.map { folder, ciphers in
            let tls = try TLSContext(
                certificateFile: folder.file("certificate.pem"),
                keyFile: folder.file("key.pem"),
                ciphers: ciphers,
                ticketKeys: keys
            )
            return try self.serve(fixture, tls)
        }
        let tls = try TLSContext(verifies: false)
        let ticket = try #require(try self.talk(fixture, servers[0], tls).ticket)
        let taken = try servers.map { try self.talk(fixture, $0, tls, ticket: ticket).isResumed }
        // The second has another key for the same names.
        #expect(taken == [true, true, false])
        try fixture.end()
    }

    /// A session must not lead past the question for a certificate.
    @Test func ticket_ofAListenerWithOtherAuthoritiesOfClients_isNotTaken() throws {
        let (folder, other) = (TestFolder(), TestFolder())
        let fixture = try LoopFixture()
        _ = try folder.makeServerTLS()
        _ = try other.makeServerTLS()
        let keys = TLSTicketKeys()
        let files = CertificateFiles(certificate: folder.file("certificate.pem"), key: folder.file("key.pem"))
        let authorities = [nil, nil, folder.file("certificate.pem"), other.file("certificate.pem")]
        let servers = try authorities.map { file in
            let identity = ServerIdentity(
                certificates: [try Certificate(files)],
                clientAuthority: try file.map { try ClientAuthority(file: $0, isRequired: false) }
            )
            return try self.serve(fixture, try TLSContext(identity, ticketKeys: keys))
        }
        let tls = try TLSContext(verifies: false)
        func taken(_ ticket: TLSTicket) throws -> [Bool] {
            try servers.map { try self.talk(fixture, $0, tls, ticket: ticket).isResumed }
        }
        let unasked = try #require(try self.talk(fixture, servers[0], tls).ticket)
        #expect(try taken(unasked) == [true, true, false, false])
        // Where clients show certificates, each handshake is a full one: a certificate that has run out is seen.
        #expect(try self.talk(fixture, servers[2], tls).ticket == nil)
        try fixture.end()
    }

    @Test func listener_thatGivesNoTickets_makesFullHandshakes() throws {
        let folder = TestFolder()
        let fixture = try LoopFixture()
        _ = try folder.makeServerTLS()
        let keys = TLSTicketKeys(givesTickets: false)
        let server = try TLSContext(
            certificateFile: folder.file("certificate.pem"),
            keyFile: folder.file("key.pem"),
            ticketKeys: keys
        )
        let address = try self.serve(fixture, server)
        let tls = try TLSContext(clientAuthorityFile: folder.file("certificate.pem"))
        let first = try self.talk(fixture, address, tls)
        #expect(try !self.talk(fixture, address, tls, ticket: first.ticket).isResumed)
        #expect(keys.handshakes.full == 2 && keys.handshakes.resumed == 0)
        try fixture.end()
    }

    @Test func protocols_thatBothKnow_areAgreedOn() throws {
        let folder = TestFolder()
        let fixture = try LoopFixture()
        let address = try self.serve(fixture, folder)
        let file = folder.file("certificate.pem")
        let both = try TLSContext(clientAuthorityFile: file, protocols: ["h2", "http/1.1"])
        #expect(try self.talk(fixture, address, both).negotiatedProtocol == "http/1.1")
        let none = try TLSContext(clientAuthorityFile: file)
        #expect(try self.talk(fixture, address, none).negotiatedProtocol == nil)
        try fixture.end()
    }

    /// An address is checked against the certificate though it is not sent as a name.
    @Test func address_inTheCertificate_isGood() throws {
        let folder = TestFolder()
        let fixture = try LoopFixture()
        let address = try self.serve(fixture, folder)
        let tls = try TLSContext(clientAuthorityFile: folder.file("certificate.pem"))
        #expect(try self.talk(fixture, address, tls, name: "127.0.0.1").ticket != nil)
        try fixture.end()
    }
}
