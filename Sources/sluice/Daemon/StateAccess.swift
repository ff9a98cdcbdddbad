import EmbeddedRedis
import EventLoop
import Gateway
import Logging
import Primitives
import RedisClient
import Settings
import SharedState
import Synchronization
import Transport

/// The shared state as this process reaches it: an embedded Redis, a given one, or memory. Each loop gets connections
/// of its own.
final class StateAccess {
    private let home: EventLoop
    private let log: Logger
    private let settings: Settings
    private var embedded: EmbeddedRedis?
    private let clients = RedisClients()

    init(settings: Settings, home: EventLoop, log: Logger) {
        self.settings = settings
        self.home = home
        self.log = log
    }

    /// Completes with what makes a loop's access, when the state can be asked. A given Redis is not waited for: it is
    /// tried again until it is there.
    func open(_ completion: @escaping (Result<@Sendable (any LoopContext) -> SharedStores, any Error>) -> Void) {
        switch self.settings.redis {
        case .memory:
            let rooms = MemoryRooms()
            let boards = MemoryBoards()
            completion(
                .success { loop in
                    SharedStores(
                        rooms: MemoryRoomStore(loop: loop, rooms: rooms),
                        pools: MemoryPoolBoard(loop: loop, boards: boards),
                        journal: MemoryRoomJournal(loop: loop, rooms: rooms)
                    )
                }
            )
        case .embedded:
            let embedded = EmbeddedRedis(loop: self.home, stateFolder: self.settings.stateFolder)
            self.embedded = embedded
            embedded.onEvent = { [log = self.log] in log.notice("embedded Redis: \($0)") }
            embedded.start { result in
                switch result {
                case .success(let endpoint): completion(.success(self.access(to: endpoint)))
                case .failure(let error): completion(.failure(error))
                }
            }
        case .server(let endpoint):
            do {
                completion(.success(self.access(to: endpoint, try self.options(for: endpoint))))
            } catch {
                completion(.failure(error))
            }
        }
    }

    private func options(for endpoint: RedisEndpoint) throws -> RedisOptions {
        let access = self.settings.redisAccess
        var options = RedisOptions()
        options.sentinelUser = access.sentinelUser
        options.sentinelPassword = access.sentinelPassword
        guard endpoint.usesTLS else { return options }
        options.tls = try TLSContext(
            clientAuthorityFile: access.authority,
            certificateFile: access.certificate,
            keyFile: access.key
        )
        return options
    }

    private func access(
        to endpoint: RedisEndpoint,
        _ options: RedisOptions = RedisOptions()
    ) -> @Sendable (any LoopContext) -> SharedStores {
        { [clients = self.clients, log = self.log] loop in
            guard let loop = loop as? EventLoop else { preconditionFailure("Redis is reached from event loops") }
            let client = RedisClient(loop: loop, endpoint: endpoint, options: options, scripts: SharedScripts.all)
            let number = clients.nextNumber()
            client.onStateChange = { state in
                switch clients.news(ofClient: number, state) {
                case nil: break
                case .connected: log.info("connected to Redis", metadata: ["redis": "\(endpoint)"])
                case .away(let reason): log.error("Redis cannot be reached; trying again: \(reason)")
                case .partlyAway(let reason): log.error("a part of Redis cannot be reached; trying again: \(reason)")
                }
            }
            client.onNotice = { text in
                // Each loop's client says so; once is enough.
                guard clients.isNews(text) else { return }
                log.warning("Redis: \(text)")
            }
            client.start()
            clients.append(LoopBound(client, loop: loop))
            return SharedStores(
                rooms: RedisRoomStore(client: client),
                pools: Self.board(client, log: log),
                journal: RedisRoomJournal(client: client),
                tickets: RedisTicketStore(client: client)
            )
        }
    }

    /// Tells of values that other programs left in Redis and that cannot be read. They are read every second, so only
    /// the first, second, fourth, eighth and so on is told.
    private static func board(_ client: RedisClient, log: Logger) -> RedisPoolBoard {
        let board = RedisPoolBoard(client: client)
        var count: UInt64 = 0
        board.onUnreadable = { value in
            count += 1
            guard count & (count - 1) == 0 else { return }
            log.warning(
                "a value in Redis cannot be read and was left out",
                metadata: ["value": "\(value)", "count": "\(count)"]
            )
        }
        return board
    }

    /// What all connections to Redis have counted; empty without one.
    func counters(_ completion: @escaping ([RedisCounters]) -> Void) {
        self.clients.gather(on: self.home, completion)
    }

    /// Closes every loop's connections, and ends the embedded Redis.
    func close(_ completion: @escaping () -> Void) {
        self.clients.closeAll()
        guard let embedded = self.embedded else { return completion() }
        embedded.stop(completion)
    }
}

/// The connections that this process has made, for the end.
private final class RedisClients: Sendable {
    private let list = Mutex<[LoopBound<RedisClient>]>([])
    private let notices = Mutex<Set<String>>([])
    private let outages = Mutex((log: RedisOutageLog(), clients: 0))

    func nextNumber() -> Int {
        self.outages.withLock { outages in
            outages.clients += 1
            return outages.clients
        }
    }

    /// What is to be logged of a client's new state; nil when another one has told it.
    func news(ofClient number: Int, _ state: RedisState) -> RedisOutageLog.Line? {
        self.outages.withLock { $0.log.changed(client: number, to: state) }
    }

    func append(_ client: LoopBound<RedisClient>) { self.list.withLock { $0.append(client) } }

    /// True for a text that no client has told before.
    func isNews(_ text: String) -> Bool { self.notices.withLock { $0.count < 100 && $0.insert(text).inserted } }

    /// Every connection's counters, gathered on `home`.
    func gather(on home: EventLoop, _ completion: @escaping ([RedisCounters]) -> Void) {
        let clients = self.list.withLock { $0 }
        guard !clients.isEmpty else { return completion([]) }
        let answers = LoopBound(Gathering(count: clients.count, completion), loop: home)
        for client in clients {
            client.submit { client in
                let counters = client.counters
                answers.submit { $0.arrive(counters) }
            }
        }
    }

    func closeAll() {
        for client in self.list.withLock({ $0 }) { client.submit { $0.close() } }
    }
}
