/// What an `InventedCluster` knows. All under its lock.
struct ClusterState {
    static let deployments = "/apis/apps/v1/namespaces/\(InventedCluster.namespace)/deployments"
    static let pods = "/api/v1/namespaces/\(InventedCluster.namespace)/pods"
    static let slices = "/apis/discovery.k8s.io/v1/namespaces/\(InventedCluster.namespace)/endpointslices"

    struct Watcher {
        let collection: String
        let selector: String?
        var sink: InventedCluster.Sink?
        /// What happened before it was opened.
        var missed: [[UInt8]] = []
    }
    struct Change {
        let version: Int
        let collection: String
        let type: String
        let object: JSON
    }

    let startMillis: Int64
    let endMillis: Int64
    var version = 100
    /// By path.
    var objects: [String: JSON] = [:]
    private var history: [Change] = []
    private var oldest = 100
    var watchers: [Int: Watcher] = [:]
    private var watches = 0
    var log: [InventedCluster.Entry] = []
    var tokens: Set<String>?
    var faults: [(@Sendable (InventedCluster.Rule) -> Bool, InventedCluster.Reply)] = []
    var startPod: (@Sendable (String) -> (host: String, port: Int)?)?
    var endPod: (@Sendable (String) -> Void)?
    var nextPod = 0
    var leaving: Set<String> = []
    /// Fail their readiness probe.
    var unwell: Set<String> = []
    var onLeaving: (@Sendable (String) -> Void)?

    init(startMillis: Int64, endMillis: Int64) {
        self.startMillis = startMillis
        self.endMillis = endMillis
    }

    static func status(_ code: Int, _ reason: String, _ message: String) -> JSON {
        [
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": .text(reason),
            "message": .text(message), "code": .number(Double(code)),
        ]
    }

