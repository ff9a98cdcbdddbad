/// A configuration file by its parts. What is not set here has the product's default.
struct Configuration {
    /// Each with its TLS, as YAML, or nil.
    var listeners: [(address: String, tls: String?)] = [("127.0.0.1:0", nil)]
    var redis = "memory"
    var stateFolder = "state"
    /// One loop makes the order of events over several connections certain.
    var loops = "1"
    var logLevel = "info"
    var limits: [String: String] = [:]
    /// Key id and secret; none: the gateway makes a key.
    var signingKeys: [(id: Int, secret: String)] = []
    /// Keys of the pool `workers`.
    var pool: [String: String] = ["max_workers": "1"]
    var worker: [String: String] = ["slots": "50", "service_time": "1ms", "queue": "1000"]
    var scaling: [String: String] = [:]
    /// Keys of the room `sale`; nil: nobody waits anywhere.
    var room: [String: String]? = ["slots": "1000", "inflow": "1000/s", "burst": "1000"]
    /// `/open` has no room, everything else the room `sale`.
    var routes = [(path: "/", hasRoom: true), (path: "/open", hasRoom: false)]
    /// More rooms, of the same pool, by name and path.
    var otherRooms: [(name: String, path: String)] = []
    /// More pools, with their keys.
    var otherPools: [(name: String, keys: [String: String])] = []
    /// More routes, each a mapping as YAML.
    var otherRoutes: [String] = []
    /// More keys of the whole file, each a line of YAML.
    var otherKeys: [String] = []

    var text: String {
        var lines = ["listen:"]
        for listener in self.listeners {
            lines.append("  - address: \(listener.address)")
            if let tls = listener.tls { lines.append("    tls: \(tls)") }
        }
        lines += [
            "admin: {listen: 127.0.0.1:0}", "state_folder: \(self.stateFolder)", "redis: \(self.redis)",
            "loops: \(self.loops)",
        ]
        lines.append("log: {level: \(self.logLevel)}")
        lines += self.otherKeys
        if !self.limits.isEmpty { lines.append("limits: \(Self.inline(self.limits))") }
        if !self.signingKeys.isEmpty {
            lines.append("signing_keys:")
            lines += self.signingKeys.map { "  - {id: \($0.id), secret: \"\($0.secret)\"}" }
        }
        lines += ["pools:", "  workers:"]
        lines += self.pool.sorted { $0.key < $1.key }.map { "    \($0.key): \($0.value)" }
        if self.pool["worker"] == nil { lines.append("    worker: \(Self.inline(self.worker))") }
        if !self.scaling.isEmpty { lines.append("    scaling: \(Self.inline(self.scaling))") }
        lines += self.otherPools.map { "  \($0.name): \(Self.inline($0.keys))" }
        if let room = self.room {
            lines += ["rooms:", "  sale: \(Self.inline(room))"]
            lines += self.otherRooms.map { "  \($0.name): \(Self.inline(room))" }
        }
        lines.append("routes:")
        for route in self.routes {
            let room = route.hasRoom && self.room != nil ? ", room: sale" : ""
            lines.append("  - {path: \(route.path), pool: workers\(room)}")
        }
        lines += self.otherRooms.map { "  - {path: \($0.path), pool: workers, room: \($0.name)}" }
        lines += self.otherRoutes.map { "  - \($0)" }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func inline(_ keys: [String: String]) -> String {
        "{" + keys.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ") + "}"
    }

    /// Workers of the test's own instead of the sample worker.
    mutating func use(_ workers: [RawWorker]) { self.pool = Self.keys(of: workers) }

    /// A pool of just these workers.
    static func keys(of workers: [RawWorker]) -> [String: String] {
        [
            "driver": "static", "worker": "{slots: 1}",
            "workers": "[" + workers.map { "127.0.0.1:\($0.port)" }.joined(separator: ", ") + "]",
        ]
    }
}
