import COpenSSL
import Glibc
import Testing

@testable import Transport

/// One side of a pair of sockets by OpenSSL's reads; the other side is written to.
@Suite struct SocketBIOTests {
    private final class Pair {
        let bio: OpaquePointer
        let ends: [Int32]

        init() throws {
            var ends: [Int32] = [-1, -1]
            let kind = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
            try #require(socketpair(AF_UNIX, Int32(kind), 0, &ends) == 0)
            self.ends = ends
            self.bio = try #require(SocketBIO.make(fd: ends[0]))
        }

        deinit {
            BIO_free(self.bio)
            for end in self.ends where end >= 0 { close(end) }
        }

        func send(_ text: String) { _ = text.withCString { write(self.ends[1], $0, strlen($0)) } }

        /// What one read gives: a text, "nothing" where OpenSSL is to ask again, "the end".
        func read() -> String {
            var bytes = [UInt8](repeating: 0, count: 100)
            let count = BIO_read(self.bio, &bytes, 100)
            if count > 0 { return String(decoding: bytes[..<Int(count)], as: UTF8.self) }
            return BIO_test_flags(self.bio, BIO_FLAGS_SHOULD_RETRY) != 0 ? "nothing" : "the end"
        }
    }

    @Test func read_afterAShortOne_asksTheSocketOnlyAfterAnEvent() throws {
        let pair = try Pair()
        pair.send("first")
        #expect(pair.read() == "first")
        #expect(SocketBIO.isEmptied(pair.bio))
        #expect(pair.read() == "nothing")
        pair.send("second")
        #expect(pair.read() == "nothing", "the event has not been told of")
        SocketBIO.becameReadable(pair.bio, endIsNear: false)
        #expect(!SocketBIO.isEmptied(pair.bio))
        #expect(pair.read() == "second")
    }

    /// The end has one event, which may come with the last bytes.
    @Test func read_afterTheEventOfTheEnd_findsTheEndBehindTheBytes() throws {
        let pair = try Pair()
        pair.send("first")
        #expect(pair.read() == "first")
        pair.send("last")
        shutdown(pair.ends[1], Int32(SHUT_WR))
        SocketBIO.becameReadable(pair.bio, endIsNear: true)
        #expect(pair.read() == "last")
        #expect(pair.read() == "the end")
        #expect(pair.read() == "the end")
    }

    @Test func read_ofASocketThatHasMore_readsOn() throws {
        let pair = try Pair()
        let text = String(repeating: "a", count: 150)
        pair.send(text)
        #expect(pair.read().utf8.count == 100)
        #expect(!SocketBIO.isEmptied(pair.bio))
        #expect(pair.read().utf8.count == 50)
        #expect(SocketBIO.isEmptied(pair.bio))
    }
}