    static func split(_ path: String) -> (collection: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (path, "") }
        return (String(path[..<slash]), String(path[path.index(after: slash)...]))
    }

    // MARK: Objects

    mutating func store(_ path: String, _ object: JSON) {
        self.version += 1
        var object = object
        object["metadata"]["resourceVersion"] = .text("\(self.version)")
        let type = self.objects[path] == nil ? "ADDED" : "MODIFIED"
        self.objects[path] = object
        self.record(type, path, object)
    }

    mutating func delete(_ path: String) {
        guard var object = self.objects[path] else { return }
        self.version += 1
        object["metadata"]["resourceVersion"] = .text("\(self.version)")
        self.objects[path] = nil
        self.record("DELETED", path, object)
    }

    /// Under the lock: so lines come in the order in which things happened.
    private mutating func record(_ type: String, _ path: String, _ object: JSON) {
        let collection = Self.split(path).collection
        self.history.append(Change(version: self.version, collection: collection, type: type, object: object))
        let line = Self.line(type, object)
        for (number, watcher) in self.watchers
        where watcher.collection == collection && Self.matches(object, watcher.selector) {
            if let sink = watcher.sink { sink(.line(line)) } else { self.watchers[number]?.missed.append(line) }
        }
    }

    private static func line(_ type: String, _ object: JSON) -> [UInt8] {
        (["type": .text(type), "object": object] as JSON).bytes
    }

    mutating func compact() {
        self.history = []
        self.version += 1
        self.oldest = self.version
    }

    /// `key=value`, which is all that is used.
    private static func matches(_ object: JSON, _ selector: String?) -> Bool {
        guard let selector, let equals = selector.firstIndex(of: "=") else { return true }
        let value = String(selector[selector.index(after: equals)...])
        return object["metadata"]["labels"][String(selector[..<equals])].string == value
    }

    // MARK: Requests

    mutating func handle(_ request: InventedCluster.Request) -> InventedCluster.Reply {
        guard let place = Place(request) else {
            return .whole(status: 404, retryAfter: nil, body: Self.status(404, "NotFound", "no such path"))
        }
        let reply = self.reply(to: request, place)
        let status: Int
        switch reply {
        case .whole(let code, _, _): status = code
        case .watch: status = 200
        case .broken: status = 0
        }
        self.log.append(
            InventedCluster.Entry(
                token: request.token,
                rule: place.rule,
                name: place.name,
                status: status,
                body: JSON(bytes: request.body)
            )
        )
        return reply
    }

    private mutating func reply(to request: InventedCluster.Request, _ place: Place) -> InventedCluster.Reply {
        if let index = self.faults.firstIndex(where: { $0.0(place.rule) }) { return self.faults.remove(at: index).1 }
        if let tokens = self.tokens, !tokens.contains(request.token ?? "") {
            return .whole(status: 401, retryAfter: nil, body: Self.status(401, "Unauthorized", "Unauthorized"))
        }
        switch place.rule.verb {
        case "watch": return self.watch(request, place)
        case "list": return self.list(request, place)
        case "create": return self.create(request, place)
        default: break
        }
        guard let path = place.path, let object = self.objects[path] else {
            return .whole(
                status: 404,
                retryAfter: nil,
                body: Self.status(404, "NotFound", "\(place.name ?? "") not found")
            )
        }
        let known = place.subresource == "scale" ? Self.scale(object) : object
        switch place.rule.verb {
        case "get": return .whole(status: 200, retryAfter: nil, body: known)
        case "delete":
            self.delete(path)
            return .whole(status: 200, retryAfter: nil, body: known)
        default: break
        }
        guard let body = JSON(bytes: request.body) else {
            return .whole(status: 400, retryAfter: nil, body: Self.status(400, "BadRequest", "no JSON"))
        }
        guard place.rule.verb != "patch" || request.contentType == "application/merge-patch+json" else {
            return .whole(status: 415, retryAfter: nil, body: Self.status(415, "UnsupportedMediaType", "which patch?"))
        }
        let wanted = place.rule.verb == "patch" ? known.merged(body) : body
        guard let version = wanted["metadata"]["resourceVersion"].string,
            version == object["metadata"]["resourceVersion"].string
        else {
            let message = "the object has been modified; please apply your changes to the latest version and try again"
            return .whole(status: 409, retryAfter: nil, body: Self.status(409, "Conflict", message))
        }
        if let problem = Self.problem(wanted) {
            return .whole(status: 422, retryAfter: nil, body: Self.status(422, "Invalid", problem))
        }
        var changed = wanted
        if place.subresource == "scale" {
            changed = object
            changed["spec"]["replicas"] = .number(Double(wanted["spec"]["replicas"].integer ?? 0))
        }
        self.store(path, changed)
        let stored = self.objects[path] ?? .null
        return .whole(status: 200, retryAfter: nil, body: place.subresource == "scale" ? Self.scale(stored) : stored)
    }

    private static func scale(_ object: JSON) -> JSON {
        let replicas = object["spec"]["replicas"].integer ?? 0
        return [
            "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": object["metadata"],
            // As the server does: nought is left out.
            "spec": replicas == 0 ? [:] : ["replicas": .number(Double(replicas))],
            "status": ["replicas": .number(Double(replicas))],
        ]
    }

    /// What a server would find wrong in what is written here.
    private static func problem(_ object: JSON) -> String? {
        guard object["kind"].string == "Lease" else { return nil }
        for key in ["acquireTime", "renewTime"] {
            guard let time = object["spec"][key].string else { continue }
            guard time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/) != nil else {
                return "\(key) \(time) is no MicroTime"
            }
        }
        let length = object["spec"]["leaseDurationSeconds"].integer ?? 1
        return length > 0 ? nil : "leaseDurationSeconds must be greater than 0"
    }

    private mutating func create(_ request: InventedCluster.Request, _ place: Place) -> InventedCluster.Reply {
        guard let body = JSON(bytes: request.body), let name = body["metadata"]["name"].string else {
            return .whole(status: 400, retryAfter: nil, body: Self.status(400, "BadRequest", "no JSON with a name"))
        }
        let path = "\(place.collection)/\(name)"
        guard self.objects[path] == nil else {
            return .whole(
                status: 409,
                retryAfter: nil,
                body: Self.status(409, "AlreadyExists", "\(name) already exists")
            )
        }
        if let problem = Self.problem(body) {
            return .whole(status: 422, retryAfter: nil, body: Self.status(422, "Invalid", problem))
        }
        self.store(path, body)
        return .whole(status: 201, retryAfter: nil, body: self.objects[path] ?? .null)
    }

    private func list(_ request: InventedCluster.Request, _ place: Place) -> InventedCluster.Reply {
        let all = self.objects.filter { path, object in
            Self.split(path).collection == place.collection && Self.matches(object, request.query["labelSelector"])
        }.sorted { $0.key < $1.key }.map(\.value)
        // Pages are small, so that there is more than one.
        let start = request.query["continue"].flatMap { Int($0) } ?? 0
        let size = min(request.query["limit"].flatMap { Int($0) } ?? 3, 3)
        let page = Array(all.dropFirst(start).prefix(size))
        var metadata: JSON = ["resourceVersion": .text("\(self.version)")]
        if start + size < all.count { metadata["continue"] = .text("\(start + size)") }
        return .whole(
            status: 200,
            retryAfter: nil,
            body: ["kind": "List", "metadata": metadata, "items": .list(page)]
        )
    }

    private mutating func watch(_ request: InventedCluster.Request, _ place: Place) -> InventedCluster.Reply {
        let from = request.query["resourceVersion"].flatMap { Int($0) } ?? self.version
        guard from >= self.oldest else {
            let body = Self.status(410, "Expired", "too old resource version: \(from) (\(self.oldest))")
            return .whole(status: 410, retryAfter: nil, body: body)
        }
        let selector = request.query["labelSelector"]
        self.watches += 1
        self.watchers[self.watches] = Watcher(
            collection: place.collection,
            selector: selector,
            sink: nil,
            missed: self.history.filter {
                $0.version > from && $0.collection == place.collection && Self.matches($0.object, selector)
            }.map { Self.line($0.type, $0.object) }
        )
        return .watch(number: self.watches)
    }
}

/// What a path means.
struct Place {
    let collection: String
    let name: String?
    let subresource: String?
    let rule: InventedCluster.Rule

    var path: String? { self.name.map { "\(self.collection)/\($0)" } }

    init?(_ request: InventedCluster.Request) {
        let parts = request.path.split(separator: "/").map(String.init)
        // /api/v1/namespaces/NS/PLURAL[/NAME[/SUB]] or /apis/GROUP/VERSION/namespaces/...
        let head = parts.first == "api" ? 2 : 3
        guard parts.count >= head + 3, parts[head] == "namespaces" else { return nil }
        self.collection = "/" + parts[..<(head + 3)].joined(separator: "/")
        self.name = parts.count > head + 3 ? parts[head + 3] : nil
        self.subresource = parts.count > head + 4 ? parts[head + 4] : nil
        let verb: String
        switch (request.method, self.name) {
        case ("GET", nil): verb = request.query["watch"] == "true" ? "watch" : "list"
        case ("GET", _): verb = "get"
        case ("POST", nil): verb = "create"
        case ("PUT", _?): verb = "update"
        case ("PATCH", _?): verb = "patch"
        case ("DELETE", _?): verb = "delete"
        default: return nil
        }
        self.rule = InventedCluster.Rule(
            group: head == 2 ? "" : parts[1],
            resource: parts[head + 2] + (self.subresource.map { "/\($0)" } ?? ""),
            verb: verb
        )
    }
}
