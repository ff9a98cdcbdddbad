import Reports

/// A page of the admin listener. Its handler answers when it can, on the listener's loop and exactly once.
public struct AdminRoute {
    enum Page {
        case health((@escaping ([String]) -> Void) -> Void)
        case metrics((@escaping (String) -> Void) -> Void)
        case status((@escaping (StatusReport) -> Void) -> Void)
        case json((@escaping ([UInt8]) -> Void) -> Void)
    }
    let path: String
    let page: Page

    /// `/healthz`: 200 and `ok` when the handler answers with no problems, else 503 and the problems as JSON.
    public static func health(_ handler: @escaping (@escaping ([String]) -> Void) -> Void) -> AdminRoute {
        AdminRoute(path: "/healthz", page: .health(handler))
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
}
