import Foundation
import Synchronization
import Testing
import TestKit

/// Clients that break off, at every stage of a request. Nothing of them stays behind: no slot, no number, no crash.
@Suite(.onOwnThread) struct HangUpTests {
    private static let resets = 60

    private func start(_ scene: Scene, _ worker: RawWorker, pool: [String: String] = [:]) throws -> SluiceProcess {
        var configuration = RequestTests.open()
        configuration.use([worker])
        configuration.pool["connections_per_worker"] = "16"
        configuration.pool["waiting_timeout"] = "60s"
        configuration.pool.merge(pool) { $1 }
        return try scene.start(configuration)
    }

    /// Sends `request` from a new client and breaks the connection off as soon as the gateway has read its head.
    private func resetOnceRead(_ sluice: SluiceProcess, _ request: String) throws {
        let before = try sluice.metric("sluice_requests_total")
        let peer = try RawPeer(port: sluice.port)
        peer.send(request)
        try Patience.wait(for: "the gateway to read the request") {
            try sluice.metric("sluice_requests_total") > before
        }
        peer.breakOff()
    }

    private static let get = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"

    // MARK: While the worker is being connected to

    /// A guard: where the connection does not come about, the slots came back.
    @Test func reset_whileConnecting_connectTimesOut_slotsComeBack() throws {
        try Scene.play { scene in
            let worker = try scene.startStalledWorker(RawWorker.answering())
            let sluice = try self.start(scene, worker, pool: ["connect_timeout": "200ms"])
            for _ in 0..<Self.resets { try self.resetOnceRead(sluice, Self.get) }
            try sluice.waitUntilIdle()
            worker.resume()
            // Until the worker is no longer passed by for its failures.
            try Patience.wait(for: "service") { try HTTPPeer(port: sluice.port).request("GET", "/").status == 200 }
            try sluice.expectService()
            #expect(try sluice.load() == (0, 0))
        }
    }

    /// Seen before: the connections came about for clients that were gone and were never given back: 16 of the 60 stayed
    /// in flight for good, and nobody was served any more.
    @Test func reset_whileConnecting_workerAcceptsLate_slotsComeBack() throws {
        try Scene.play { scene in
            let worker = try scene.startStalledWorker(RawWorker.answering())
            let sluice = try self.start(scene, worker, pool: ["connect_timeout": "60s"])
            for _ in 0..<Self.resets { try self.resetOnceRead(sluice, Self.get) }
            worker.resume()
            try sluice.waitUntilIdle()
            try sluice.expectService()
            #expect(try sluice.load() == (0, 0))
            #expect(!worker.receivedText.contains("/x"), "a request whose client had gone was sent")
        }
    }

    /// Servers such as Node and HAProxy end a connection that nobody asks anything on with a 408. Seen before: it was
    /// taken for the response to the request whose client had gone, and the process aborted with "unowned reference"
    /// when that client's time ran out.
    @Test func reset_whileConnecting_workerSpeaksUnasked_processLives() throws {
        try Scene.play { scene in
            // Only until the clients that are gone are forgotten: afterwards a gateway that is slow to ask is none of these.
            let speaks = Mutex(true)
            let worker = try scene.startStalledWorker { connection in
                let head = "HTTP/1.1 408 Request Time-out\r\nContent-Length: 0\r\n\r\n"
                if connection.isSilent(milliseconds: 200), speaks.withLock({ $0 }) { return try connection.send(head) }
                try RawWorker.answering()(connection)
            }
            var configuration = RequestTests.open(["idle_timeout": "3s"])
            configuration.use([worker])
            configuration.pool.merge(["connections_per_worker": "16", "connect_timeout": "60s"]) { $1 }
            let sluice = try scene.start(configuration)
            for _ in 0..<20 { try self.resetOnceRead(sluice, Self.get) }
            worker.resume()
            try sluice.waitUntilIdle()
            // Beyond the time of every client that is gone.
            try Patience.pass(milliseconds: 5_000)
            speaks.withLock { $0 = false }
            try sluice.expectService()
            #expect(sluice.process.endIfEnded == nil)
        }
    }

    // MARK: At other stages

    enum Stage: CaseIterable { case inQueue, sendingBody, awaitingResponse, readingResponse, pipelining }

