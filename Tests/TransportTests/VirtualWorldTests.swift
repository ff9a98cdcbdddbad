import EventLoop
import Primitives
import TestKit
import Testing
import Transport

/// The virtual world itself.
@Suite struct VirtualWorldTests {
    /// A trace of a world with three loops, messages between them, timers and streams.
    private func trace(seed: UInt64) throws -> [String] {
        let world = VirtualWorld(seed: seed)
        let network = VirtualNetwork(world: world)
        let loops = (0..<3).map { _ in world.makeLoop() }
        let log = Record<[String]>([])
        let note: @Sendable (String) -> Void = { text in
            log.update { $0.append("\(world.now.nanoseconds) \(text)") }
        }
        let address = SocketAddress.loopback(port: 80)
        for loop in loops {
            try world.run(on: loop) {
                _ = try network.listen(on: loop, at: address, tls: nil) { _ in
                    let handler = ScriptedHandler()
                    handler.onReceived = { stream, bytes in
                        note("loop \(loop.index) received \(bytes.count)")
                        stream.write(bytes)
                        return bytes.count
                    }
                    return handler
                }
                loop.after(nanoseconds: 3 * Nanoseconds.perMillisecond) {
                    note("timer of \(loop.index)")
                    for other in loops { other.submit { note("message from \(loop.index) at \(other.index)") } }
                }
            }
        }
        for number in 1...5 {
            try world.run(on: loops[0]) {
                let client = ScriptedHandler()
                client.onConnected = { $0.write([UInt8](repeating: 1, count: number * 10_000)) }
                var count = 0
                client.onReceived = { stream, bytes in
                    count += bytes.count
                    if count == number * 10_000 { stream.closeAfterWriting() }
                    return bytes.count
                }
                client.onClosed = { note("client \(number): \($0)") }
                _ = try network.connect(
                    to: address,
                    on: loops[0],
                    timeoutNanoseconds: Nanoseconds.perSecond,
                    handler: client
                )
            }
        }
        #expect(world.runUntilIdle(), "seed \(seed)")
        #expect(network.openStreamCount == 0 && network.madeStreams == 10, "seed \(seed)")
        for loop in loops { #expect(loop.timers.count == 0) }
        return log.value
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func world_theSameSeed_playsTheSame(seed: UInt64) throws {
        let first = try self.trace(seed: seed)
        #expect(try self.trace(seed: seed) == first)
        #expect(try self.trace(seed: seed + 1_000) != first)
        #expect(first.filter { $0.contains("client") && $0.contains("closed here") }.count == 5)
        #expect(first.filter { $0.contains("message") }.count == 9)
    }

    @Test func submit_fromOneLoopToAnother_keepsItsOrder() {
        let world = VirtualWorld(seed: 4)
        let loops = [world.makeLoop(), world.makeLoop()]
        let seen = Record<[Int]>([])
        world.run(on: loops[0]) {
            for number in 0..<100 { loops[1].submit { seen.update { $0.append(number) } } }
        }
        #expect(seen.value.isEmpty)
        #expect(world.runUntilIdle())
        #expect(seen.value == Array(0..<100))
    }

    @Test func timers_areReachedWithoutWaiting_andTimeStandsStillInATurn() {
        let world = VirtualWorld(seed: 4)
        let loop = world.makeLoop()
        let day = 86_400 * Nanoseconds.perSecond
        let begin = world.now
        var firedAt: Instant?
        world.run(on: loop) {
            let now = loop.now
            loop.after(nanoseconds: day) { firedAt = loop.now }
            loop.atTurnEnd { #expect(loop.now == now) }
        }
        #expect(!world.runUntilIdle(withinNanoseconds: day / 2))
        #expect(world.runUntilIdle(withinNanoseconds: 2 * day))
        #expect(
            firedAt.map { $0.nanoseconds(since: begin) >= day && $0.nanoseconds(since: begin) < day + 1_000_000 }
                == true
        )
    }

    @Test func silentAddress_timesOut_andAStreamThatIsBrokenOffIsReset() throws {
        let world = VirtualWorld(seed: 9)
        let network = VirtualNetwork(world: world)
        let loop = world.makeLoop()
        let silent = SocketAddress.loopback(port: 9)
        network.silentAddresses = [silent]
        let reasons = Record<[CloseReason]>([])
        try world.run(on: loop) {
            let client = ScriptedHandler()
            client.onClosed = { reason in reasons.update { $0.append(reason) } }
            _ = try network.connect(to: silent, on: loop, timeoutNanoseconds: Nanoseconds.perSecond, handler: client)
        }
        #expect(world.runUntilIdle())
        #expect(reasons.value == [.connectTimedOut])
        try world.run(on: loop) {
            let listener = try network.listen(on: loop, at: .loopback(port: 0), tls: nil) { _ in
                let server = ScriptedHandler()
                server.onClosed = { reason in reasons.update { $0.append(reason) } }
                return server
            }
            let client = ScriptedHandler()
            client.onConnected = { ($0 as! VirtualStream).breakOff() }
            client.onClosed = { reason in reasons.update { $0.append(reason) } }
            _ = try network.connect(
                to: listener.boundAddress,
                on: loop,
                timeoutNanoseconds: Nanoseconds.perSecond,
                handler: client
            )
        }
        #expect(world.runUntilIdle())
        #expect(reasons.value == [.connectTimedOut, .reset, .reset])
    }
}
