import EventLoop
import Glibc
import Primitives
import RedisClient
import Transport

/// A loop, a server and a client on it. An actor whose executor is the loop: each step of a test runs there.
actor RedisRig {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { self.loop.asUnownedSerialExecutor() }
    nonisolated let folder: String
    nonisolated let endpoint: RedisEndpoint
    let server: TestRedis
    private(set) var client: RedisClient
    private(set) var states: [RedisState] = []
    private var listener: Listener?
    var load = Load()
    var fleetLoad: FleetLoad?
    private(set) var notices: [String] = []
    /// A second client.
    var kept: RedisClient?
    /// Servers that a test makes up.
    var fakes: [FakeRedis] = []

    struct Load {
        var answers = 0
        var values: [Int64] = []
    }

    struct TimedOut: Error, CustomStringConvertible {
        let description: String
    }

    /// A server on a busy machine takes its time; how a client gives up is shown where it is tested.
    static let patient: RedisOptions = {
        var options = RedisOptions()
        options.commandTimeoutNanoseconds = 30 * Nanoseconds.perSecond
        options.connectTimeoutNanoseconds = 30 * Nanoseconds.perSecond
        return options
    }()

    /// The actor's own executor is not there yet, so that everything on the loop is made by `make`.
    private init(loop: EventLoop, server: TestRedis, client: RedisClient) {
        self.loop = loop
        self.folder = server.folder
        self.endpoint = server.endpoint
        self.server = server
        self.client = client
    }

    static func make(
        options: RedisOptions = RedisRig.patient,
        scripts: [RedisScript] = []
    ) throws -> RedisRig {
        let loop = try EventLoop(label: "redis-test")
        let server = TestRedis(loop: loop)
        let client = RedisClient(loop: loop, endpoint: server.endpoint, options: options, scripts: scripts, seed: 7)
        return RedisRig(loop: loop, server: server, client: client)
    }

    /// Takes another client in place of the first one.
    func use(_ endpoint: RedisEndpoint, options: RedisOptions = RedisRig.patient, scripts: [RedisScript] = []) {
        self.client.close()
        self.states = []
        self.notices = []
        self.client = RedisClient(loop: self.loop, endpoint: endpoint, options: options, scripts: scripts, seed: 7)
    }

    var counters: RedisCounters { self.client.counters }
    var now: Instant { self.loop.now }
    var isConnected: Bool { self.client.isConnected }

    func killServer() { self.server.kill() }
    func freezeServer() { self.server.freeze() }
    func thawServer() { self.server.thaw() }

    func startServer(_ extra: [String] = []) throws { try self.server.start(extra) }

    func startClient() {
        self.client.onStateChange = { self.states.append($0) }
        self.client.onNotice = { self.notices.append($0) }
        self.client.start()
    }

    func connect() async throws {
        self.startClient()
        try await self.wait("connected") { $0.client.isConnected }
    }

    func send(_ words: RedisArgument...) async -> RedisResult {
        await withCheckedContinuation { continuation in
            self.client.send(words) { continuation.resume(returning: $0) }
        }
    }

    func eval(_ script: RedisScript, keys: [String] = [], _ arguments: [String]) async -> RedisResult {
        await withCheckedContinuation { continuation in
            self.client.eval(script, keys: keys, arguments: arguments) { continuation.resume(returning: $0) }
        }
    }

    /// Looks every five milliseconds until `condition` holds.
    func wait(
        _ what: String,
        seconds: Int64 = 60,
        _ condition: @Sendable (isolated RedisRig) -> Bool
    ) async throws {
        let deadline = self.loop.now.advanced(byNanoseconds: seconds * Nanoseconds.perSecond)
        while !condition(self) {
            guard self.loop.now < deadline else {
                throw TimedOut(
                    description: "waited \(seconds) s for: \(what); the last states \(self.states.suffix(6))"
                )
            }
            await withCheckedContinuation { continuation in
                _ = self.loop.after(nanoseconds: 5 * Nanoseconds.perMillisecond) { continuation.resume() }
            }
        }
    }

    /// A server that says `text` to every connection, and then nothing.
    func listen(saying text: String) throws -> RedisEndpoint {
        let listener = try Listener(loop: self.loop, address: .loopback(port: 0)) { connection in
            connection.write(text)
            return Silent()
        }
        self.listener = listener
        return RedisEndpoint(listener.boundAddress)
    }

    /// A port that was free a moment ago.
    func freePort() throws -> UInt16 {
        let listener = try Listener(loop: self.loop, address: .loopback(port: 0)) { _ in nil }
        defer { listener.close() }
        return listener.boundAddress.port!
    }

    func finish() {
        self.fleetLoad?.stop()
        self.client.onStateChange = nil
        self.client.onNotice = nil
        self.client.close()
        self.listener?.close()
        for fake in self.fakes { fake.close() }
        self.server.remove()
    }

    private final class Silent: StreamHandler {}
}