    /// A guard: these stages were sound.
    @Test(arguments: Stage.allCases)
    func reset_atAnyStage_slotsComeBack(stage: Stage) throws {
        let request =
            switch stage {
            case .inQueue, .awaitingResponse: "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"
            case .sendingBody: "POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\npart"
            case .readingResponse: "GET /part HTTP/1.1\r\nHost: a\r\n\r\n"
            case .pipelining: String(repeating: "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n", count: 40)
            }
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                while let request = try connection.readRequest() {
                    if request.contains(" /hold ") { return try connection.readToEnd() }
                    if request.contains(" /part ") {
                        try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\npart")
                        return try connection.readToEnd()
                    }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
            let sluice = try self.start(scene, worker, pool: ["waiting_timeout": "60s"])
            let holders = try (0..<(stage == .inQueue ? 16 : 0)).map { _ in
                let holder = try HTTPPeer(port: sluice.port)
                try holder.send("GET", "/hold")
                return holder
            }
            if stage == .inQueue { try sluice.waitUntilInFlight(16) }
            for _ in 0..<Self.resets { try self.resetOnceRead(sluice, request) }
            for holder in holders { holder.peer.breakOff() }
            try sluice.waitUntilIdle()
            try sluice.expectService()
            try Patience.wait(for: "the clients to be forgotten") {
                try sluice.metric("sluice_connections_open") == 0
            }
        }
    }

    // MARK: Whose fault it is

    enum Moment: CaseIterable { case beforeTheHead, withinTheBody }

    /// Seen before: each hang-up was counted as a worker's error, and within six seconds the admission rate was trimmed to
    /// 0.6 of what the workers take.
    @Test(arguments: Moment.allCases)
    func hangUp_duringAResponse_isNoErrorOfTheWorkers(moment: Moment) throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                while try connection.readRequest() != nil {
                    if moment == .withinTheBody {
                        try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
                    }
                    try connection.readToEnd()
                }
            }
            var configuration = Configuration()
            configuration.use([worker])
            configuration.pool["worker"] = "{slots: 50}"
            configuration.room = ["slots": "1000", "inflow": "20/s", "burst": "20"]
            let sluice = try scene.start(configuration)
            try Patience.wait(for: "the first decision") { try sluice.status().pool?.latency_trim != nil }
            let start = Patience.nowMilliseconds
            var (hangUps, leastTrim, leastRate) = (0, 1.0, Int.max)
            // Decisions come once a second: so long, several of them have seen it.
            try Patience.wait(for: "six seconds of hang-ups") {
                try self.hangUp(sluice, worker, moment)
                hangUps += 1
                let status = try sluice.status()
                leastTrim = min(leastTrim, status.pool?.latency_trim ?? 1)
                leastRate = min(leastRate, status.room?.rate_milli ?? .max)
                return hangUps >= 5 && Patience.nowMilliseconds - start > 6_000
            }
            #expect(leastTrim == 1)
            #expect(leastRate == 20_000)
        }
    }

    private func hangUp(_ sluice: SluiceProcess, _ worker: RawWorker, _ moment: Moment) throws {
        let peer = try RawPeer(port: sluice.port)
        let before = worker.connectionCount
        peer.send("GET /open HTTP/1.1\r\nHost: a\r\n\r\n")
        try Patience.wait(for: "the request at the worker") {
            worker.connectionCount > before && worker.connections.last?.received.isEmpty == false
        }
        if moment == .withinTheBody { _ = peer.read(count: 20) }
        peer.breakOff()
        try sluice.waitUntilIdle()
    }

    // MARK: The end of a client's stream

    /// A guard: half-closed clients that wait for a worker still want their response; who stands at the door has left.
    @Test func halfClose_waitingForAWorker_isServed() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                while let request = try connection.readRequest() {
                    if request.contains(" /hold ") { return try connection.readToEnd() }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
            let sluice = try self.start(scene, worker, pool: ["connections_per_worker": "1"])
            let holder = try HTTPPeer(port: sluice.port)
            try holder.send("GET", "/hold")
            try sluice.waitUntilInFlight(1)
            let waiting = try HTTPPeer(port: sluice.port)
            try waiting.send("GET", "/")
            waiting.peer.finishWriting()
            try Patience.wait(for: "one to wait") { try sluice.load().queued == 1 }
            holder.peer.breakOff()
            #expect(try waiting.readAnswer().text == "ok")
            #expect(waiting.isEnded())
        }
    }

    /// A visitor at the door whose stream ends has left, whatever else was sent before: the next one takes the token.
    @Test(arguments: [0, 3])
    func halfClose_atTheDoor_hasLeft(pipelined: Int) throws {
        try Scene.play { scene in
            let sluice = try DoorScene.start(scene)
            let visitor = try DoorScene.calledVisitor(sluice)
            let peer = try visitor.askFromElsewhere(sluice.port, count: 1 + pipelined)
            try Patience.wait(for: "a visitor at the door") { try DoorScene.parked(sluice) > 0 }
            peer.finishWriting()
            try Patience.wait(for: "the door to be empty") { try DoorScene.parked(sluice) == 0 }
            #expect(peer.readToEnd()?.isEmpty != false)
            try Patience.wait(for: "the connection to be forgotten") {
                try sluice.metric("sluice_connections_open") == 0
            }
        }
    }
}
