import EventLoop
import HTTPService
import Primitives
import TestKit
import Testing
import Transport

@Suite(.timeLimit(.minutes(30))) struct ConnectProbeTests {
    /// Whether somebody was found at the address of a listener, which is closed before if `isGone`.
    private func ask(isGone: Bool) throws -> Bool {
        let fixture = try LoopFixture()
        let ended = Handover<Bool>()
        try fixture.run {
            let listener = try Listener(loop: fixture.loop, address: .loopback(port: 0)) { _ in ScriptedHandler() }
            let address = listener.boundAddress
            if isGone { listener.close() }
            ConnectProbe.ask(
                address: address,
                on: fixture.loop,
                timeoutNanoseconds: 10 * Nanoseconds.perSecond
            ) { ended.put($0) }
        }
        let result = try ended.take()
        try fixture.end()
        return result
    }

    @Test func somebodyListens_isWell_andNobodyIsNot() throws {
        #expect(try self.ask(isGone: false))
        #expect(try !self.ask(isGone: true))
    }
}
