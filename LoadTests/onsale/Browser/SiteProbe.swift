import EventLoop
import Glibc
import HTTPWire
import Primitives
import Transport

/// Asks a site for one page, before a crowd does, and says in one line what is wrong with it when something is.
///
/// Lives on the loop until it has called back.
final class SiteProbe: BrowserHost, BrowserUser {
    /// What is known of an address that answers.
    struct Answer: Equatable, Sendable {
        var status: Int
        /// `HTTP/2` or `HTTP/1.1`.
        var version: String
        /// The first page was one of a waiting room.
        var isRoom: Bool
    }

    let loop: EventLoop
    let target: SiteTarget
    var head = ResponseHead(limits: HTTP1Codec.limits)
    private let step: PageStep
    private var browser: Browser!
    private var page: PageLoad?
    /// The first page changes something, so it is not asked for.
    private var asksForAnother = false
    private var timer: LoopTimer!
    private var completion: ((Result<Answer, PlayProblem>) -> Void)?

    /// - Parameter target: with the one address that is asked.
    init(_ target: SiteTarget, step: PageStep, on loop: EventLoop) {
        self.loop = loop
        self.target = target
        self.step = step
        self.browser = Browser(self, index: 0)
        self.timer = LoopTimer(loop: loop) { [weak self] in self?.failed(nil, .answerTimedOut) }
    }

    /// Calls back once, on the loop.
    func ask(_ completion: @escaping (Result<Answer, PlayProblem>) -> Void) {
        self.loop.preconditionOnLoop()
        self.completion = completion
        // Values that no page has given yet do not matter here.
        let first = self.step.request(["visitor": "0", "random": "0"], url: self.target.url)
        var request = first ?? PageRequest(target: self.target.url.target)
        // What is sent once too often must change nothing.
        if !request.isRepeatable {
            request = PageRequest(target: self.target.url.target)
            self.asksForAnother = true
        }
        request.add("accept", "text/html,*/*;q=0.8")
        request.add("user-agent", "onsale")
        request.add("accept-encoding", "identity")
        self.browser.serve(self)
        self.timer.arm(afterNanoseconds: CrowdPart.answerTimeoutNanoseconds)
        var page = PageLoad(request, url: self.target.url, firstNumber: 0)
        let asking = page.start()
        self.page = page
        self.browser.ask(asking.request, number: asking.number)
    }

    private func end(_ result: Result<Answer, PlayProblem>) {
        guard let completion = self.completion else { return }
        self.completion = nil
        self.timer.disarm()
        // Further up the stack the browser is still at work; it refers to this object until it stops.
        self.loop.onNextTurn {
            self.browser.stop()
            self.browser = nil
            completion(result)
        }
    }

    // MARK: What comes back

    func sent(_ number: Int) {}

    func answered(_ number: Int, _ response: PageResponse) {
        guard self.completion != nil, let action = self.page?.answered(number, response) else { return }
        self.act(action)
    }

    func failed(_ number: Int, _ kind: ErrorKind, detail: CloseReason?) { self.failed(detail, kind) }

    private func act(_ action: PageLoad.Action) {
        switch action {
        case .ask(let requests): for asking in requests { self.browser.ask(asking.request, number: asking.number) }
        case .choose(let document, let url):
            let reading = PageReading(document, step: self.step, url: url, cookies: self.browser.cookies)
            self.end(self.judge(document, reading, url))
        case .end(.sentElsewhere(let url)):
            self.end(
                .failure(
                    PlayProblem(
                        "\(self.target.url.origin) sends its visitors to \(url.origin): name that as --url, if it is "
                            + "yours"
                    )
                )
            )
        case .end(.sentInCircles(let places)):
            self.end(
                .failure(
                    PlayProblem(
                        "\(self.target.url.origin) gives no page, but \(SiteProblem.circle(places)): look at the "
                            + "site's redirects, or at what it wants before it shows this page"
                    )
                )
            )
        case .end(.failed(let kind)): self.failed(nil, kind)
        case .end(.page): preconditionFailure("a probe loads nothing beside the page")
        }
    }

    /// Where the first page is refused every visitor would go home at once.
    private func judge(
        _ document: PageResponse,
        _ reading: PageReading,
        _ url: SiteURL
    ) -> Result<Answer, PlayProblem> {
        // A server that agrees on nothing (ALPN) is asked by HTTP/1.1, which here is not what was to be played.
        guard self.target.version != .http2 || self.browser.speaksHTTP2 else {
            return .failure(PlayProblem(SiteProblem.lacksVersion(self.target)))
        }
        guard self.asksForAnother || !(400..<500).contains(reading.response.status) else {
            let hint = self.target.url.scheme == .http && document.status == 400
            return .failure(
                PlayProblem(
                    "\(url) answers with status \(document.status): check the path of --url"
                        + (hint ? "; where it speaks TLS, write https://" : "")
                        + "; a page that is to be like that says so under `expect` in the scenario file"
                )
            )
        }
        return .success(
            Answer(
                status: document.status,
                version: self.browser.speaksHTTP2 ? "HTTP/2" : "HTTP/1.1",
                isRoom: reading.response.standing != .unguarded
            )
        )
    }

