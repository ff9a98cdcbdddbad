import EventLoop
import HTTPService
import Observability
import Reports
import Transport

/// The admin listener: health, metrics, status and the few actions over HTTP. What is not there is answered with what is.
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
        for route in routes {
            guard let name = route.match(path) else { continue }
            guard route.methods.contains(request.methodText) else {
                return self.respond(
                    responder,
                    status: 405,
                    problem: "\(path) takes \(route.methods.joined(separator: " or "))",
                    list: "methods",
                    route.methods,
                    fields: [ServiceField("allow", route.methods.joined(separator: ", "))]
                )
            }
            if case .action = route.page, request.header(named: "sluice-action") != route.lastWord {
                return self.respond(
                    responder,
                    status: 403,
                    problem: "the request must carry the field Sluice-Action: \(route.lastWord)",
                    list: "fields",
                    ["sluice-action"]
                )
            }
            var values: [String: String] = [:]
            for key in ["after", "count", "mode", "workers", "seconds", "worker"] {
                values[key] = request.queryValue(key)
            }
            return self.show(route.page, AdminQuestion(name: name, values: values), responder)
        }
        self.respond(responder, status: 404, problem: "there is no page \(path)", list: "pages", routes.map(\.path))
    }

    private static func show(_ page: AdminRoute.Page, _ question: AdminQuestion, _ responder: Responder) {
        let uncached = [ServiceField("cache-control", "no-store")]
        switch page {
        case .liveness(let handler):
            handler { problems in
                guard !problems.isEmpty else { return responder.respond(status: 200, fields: uncached, body: "ok\n") }
                Self.respond(
                    responder,
                    status: 503,
                    problem: "not live",
                    list: "problems",
                    problems,
                    fields: uncached
                )
            }
        case .readiness(let handler):
            handler { readiness in
                responder.respond(
                    status: readiness.ready ? 200 : 503,
                    contentType: "application/json",
                    fields: uncached,
                    body: readiness.encoded()
                )
            }
        case .question(let handler):
            handler(question) { self.respond(responder, $0, contentType: "application/x-ndjson") }
        case .action(let handler):
            handler(question) { self.respond(responder, $0, contentType: "application/json") }
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

    private static func respond(
        _ responder: Responder,
        _ result: Result<[UInt8], AdminProblem>,
        contentType: StaticString
    ) {
        let uncached = [ServiceField("cache-control", "no-store")]
        switch result {
        case .success(let body):
            responder.respond(status: 200, contentType: contentType, fields: uncached, body: body)
        case .failure(let problem):
            self.respond(
                responder,
                status: problem.status,
                problem: problem.message,
                list: "known",
                problem.known,
                fields: uncached
            )
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
