/// The verdict on a run against a site that the tool has not started: the promises that the visitors' books alone can
/// judge. What was configured there, and what its journal says, nobody knows here, so pace, slots, opening, reloads,
/// workers and the journal are left out; the line is judged where there is one.
extension Judge {
    func siteVerdict() -> Verdict {
        var checks: [Check?] = []
        let site = self.evidence.site
        // Numbers of several lines have nothing to do with each other.
        if site?.lines == 1 {
            checks += [self.order(), self.positions(), self.numbers(), self.placeKept()] + self.estimates()
        }
        if let books = self.evidence.books, books.pages > 0 { checks += [self.sitePages(books), self.letInOnce()] }
        checks += [self.content(), self.siteErrors(), self.otherErrors()]
        let total = self.evidence.timeline.total
        if total.inside.count > 0 || total.door.count == 0 { checks += self.latency() }
        if total.line.count > 0 { checks += self.lineLatency() }
        if total.door.count > 0 { checks += self.doorLatency() }
        checks += [self.accounted(), self.tool()]
        return self.verdict(of: checks)
    }

    /// What the pages are like, as far as anybody has said what they should be like. Pages that could not be looked into
    /// are no proof.
    private func content() -> Check {
        let isTold = self.evidence.site?.pages.toldSteps ?? 0 > 0
        let title = "Every page is whole" + (isTold ? " and says what it should" : "")
        let errors = self.counts.errors
        let found = errors[.failedCheck] + errors[.missingAsset] + errors[.sentElsewhere]
        let elsewhere = Self.plural(errors[.sentElsewhere], "redirect") + " to other sites"
        let complaints = self.evidence.site?.firstComplaints ?? ""
        let unread = self.evidence.site?.unreadWords ?? ""
        guard found > 0 || unread.isEmpty || self.evidence.site?.unreadPages ?? 0 < self.counts.insideAnswers else {
            return Self.notJudged(.content, title, unread)
        }
        let detail =
            complaints.isEmpty
            ? "of \(Self.plural(self.counts.insideAnswers, "page")), with all that belongs to each; \(elsewhere)"
            : "\(errors[.failedCheck]) failed a check, \(errors[.missingAsset]) not whole, \(elsewhere): \(complaints)"
        return Self.none(
            .content,
            title,
            found: found,
            measured: self.counts.insideAnswers > 0,
            [detail, self.evidence.site?.untoldWords ?? "", unread].filter { !$0.isEmpty }.joined(separator: "; ")
        )
    }

    private func siteErrors() -> Check {
        let errors = self.counts.errors
        return Self.none(
            .serverErrors,
            "No 5xx",
            found: self.counts.serverErrors,
            measured: self.counts.answered > 0,
            "of \(Self.plural(self.counts.answered, "page")); \(Format.count(errors[.gatewayError])) signed by a "
                + "gateway of Sluice, the others by the site"
        )
    }

    private func sitePages(_ books: VisitBooks) -> Check {
        let range = VisitBooks.sensibleRefreshSeconds
        return Self.none(
            .pages,
            "Every waiting page says when to look again",
            found: books.pagesWithoutTime,
            measured: true,
            "of \(Format.count(books.pages)), those that name no time within "
                + "\(range.lowerBound) to \(range.upperBound) s"
        )
    }
}

/// What is known of a run against a site beside what its visitors heard.
struct SiteEvidence: Sendable {
    private static let mostShown = 3
    /// How long sessions last over there, nobody knows here; shorter ones than this would lose people on every page.
    static let shortestSessionMicros: Int64 = 12_000_000

    /// What was played.
    var pages = PagePlan.onePage
    /// Lines of Sluice in which visitors have stood.
    var lines = 0
    /// What was wrong with pages, in words, and how often.
    var complaints: [String: Int] = [:]
    /// Pages that nobody could look into, and why, in words.
    var unreadPages = 0
    var remarks: Set<String> = []

    /// The most frequent ones.
    var firstComplaints: String {
        self.complaints.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(Self.mostShown)
            .map { "\($0.key) (\(Format.count($0.value)) ×)" }.joined(separator: "; ")
    }
    /// Empty: of every page of a visit something is known that it must say.
    var untoldWords: String {
        let untold = self.pages.steps.count - self.pages.toldSteps
        guard untold > 0 else { return "" }
        return "\(Judge.plural(untold, "page")) of \(self.pages.steps.count) in a visit may say anything: only the "
            + "status was looked at, and whether all came; a scenario's `expect` asks for more"
    }
    /// Empty: every page could be looked into.
    var unreadWords: String {
        guard self.unreadPages > 0 else { return "" }
        let reasons = self.remarks.sorted().prefix(Self.mostShown).joined(separator: "; ")
        return "\(Judge.plural(self.unreadPages, "page")) could not be looked into: \(reasons)"
    }
}
