import EventLoop
import Glibc
import Synchronization

/// Real `redis-server` processes on the loopback, as an operator would run them: one alone, a master with replicas and
/// three sentinels, or a Cluster of three masters with a replica each; on request over TLS with client certificates, and
/// with users.
///
/// Blocks the thread that calls it. Ends only the processes that it has started.
public final class RedisFleet: Sendable {
    public enum Shape: Sendable { case standalone, sentinel, cluster }

    public struct Options: Sendable {
        public var tls = false
        /// The default user is off; Sluice comes as `user`, with the rights that the documentation asks for.
        public var acl = false
        public var replicas = 2
        public init(tls: Bool = false, acl: Bool = false, replicas: Int = 2) {
            self.tls = tls
            self.acl = acl
            self.replicas = replicas
        }
    }

    public static let masterName = "tickets"
    /// How long sentinels, or the Cluster's nodes, do without a sign of life: longer than a busy machine keeps a server from
    /// answering.
    public static let downAfterMilliseconds = 3_000
    public static let user = "sluice"
    public static let password = "gate-secret"
    /// Exactly what the configuration's documentation asks for.
    public static let rights = "~sluice:* +@all -@admin -@dangerous +info +role"
    public static let sentinelPassword = "watch-secret"
    static let admin = (user: "admin", password: "admin-secret")

    public let shape: Shape
    public let options: Options
    public let folder: String
    /// Masters first, as they were at the start; without the sentinels.
    public let servers: [RedisFleetNode]
    public let sentinels: [RedisFleetNode]
    private let clusterPorts: [UInt16]

    /// Starts a fleet, and returns when each node has found the others. Ports are free ones; should somebody else take
    /// one before the server does, all begins anew.
    public static func start(_ shape: Shape, _ options: Options = Options()) throws -> RedisFleet {
        // A server that is killed breaks the pipes of TLS sessions, and of whoever asks it just then.
        SignalSource.ignoreBrokenPipe()
        var lastError: any Error = RedisFleetError("no attempt")
        for _ in 0..<3 {
            let fleet = try RedisFleet(shape, options)
            do {
                try fleet.startAll()
                return fleet
            } catch {
                lastError = error
                fleet.finish()
            }
        }
        throw lastError
    }

    private init(_ shape: Shape, _ options: Options) throws {
        var template = Array("/tmp/sluice-fleet-XXXXXX".utf8CString)
        let folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)!) }
        let count =
            switch shape {
            case .standalone: 1
            case .sentinel: 1 + options.replicas
            case .cluster: 6
            }
        let watchers = shape == .sentinel ? 3 : 0
        let ports = try Self.freePorts(2 * count + watchers)
        let admin = options.acl ? Self.admin : nil
        self.shape = shape
        self.options = options
        self.folder = folder
        self.clusterPorts = shape == .cluster ? Array(ports[count..<2 * count]) : []
        self.servers = (0..<count).map { index in
            let name = "server-\(index)"
            return RedisFleetNode(
                kind: .server,
                name: name,
                port: ports[index],
                folder: "\(folder)/\(name)",
                admin: admin
            )
        }
        self.sentinels = (0..<watchers).map { index in
            let name = "sentinel-\(index)"
            let admin = options.acl ? (user: "default", password: Self.sentinelPassword) : nil
            let port = ports[2 * count + index]
            return RedisFleetNode(kind: .sentinel, name: name, port: port, folder: "\(folder)/\(name)", admin: admin)
        }
    }

    private func startAll() throws {
        let files = RedisFleetFiles(folder: self.folder, options: self.options)
        if self.options.tls { try files.makeCertificates() }
        for (index, node) in self.servers.enumerated() {
            let master = self.shape == .sentinel && index > 0 ? self.servers[0] : nil
            let clusterPort = self.clusterPorts.isEmpty ? nil : self.clusterPorts[index]
            try files.writeServer(node, replicaOf: master, clusterPort: clusterPort)
            try node.start()
        }
        switch self.shape {
        case .standalone: break
        case .sentinel:
            try self.waitForReplicas()
            for node in self.sentinels {
                try files.writeSentinel(node, master: self.servers[0])
                try node.start()
            }
            try self.waitForSentinels()
        case .cluster: try self.joinCluster(self.clusterPorts)
        }
    }

    /// Ends every process and removes the folder.
    public func finish() {
        for node in self.sentinels + self.servers {
            node.thaw()
            node.kill()
        }
        StateRig.remove(self.folder)
    }

    // MARK: How clients find it

    /// What `redis:` says in a configuration. `host` is how the nodes are named there.
    public func url(host: String = "127.0.0.1") -> String {
        let scheme = (self.options.tls ? "rediss" : "redis") + self.schemeSuffix
        let credentials = self.options.acl ? "\(Self.user):\(Self.password)@" : ""
        let nodes = self.shape == .sentinel ? self.sentinels : self.servers
        let hosts = nodes.map { "\(host):\($0.port)" }.joined(separator: ",")
        return "\(scheme)://\(credentials)\(hosts)" + (self.shape == .sentinel ? "/\(Self.masterName)" : "")
    }

    private var schemeSuffix: String {
        switch self.shape {
        case .standalone: ""
        case .sentinel: "+sentinel"
        case .cluster: "+cluster"
        }
    }

    /// PEM files, there when the fleet speaks TLS: the authority, and a certificate with its key for clients.
    public var authorityFile: String { "\(self.folder)/ca.crt" }
    public var certificateFile: String { "\(self.folder)/tls.crt" }
    public var keyFile: String { "\(self.folder)/tls.key" }

    // MARK: Waiting

    public static let deadlineSeconds = 90

    /// Looks until `condition` holds.
    public static func wait(for what: @autoclosure () -> String, until condition: () throws -> Bool) throws {
        let end = Self.now + Double(Self.deadlineSeconds)
        while try !condition() {
            guard Self.now < end else { throw RedisFleetError("waited in vain for \(what())") }
            poll(nil, 0, 5)
        }
    }

    /// Seconds of a clock that never goes back.
    public static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Ports that were free a moment ago, no two the same.
    private static func freePorts(_ count: Int) throws -> [UInt16] {
        var sockets: [Int32] = []
        defer { for fd in sockets { close(fd) } }
        return try (0..<count).map { _ in
            let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            sockets.append(fd)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let code = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(fd, $0, length) == -1 ? -1 : getsockname(fd, $0, &length)
                }
            }
            guard code != -1 else { throw RedisFleetError("no free port: errno \(errno)") }
            return UInt16(bigEndian: address.sin_port)
        }
    }
}
