import Foundation
import Synchronization
import Testing
import TestKit

/// Clients that send or take a byte now and then, on purpose or not. However many they are, the workers are there for
/// the others.
@Suite(.onOwnThread) struct SlowClientTests {
    /// So many connections to the only worker.
    private func start(
        _ scene: Scene,
        _ worker: RawWorker,
        limits: [String: String] = [:],
        connections: Int = 8
    ) throws -> SluiceProcess {
        var configuration = RequestTests.open(limits)
        configuration.use([worker])
        configuration.pool.merge(["connections_per_worker": "\(connections)", "waiting_timeout": "60s"]) { $1 }
        return try scene.start(configuration)
    }

    /// `/large` is a response of 3 MiB, everything else one of two bytes.
    private static let serving: RawWorker.Script = { connection in
        let large = [UInt8](repeating: 0x79, count: 3 << 20)
        while let request = try connection.readRequest() {
            if request.contains("/large") {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(large.count)\r\n\r\n")
                try connection.send(large)
            } else if request.contains("/small") {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                try connection.send([UInt8](large.prefix(100_000)))
            } else {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
    }

    // MARK: Sending

    /// However long the test takes, no upload is given up for its slowness.
    private static let patient = ["min_rate": "0B/s", "body_timeout": "10m", "body_total_timeout": "10m"]

    /// Seen before: eight of them held every connection of the worker; the others got 503 after `waiting_timeout`.
    @Test(arguments: [8, 64])
    func upload_slowClients_holdNoWorker(clients: Int) throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(Self.serving)
            let sluice = try self.start(scene, worker, limits: Self.patient)
            let slow = try (0..<clients).map { _ in
                let peer = try RawPeer(port: sluice.port)
                peer.send("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx")
                return peer
            }
            try Patience.wait(for: "their heads to be read") {
                try sluice.metric("sluice_requests_total") >= Double(clients)
            }
            try sluice.expectService()
            #expect(try sluice.load().inFlight == 0)
            // And none of them was turned away for it: they may finish.
            for peer in slow { peer.send([UInt8](repeating: 0x78, count: 999)) }
            for peer in slow { #expect(try HTTPPeer(peer).readAnswer().text == "ok") }
        }
    }

    /// Chunks say nothing about how long a body will be; a slow one holds no worker either.
    @Test func upload_slowClientsInChunks_holdNoWorker() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                while let head = try connection.readHead() {
                    if head.hasPrefix("POST") { guard try connection.readChunks() else { return } }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
            let sluice = try self.start(scene, worker, limits: Self.patient)
            let slow = try (0..<16).map { _ in
                let peer = try RawPeer(port: sluice.port)
                peer.send("POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
                return peer
            }
            try Patience.wait(for: "their heads to be read") { try sluice.metric("sluice_requests_total") >= 16 }
            try sluice.expectService()
            for peer in slow { peer.send("2\r\nyz\r\n0\r\n\r\n") }
            for peer in slow { #expect(try HTTPPeer(peer).readAnswer().status == 200) }
        }
    }

    /// Larger than what is gathered, so that a worker is taken, and then below the least rate: cut off. Seen before:
    /// there was no such rate, and a byte every 29 seconds was enough to keep a worker.
    @Test func upload_largeAndBelowTheLeastRate_isCutOff() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(Self.serving)
            let sluice = try self.start(
                scene,
                worker,
                limits: ["min_rate": "100KiB/s", "buffered_body_bytes": "64KiB", "body_timeout": "60s"]
            )
            let slow = try (0..<8).map { _ in
                let peer = try RawPeer(port: sluice.port)
                peer.send("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n")
                peer.send([UInt8](repeating: 0x78, count: 70_000))
                return peer
            }
            // They go on with a byte now and then, until they are told.
            try Patience.wait(for: "all of them to be cut off") {
                for peer in slow { peer.send("x") }
                return slow.allSatisfy { $0.hasEnded || HTTPPeer($0).hasInput }
            }
            try sluice.expectService()
            try sluice.waitUntilIdle()
        }
    }

