import CLinux
import Dispatch
import EventLoop
import Foundation
import Glibc
import Primitives
import TestKit
import Testing

@testable import Transport

/// How a listener bears what the kernel says.
@Suite(.timeLimit(.minutes(30))) struct ListenerTests {
    /// A listener whose system call fails with the codes of `script`, one a call, before it works.
    private func listen(
        _ fixture: LoopFixture,
        calls: Record<Int>,
        accepted: Record<Int>,
        script: @escaping @Sendable (Int) -> Int32?
    ) throws -> Listener {
        // Made on the loop, then used on the loop only.
        nonisolated(unsafe) var listener: Listener!
        try fixture.run {
            listener = try Listener(
                loop: fixture.loop,
                address: .loopback(port: 0),
                reusePort: false,
                backlog: 100,
                tls: nil,
                acceptCall: { fd, storage, length in
                    calls.update { $0 += 1 }
                    if let code = script(calls.value) {
                        errno = code
                        return -1
                    }
                    return sluice_accept(fd, storage, length)
                },
                makeHandler: { _ in
                    accepted.update { $0 += 1 }
                    return ScriptedHandler()
                }
            )
        }
        return listener
    }

    @Test func connection_thatWasAccepted_sendsWithoutDelay() throws {
        let fixture = try LoopFixture()
        let option = Handover<Int32>()
        let port = try fixture.run {
            try Listener(loop: fixture.loop, address: .loopback(port: 0)) { stream in
                var value: Int32 = 0
                var length = socklen_t(MemoryLayout<Int32>.size)
                if let connection = stream as? Connection {
                    getsockopt(connection.fd, Int32(IPPROTO_TCP), TCP_NODELAY, &value, &length)
                }
                option.put(value)
                return ScriptedHandler()
            }.boundAddress.port!
        }
        let peer = try RawPeer(port: port)
        #expect(try option.take() != 0)
        withExtendedLifetime(peer) {}
        try fixture.end()
    }

    /// Seen before: a second process on the same address shared it silently, and got half of the connections.
    @Test func address_thatSomebodyListensAt_isNotFree_alsoWhereTheyWouldShareIt() throws {
        let fixture = try LoopFixture()
        // Made on the loop, then used on the loop only.
        nonisolated(unsafe) var listener: Listener!
        try fixture.run {
            listener = try Listener(loop: fixture.loop, address: .loopback(port: 0)) { _ in nil }
        }
        let address = try fixture.run { listener.boundAddress }
        let error = #expect(throws: TransportError.self) { try Listener.requireFree(address) }
        #expect("\(try #require(error))".contains("cannot listen on \(address): another process does"))
        try Listener.requireFree(.loopback(port: 0))
        try Listener.requireFree(.unix(path: "/nowhere/at/all"))
        try fixture.run { listener.close() }
    }

    /// The next connection is sound, whatever happened to the one before: its event does not come again.
    @Test(arguments: [ENETDOWN, EPROTO, EHOSTUNREACH, EPERM, ECONNABORTED, EINTR])
    func acceptError_ofOneConnection_doesNotKeepTheOthersOut(code: Int32) throws {
        let fixture = try LoopFixture()
        let calls = Record(0)
        let accepted = Record(0)
        // Used on the loop only.
        nonisolated(unsafe) let listener = try self.listen(fixture, calls: calls, accepted: accepted) {
            $0 == 1 ? code : nil
        }
        let port = listener.boundAddress.port!
        let peer = try RawPeer(port: port)
        try fixture.waitUntil { accepted.value == 1 }
        let counted = try fixture.run { listener.failedCount }
        #expect(counted == (code == ECONNABORTED || code == EINTR ? 0 : 1))
        withExtendedLifetime(peer) {}
        try fixture.end()
    }

    /// A hundred connections knock while there is no descriptor left: the listener tries again twenty times a second,
    /// not twenty times a second for each of them.
    @Test func exhausted_whateverKnocks_hasOneRetryAtATime() throws {
        let fixture = try LoopFixture()
        let calls = Record(0)
        let accepted = Record(0)
        let isExhausted = Record(true)
        // Used on the loop only.
        nonisolated(unsafe) let listener = try self.listen(fixture, calls: calls, accepted: accepted) { _ in
            isExhausted.value ? EMFILE : nil
        }
        let port = listener.boundAddress.port!
        let begin = try fixture.run { fixture.loop.now }
        var peers: [RawPeer] = []
        for _ in 0..<50 {
            peers.append(try RawPeer(port: port))
            try fixture.run {}
        }
        try fixture.waitUntil { calls.value >= 3 }
        let elapsed = try fixture.run { fixture.loop.now }.nanoseconds(since: begin)
        // One try for the first event, and one for every pause of 50 ms.
        #expect(calls.value <= 2 + Int(elapsed / (50 * Nanoseconds.perMillisecond)))
        #expect(try fixture.run { Int(listener.exhaustedCount) } == calls.value)
        isExhausted.update { $0 = false }
        try fixture.waitUntil { accepted.value == 50 }
        try fixture.end()
    }

    /// A failure that does not go away must not turn into a loop that does nothing else.
    @Test func failureThatLasts_pausesTheListener() throws {
        let fixture = try LoopFixture()
        let calls = Record(0)
        let accepted = Record(0)
        // Used on the loop only.
        nonisolated(unsafe) let listener = try self.listen(fixture, calls: calls, accepted: accepted) {
            $0 <= 100 ? EPERM : nil
        }
        let peer = try RawPeer(port: listener.boundAddress.port!)
        let begin = try fixture.run { fixture.loop.now }
        try fixture.waitUntil { accepted.value == 1 }
        let elapsed = try fixture.run { fixture.loop.now }.nanoseconds(since: begin)
        #expect(elapsed >= 5 * 50 * Nanoseconds.perMillisecond)
        withExtendedLifetime(peer) {}
        try fixture.end()
    }

    /// The real thing, in a process of its own: no descriptor is left, then some are.
    @Test func descriptors_runOutAndComeBack_everybodyIsLetIn() async {
        await #expect(processExitsWith: .success) {
            // Not on a thread of Swift's pool: while its work waits, Dispatch reads /proc, for which it has to have a
            // descriptor.
            let result = await withCheckedContinuation { continuation in
                Thread.detachNewThread { continuation.resume(returning: Result { try Self.runOutOfDescriptors() }) }
            }
            try result.get()
        }
    }

    private static func runOutOfDescriptors() throws {
        let fixture = try LoopFixture()
        let accepted = Record(0)
        // Made on the loop, then used on the loop only.
        nonisolated(unsafe) var listener: Listener!
        try fixture.run {
            listener = try Listener(loop: fixture.loop, address: .loopback(port: 0)) { _ in
                accepted.update { $0 += 1 }
                return ScriptedHandler()
            }
        }
        var limit = rlimit(rlim_cur: 128, rlim_max: 128)
        precondition(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        var peers: [RawPeer] = []
        for _ in 0..<6 { peers.append(try RawPeer(port: listener.boundAddress.port!)) }
        try fixture.waitUntil { accepted.value == 6 }
        // A dozen knock while the loop stands still; then every descriptor is taken, and one given back.
        let stands = DispatchSemaphore(value: 0)
        let gate = DispatchSemaphore(value: 0)
        fixture.loop.submit {
            stands.signal()
            gate.wait()
        }
        stands.wait()
        for _ in 0..<12 { peers.append(try RawPeer(port: listener.boundAddress.port!)) }
        var held = [open("/dev/null", O_RDONLY)]
        while true {
            let fd = dup(held[0])
            if fd == -1 {
                precondition(errno == EMFILE)
                break
            }
            held.append(fd)
        }
        close(held.removeLast())
        gate.signal()
        // Others of this process take a descriptor, too, or let one go: how many of the dozen are in by now is theirs
        // to say; that some wait, and that the listener tries again, is not.
        try fixture.waitUntil { try fixture.run { listener.exhaustedCount } > 2 }
        for fd in held { close(fd) }
        try fixture.waitUntil { accepted.value == 18 }
        withExtendedLifetime(peers) {}
    }
}