    private func failed(_ detail: CloseReason?, _ kind: ErrorKind) {
        self.end(.failure(PlayProblem(SiteProblem.words(kind, detail, self.target))))
    }

    // MARK: What the browser needs

    var reasonAgainstConnecting: ErrorKind? { nil }
    func connectionBegan() {}
    func connectionOpened(isResumed: Bool) {}
    func connectionEnded() {}
    func askedAgain() {}
}

/// What is wrong with a site, in one line that says what to do.
enum SiteProblem {
    /// - Parameter target: with the one address that was asked.
    static func words(_ kind: ErrorKind, _ detail: CloseReason?, _ target: SiteTarget) -> String {
        let url = target.url
        let place = Self.place(target)
        switch detail {
        case .tls(let reason)?: return Self.tls(reason, target)
        case .connectFailed(let code)? where [ENETUNREACH, EHOSTUNREACH].contains(code):
            return "no way leads to \(place): check this machine's network, or the address in --url"
        case .connectFailed(let code)? where kind != .refused && kind != .connectTimedOut:
            return "\(place) could not be connected to: \(CloseReason.connectFailed(code))"
        default: break
        }
        switch kind {
        case .refused: return "nothing listens at \(place): start the site, or check host and port of --url"
        case .connectTimedOut:
            return "\(place) does not answer: a firewall may drop what is sent there; check host and port of --url"
        case .answerTimedOut:
            let seconds = CrowdPart.answerTimeoutNanoseconds / Nanoseconds.perSecond
            return "\(place) takes connections, but gave no page within \(seconds) s: look at the site's own log"
        case .badAnswer:
            var ways = ["check the port of --url"]
            if url.scheme == .http { ways.append("try https://") }
            if let option = target.version.option { ways.append("leave \(option) out") }
            return "\(place) does not speak HTTP as it was asked to: \(ways.joined(separator: ", or "))"
        case .oversizedHead:
            return "\(place) answers with a head larger than \(HTTP1Codec.limits.maxHeadBytes) bytes, or of more than "
                + "\(HTTP1Codec.limits.maxFields) fields: look at its cookies and other fields; gateways and browsers "
                + "refuse such heads, too"
        case .toolLimit: return "no socket could be made: raise the limit of open files (ulimit -n)"
        default:
            let hint = url.scheme == .http ? "; where it speaks TLS, write https:// in --url" : ""
            return "\(place) closes the connection without a page\(hint)"
        }
    }

    private static func place(_ target: SiteTarget) -> String {
        let (host, address) = (target.url.host, target.addresses[0])
        return host == address.host ? "\(address)" : "\(host) (\(address))"
    }

    /// TLS came about, or would have, but for what is to be spoken in it.
    static func lacksVersion(_ target: SiteTarget) -> String {
        let place = Self.place(target)
        return switch target.version {
        case .http2: "\(place) does not speak HTTP/2 over TLS: leave --http2 out"
        case .http1: "\(place) does not speak HTTP/1.1 over TLS: leave --http1 out"
        case .asAgreed: "\(place) speaks neither HTTP/2 nor HTTP/1.1 over TLS: check the port of --url"
        }
    }

    private static let mostPlaces = 3

    /// Redirects that lead nowhere, with the first places of the way.
    static func circle(_ places: [String]) -> String {
        let shown = places.prefix(Self.mostPlaces).map { $0.count > 80 ? "\($0.prefix(80))..." : $0 }
        let more = places.count > Self.mostPlaces ? ", ..." : ""
        return "redirects without end (\(shown.joined(separator: ", "))\(more))"
    }

    /// OpenSSL's words, and what to do.
    private static func tls(_ reason: String, _ target: SiteTarget) -> String {
        let url = target.url
        let place = Self.place(target)
        let known: [(String, String)] = [
            (
                "hostname mismatch",
                "the certificate of \(place) is for another name than \(url.host): check --url, or take any "
                    + "certificate with --insecure"
            ),
            (
                "IP address mismatch",
                "the certificate of \(place) is not for the address \(url.host): write the site's name in --url, or "
                    + "take any certificate with --insecure"
            ),
            (
                "certificate has expired",
                "the certificate of \(place) has expired: renew it, or take any certificate with --insecure"
            ),
            (
                "certificate verify failed",
                "the certificate of \(place) is not signed by an authority that this machine knows: name its file with "
                    + "--ca, or take any certificate with --insecure"
            ),
            (
                "wrong version number",
                "\(place) does not speak TLS: write http:// in --url, or check the port"
            ),
            ("no application protocol", Self.lacksVersion(target)),
        ]
        for (mark, words) in known where reason.contains(mark) {
            return "\(words) (\(reason))"
        }
        return "TLS with \(place) came to nothing: \(reason)"
    }
}
