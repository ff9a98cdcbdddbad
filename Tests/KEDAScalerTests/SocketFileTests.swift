import Addresses
import Foundation
import Primitives
import Testing

@testable import KEDAScaler

/// Where the scaler listens by a file: what a dead process left is in nobody's way, a living one's is not ours.
@Suite struct SocketFileTests {
    /// A socket as a process leaves it that binds there and dies; its descriptor, that of a living one.
    private static func leave(at path: String) throws -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        // Not for the children of tests beside this one: they would keep it open, and it would seem to live.
        let socket = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(code == 0 && listen(socket, 1) == 0)
        return socket
    }

    /// The first thing that a scaler says which is to listen at `path`; it is ended then.
    private static func firstWord(at path: String) async throws -> String {
        let scaler = KEDAScaler(address: .unix(path: path), tls: nil) { Instant(nanoseconds: 0) }
        let (words, continuation) = AsyncStream<String>.makeStream()
        scaler.start { event in
            switch event {
            case .listening: continuation.yield("listens")
            case .refused(let reason): continuation.yield("refused: \(reason)")
            case .interrupted(let reason): continuation.yield("interrupted: \(reason)")
            case .ended: continuation.finish()
            }
        }
        var first: String?
        for await word in words {
            first = first ?? word
            scaler.stop()
        }
        return try #require(first)
    }

    @Test func socket_ofADeadProcess_isReplaced_andALivingOnesIsNot() async throws {
        let folder = NSTemporaryDirectory() + "k\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = "\(folder)/s"
        let living = try Self.leave(at: path)
        #expect(try await Self.firstWord(at: path).hasPrefix("refused"))
        close(living)
        #expect(try await Self.firstWord(at: path) == "listens")
        #expect(try await Self.firstWord(at: path) == "listens", "and again")
        // What is no socket is somebody's.
        try? FileManager.default.removeItem(atPath: path)
        try "mine".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try await Self.firstWord(at: path).hasPrefix("refused"))
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "mine")
    }
}
