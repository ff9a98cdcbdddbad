import EventLoop
import Logging
import Settings
import TestKit
import Testing
import Transport

@testable import Controller

/// What a probe tells, over real sockets.
@Suite struct WorkerProbeTests {
    /// Whoever takes a cloud over waits for a word of each instance, though it be a bad one.
    @Test func cloudsProbe_tellsItsFirstAnswer_thoughNobodyIsThere() throws {
        let fixture = try LoopFixture()
        let port = try FreePorts().next()
        let answer = Handover<Bool>()
        let probe = Record<LoopBound<any AddressProbe>?>(nil)
        try fixture.run {
            let access = WorkerAccess.ofThisMachine(
                id: "test",
                settings: Settings(),
                loop: fixture.loop,
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            let made = access.probe(ProbeSettings()) { answer.put($0) }
            made.begin(at: .loopback(port: port), isReady: false)
            probe.update { $0 = LoopBound(made, loop: fixture.loop) }
        }
        #expect(try answer.take() == false)
        try fixture.run { probe.value?.open().end() }
        try fixture.end()
    }
}
