/// What can go wrong for a visitor, told apart where a reader of the report would act differently.
enum ErrorKind: String, CaseIterable, Codable, Sendable {
    case refused = "connection refused"
    case connectTimedOut = "connect timed out"
    case broken = "connection broken"
    case answerTimedOut = "response timed out"
    case gatewayError = "5xx by the gateway"
    case workerError = "5xx by a worker"
    /// A site of which nothing is known but its address, and no gateway of Sluice has signed it.
    case siteError = "5xx by the site"
    /// Neither the gateway's name is on it nor the worker's, or both are: nobody knows whom to look at.
    case unsignedError = "5xx by nobody knows whom"
    case rejected = "4xx"
    case badAnswer = "response not understood"
    case oversizedHead = "head of a response too large"
    /// Each leads to the next, and none to a page.
    case endlessRedirect = "redirects without end"
    /// A page of the sale that was made for another request than the visitor's, or that no worker has made.
    case foreignPage = "page of another request"
    /// A page of a site that is not as the scenario's pages say.
    case failedCheck = "page failed its checks"
    /// Something that belongs to the page did not come.
    case missingAsset = "part of a page missing"
    case sentElsewhere = "redirect to another site"
    /// The site holds back so many answers that no connection was left for this request.
    case crowdedOut = "no connection left: answers are held back"
    /// The load tool's own machine ran out of descriptors or ports: says nothing about what is under test.
    case toolLimit = "load tool's limit"

    /// A person would press reload.
    var isWorthRetry: Bool { self != .rejected && self != .sentElsewhere }

    /// The request may have been read, though nothing came of it.
    var mayHaveBeenHeard: Bool {
        switch self {
        case .refused, .connectTimedOut, .crowdedOut, .toolLimit: false
        case .broken, .answerTimedOut, .gatewayError, .workerError, .siteError, .unsignedError, .rejected, .badAnswer,
            .oversizedHead, .endlessRedirect, .foreignPage, .failedCheck, .missingAsset, .sentElsewhere:
            true
        }
    }

    /// No whole answer came.
    var isOfTheConnection: Bool {
        switch self {
        case .refused, .connectTimedOut, .broken, .answerTimedOut, .crowdedOut: true
        case .gatewayError, .workerError, .siteError, .unsignedError, .rejected, .badAnswer, .oversizedHead,
            .endlessRedirect, .foreignPage, .failedCheck, .missingAsset, .sentElsewhere, .toolLimit:
            false
        }
    }

    var isServerError: Bool {
        switch self {
        case .gatewayError, .workerError, .siteError, .unsignedError: true
        case .refused, .connectTimedOut, .broken, .answerTimedOut, .rejected, .badAnswer, .oversizedHead,
            .endlessRedirect, .foreignPage, .failedCheck, .missingAsset, .sentElsewhere, .crowdedOut, .toolLimit:
            false
        }
    }
}
