import Primitives

/// The visitors' own books: what each of them heard, when they asked and when it came. The verdict is drawn from these,
/// and from what the tool itself has configured; the room's own word counts for nothing.
///
/// A loop fills them; nothing is allocated for a request but a piece of the list for every 65,536th. Limits: `mostLooks`
/// answers to visitors outside (256 MB); a run that has more says so in `overflow`, and is not judged by them.
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
    /// What a page may name as the time until the next look.
    static let sensibleRefreshSeconds: ClosedRange<Int64> = 1...60
    /// How far a countdown may be off: it is rounded up to seconds, and travels.
    static let countdownMicros: ClosedRange<Int64> = -1_000_000...1_500_000

    private let startedAt: Instant
    private let openingMicros: Int64
    private(set) var visits: [Visit]
    private(set) var looks = LookList()
    /// Looks that found no room.
    private(set) var overflow = 0
    /// Each time that somebody without a place was let in once more.
    private(set) var reentries: [Visit.Span] = []
    /// Pages to those outside: how many, those that do not say when to look again, and those whose countdown to the
    /// opening is wrong.
    private(set) var pages = 0
    private(set) var pagesWithoutTime = 0
    private(set) var pagesWithWrongCountdown = 0
    /// Of what the tool sent with tokens that are no good.
    var probes: [ProbeResult] = []

    init(visitors: Int, startedAt: Instant, openingAt: Instant) {
        self.startedAt = startedAt
        self.openingMicros = openingAt.nanoseconds(since: startedAt) / 1_000
        self.visits = Array(repeating: Visit(), count: visitors)
    }

    func micros(_ instant: Instant) -> Int64 { instant.nanoseconds(since: self.startedAt) / 1_000 }

    /// Books what became of one request past the room. `response` is nil when there was none. `index`: the visitor's, or
    /// the person's where tabs share a place.
    mutating func heard(
        _ heard: VisitorMachine.Heard,
        of index: Int,
        _ conduct: Conduct = .keepsRules,
        isExit: Bool,
        response: Response?,
        sentAt: Instant,
        now: Instant
    ) {
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
            self.visits[index].sentRoundMicros = heard == .doorPage ? span.answeredMicros : nil
            let kind: Look.Kind = page.number == nil ? .joining : heard == .doorPage ? .atDoor : .waiting
            self.look(index, kind, position: page.position, span)
        case .exchange where conduct == .breaksRules: self.letInStranger(index, span)
        case .exchange where conduct == .sharesPlace && self.isIn(index):
            if span.sentMicros < self.visits[index].letIn?.answeredMicros ?? 0 { self.visits[index].doubleEntries += 1 }
            self.wasInside(index, isExit: isExit, span)
        case .exchange:
            self.visits[index].exchanges += 1
            if self.visits[index].letIn == nil { self.visits[index].letIn = span }
            self.visits[index].lastLookSentMicros = span.sentMicros
            self.wasInside(index, isExit: isExit, span)
            self.look(index, .letIn, position: 0, span)
        case .inside: self.wasInside(index, isExit: isExit, span)
        case .error:
            if isExit { self.visits[index].mayHaveLeft = true }
            if self.visits[index].letIn == nil { self.look(index, .error, position: 0, span) }
        // The turn may come while the visitor is away, and nothing is heard of it.
        case .vanished:
            guard self.visits[index].letIn == nil else { return }
            if self.visits[index].sentRoundMicros == nil { self.visits[index].sentRoundMicros = span.sentMicros }
            self.look(index, .error, position: 0, span)
        case .turnedAway: break
        // The request may have been served all the same.
        case .staleConnection: if isExit { self.visits[index].mayHaveLeft = true }
        }
    }

    private mutating func stands(_ index: Int, _ page: WaitingPage, _ span: Visit.Span) {
        let lastInside = self.visits[index].lastInside
        if let lastInside {
            // Who asked before another tab of the same person was in has not been sent back.
            guard span.sentMicros >= lastInside.answeredMicros else { return }
            let gap = span.sentMicros - lastInside.answeredMicros
            self.visits[index].returns += 1
            self.visits[index].longestGapMicros = max(self.visits[index].longestGapMicros, gap)
            self.visits[index].shortestReturnMicros = min(self.visits[index].shortestReturnMicros ?? .max, gap)
        }
        self.visits[index].lastLookSentMicros = span.sentMicros
        guard let number = page.number.map(UInt32.init(clamping:)) else { return }
        if self.visits[index].joinedMicros == nil { self.visits[index].joinedMicros = span.answeredMicros }
        let toldMicros = self.visits[index].numberToldMicros
        if self.visits[index].number != 0, self.visits[index].number != number, span.sentMicros >= toldMicros,
            lastInside?.answeredMicros ?? .min <= toldMicros
        {
            self.visits[index].numberChanges += 1
        }
        self.visits[index].number = number
        self.visits[index].numberToldMicros = span.answeredMicros
        if self.visits[index].estimate == nil, let range = page.estimateSeconds {
            self.visits[index].estimate = Visit.Estimate(toldMicros: span.answeredMicros, seconds: range)
        }
    }

    /// The visitor was let in, and no later answer said otherwise.
    private func isIn(_ index: Int) -> Bool {
        guard let inside = self.visits[index].lastInside else { return false }
        return inside.answeredMicros >= self.visits[index].lastLookSentMicros ?? 0
    }

    private mutating func stranger(_ index: Int, _ page: WaitingPage) {
        self.visits[index].keepsRules = false
        if let number = page.number { self.visits[index].number = UInt32(clamping: number) }
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
        self.look(index, .letIn, position: 0, span)
    }

    private mutating func wasInside(_ index: Int, isExit: Bool, _ span: Visit.Span) {
        if let last = self.visits[index].lastInside {
            let gap = span.sentMicros - last.answeredMicros
            self.visits[index].longestGapMicros = max(self.visits[index].longestGapMicros, gap)
        }
        self.visits[index].lastInside = span
        if isExit { self.visits[index].exit = span }
    }

    private mutating func look(_ index: Int, _ kind: Look.Kind, position: Int64, _ span: Visit.Span) {
        guard self.looks.count < Self.mostLooks else { return self.overflow += 1 }
        self.looks.append(
            Look(
                visitor: UInt32(index),
                number: self.visits[index].number,
                position: UInt32(clamping: position),
                kind: kind,
                sentMicros: span.sentMicros,
                answeredMicros: span.answeredMicros
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
