/// One page on its way into a browser: the document, over redirects, and then what is loaded beside it. The page is
/// there when all of that is.
///
/// A value without socket: whoever plays it sends the requests that each call returns, and reports what came of them.
struct PageLoad: Sendable {
    /// Redirects that are followed, as browsers do.
    static let mostRedirects = 20

    struct Asking: Equatable, Sendable {
        let number: Int
        let request: PageRequest
    }

    enum End: Equatable, Sendable {
        /// The document, and what of its assets did not come.
        case page(PageResponse, missing: [String])
        case failed(ErrorKind)
        /// A redirect to another site, which is not played.
        case sentElsewhere(SiteURL)
        /// More redirects than are followed; the different places, from the first on.
        case sentInCircles([String])
    }

    enum Action: Equatable, Sendable {
        case ask([Asking])
        /// The document is there: say what belongs to it with `load`.
        case choose(PageResponse, SiteURL)
        case end(End)
    }

    private enum State: Equatable, Sendable {
        case document(PageRequest, SiteURL, trail: [String])
        case choosing(PageResponse, SiteURL)
        case assets(PageResponse, pending: [Int: String], missing: [String])
        case ended
    }

    private var state: State
    private var nextNumber: Int

    /// - Parameter firstNumber: higher than those of earlier pages, so that late answers to them are told apart.
    init(_ request: PageRequest, url: SiteURL, firstNumber: Int) {
        self.state = .document(request, url.following(request.target) ?? url, trail: [])
        self.nextNumber = firstNumber
    }

    var isEnded: Bool { self.state == .ended }
    /// Higher than all that were given out.
    var numberAfter: Int { self.nextNumber }
    /// The number of the first request, whose sending is that of the page.
    mutating func start() -> Asking {
        guard case .document(let request, _, _) = self.state else { preconditionFailure("a page is loaded once") }
        return self.asking(request)
    }

    private mutating func asking(_ request: PageRequest) -> Asking {
        defer { self.nextNumber += 1 }
        return Asking(number: self.nextNumber, request: request)
    }

    mutating func answered(_ number: Int, _ response: PageResponse) -> Action {
        switch self.state {
        case .document(let request, let url, let trail):
            guard let link = Self.redirect(response) else {
                self.state = .choosing(response, url)
                return .choose(response, url)
            }
            guard let next = url.following(link) else { return self.end(.failed(.badAnswer)) }
            guard trail.count < Self.mostRedirects else { return self.end(.sentInCircles(Self.places(trail))) }
            guard next.isSameOrigin(as: url) else { return self.end(.sentElsewhere(next)) }
            var following = request
            following.target = next.target
            // Only 307 and 308 send the same again (RFC 9110 section 15.4).
            if ![307, 308].contains(response.status), request.method != "HEAD" {
                following.method = "GET"
                following.body = []
                following.fields.removeAll { $0.name == "content-type" }
            }
            self.state = .document(following, next, trail: trail + [url.target])
            return .ask([self.asking(following)])
        case .assets(let document, var pending, var missing):
            guard let target = pending.removeValue(forKey: number) else { return .ask([]) }
            if response.status >= 400 { missing.append("\(target) (status \(response.status))") }
            return self.wait(document, pending, missing)
        case .choosing: preconditionFailure("an answer while the page is looked at")
        case .ended: return .ask([])
        }
    }

    mutating func failed(_ number: Int, _ kind: ErrorKind) -> Action {
        switch self.state {
        case .document: return self.end(.failed(kind))
        case .assets(let document, var pending, var missing):
            guard let target = pending.removeValue(forKey: number) else { return .ask([]) }
            missing.append("\(target) (\(kind.rawValue))")
            return self.wait(document, pending, missing)
        case .choosing, .ended: return .ask([])
        }
    }

    /// What belongs to the page: paths and queries on the same site.
    mutating func load(_ targets: [String]) -> Action {
        guard case .choosing(let document, _) = self.state else { preconditionFailure("no page is looked at") }
        var pending: [Int: String] = [:]
        var asked: [Asking] = []
        for target in targets {
            var request = PageRequest(target: target)
            request.keepsBody = false
            asked.append(self.asking(request))
            pending[asked[asked.count - 1].number] = target
        }
        guard !asked.isEmpty else { return self.end(.page(document, missing: [])) }
        self.state = .assets(document, pending: pending, missing: [])
        return .ask(asked)
    }

    private mutating func wait(_ document: PageResponse, _ pending: [Int: String], _ missing: [String]) -> Action {
        guard !pending.isEmpty else { return self.end(.page(document, missing: missing)) }
        self.state = .assets(document, pending: pending, missing: missing)
        return .ask([])
    }

    private mutating func end(_ end: End) -> Action {
        self.state = .ended
        return .end(end)
    }

    /// Each once.
    private static func places(_ trail: [String]) -> [String] {
        trail.enumerated().filter { !trail[..<$0.offset].contains($0.element) }.map(\.element)
    }

    private static func redirect(_ response: PageResponse) -> String? {
        guard [301, 302, 303, 307, 308].contains(response.status) else { return nil }
        return response.value(of: "location")
    }
}
