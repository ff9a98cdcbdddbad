import EventLoop
import Primitives
import Transport

/// Plays one visitor against a site with a browser: carries out what the machine asks for and tells it what came of it.
///
/// Lives on the crowd's loop. A page is one request to the machine: it is answered when the document and all that
/// belongs to it are there. Latency counts from the moment at which the page was due.
final class SitePlayer: BrowserUser {
    /// Browsers keep idle connections for longer, and servers for less.
    static let keepNanoseconds = 60 * Nanoseconds.perSecond
    /// Assets that the browser has already.
    private static let mostCached = 512

    private let crowd: SiteCrowd
    private(set) var machine: VisitorMachine
    private let browser: Browser
    private var timer: LoopTimer!
    private var pausedUntil: Instant?
    private var values: [String: String]
    private var page: PageLoad?
    private var reading: PageReading?
    private var step: PageStep?
    private var askedFor = ""
    /// Where a redirect has led to a page of a waiting room.
    private var roomPage: String?
    private var cached: Set<String> = []
    private var nextNumber = 0
    /// When the bytes of the page's first request were given to the socket; nil when no page is under way.
    private(set) var sentAt: Instant?
    /// When the page under way was asked for; its connection may still be opening.
    private(set) var askedAt: Instant?
    /// The visitor's own network is gone.
    private var isAway = false
    /// Told to wait by the last page.
    private(set) var isWaiting = false

    init(_ visitor: Visitor, crowd: SiteCrowd) {
        self.crowd = crowd
        self.machine = VisitorMachine(visitor, startedAt: crowd.startedAt)
        self.browser = Browser(crowd, index: visitor.person, cookies: crowd.cookieBox(for: visitor))
        // Apart from the ordinals of all draws on the way.
        var draw = visitor.generator(ordinal: 9_000_000)
        self.values = [
            "visitor": String(visitor.index), "random": String(draw.drawInteger(0...999_999_999)),
        ]
        self.timer = LoopTimer(loop: crowd.loop) { [weak self] in self?.timerFired() }
        self.browser.serve(self)
    }

    func arrive() { self.carryOut(self.machine.arrive()) }

    func stop() { self.carryOut(self.machine.stop()) }

    /// Nothing came within the time that people wait for a page.
    func gaveUpWaiting() {
        self.browser.stop()
        self.failed(.answerTimedOut)
    }

    private func timerFired() {
        if self.isAway {
            // Back, and the connections are of no more use.
            self.isAway = false
            self.browser.isDeaf = false
            self.browser.stop()
        }
        let now = MonotonicClock.now()
        if let dueAt = self.pausedUntil { self.crowd.wasLate(nanoseconds: now.nanoseconds(since: dueAt)) }
        self.carryOut(self.machine.timerFired(now: now))
    }

    // MARK: What the machine asks for

    private func carryOut(_ action: VisitorMachine.Action) {
        switch action {
        case .none: break
        // The browser opens connections as its pages need them.
        case .connect: self.carryOut(self.machine.connected())
        case .request: self.load()
        case .requestAndVanish(let request, let until): self.vanish(with: request, until: until)
        case .wait(let until): self.wait(until: until)
        case .leave(let outcome):
            self.timer.disarm()
            self.page = nil
            self.askedAt = nil
            self.sentAt = nil
            self.browser.stop()
            self.crowd.left(self, outcome)
        }
    }

    private func load() {
        // Without the value that another page was to give the visitor cannot go on; that page was complained of.
        guard self.ask() else { return self.failed(.failedCheck) }
    }

    /// A phone in a tunnel: what was asked for is on its way, and no answer is heard.
    private func vanish(with request: VisitorMachine.Request, until: Instant) {
        self.isAway = true
        self.browser.isDeaf = true
        _ = self.ask()
        let sentAt = self.sentAt ?? MonotonicClock.now()
        self.endPage()
        self.crowd.heard(.vanished, self, response: nil, due: request.due, sentAt: sentAt, now: sentAt)
        self.pausedUntil = until
        self.timer.arm(at: until)
    }

    /// Asks for the next page. False when a value is missing for that.
    private func ask() -> Bool {
        let habit = self.crowd.rules.manners(of: self.machine.visitor).cookies
        // Whose pass a thief could show, nobody knows here.
        if habit == .none || habit == .stolen { self.browser.forgetCookies() }
        let step = self.crowd.pages.step(after: self.machine.requestsDone)
        self.step = step
        self.reading = nil
        self.sentAt = nil
        guard var request = step.request(self.values, url: self.crowd.target.url) else { return false }
        self.askedAt = MonotonicClock.now()
        // A room that has sent the visitor to a page of its own wants that one to be loaded again.
        if let roomPage = self.roomPage { request = PageRequest(target: roomPage) }
        Self.complete(&request)
        self.askedFor = request.target
        var page = PageLoad(request, url: self.crowd.target.url, firstNumber: self.nextNumber)
        let first = page.start()
        self.page = page
        self.nextNumber = page.numberAfter
        self.browser.ask(first.request, number: first.number)
        return true
    }

