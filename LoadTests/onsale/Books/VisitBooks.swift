import Primitives

/// The visitors' own books: what each of them heard, when they asked and when it came. The verdict is drawn from these,
/// and from what the tool itself has configured; the room's own word counts for nothing.
///
/// A loop fills them; nothing is allocated for a request but a piece of a list for every 65,536th. Limits: `mostLooks`
/// answers to visitors outside (256 MB); a run that has more says so in `overflow`, and is not judged by them.
/// `mostInside` answers inside (256 MB): of the rest it is not known how fast they came.
struct VisitBooks: Sendable {
    /// What a visitor makes of the room's cookies: to whom it owes what.
    enum Conduct: Sendable {
        case keepsRules
        /// One of several tabs that have one place together.
        case sharesPlace
        /// Shows no place of its own: each page is to a stranger. Nothing is owed but a sensible answer; and each time it
        /// is let in counts.
        case breaksRules
    }

    static let mostLooks = 8 << 20
    static let mostInside = 32 << 20
    /// What a page may name as the time until the next look.
    static let sensibleRefreshSeconds: ClosedRange<Int64> = 1...60
    /// How far a countdown may be off: it is rounded up to seconds, and travels.
    static let countdownMicros: ClosedRange<Int64> = -1_000_000...1_500_000
    /// A server that closes a kept connection has closed it before the request comes; one that takes longer has read it.
    static let staleNanoseconds = 50 * Nanoseconds.perMillisecond

    private let startedAt: Instant
    private let openingMicros: Int64
    private let share: CrowdShare
    private(set) var visits: [Visit]
    private(set) var looks = LookList()
    private(set) var insideAnswers = PieceList<InsideAnswer>()
    /// Looks that found no room.
    private(set) var overflow = 0
    /// Each time that somebody without a place was let in once more, or a probe as a newcomer.
    private(set) var reentries: [Visit.Span] = []
    /// All that were told to somebody without a place, and with which nobody comes.
    private(set) var strangerNumbers: [UInt32] = []
    /// Pages to those outside: how many, those that do not say when to look again, those whose countdown to the opening
    /// is wrong, and those that do not name the number that was told before.
    private(set) var pages = 0
    private(set) var pagesWithoutTime = 0
    private(set) var pagesWithWrongCountdown = 0
    private(set) var pagesWithoutNumber = 0
    /// Kept connections that ended without an answer, by the second in which they did.
    private(set) var closes: [Int: CloseCount] = [:]
    /// Visitors who asked for the exit page over such a connection: they may have been let in once more.
    private(set) var closesOnExit = 0
    /// Of what the tool sent with tokens that are no good.
    var probes = ProbeBooks()

    /// - Parameters:
    ///   - visitors: of the whole crowd.
    ///   - share: those whom these books are of.
    init(visitors: Int, share: CrowdShare = .whole, startedAt: Instant, openingAt: Instant) {
        self.startedAt = startedAt
        self.openingMicros = openingAt.nanoseconds(since: startedAt) / 1_000
        self.share = share
        self.visits = Array(repeating: Visit(), count: share.size(of: visitors))
    }

    /// Empty books of the same run, for other people.
    init(_ other: VisitBooks, visitors: Int, share: CrowdShare) {
        self.startedAt = other.startedAt
        self.openingMicros = other.openingMicros
        self.share = share
        self.visits = Array(repeating: Visit(), count: share.size(of: visitors))
    }

    /// Everything but the lists of answers.
    mutating func take(_ part: VisitBooks) {
        for (position, visit) in part.visits.enumerated() {
            self.visits[self.share.position(of: part.share.visitor(at: position))] = visit
        }
        self.take(part.sums)
    }

    /// Visits of these people, from that position on. False when there are no such positions.
    mutating func take(_ visits: [Visit], from position: Int) -> Bool {
        guard position >= 0, position <= self.visits.count, visits.count <= self.visits.count - position else {
            return false
        }
        self.visits.replaceSubrange(position..<position + visits.count, with: visits)
        return true
    }

