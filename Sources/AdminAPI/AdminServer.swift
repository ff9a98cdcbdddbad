import EventLoop
import HTTPService
import Observability
import Reports
import Transport

/// The admin listener: health, metrics and status over HTTP, read only. What is not there is answered with what is.
public final class AdminServer {
    private let service: HTTPService

    /// Connections beyond are closed as they come: this listener is for machines and operators.
    public static let maxConnections = 100

    public init(loop: EventLoop, address: SocketAddress, routes: [AdminRoute], tls: TLSContext? = nil) throws {
        precondition(Set(routes.map(\.path)).count == routes.count, "two admin pages have one path")
        var limits = ServiceLimits()
        limits.maxConnections = Self.maxConnections
        limits.maxBodyBytes = 4 * 1024
        self.service = try HTTPService(loop: loop, address: address, limits: limits, tls: tls) { request, responder in
            Self.answer(request, responder, routes)
        }
    }

    /// Where the server listens; nil once it is closing.
    public var boundAddress: SocketAddress? { self.service.boundAddress }

    /// Stops listening, answers what has been asked, and calls `completion` when no connection is left.
    public func close(_ completion: @escaping () -> Void = {}) { self.service.close(completion) }

    private static func answer(_ request: borrowing ServiceRequest, _ responder: Responder, _ routes: [AdminRoute]) {
        let path = request.path
        guard let route = routes.first(where: { $0.path == path }) else {
            return Self.respond(
                responder,
                status: 404,
                problem: "there is no page \(path)",
                list: "pages",
                routes.map(\.path)
            )
        }
        guard request.method == .get || request.method == .head else {
            let allowed = ["GET", "HEAD"]
            return Self.respond(
                responder,
                status: 405,
                problem: "\(path) is read only",
                list: "methods",
                allowed,
                fields: [ServiceField("allow", allowed.joined(separator: ", "))]
            )
        }
        Self.show(route.page, responder)
    }

    private static func show(_ page: AdminRoute.Page, _ responder: Responder) {
        let uncached = [ServiceField("cache-control", "no-store")]
        switch page {
        case .health(let handler):
            handler { problems in
                guard !problems.isEmpty else { return responder.respond(status: 200, fields: uncached, body: "ok\n") }
                Self.respond(
                    responder,
                    status: 503,
                    problem: "not healthy",
                    list: "problems",
                    problems,
                    fields: uncached
                )
            }
        case .metrics(let handler):
            handler { text in
                responder.respond(
                    status: 200,
                    contentType: PrometheusText.contentType,
                    fields: uncached,
                    body: text
                )
            }
        case .status(let handler):
            handler { report in
                do {
                    let json = try report.encoded()
                    responder.respond(status: 200, contentType: "application/json", fields: uncached, body: json)
                } catch {
                    Self.respond(
                        responder,
                        status: 500,
                        problem: "the report cannot be written as JSON",
                        list: "problems",
                        ["\(error)"],
                        fields: uncached
                    )
                }
            }
        case .json(let handler):
            handler { json in
                responder.respond(status: 200, contentType: "application/json", fields: uncached, body: json)
            }
        }
    }

    /// `{"error": problem, list: items}`
    private static func respond(
        _ responder: Responder,
        status: UInt16,
        problem: String,
        list: String,
        _ items: [String],
        fields: [ServiceField] = []
    ) {
        var json = JSONWriter()
        json.beginObject()
        json.member("error", problem)
        json.key(list)
        json.beginArray()
        for item in items { json.value(item) }
        json.endArray()
        json.endObject()
        responder.respond(status: status, contentType: "application/json", fields: fields, body: json.finished())
    }
}
