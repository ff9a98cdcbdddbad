import Synchronization

/// An API server in memory that follows the documented API where Sluice uses it: versions that grow with every change,
/// refused writes of what has changed since, lists by pages, watches that go on from a version or are told that it is too
/// old, bookmarks; and behind it a ReplicaSet's controller that starts and ends pods.
///
/// It knows no network: `InventedAPIServer` and `InventedTransport` bring requests.
public final class InventedCluster: Sendable {
    public struct Request: Sendable {
        public let method: String
        /// Without the query.
        public let path: String
        public let query: [String: String]
        public let token: String?
        public let contentType: String?
        public let body: [UInt8]

        public init(
            method: String,
            path: String,
            query: [String: String],
            token: String?,
            contentType: String?,
            body: [UInt8]
        ) {
            self.method = method
            self.path = path
            self.query = query
            self.token = token
            self.contentType = contentType
            self.body = body
        }
    }

    public enum Reply: Sendable {
        case whole(status: Int, retryAfter: Int?, body: JSON)
        /// The stream of this watch: it is to be opened with `open`.
        case watch(number: Int)
        /// The connection breaks without an answer.
        case broken
    }

    /// What was asked, and how it went.
    public struct Entry: Equatable, Sendable {
        public let token: String?
        public let rule: Rule
        public let name: String?
        public let status: Int
        public let body: JSON?
        public var isWrite: Bool { ["create", "update", "patch", "delete"].contains(self.rule.verb) }
    }

    /// What a role would have to allow.
    public struct Rule: Hashable, Sendable, CustomStringConvertible {
        public let group: String
        public let resource: String
        public let verb: String

        public init(group: String, resource: String, verb: String) {
            self.group = group
            self.resource = resource
            self.verb = verb
        }

        public var description: String { "\(self.verb) \(self.group.isEmpty ? "core" : self.group)/\(self.resource)" }
    }

    /// Does work after so many milliseconds.
    public typealias Scheduler = @Sendable (_ millis: Int64, _ work: @escaping @Sendable () -> Void) -> Void

    public static let namespace = "sale"
    let state: Mutex<ClusterState>
    let scheduler: Mutex<Scheduler>

    /// - Parameter startMillis: from a pod's creation until it is ready.
    public init(startMillis: Int64 = 20, endMillis: Int64 = 20, scheduler: @escaping Scheduler = { _, _ in }) {
        self.state = Mutex(ClusterState(startMillis: startMillis, endMillis: endMillis))
        self.scheduler = Mutex(scheduler)
    }

    public func use(_ scheduler: @escaping Scheduler) { self.scheduler.withLock { $0 = scheduler } }

    func after(_ millis: Int64, _ work: @escaping @Sendable () -> Void) {
        let scheduler = self.scheduler.withLock { $0 }
        scheduler(millis, work)
    }

    // MARK: For tests

    /// What was asked so far.
    public var log: [Entry] { self.state.withLock { $0.log } }
    public func forgetLog() { self.state.withLock { $0.log = [] } }

    /// Tokens that are known; nil: whoever comes.
    public func allow(tokens: Set<String>?) { self.state.withLock { $0.tokens = tokens } }

    /// The next calls that `matches` holds for are answered like that, each once.
    public func fail(_ replies: [Reply], where matches: @escaping @Sendable (Rule) -> Bool) {
        self.state.withLock { state in state.faults += replies.map { (matches, $0) } }
    }

    public func refusal(_ status: Int, reason: String = "", retryAfter: Int? = nil) -> Reply {
        .whole(status: status, retryAfter: retryAfter, body: ClusterState.status(status, reason, "a test wants it"))
    }

    /// Everything older is forgotten: watches from there are told so.
    public func compact() { self.state.withLock { $0.compact() } }

    public func object(_ path: String) -> JSON? { self.state.withLock { $0.objects[path] } }

    /// Of all objects.
    public var paths: [String] { self.state.withLock { $0.objects.keys.sorted() } }

    /// Changes an object as somebody else would.
    public func change(_ path: String, _ body: (inout JSON) -> Void) {
        self.state.withLock { state in
            guard var object = state.objects[path] else { return }
            body(&object)
            state.store(path, object)
        }
        self.controlReplicas()
    }

    public func remove(_ path: String) { self.state.withLock { $0.delete(path) } }

    public var pods: [String] {
        self.state.withLock { state in
            state.objects.keys.filter { $0.hasPrefix(ClusterState.pods + "/") }.sorted()
                .map { String($0.dropFirst(ClusterState.pods.count + 1)) }
        }
    }

    public func replicas(_ name: String) -> Int? {
        self.object("\(ClusterState.deployments)/\(name)")?["spec"]["replicas"].integer
    }

    /// Where pods listen, and how they end; without it they have addresses that lead nowhere.
    public func run(
        start: @escaping @Sendable (_ pod: String) -> (host: String, port: Int)?,
        end: @escaping @Sendable (_ pod: String) -> Void
    ) {
        self.state.withLock {
            $0.startPod = start
            $0.endPod = end
        }
    }

    /// A workload and the service of the same name.
    public func deploy(_ name: String, replicas: Int) {
        let object: JSON = [
            "metadata": ["name": .text(name), "namespace": .text(Self.namespace)],
            "spec": ["replicas": .number(Double(replicas))],
        ]
        self.state.withLock { state in
            state.store("\(ClusterState.deployments)/\(name)", object)
            Self.refreshSlices(of: name, &state)
        }
        self.controlReplicas()
    }

    // MARK: Watches

    public enum Word: Sendable {
        case line([UInt8])
        /// The watch has lasted as long as it was asked for.
        case end
        case broken
    }
    /// Takes what a watch tells. Called under a lock: it only hands on.
    public typealias Sink = @Sendable (Word) -> Void

    /// Opens a watch that `handle` has promised: what it has missed comes first.
    public func open(_ number: Int, _ sink: @escaping Sink) {
        self.state.withLock { state in
            for line in state.watchers[number]?.missed ?? [] { sink(.line(line)) }
            state.watchers[number]?.missed = []
            state.watchers[number]?.sink = sink
        }
    }

    public func closed(_ number: Int) { self.state.withLock { $0.watchers[number] = nil } }

    public var watchCount: Int { self.state.withLock { $0.watchers.count } }

    /// Sends this line to every watch.
    public func sendRaw(_ line: [UInt8]) {
        self.state.withLock { state in
            for watcher in state.watchers.values { watcher.sink?(.line(line)) }
        }
    }

    public func sendBookmarks() {
        let version = self.state.withLock { $0.version }
        let bookmark: JSON = [
            "type": "BOOKMARK",
            "object": ["kind": "EndpointSlice", "metadata": ["resourceVersion": .text("\(version)")]],
        ]
        self.sendRaw(bookmark.bytes)
    }

    /// Ends every watch; nobody is told why.
    public func endWatches() {
        self.state.withLock { state in
            for watcher in state.watchers.values { watcher.sink?(.broken) }
            state.watchers = [:]
        }
    }

    private func end(_ number: Int) {
        self.state.withLock { state in
            state.watchers[number]?.sink?(.end)
            state.watchers[number] = nil
        }
    }

    // MARK: Requests

    public func handle(_ request: Request) -> Reply {
        let reply = self.state.withLock { $0.handle(request) }
        self.controlReplicas()
        if case .watch(let number) = reply, let seconds = request.query["timeoutSeconds"].flatMap({ Int64($0) }) {
            self.after(seconds * 1_000) { self.end(number) }
        }
        return reply
    }
}
