import EventLoop
import TestKit
import Testing
import Transport

@Suite(.timeLimit(.minutes(1))) struct SocketAddressTests {
    @Test(arguments: [
        ("127.0.0.1:80", "127.0.0.1:80"), ("localhost:8080", "127.0.0.1:8080"), ("[::1]:443", "[::1]:443"),
        ("[2001:0db8:0:0::1]:1", "[2001:db8::1]:1"), ("0.0.0.0:0", "0.0.0.0:0"),
        ("unix:/run/a.sock", "unix:/run/a.sock"),
        ("255.255.255.255:65535", "255.255.255.255:65535"),
    ])
    func parse_address_isDescribedInItsShortestForm(text: String, description: String) throws {
        let address = try SocketAddress(parsing: text)
        #expect(address.description == description)
        #expect(try SocketAddress(parsing: address.description) == address)
    }

    @Test(arguments: [
        "", ":", "80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "127.1:80",
        "256.0.0.1:80", "::1:80", "[::1]", "[::1:80", "example.com:80", "unix:", "127.0.0.1 :80", " 127.0.0.1:80",
        "unix:/" + String(repeating: "a", count: 108),
    ])
    func parse_somethingElse_isAnErrorThatShowsIt(text: String) {
        let error = #expect(throws: SocketAddress.ParseError.self) { try SocketAddress(parsing: text) }
        #expect(error?.description.contains("'\(text)'") == true)
    }

    @Test func listener_onAPortInUse_saysWhere() throws {
        let fixture = try LoopFixture()
        let message = try fixture.run {
            let first = try Listener(loop: fixture.loop, address: .loopback(port: 0), reusePort: false) { _ in nil }
            do {
                _ = try Listener(loop: fixture.loop, address: first.boundAddress, reusePort: false) { _ in nil }
                return ""
            } catch { return "\(error) \(first.boundAddress)" }
        }
        #expect(message.contains("Address already in use"))
        #expect(message.hasPrefix("cannot listen on \(message.split(separator: " ").last!)"))
        try fixture.end()
    }

    @Test func listener_onASocketFile_replacesADeadOnesButNotALivingOnes() throws {
        let folder = TestFolder()
        let fixture = try LoopFixture()
        let address = SocketAddress.unix(path: folder.file("socket"))
        try fixture.run {
            let first = try Listener(loop: fixture.loop, address: address) { _ in nil }
            #expect(throws: TransportError.self) {
                try Listener(loop: fixture.loop, address: address) { _ in nil }
            }
            // Closed without removing its file: what a killed process leaves behind.
            first.deregisterAndClose()
            let second = try Listener(loop: fixture.loop, address: address) { _ in nil }
            second.close()
        }
        try fixture.end()
    }

    @Test func listeners_sharingAPort_bothListen() throws {
        let fixture = try LoopFixture()
        try fixture.run {
            let first = try Listener(loop: fixture.loop, address: .loopback(port: 0)) { _ in nil }
            let second = try Listener(loop: fixture.loop, address: first.boundAddress) { _ in nil }
            #expect(first.boundAddress == second.boundAddress)
        }
        try fixture.end()
    }
}