    /// Seen before: a body that kept coming was waited for without end.
    @Test func upload_steadyBeyondTheTotalTime_gets408() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(Self.serving)
            let sluice = try self.start(
                scene,
                worker,
                limits: ["body_total_timeout": "500ms", "body_timeout": "60s", "min_rate": "0B/s"]
            )
            let peer = try HTTPPeer(port: sluice.port)
            peer.peer.send("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n")
            try Patience.wait(for: "the gateway's patience to end") {
                peer.peer.send("x")
                return peer.hasInput
            }
            #expect(try peer.readAnswer().status == 408)
            #expect(peer.isEnded())
            try sluice.waitUntilIdle()
        }
    }

    /// Seen before: it counted neither as idle nor as a head that had begun, and stayed for ever.
    @Test(arguments: [false, true])
    func head_halfAnEmptyLine_hasItsTime(ends: Bool) throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(Self.serving)
            let sluice = try self.start(scene, worker, limits: ["head_timeout": "300ms", "idle_timeout": "300ms"])
            let peer = try HTTPPeer(port: sluice.port)
            peer.peer.send("\r")
            if ends { peer.peer.finishWriting() }
            try Patience.wait(for: "it to be closed") { try sluice.metric("sluice_connections_open") == 0 }
        }
    }

    // MARK: Taking

    /// A response that fits into the gateway's memory frees its worker at once, whoever reads it and however slowly.
    @Test func download_smallResponses_holdNoWorker() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(Self.serving)
            let sluice = try self.start(scene, worker)
            let slow = try (0..<64).map { _ in
                let peer = try RawPeer(port: sluice.port, receiveBufferBytes: 2_048)
                peer.send("GET /small HTTP/1.1\r\nHost: a\r\n\r\n")
                return peer
            }
            try Patience.wait(for: "their heads to be read") { try sluice.metric("sluice_requests_total") >= 64 }
            try sluice.waitUntilIdle()
            try sluice.expectService()
            withExtendedLifetime(slow) {}
        }
    }

    /// Seen before: whoever took a byte within `write_timeout` was waited for; eight of them held all of the worker's
    /// connections, and the others got 503.
    ///
    /// A client is watched for five seconds; 64 of them on 32 connections are two shifts.
    @Test(arguments: [(8, 8), (64, 32)])
    func download_belowTheLeastRate_isCutOff(clients: Int, connections: Int) throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(Self.serving)
            let limits = ["min_rate": "100KiB/s", "write_timeout": "60s"]
            let sluice = try self.start(scene, worker, limits: limits, connections: connections)
            let readers = SlowReaders(
                try (0..<clients).map { _ in
                    let peer = try RawPeer(port: sluice.port, receiveBufferBytes: 2_048)
                    peer.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
                    return peer
                }
            )
            defer { readers.stop() }
            try Patience.wait(for: "their heads to be read") {
                try sluice.metric("sluice_requests_total") >= Double(clients)
            }
            try sluice.expectService()
        }
    }

    /// A guard: whoever is above the least rate gets all of it.
    @Test func download_aboveTheLeastRate_getsAll() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(Self.serving)
            let sluice = try self.start(scene, worker, limits: ["min_rate": "1KiB/s", "write_timeout": "60s"])
            let peer = try RawPeer(port: sluice.port, receiveBufferBytes: 65_536)
            peer.send("GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            var received = 0
            for _ in 0..<20 {
                received += peer.read(count: 100_000)?.count ?? 0
                try Patience.pass(milliseconds: 50)
            }
            received += peer.readToEnd()?.count ?? 0
            #expect(received > 3 << 20)
        }
    }
}

/// Clients that take a byte now and then, from a thread of their own.
private final class SlowReaders: Sendable {
    private let mustStop = Mutex(false)
    private let hasStopped = DispatchSemaphore(value: 0)

    init(_ peers: [RawPeer]) {
        Thread.detachNewThread {
            while !self.mustStop.withLock({ $0 }) {
                for peer in peers { peer.takeSome(1) }
                poll(nil, 0, 100)
            }
            self.hasStopped.signal()
        }
    }

    func stop() {
        self.mustStop.withLock { $0 = true }
        self.hasStopped.wait()
    }
}
