import Primitives

/// How an embedded Redis is run, and how long anybody waits for it.
public struct EmbeddedRedisOptions: Sendable {
    /// Looked up in `PATH` when it holds no slash. Redis 7 or later.
    public var executable = "redis-server"
    /// More words for its command line, such as `["--maxmemory", "2gb"]`.
    public var arguments: [String] = []
    /// From the start to the first answer, the loading of stored data included.
    public var startTimeoutNanoseconds = 60 * Nanoseconds.perSecond
    /// From SIGTERM, on which Redis writes out what it has, to SIGKILL.
    public var stopGraceNanoseconds = 10 * Nanoseconds.perSecond
    /// Where the socket goes when its path in the state folder would be too long. Nil: `TMPDIR`, else `/tmp`.
    public var temporaryFolder: String?

    public init() {}
}

/// Why there is no embedded Redis; the text says what to do.
public struct EmbeddedRedisError: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

/// What happened to an embedded Redis, for the log.
public enum EmbeddedRedisEvent: Equatable, Sendable, CustomStringConvertible {
    /// The socket lies somewhere else than in the state folder, whose path is too long for one.
    case shortSocketPath(String)
    case started(pid: Int32)
    /// A server that an earlier process left behind, or that the process to be replaced still uses.
    case adopted(pid: Int32)
    /// A server that holds the stored data and cannot be reached any more is being ended.
    case clearing(pid: Int32)
    case ready(pid: Int32)
    /// It ended by itself, and is started again.
    case exited(pid: Int32, status: String)
    case restartFailed(EmbeddedRedisError)
    /// Another process of ours uses the server: it is left running.
    case handedOver(pid: Int32)
    case stopped(pid: Int32)

    public var description: String {
        switch self {
        case .shortSocketPath(let path): "the state folder's path is too long for a socket: Redis listens on \(path)"
        case .started(let pid): "Redis started, process \(pid)"
        case .adopted(let pid): "Redis was running already, process \(pid): taken over"
        case .clearing(let pid): "Redis process \(pid) holds the data and cannot be reached: ending it"
        case .ready(let pid): "Redis is ready, process \(pid)"
        case .exited(let pid, let status): "Redis process \(pid) ended with \(status): starting it again"
        case .restartFailed(let error): "Redis could not be started again, trying on: \(error)"
        case .handedOver(let pid): "Redis process \(pid) serves another process and goes on"
        case .stopped(let pid): "Redis process \(pid) stopped"
        }
    }
}
