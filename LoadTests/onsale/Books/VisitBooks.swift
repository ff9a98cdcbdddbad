import Primitives

/// The visitors' own books: what each of them heard, when they asked and when it came. The verdict is drawn from these,
/// and from what the tool itself has configured; the room's own word counts for nothing.
///
/// A loop fills them; nothing is allocated for a request but a piece of a list for every 65,536th. Limits: `mostLooks`
/// answers to visitors outside (256 MB); a run that has more says so in `overflow`, and is not judged by them.
/// `mostInside` answers inside (256 MB): of the rest it is not known how fast they came.
struct VisitBooks: Sendable {
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
    private(set) var visits: [Visit]
    private(set) var looks = LookList()
    private(set) var insideAnswers = PieceList<InsideAnswer>()
    /// Looks that found no room.
    private(set) var overflow = 0
    /// Pages to those outside: how many, those that do not say when to look again, those whose countdown to the opening
    /// is wrong, and those that do not name the number that was told before.
    private(set) var pages = 0
    private(set) var pagesWithoutTime = 0
    private(set) var pagesWithWrongCountdown = 0
    private(set) var pagesWithoutNumber = 0
    /// Kept connections that ended without an answer so late that the request had surely come, and all that ended so.
    private(set) var lateCloses = 0
    private(set) var closes = 0
    /// Visitors who asked for the exit page over such a connection: they may have been let in once more.
    private(set) var closesOnExit = 0
    /// Of what the tool sent with tokens that are no good.
    var probes = ProbeBooks()

    init(visitors: Int, startedAt: Instant, openingAt: Instant) {
        self.startedAt = startedAt
        self.openingMicros = openingAt.nanoseconds(since: startedAt) / 1_000
        self.visits = Array(repeating: Visit(), count: visitors)
    }

    /// When the clock of an answer starts: for one by which somebody got in, when they first stood at the door.
    func due(_ heard: VisitorMachine.Heard, of index: Int, requestDue: Instant) -> Instant {
        guard heard == .exchange, self.visits.indices.contains(index), let since = self.visits[index].doorSinceMicros
        else { return requestDue }
        let atDoor = self.startedAt.advanced(byNanoseconds: since * 1_000)
        return min(atDoor, requestDue)
    }

    func micros(_ instant: Instant) -> Int64 { instant.nanoseconds(since: self.startedAt) / 1_000 }

    /// Books what became of one request past the room. `response` is nil when there was none.
    mutating func heard(
        _ heard: VisitorMachine.Heard,
        of index: Int,
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
            self.stands(index, page, span)
            self.visits[index].sentRoundMicros = heard == .doorPage ? span.answeredMicros : nil
            self.visits[index].doorSinceMicros =
                heard == .doorPage ? self.visits[index].doorSinceMicros ?? span.sentMicros : nil
            let hasPlace = self.visits[index].number != 0
            self.look(index, !hasPlace ? .joining : heard == .doorPage ? .atDoor : .waiting, page, span)
        case .exchange:
            self.visits[index].exchanges += 1
            if self.visits[index].letIn == nil { self.visits[index].letIn = span }
            self.visits[index].lastLookSentMicros = span.sentMicros
            self.wasInside(index, isExit: isExit, span)
            self.look(index, .letIn, nil, span)
        case .inside: self.wasInside(index, isExit: isExit, span)
        case .error:
            if isExit { self.visits[index].mayHaveLeft = true }
            if self.visits[index].letIn == nil { self.look(index, .error, nil, span) }
        case .staleConnection: self.connectionEnded(index, isExit: isExit, nanoseconds: now.nanoseconds(since: sentAt))
        }
    }

    /// The request may have been served all the same.
    private mutating func connectionEnded(_ index: Int, isExit: Bool, nanoseconds: Int64) {
        self.closes += 1
        if nanoseconds > Self.staleNanoseconds { self.lateCloses += 1 }
        guard isExit else { return }
        self.closesOnExit += 1
        self.visits[index].mayHaveLeft = true
    }

    private mutating func stands(_ index: Int, _ page: WaitingPage, _ span: Visit.Span) {
        if self.visits[index].letIn != nil { self.visits[index].returns += 1 }
        self.visits[index].lastLookSentMicros = span.sentMicros
        guard let number = page.number.map(UInt32.init(clamping:)), number > 0 else {
            if self.visits[index].number != 0 { self.pagesWithoutNumber += 1 }
            return
        }
        if self.visits[index].joinedMicros == nil { self.visits[index].joinedMicros = span.answeredMicros }
        if self.visits[index].number != 0, self.visits[index].number != number {
            self.visits[index].numberChanges += 1
        }
        self.visits[index].number = number
    }

    private mutating func wasInside(_ index: Int, isExit: Bool, _ span: Visit.Span) {
        self.visits[index].lastInside = span
        if self.insideAnswers.count < Self.mostInside {
            self.insideAnswers.append(
                InsideAnswer(sentMicros: span.sentMicros, answeredMicros: span.answeredMicros)
            )
        }
        if isExit { self.visits[index].exit = span }
    }

    private mutating func look(_ index: Int, _ kind: Look.Kind, _ page: WaitingPage?, _ span: Visit.Span) {
        guard self.looks.count < Self.mostLooks else { return self.overflow += 1 }
        self.looks.append(
            Look(
                visitor: UInt32(index),
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