    var sums: BookSums {
        BookSums(
            overflow: self.overflow,
            pages: self.pages,
            pagesWithoutTime: self.pagesWithoutTime,
            pagesWithWrongCountdown: self.pagesWithWrongCountdown,
            pagesWithoutNumber: self.pagesWithoutNumber,
            closes: self.closes,
            closesOnExit: self.closesOnExit,
            reentries: self.reentries,
            strangerNumbers: self.strangerNumbers,
            probes: self.probes
        )
    }

    mutating func take(_ sums: BookSums) {
        self.overflow += sums.overflow
        self.pages += sums.pages
        self.pagesWithoutTime += sums.pagesWithoutTime
        self.pagesWithWrongCountdown += sums.pagesWithWrongCountdown
        self.pagesWithoutNumber += sums.pagesWithoutNumber
        self.closes.merge(sums.closes) { $0 + $1 }
        self.closesOnExit += sums.closesOnExit
        self.reentries += sums.reentries
        self.strangerNumbers += sums.strangerNumbers
        self.probes += sums.probes
    }

    mutating func append(_ look: Look) {
        guard self.looks.count < Self.mostLooks else { return self.overflow += 1 }
        self.looks.append(look)
    }

    mutating func append(_ answer: InsideAnswer) {
        if self.insideAnswers.count < Self.mostInside { self.insideAnswers.append(answer) }
    }

    /// A probe that is let in as a newcomer takes its turn from the others, and stands in the journal.
    mutating func answered(_ probe: ProbeResult, sentAt: Instant, now: Instant) {
        self.probes.answered(probe)
        guard probe.outcome == .letInAsNewcomer, self.reentries.count < Self.mostLooks else { return }
        self.reentries.append(Visit.Span(sentMicros: self.micros(sentAt), answeredMicros: self.micros(now)))
    }

    /// When the clock of an answer starts: for one by which somebody got in, when they first stood at the door.
    func due(_ heard: VisitorMachine.Heard, of visitor: Int, requestDue: Instant) -> Instant {
        let index = self.share.position(of: visitor)
        guard heard == .exchange, self.visits.indices.contains(index), let since = self.visits[index].doorSinceMicros
        else { return requestDue }
        let atDoor = self.startedAt.advanced(byNanoseconds: since * 1_000)
        return min(atDoor, requestDue)
    }

    func micros(_ instant: Instant) -> Int64 { instant.nanoseconds(since: self.startedAt) / 1_000 }

    /// Books what became of one request past the room. `response` is nil when there was none. `index`: the visitor's, or
    /// the person's where tabs share a place.
    mutating func heard(
        _ heard: VisitorMachine.Heard,
        of visitor: Int,
        _ conduct: Conduct = .keepsRules,
        isExit: Bool,
        response: Response?,
        sentAt: Instant,
        now: Instant
    ) {
        let index = self.share.position(of: visitor)
        // From the lost exit page on, nobody knows what the visitor is to the room.
        guard !self.visits[index].mayHaveLeft else { return }
        let span = Visit.Span(sentMicros: self.micros(sentAt), answeredMicros: self.micros(now))
        switch heard {
        case .waitingPage, .doorPage:
            guard let page = response?.page else { return }
            self.check(page, retryAfter: response?.retryAfterSeconds, span)
            if conduct == .breaksRules {
                self.stranger(index, page)
            } else {
                self.stands(index, page, span)
            }
            // Who was let in before: how that came about is not told by what comes after.
            if self.visits[index].letIn == nil {
                self.visits[index].sentRoundMicros = heard == .doorPage ? span.answeredMicros : nil
            }
            self.visits[index].doorSinceMicros =
                heard == .doorPage && conduct != .breaksRules
                ? self.visits[index].doorSinceMicros ?? span.sentMicros : nil
            let kind: Look.Kind =
                !self.hasPlace(index, page, span) ? .joining : heard == .doorPage ? .atDoor : .waiting
            self.look(index, kind, page, span)
        case .exchange where conduct == .breaksRules: self.letInStranger(index, span)
        case .exchange where conduct == .sharesPlace && self.isIn(index):
            self.entersBeside(index, span)
            self.wasInside(index, isExit: isExit, span)
        case .exchange:
            self.visits[index].exchanges += 1
            if self.visits[index].letIn == nil {
                self.visits[index].letIn = span
                self.visits[index].letInNumber = self.visits[index].number
                self.wasBack(index, span)
            }
            self.visits[index].lastLookSentMicros = span.sentMicros
            self.wasInside(index, isExit: isExit, span)
            self.visits[index].doorSinceMicros = nil
            self.look(index, .letIn, nil, span)
        case .inside: self.wasInside(index, isExit: isExit, span)
        case .error(let kind):
            if kind.mayHaveBeenHeard { self.answerIsLost(index, isExit: isExit, span) }
            if self.visits[index].letIn == nil || conduct == .breaksRules { self.look(index, .error, nil, span) }
        // The turn may come while the visitor is away, and nothing is heard of it.
        case .vanished:
            guard self.visits[index].letIn == nil else { return }
            if self.visits[index].vanishedMicros == nil { self.visits[index].vanishedMicros = span.sentMicros }
            self.answerIsLost(index, isExit: false, span)
            self.visits[index].doorSinceMicros = nil
            self.look(index, .error, nil, span)
        case .turnedAway: break
        case .staleConnection: self.connectionEnded(index, isExit: isExit, span, now.nanoseconds(since: sentAt))
        }
    }

