import EventLoop
import TestKit
import Testing
import Transport

@Suite(.timeLimit(.minutes(1))) struct ListenerTests {
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