    private static func complete(_ request: inout PageRequest) {
        request.add("accept", "text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8")
        request.add("user-agent", "onsale")
        request.add("accept-encoding", "identity")
    }

    private func wait(until: Instant) {
        self.pausedUntil = until
        self.timer.arm(at: until)
        guard self.browser.isConnected else { return }
        let pause = until.nanoseconds(since: self.crowd.loop.now)
        guard pause > Self.keepNanoseconds || self.crowd.connections.isShort else { return }
        if pause <= Self.keepNanoseconds { self.crowd.gaveUpConnection() }
        self.browser.closeConnections()
    }

    // MARK: What the browser tells

    func sent(_ number: Int) {
        self.crowd.sentRequest()
        if self.sentAt == nil { self.sentAt = MonotonicClock.now() }
    }

    func answered(_ number: Int, _ response: PageResponse) {
        guard let action = self.page?.answered(number, response) else { return }
        self.act(action)
    }

    func failed(_ number: Int, _ kind: ErrorKind, detail: CloseReason?) {
        if let detail, case .tls(let reason) = detail { self.crowd.complain("TLS: \(reason)") }
        guard let action = self.page?.failed(number, kind) else { return }
        self.act(action)
    }

    private func act(_ action: PageLoad.Action) {
        switch action {
        case .ask(let requests):
            self.nextNumber = max(self.nextNumber, self.page?.numberAfter ?? 0)
            for asking in requests {
                var request = asking.request
                Self.complete(&request)
                self.browser.ask(request, number: asking.number)
            }
        case .choose(let document, let url):
            guard let step = self.step else { preconditionFailure("a page of no step") }
            let reading = PageReading(document, step: step, url: url, cookies: self.browser.cookies)
            self.reading = reading
            self.roomPage =
                reading.isOutside && (self.roomPage != nil || url.target != self.askedFor) ? url.target : nil
            let targets = reading.isPage ? self.assets(of: document, step, url) : []
            guard let action = self.page?.load(targets) else { return }
            self.act(action)
        case .end(.page(_, let missing)): self.finish(missing)
        case .end(.failed(let kind)): self.failed(kind)
        case .end(.sentElsewhere(let url)):
            self.crowd.complain("a redirect to \(url.origin), which is not played")
            self.failed(.sentElsewhere)
        case .end(.sentInCircles(let places)):
            self.crowd.complain(SiteProblem.circle(places))
            self.failed(.endlessRedirect)
        }
    }

    /// Those that the browser does not have yet, on the same site.
    private func assets(of document: PageResponse, _ step: PageStep, _ url: SiteURL) -> [String] {
        let links: [String]
        switch step.assets {
        case .asThePageSays: links = document.isHTML ? HTMLTags.assets(of: document.body) : []
        case .listed(let templates): links = templates.compactMap { $0.filled(self.values, for: .address) }
        }
        var targets: [String] = []
        for link in links where targets.count < PageStep.mostAssets {
            guard let there = url.following(link), there.isSameOrigin(as: url), !self.cached.contains(there.target)
            else { continue }
            if self.cached.count < Self.mostCached { self.cached.insert(there.target) }
            if !targets.contains(there.target) { targets.append(there.target) }
        }
        return targets
    }

    private func finish(_ missing: [String]) {
        guard var reading = self.reading else { preconditionFailure("a page that nobody has looked at") }
        if let first = missing.first {
            self.crowd.complain("\(self.step?.name ?? ""): \(first) did not come")
            for target in missing { self.cached.remove(String(target.prefix { $0 != " " })) }
            reading.response.fault = .missingAsset
        } else if let complaint = reading.complaint {
            self.crowd.complain(complaint)
        } else {
            if let remark = reading.remark { self.crowd.remark(remark) }
            self.values.merge(reading.values) { $1 }
        }
        self.told(reading.response)
    }

    // MARK: What the machine is told

    private func told(_ response: Response) {
        let now = MonotonicClock.now()
        let due = self.machine.due
        let sentAt = self.sentAt ?? now
        self.endPage()
        self.isWaiting = response.standing.isOutside && response.page != nil
        if self.isWaiting, let place = LinePlace(self.browser.cookies) { self.crowd.saw(place.line) }
        var response = response
        // The machine's connection is the browser, which has as many as it needs.
        response.keepsConnection = true
        let reaction = self.machine.answered(response, now: now, rules: self.crowd.rules)
        self.crowd.heard(reaction.heard, self, response: response, due: due, sentAt: sentAt, now: now)
        self.carryOut(reaction.action)
    }

    private func failed(_ kind: ErrorKind) {
        // Nothing is heard in a tunnel, not even that there was no connection.
        guard !self.isAway else { return }
        let now = MonotonicClock.now()
        let due = self.machine.due
        let sentAt = self.sentAt ?? now
        self.endPage()
        // The browser has asked again already where that was worth it.
        let reaction = self.machine.failed(kind, nothingReceived: false, now: now, rules: self.crowd.rules)
        self.crowd.heard(reaction.heard, self, response: nil, due: due, sentAt: sentAt, now: now)
        self.carryOut(reaction.action)
    }

    private func endPage() {
        self.page = nil
        self.askedAt = nil
        self.sentAt = nil
    }
}