    /// The request may have been served all the same.
    private mutating func connectionEnded(_ index: Int, isExit: Bool, _ span: Visit.Span, _ nanoseconds: Int64) {
        let isLate = nanoseconds > Self.staleNanoseconds
        self.closes[Int(span.answeredMicros / 1_000_000), default: CloseCount()] += CloseCount(
            all: 1,
            late: isLate ? 1 : 0
        )
        if isExit { self.closesOnExit += 1 }
        self.answerIsLost(index, isExit: isExit, span)
    }

    /// What the room made of the request nobody knows: it may have given the turn, or have taken the slot back.
    private mutating func answerIsLost(_ index: Int, isExit: Bool, _ span: Visit.Span) {
        if isExit { self.visits[index].mayHaveLeft = true }
        guard self.visits[index].letIn == nil, self.visits[index].sentRoundMicros == nil else { return }
        self.visits[index].sentRoundMicros = span.sentMicros
    }

    private mutating func stands(_ index: Int, _ page: WaitingPage, _ span: Visit.Span) {
        let lastInside = self.visits[index].lastInside
        self.wasBack(index, span)
        if let lastInside {
            // Who asked before another tab of the same person was in has not been sent back.
            guard span.sentMicros >= lastInside.answeredMicros else { return }
            // A gateway that stood still read the request just before it answered: the session may have run out meanwhile.
            let gap = span.answeredMicros - lastInside.answeredMicros
            self.visits[index].returns += 1
            self.visits[index].longestGapMicros = max(self.visits[index].longestGapMicros, gap)
            self.visits[index].shortestReturnMicros = min(self.visits[index].shortestReturnMicros ?? .max, gap)
        }
        self.visits[index].lastLookSentMicros = span.sentMicros
        guard let number = page.number.map(UInt32.init(clamping:)), number > 0 else {
            if self.visits[index].number != 0, span.sentMicros >= self.visits[index].numberToldMicros {
                self.pagesWithoutNumber += 1
            }
            return
        }
        if self.visits[index].joinedMicros == nil { self.visits[index].joinedMicros = span.answeredMicros }
        let toldMicros = self.visits[index].numberToldMicros
        if self.visits[index].number != 0, self.visits[index].number != number, span.sentMicros >= toldMicros,
            lastInside?.answeredMicros ?? .min <= toldMicros
        {
            self.visits[index].numberChanges += 1
        }
        if self.visits[index].number != number { self.visits[index].numberSinceMicros = span.answeredMicros }
        self.visits[index].number = number
        self.visits[index].numberToldMicros = span.answeredMicros
    }

