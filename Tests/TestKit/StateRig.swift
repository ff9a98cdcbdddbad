import Admission
import EventLoop
import Glibc
import Pools
import Primitives
import RedisClient
import Scaling
import SharedState

@testable import EmbeddedRedis

/// A loop with an embedded Redis, a client and both kinds of stores. An actor whose executor is the loop.
public actor StateRig {
    public nonisolated let loop: EventLoop
    public nonisolated var unownedExecutor: UnownedSerialExecutor { self.loop.asUnownedSerialExecutor() }
    public nonisolated let folder: String
    public private(set) var redis: EmbeddedRedis
    public private(set) var events: [EmbeddedRedisEvent] = []
    public private(set) var client: RedisClient?
    public private(set) var store: any RoomStore
    public private(set) var board: any PoolBoard
    public private(set) var unreadable: [String] = []
    public var hasMarkedTime = false

    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    private init(loop: EventLoop, folder: String, options: EmbeddedRedisOptions) {
        self.loop = loop
        self.folder = folder
        self.redis = EmbeddedRedis(loop: loop, stateFolder: folder, options: options, seed: 5)
        self.store = MemoryRoomStore(loop: loop, rooms: MemoryRooms())
        self.board = MemoryPoolBoard(loop: loop, boards: MemoryBoards())
    }

    /// With `folder`, a second user of that folder.
    public static func make(
        folder: String? = nil,
        options: EmbeddedRedisOptions = EmbeddedRedisOptions()
    ) throws -> StateRig {
        var template = Array("/tmp/sluice-state-XXXXXX".utf8CString)
        let fresh = folder ?? template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)!) }
        return StateRig(loop: try EventLoop(label: "state-test"), folder: fresh, options: options)
    }

    // MARK: The server

    public func startRedis() async -> Result<RedisEndpoint, EmbeddedRedisError> {
        self.redis.onEvent = { self.events.append($0) }
        return await withCheckedContinuation { continuation in
            self.redis.start { continuation.resume(returning: $0) }
        }
    }

    public func stopRedis() async {
        await withCheckedContinuation { continuation in
            self.redis.stop { continuation.resume() }
        }
    }

    public var pid: Int32? { self.redis.pid }
    public var restarts: UInt64 { self.redis.restarts }
    public var isConnected: Bool { self.client?.isConnected ?? false }

    public func signal(_ number: Int32) {
        if let pid = self.redis.pid { kill(pid, number) }
    }

    /// Starts a server and puts the stores in Redis in place of those in memory.
    public func useRedis() async throws {
        let endpoint = try await self.startRedis().get()
        // A server on a busy machine takes its time.
        var options = RedisOptions()
        options.commandTimeoutNanoseconds = 30 * Nanoseconds.perSecond
        options.connectTimeoutNanoseconds = 30 * Nanoseconds.perSecond
        let scripts = SharedScripts.all
        let client = RedisClient(loop: self.loop, endpoint: endpoint, options: options, scripts: scripts, seed: 3)
        self.client = client
        self.store = RedisRoomStore(client: client)
        let board = RedisPoolBoard(client: client)
        board.onUnreadable = { self.unreadable.append($0.description) }
        self.board = board
        client.start()
        try await self.wait("connected") { $0.isConnected }
    }

    public func send(_ words: RedisArgument...) async throws -> RedisValue {
        guard let client = self.client else { throw Failure(description: "no client") }
        return try await withCheckedContinuation { continuation in
            client.send(words) { continuation.resume(returning: $0) }
        }.get()
    }

    public func finish() async {
        self.redis.onEvent = nil
        self.client?.close()
        await self.stopRedis()
        Self.endServer(of: self.folder)
        Self.remove(self.folder)
    }

    /// A server that a test left behind would hold the output of the test run open, which then never ends.
    private static func endServer(of stateFolder: String) {
        guard let folder = try? RedisFolder(stateFolder: stateFolder, temporaryFolder: nil) else { return }
        switch ServerSearch.find(in: folder) {
        case .reachable(let pid), .unreachable(let pid):
            // Some tests stand in for a server themselves.
            guard pid != getpid() else { return }
            print("a redis-server of \(stateFolder) was left behind: ended")
            kill(pid, SIGKILL)
        case .none, .hidden: return
        }
    }

    /// With all that is in it.
    public static func remove(_ path: String) {
        if let listing = opendir(path) {
            while let entry = readdir(listing) {
                let name = withUnsafeBytes(of: entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name != ".", name != ".." { self.remove(path + "/" + name) }
            }
            closedir(listing)
            rmdir(path)
        } else {
            unlink(path)
        }
    }

    /// Looks every five milliseconds until `condition` holds; gives up after a minute.
    public func wait(_ what: String, _ condition: @Sendable (isolated StateRig) -> Bool) async throws {
        let deadline = self.loop.now.advanced(byNanoseconds: Int64(LoopFixture.deadlineSeconds) * Nanoseconds.perSecond)
        while !condition(self) {
            guard self.loop.now < deadline else {
                throw Failure(
                    description: "waited \(LoopFixture.deadlineSeconds) s for: \(what); events \(self.events)"
                )
            }
            await withCheckedContinuation { continuation in
                _ = self.loop.after(nanoseconds: 5 * Nanoseconds.perMillisecond) { continuation.resume() }
            }
        }
    }

    // MARK: Rooms

    private func ask<Answer: Sendable>(
        _ call: (@escaping StoreCompletion<Answer>) -> Void
    ) async -> Result<Answer, StoreError> {
        await withCheckedContinuation { continuation in call { continuation.resume(returning: $0) } }
    }

    public func join(_ room: String, _ count: Int, _ known: KnownMarks = .nothing) async -> Result<
        JoinGrant, StoreError
    > {
        await self.ask { self.store.join(room: room, count: count, known: known, completion: $0) }
    }

    public func tick(_ room: String, _ limits: RoomLimits, _ known: KnownMarks = .nothing) async -> Result<
        TickAnswer, StoreError
    > {
        await self.tick(room, RoomTick(gateway: "g", limits: limits), known)
    }

    public func tick(_ room: String, _ tick: RoomTick, _ known: KnownMarks = .nothing) async -> Result<
        TickAnswer, StoreError
    > {
        await self.ask { self.store.tick(room: room, tick, known: known, completion: $0) }
    }

    public func exchange(_ room: String, _ ids: [Int64], _ known: KnownMarks = .nothing) async -> Result<
        ExchangeAnswer, StoreError
    > {
        await self.ask { self.store.exchange(room: room, gateway: "g", ids: ids, known: known, completion: $0) }
    }

    /// Passes that expire at `expiresMicros`, which the shared state need not remember.
    public func renew(_ room: String, _ ids: [Int64], expiresMicros: Int64 = 1) async -> Result<RenewAnswer, StoreError>
    {
        let renewals = ids.map { Renewal(id: $0, expiresMicros: expiresMicros) }
        return await self.ask { self.store.renew(room: room, renewals, known: .nothing, completion: $0) }
    }

    public func release(_ room: String, _ ids: [Int64]) async -> Result<Int, StoreError> {
        await self.ask { self.store.release(room: room, ids: ids, known: .nothing, completion: $0) }.map(\.count)
    }

    public func leave(_ room: String, _ ids: [Int64]) async -> Result<Int, StoreError> {
        await self.ask { self.store.leave(room: room, gateway: "g", ids: ids, known: .nothing, completion: $0) }.map(
            \.count
        )
    }

    public func reset(_ room: String, _ known: KnownMarks = .nothing) async -> Result<LineMarks, StoreError> {
        await self.ask { self.store.reset(room: room, known: known, completion: $0) }
    }

    public func allow(_ room: String, _ rateMilli: Int64?, fence: Int64) async -> Result<AllowedRateAnswer, StoreError>
    {
        await self.ask {
            self.store.setAllowedRate(room: room, rateMilli: rateMilli, fence: fence, completion: $0)
        }
    }

    // MARK: The board

    public func report(_ pool: String, _ signals: GatewaySignals) async -> Result<[WorkerRecord], StoreError> {
        await self.ask { self.board.report(pool: pool, signals: signals, completion: $0) }
    }

    public func withdraw(_ pool: String, _ gateway: String) async -> Result<Void, StoreError> {
        await self.ask { self.board.withdraw(pool: pool, gateway: gateway, completion: $0) }
    }

    public func signals(_ pool: String, maxAgeMicros: Int64) async -> Result<[GatewaySignals], StoreError> {
        await self.ask { self.board.signals(pool: pool, maxAgeMicros: maxAgeMicros, completion: $0) }
    }

    public func workers(_ pool: String) async -> Result<[WorkerRecord], StoreError> {
        await self.ask { self.board.workers(pool: pool, completion: $0) }
    }

    public func publish(
        _ pool: String,
        _ workers: [WorkerRecord],
        _ registry: [RegisteredWorker] = [],
        fence: Int64
    ) async -> Result<Bool, StoreError> {
        await self.ask {
            self.board.publish(pool: pool, workers: workers, registry: registry, fence: fence, completion: $0)
        }
    }

    public func registry(_ pool: String) async -> Result<BoardRegistry, StoreError> {
        await self.ask { self.board.registry(pool: pool, completion: $0) }
    }

    @discardableResult
    public func decide(_ pool: String, _ fields: [(String, String)], fence: Int64 = 0) async -> Result<Bool, StoreError>
    {
        await self.ask { self.board.publishDecision(pool: pool, fields: fields, fence: fence, completion: $0) }
    }

    public func setMode(_ pool: String, _ order: ModeOrder?) async -> Result<Void, StoreError> {
        await self.ask { self.board.setMode(pool: pool, order: order, completion: $0) }
    }

    public func mode(_ pool: String) async -> Result<ModeOrder?, StoreError> {
        await self.ask { self.board.mode(pool: pool, completion: $0) }
    }

    public func decision(_ pool: String) async -> Result<[String], StoreError> {
        let result = await self.ask { (completion: @escaping StoreCompletion<[String]>) in
            self.board.decision(pool: pool) { completion($0.map { $0.map { "\($0.0)=\($0.1)" } }) }
        }
        return result
    }

    /// The fence; nil when another leads.
    public func lead(
        _ controller: String,
        ttlMillis: Int64 = 60_000,
        displacing: String? = nil
    ) async -> Result<Int64?, StoreError> {
        await self.leadership(controller, ttlMillis: ttlMillis, displacing: displacing).map { answer in
            if case .own(let fence) = answer { fence } else { nil }
        }
    }

    public func leadership(
        _ controller: String,
        ttlMillis: Int64 = 60_000,
        displacing: String? = nil
    ) async -> Result<Leadership, StoreError> {
        await self.ask {
            self.board.lead(controller: controller, ttlMillis: ttlMillis, displacing: displacing, completion: $0)
        }
    }

    @discardableResult
    public func resign(_ controller: String) async -> Result<String?, StoreError> {
        await self.ask { self.board.resign(controller: controller, completion: $0) }
    }

    public var unreadableValues: UInt64 { (self.board as? RedisPoolBoard)?.unreadableValues ?? 0 }
    public var outage: String? { self.store.outage }
}

/// Which kind of shared state a test runs on: the same scenario on both.
public enum StateKind: CaseIterable, Sendable {
    case memory, redis
}

/// Runs `body` with a rig, and cleans up after it.
public func withRig(
    _ kind: StateKind? = nil,
    options: EmbeddedRedisOptions = EmbeddedRedisOptions(),
    _ body: @Sendable (StateRig) async throws -> Void
) async throws {
    let rig = try StateRig.make(options: options)
    do {
        if kind == .redis { try await rig.useRedis() }
        try await body(rig)
        await rig.finish()
    } catch {
        await rig.finish()
        throw error
    }
}
