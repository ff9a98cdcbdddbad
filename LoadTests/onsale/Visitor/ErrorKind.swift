/// What can go wrong for a visitor, told apart where a reader of the report would act differently.
enum ErrorKind: String, CaseIterable, Codable, Sendable {
    case refused = "connection refused"
    case connectTimedOut = "connect timed out"
    case broken = "connection broken"
    case answerTimedOut = "response timed out"
    case gatewayError = "5xx by the gateway"
    case workerError = "5xx by a worker"
    case rejected = "4xx"
    case badAnswer = "response not understood"
    /// The load tool's own machine ran out of descriptors or ports: says nothing about what is under test.
    case toolLimit = "load tool's limit"

    /// A person would press reload.
    var isWorthRetry: Bool { self != .rejected }

    var isServerError: Bool { self == .gatewayError || self == .workerError }
}
