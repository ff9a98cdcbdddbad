import HTTPWire
import Primitives

/// An error that the gateway makes itself, marked as such in the answer: `Sluice-Error: side; cause`.
struct GatewayError: Error, Equatable {
    enum Side: String { case downstream, upstream, `internal` }

    enum Cause: String, CaseIterable, Sendable {
        case badRequest = "bad-request"
        case tooLarge = "too-large"
        case requestTimeout = "request-timeout"
        case noRoute = "no-route"
        case notImplemented = "not-implemented"
        case connectFailed = "connect-failed"
        case connectionLost = "connection-lost"
        case badResponse = "bad-response"
        case responseTimeout = "response-timeout"
        case noWorker = "no-worker"
        case queueFull = "queue-full"
        case queueTimeout = "queue-timeout"
        case joinsFull = "joins-full"
        case visitorLimit = "visitor-limit"
        case tunnelLimit = "tunnel-limit"
        case shuttingDown = "shutting-down"
        case outOfMemory = "out-of-memory"
        case loopDetected = "loop-detected"

        var index: Int { Self.allCases.firstIndex(of: self)! }
    }

    let status: Int
    let side: Side
    let cause: Cause
    /// For the person who reads the answer: what happened and what to do.
    let message: String
    var retryAfterSeconds: Int? = nil

    /// The pool has too few workers, which is for the scaling policy to know. Failures of single workers are counted as
    /// they happen, also when another worker then serves the request.
    var isForWantOfWorkers: Bool {
        switch self.cause {
        case .noWorker, .queueFull, .queueTimeout: true
        default: false
        }
    }

    static let noRoute = GatewayError(
        status: 404,
        side: .downstream,
        cause: .noRoute,
        message: "No route of this gateway covers this host and path."
    )
    static let ambiguousPath = GatewayError(
        status: 400,
        side: .downstream,
        cause: .badRequest,
        message: "The path can be read in two ways, which lead through different waiting rooms. Write it plainly."
    )
    static func badPath(_ reason: String) -> GatewayError {
        GatewayError(
            status: 400,
            side: .downstream,
            cause: .badRequest,
            message: "The path cannot be read in one way: \(reason)."
        )
    }
    static let requestTimeout = GatewayError(
        status: 408,
        side: .downstream,
        cause: .requestTimeout,
        message: "The request did not arrive in time."
    )
    static let bodyTooLarge = GatewayError(
        status: 413,
        side: .downstream,
        cause: .tooLarge,
        message: "The body is larger than this gateway lets through."
    )
    static let noWorker = GatewayError(
        status: 503,
        side: .upstream,
        cause: .noWorker,
        message: "No worker is ready for this request.",
        retryAfterSeconds: 2
    )
    static let queueFull = GatewayError(
        status: 503,
        side: .upstream,
        cause: .queueFull,
        message: "Too many requests are waiting for a worker.",
        retryAfterSeconds: 2
    )
    static let queueTimeout = GatewayError(
        status: 503,
        side: .upstream,
        cause: .queueTimeout,
        message: "No worker became free in time.",
        retryAfterSeconds: 2
    )
    static let joinsFull = GatewayError(
        status: 503,
        side: .internal,
        cause: .joinsFull,
        message: "Too many visitors are joining at once.",
        retryAfterSeconds: 2
    )
    static let visitorLimit = GatewayError(
        status: 429,
        side: .downstream,
        cause: .visitorLimit,
        message: "This visitor has as many requests or connections under way as one may have.",
        retryAfterSeconds: 1
    )
    static let tunnelLimit = GatewayError(
        status: 503,
        side: .internal,
        cause: .tunnelLimit,
        message: "As many connections as may be switched to another protocol are open.",
        retryAfterSeconds: 5
    )
    static let connectFailed = GatewayError(
        status: 502,
        side: .upstream,
        cause: .connectFailed,
        message: "No worker could be reached.",
        retryAfterSeconds: 2
    )
    static let connectionLost = GatewayError(
        status: 502,
        side: .upstream,
        cause: .connectionLost,
        message: "The worker broke off before it answered."
    )
    static let badResponse = GatewayError(
        status: 502,
        side: .upstream,
        cause: .badResponse,
        message: "The worker's answer was not valid HTTP."
    )
    static let responseTimeout = GatewayError(
        status: 504,
        side: .upstream,
        cause: .responseTimeout,
        message: "The worker did not answer in time."
    )
    static let outOfMemory = GatewayError(
        status: 503,
        side: .internal,
        cause: .outOfMemory,
        message: "This gateway has no memory left for the response.",
        retryAfterSeconds: 2
    )
    static let loopDetected = GatewayError(
        status: 508,
        side: .downstream,
        cause: .loopDetected,
        message: "This request goes round in a circle of gateways: a worker's address leads back to one of them."
    )
    static let shuttingDown = GatewayError(
        status: 503,
        side: .internal,
        cause: .shuttingDown,
        message: "This gateway is shutting down.",
        retryAfterSeconds: 1
    )
}

extension GatewayError {
    /// What is wrong with a request that could not be read.
    init(_ failure: WireFailure) {
        let cause: Cause =
            switch failure.status {
            case 413, 414, 431: .tooLarge
            case 501: .notImplemented
            default: .badRequest
            }
        self.init(
            status: Int(failure.status),
            side: .downstream,
            cause: cause,
            message: failure.reason.description
        )
    }

    /// Appends the fields of the response that tells of the error. `random` spreads those who are refused together, so
    /// that they do not come back together.
    func writeFields(to writer: inout ByteWriter, random: UInt64 = 0) {
        writer.append("Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nSluice-Error: ")
        writer.append(self.side.rawValue)
        writer.append("; ")
        writer.append(self.cause.rawValue)
        if let seconds = self.retryAfterSeconds {
            writer.append("\r\nRetry-After: ")
            writer.append(decimal: self.status == 503 ? seconds + Int(random % UInt64(seconds + 2)) : seconds)
        }
        writer.append("\r\n")
    }

    var bodyBytes: Int { self.message.utf8.count + 1 }

    func writeBody(to writer: inout ByteWriter) {
        writer.append(self.message)
        writer.append("\n")
    }
}
