import Foundation
import Glibc
import Testing

/// What requests take from the heap once all that is kept for the next one is there: nothing.
///
/// A library that is loaded before the gateway's own counts. Only a release build is held to it, which `SLUICE_BIN` has to
/// name: without the optimizer values lie on the heap that need not.
@Suite(.onOwnThread) struct AllocationTests {
    private static let connections = 8
    private static let groups = 60

    @Test(.enabled(if: AllocationCount.isPossible, "with SLUICE_BIN, the path of a release build"))
    func poll_afterOthers_takesNothingFromTheHeap() throws {
        try self.expectNothing(room: ["slots": "1000", "inflow": "0/s", "burst": "1"], state: "waiting")
    }

    @Test(.enabled(if: AllocationCount.isPossible, "with SLUICE_BIN, the path of a release build"))
    func proxiedRequest_afterOthers_takesNothingFromTheHeap() throws {
        try self.expectNothing(room: ["slots": "1000", "inflow": "1000/s", "burst": "1000"], state: "admitted")
    }

    private func expectNothing(room: [String: String], state: String) throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            var configuration = Configuration()
            configuration.room = room
            configuration.use([worker])
            let count = try AllocationCount(scene)
            let sluice = try scene.start(configuration, under: count.wrapper)
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            #expect(visitor.state == state)
            let cookies = visitor.cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ")
            let head = "GET / HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\nCookie: \(cookies)\r\n\r\n"
            let found = try Self.allocations(of: Array(head.utf8), at: sluice, count: count).sorted()
            // A tick, a signal or a decision of the controller falls into a few of the groups.
            #expect(found[found.count / 2] == 0, "allocations of \(Self.connections) requests each: \(found)")
        }
    }

    /// The allocations of each of many groups of requests, one on each connection.
    private static func allocations(
        of request: [UInt8],
        at sluice: SluiceProcess,
        count: AllocationCount
    ) throws -> [UInt64] {
        let peers = try (0..<Self.connections).map { _ in try HTTPPeer(port: sluice.port) }
        func group() throws {
            for peer in peers { peer.peer.send(request) }
            for peer in peers {
                let answer = try peer.readAnswer()
                guard answer.status == 200 else { throw Disappointment("status \(answer.status): \(answer.text)") }
            }
        }
        for _ in 0..<Self.groups { try group() }
        return try (0..<Self.groups).map { _ in
            let before = try count.calls
            try group()
            return try count.calls - before
        }
    }
}

/// How often a process has asked the heap for memory, told from outside while it runs.
private struct AllocationCount {
    static let isPossible =
        Patience.slowness == 1 && getenv("SLUICE_BIN").map { String(cString: $0).contains("/release/") } ?? false

    /// What becomes the gateway.
    let wrapper: [String]
    private let file: String

    init(_ scene: Scene) throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let source = root.appendingPathComponent("LoadTests/edge/allocations.c").path
        let library = "\(scene.folder)/allocations.so"
        let options = ["-O2", "-shared", "-fPIC", "-o", library, source]
        let isBuilt = ["cc", "clang"].contains { (try? scene.run($0, options))?.end == .exited(0) }
        guard isBuilt else { throw Disappointment("there is no C compiler in PATH, or it does not build \(source)") }
        self.file = "\(scene.folder)/allocations"
        self.wrapper = ["env", "LD_PRELOAD=\(library)", "ALLOCATIONS_FILE=\(self.file)"]
    }

    var calls: UInt64 {
        get throws {
            let bytes = RunningProcess.bytes(self.file)
            guard bytes.count == 16 else { throw Disappointment("the library that counts was not loaded") }
            // In the order of the machine, the lowest byte first.
            return bytes[..<8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
    }
}