    /// Tabs that came at once may not know of the place that one of them was given meanwhile.
    private func hasPlace(_ index: Int, _ page: WaitingPage, _ span: Visit.Span) -> Bool {
        let visit = self.visits[index]
        return visit.number != 0 && (page.number ?? 0 != 0 || span.sentMicros >= visit.numberToldMicros)
    }

    /// The visitor was let in, and no later answer said otherwise.
    private func isIn(_ index: Int) -> Bool {
        guard let inside = self.visits[index].lastInside else { return false }
        return inside.answeredMicros >= self.visits[index].lastLookSentMicros ?? 0
    }

    /// Another tab is in already. With one place for both that is one admission.
    private mutating func entersBeside(_ index: Int, _ span: Visit.Span) {
        guard let letIn = self.visits[index].letIn, span.sentMicros < letIn.answeredMicros else { return }
        let sent = min(span.sentMicros, letIn.sentMicros)
        guard self.visits[index].number == 0 || sent < self.visits[index].numberSinceMicros else { return }
        self.visits[index].doubleEntries += 1
    }

    private mutating func stranger(_ index: Int, _ page: WaitingPage) {
        self.visits[index].keepsRules = false
        let number = page.number.map(UInt32.init(clamping:)) ?? 0
        self.visits[index].number = number
        guard number != 0 else { return }
        if self.strangerNumbers.count < Self.mostLooks { self.strangerNumbers.append(number) }
    }

    /// Something is heard again after the network was away.
    private mutating func wasBack(_ index: Int, _ span: Visit.Span) {
        guard let vanished = self.visits[index].vanishedMicros else { return }
        let gap = span.sentMicros - vanished
        self.visits[index].longestGapMicros = max(self.visits[index].longestGapMicros, gap)
        self.visits[index].vanishedMicros = nil
    }

    /// The number under which the room did it is not known: who shows no place is given one with each page.
    private mutating func letInStranger(_ index: Int, _ span: Visit.Span) {
        self.visits[index].keepsRules = false
        self.visits[index].number = 0
        self.visits[index].exchanges += 1
        if self.visits[index].letIn == nil {
            self.visits[index].letIn = span
        } else if self.reentries.count < Self.mostLooks {
            self.reentries.append(span)
        }
        self.look(index, .letIn, nil, span)
    }

    private mutating func wasInside(_ index: Int, isExit: Bool, _ span: Visit.Span) {
        if let last = self.visits[index].lastInside {
            let gap = span.sentMicros - last.answeredMicros
            self.visits[index].longestGapMicros = max(self.visits[index].longestGapMicros, gap)
        }
        self.visits[index].lastInside = span
        self.append(InsideAnswer(sentMicros: span.sentMicros, answeredMicros: span.answeredMicros))
        if isExit { self.visits[index].exit = span }
    }

    private mutating func look(_ index: Int, _ kind: Look.Kind, _ page: WaitingPage?, _ span: Visit.Span) {
        self.append(
            Look(
                visitor: UInt32(self.share.visitor(at: index)),
                number: self.visits[index].number,
                position: UInt32(clamping: page?.position ?? 0),
                kind: kind,
                sentMicros: span.sentMicros,
                answeredMicros: span.answeredMicros,
                refreshSeconds: page?.refreshSeconds ?? 0,
                estimateSeconds: page?.estimateSeconds
            )
        )
    }

    /// A countdown was right at some moment between the request and the answer.
    private mutating func check(_ page: WaitingPage, retryAfter: Int64?, _ span: Visit.Span) {
        self.pages += 1
        let range = Self.sensibleRefreshSeconds
        if !range.contains(page.refreshSeconds) || !range.contains(retryAfter ?? 0) { self.pagesWithoutTime += 1 }
        let told = page.opensInSeconds * 1_000_000
        let least = max(0, self.openingMicros - span.answeredMicros) + Self.countdownMicros.lowerBound
        let most = max(0, self.openingMicros - span.sentMicros) + Self.countdownMicros.upperBound
        if told < least || told > most { self.pagesWithWrongCountdown += 1 }
    }
}
