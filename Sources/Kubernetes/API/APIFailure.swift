/// Why a call to the API server came to nothing, in words that say what to do.
public enum APIFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// No connection, a broken one, or no answer in time: what was asked, where, and what came of it.
    case unreachable(String)
    /// The server said no.
    case refused(Refusal)
    /// What came is not what the API's documentation says.
    case unreadable(String)
    /// This controller may not act any more, and so the call was not made.
    case held

    public struct Refusal: Equatable, Sendable {
        public let code: Int
        /// The `Status` object's own, such as `AlreadyExists`; empty without one.
        public let reason: String
        public let message: String
        /// Which call it was.
        public let words: String
        /// What a role has to say to allow it.
        public let rule: String
        public let retryAfterSeconds: Int64?
    }

    /// Of an answer that is none of success.
    public init(_ response: APIResponse, to request: APIRequest) {
        let status = Status(response.body)
        self = .refused(
            Refusal(
                code: response.status,
                reason: status?.reason ?? "",
                message: String((status?.message ?? "").prefix(500)),
                words: request.words,
                rule: "apiGroups [\"\(request.resource.group)\"], resources [\"\(request.ruleResource)\"], verbs "
                    + "[\"\(request.verb.rawValue)\"]",
                retryAfterSeconds: response.retryAfterSeconds ?? status?.details?.retryAfterSeconds
            )
        )
    }

    public var code: Int? { if case .refused(let refusal) = self { refusal.code } else { nil } }
    /// Somebody else has changed it meanwhile.
    public var isConflict: Bool { self.code == 409 }
    public var isMissing: Bool { self.code == 404 }
    /// What was asked to go on from is not kept any more.
    public var isGone: Bool { self.code == 410 }

    /// May work when it is tried again.
    public var isPassing: Bool {
        switch self {
        case .unreachable: true
        case .refused(let refusal): refusal.code == 429 || refusal.code >= 500
        case .unreadable, .held: false
        }
    }

    public var description: String {
        switch self {
        case .unreachable(let what):
            "the API server cannot be reached: \(what). Look whether it runs there and lets this host in, and at `server` "
                + "in the kubeconfig; in a pod at KUBERNETES_SERVICE_HOST and at network policies"
        case .unreadable(let what): "the API server's answer cannot be read: \(what)"
        case .held: "this controller does not lead any more, and so nothing was changed"
        case .refused(let refusal): Self.text(refusal)
        }
    }

    private static func text(_ refusal: Refusal) -> String {
        let said = refusal.message.isEmpty ? "" : " (the server says: \(refusal.message))"
        let what = "cannot \(refusal.words)"
        return switch refusal.code {
        case 401:
            "\(what): the API server does not know who asks. The token is wrong or has expired: look at the service "
                + "account, or at the user in kubeconfig\(said)"
        case 403: "\(what): not allowed. Add a rule to the role of the service account: \(refusal.rule)\(said)"
        case 404: "\(what): there is none. Look at the names under kubernetes in the configuration\(said)"
        case 409: "\(what): somebody else has changed it meanwhile\(said)"
        case 422: "\(what): the API server finds it wrong\(said)"
        case 429: "\(what): the API server has too much to do\(said)"
        default: "\(what): the API server answered \(refusal.code) \(refusal.reason)\(said)"
        }
    }
}
