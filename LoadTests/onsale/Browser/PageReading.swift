/// What a visitor makes of one page: in or in line, good or not, and the values for the pages that follow.
struct PageReading: Equatable, Sendable {
    /// For the visitor's machine.
    var response: Response
    var values: [String: String] = [:]
    /// What is wrong with the page, in words.
    var complaint: String?
    /// Why the page could not be looked into though nothing is known to be wrong, in words: it is proof of nothing.
    var remark: String?

    /// In line: nothing more is loaded.
    var isOutside: Bool { self.response.standing.isOutside }
    /// The assets belong to the page.
    var isPage: Bool { !self.isOutside && self.complaint == nil && self.response.status < 400 }

    /// - Parameter url: where the document came from, after redirects.
    init(_ document: PageResponse, step: PageStep, url: SiteURL, cookies: SiteCookies) {
        let text = document.text
        let tells = step.checks.filter(\.tellsThePage)
        let isThePage = !tells.isEmpty && tells.allSatisfy { $0.holds(for: document, text: text) }
        self.response = Response(status: document.status)
        self.response.isGatewayError = document.value(of: "sluice-error") != nil
        // No mark tells whose page it is.
        self.response.hasMark = !self.response.isGatewayError
        self.response.retryAfterSeconds = document.value(of: "retry-after").flatMap { Int64($0) }
        if let room = RoomPage(document, isThePage: isThePage, url: url) {
            self.response.standing = room.standing
            self.response.retryAfterSeconds = room.retryAfterSeconds ?? self.response.retryAfterSeconds
            if room.standing.isOutside {
                self.wait(room.page, LinePlace(cookies))
                return
            }
        }
        self.judge(document, text, step, cookies)
    }

    private mutating func wait(_ page: WaitingPage?, _ place: LinePlace?) {
        // A waiting POST gets 429, which is no refusal.
        if page != nil { self.response.status = 200 }
        self.response.page = page
        // JSON tells the number; a page of HTML leaves it to the cookie.
        if self.response.page?.number == nil { self.response.page?.number = place?.number }
    }

    private mutating func judge(
        _ document: PageResponse,
        _ text: String,
        _ step: PageStep,
        _ cookies: SiteCookies
    ) {
        let reason = PageCoding(document).map { $0.complaint(of: document) }
        let needsText = step.checks.contains(where: \.readsTheBody) || step.extractions.contains { $0.readsTheBody }
        let namesStatus = step.checks.contains { if case .status = $0 { true } else { false } }
        let failed = step.checks.first { !$0.holds(for: document, text: text) }
        if document.status >= 400 {
            // Unless the step asks for it, an error is an error, whatever its page is like.
            guard namesStatus, failed == nil else { return }
            self.response.status = 200
        }
        if let reason, reason.isWrong || needsText {
            self.complaint = "\(step.name): \(reason.words)"
        } else if let failed {
            self.complaint = "\(step.name): not \(failed.words)"
        } else {
            for extraction in step.extractions {
                guard let value = extraction.value(in: document, cookies: cookies) else {
                    self.complaint = "\(step.name): no value for ${\(extraction.name)}"
                    break
                }
                self.values[extraction.name] = value
            }
        }
        if self.complaint == nil, let reason { self.remark = "\(step.name): \(reason.words)" }
        if self.complaint != nil { self.response.fault = .failedCheck }
    }
}
