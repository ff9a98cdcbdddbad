import Reports

/// A page of the admin listener. Its handler answers when it can, on the listener's loop and exactly once.
public struct AdminRoute {
    enum Page {
        case liveness((@escaping ([String]) -> Void) -> Void)
        case readiness((@escaping (Readiness) -> Void) -> Void)
        case metrics((@escaping (String) -> Void) -> Void)
        case status((@escaping (StatusReport) -> Void) -> Void)
        case json((@escaping ([UInt8]) -> Void) -> Void)
        case question((AdminQuestion, @escaping (Result<[UInt8], AdminProblem>) -> Void) -> Void)
        case action((AdminQuestion, @escaping (Result<[UInt8], AdminProblem>) -> Void) -> Void)
    }
    /// `*` stands for one segment.
    let path: String
    let page: Page

    /// `/livez`: 200 and `ok` when the handler answers with no problems, else 503 and the problems. It says that the
    /// process runs, and nothing of what it can reach: whoever restarts what is not live would make an outage worse.
    public static func liveness(_ handler: @escaping (@escaping ([String]) -> Void) -> Void) -> AdminRoute {
        AdminRoute(path: "/livez", page: .liveness(handler))
    }

    /// `/readyz`, and the same as `/healthz`: 200 or 503, with the readiness as JSON.
    public static func readiness(
        _ handler: @escaping (@escaping (Readiness) -> Void) -> Void
    ) -> [AdminRoute] {
        ["/readyz", "/healthz"].map { AdminRoute(path: $0, page: .readiness(handler)) }
    }

    /// `/metrics`, in Prometheus's text format.
    public static func metrics(_ handler: @escaping (@escaping (String) -> Void) -> Void) -> AdminRoute {
        AdminRoute(path: "/metrics", page: .metrics(handler))
    }

    /// `/status`, as JSON.
    public static func status(_ handler: @escaping (@escaping (StatusReport) -> Void) -> Void) -> AdminRoute {
        AdminRoute(path: "/status", page: .status(handler))
    }

    /// Another page of JSON.
    public static func json(_ path: String, _ handler: @escaping (@escaping ([UInt8]) -> Void) -> Void) -> AdminRoute {
        precondition(path.hasPrefix("/"), "'\(path)' is no path")
        return AdminRoute(path: path, page: .json(handler))
    }

    /// A page of JSON lines about what the path names.
    public static func question(
        _ path: String,
        _ handler: @escaping (AdminQuestion, @escaping (Result<[UInt8], AdminProblem>) -> Void) -> Void
    ) -> AdminRoute {
        precondition(path.hasPrefix("/"), "'\(path)' is no path")
        return AdminRoute(path: path, page: .question(handler))
    }

    /// Something that is done, by POST. The request must carry the field `Sluice-Action` with the path's last word: a
    /// page in an operator's browser cannot send it to another site.
    public static func action(
        _ path: String,
        _ handler: @escaping (AdminQuestion, @escaping (Result<[UInt8], AdminProblem>) -> Void) -> Void
    ) -> AdminRoute {
        precondition(path.hasPrefix("/"), "'\(path)' is no path")
        return AdminRoute(path: path, page: .action(handler))
    }

    /// What stands in the path's place of `*`; empty without one. Nil when the path is another one.
    func match(_ path: String) -> String? {
        guard self.path.contains("*") else { return self.path == path ? "" : nil }
        let wanted = self.path.split(separator: "/", omittingEmptySubsequences: false)
        let given = path.split(separator: "/", omittingEmptySubsequences: false)
        guard wanted.count == given.count else { return nil }
        var name = ""
        for (wanted, given) in zip(wanted, given) {
            if wanted == "*" { name = String(given) } else if wanted != given { return nil }
        }
        return name.isEmpty ? nil : name
    }

    var methods: [String] {
        if case .action = self.page { return ["POST"] }
        return ["GET", "HEAD"]
    }
    var lastWord: String { self.path.split(separator: "/").last.map(String.init) ?? "" }
}

/// What a page is asked about.
public struct AdminQuestion: Equatable, Sendable {
    /// The segment of the path that names it.
    public let name: String
    /// Values of the query, as sent.
    public let values: [String: String]

    public init(name: String, values: [String: String] = [:]) {
        self.name = name
        self.values = values
    }
}

/// Why a question gets no answer, or an action was not done.
public struct AdminProblem: Error, Equatable, Sendable {
    public let status: UInt16
    public let message: String
    /// What there is instead.
    public let known: [String]

    public init(status: UInt16, _ message: String, known: [String] = []) {
        self.status = status
        self.message = message
        self.known = known
    }
}
