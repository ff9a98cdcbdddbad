import Primitives

/// How honest the waits were that visitors were told, against what came.
///
/// Nobody can know that limits will be changed: scored is what each was told after the last change before they were in,
/// the first range, and one page of those that came later, whichever of them chance picks, so that a range that was right
/// once and is not kept up is found. Who left before is scored by when the first from behind was in: about then it would
/// have been their turn.
///
/// Nor can anybody know that strangers of the tool's own crowd have taken many of the numbers in front, with which nobody
/// comes: what was told then is left out. So is whoever waited through a stretch that is excused, or came much later than told.
struct EstimateScore: Equatable, Sendable {
    struct Decile: Equatable, Sendable {
        var longestSeconds: Double
        var count: Int
        var kept: Int
        var share: Double { Double(self.kept) / Double(self.count) }

        /// What must be kept of so few, where `share` of very many must be: two standard deviations less, which is 52 %
        /// of 27 and 69 % of 8,000 for a share of 70 %.
        func least(of share: Double) -> Double {
            share - 2 * (share * (1 - share) / Double(self.count)).squareRoot()
        }
    }

    /// A change of limits: when it was written, and from when on ranges must reckon with it.
    typealias Change = (writtenMicros: Int64, settledMicros: Int64)

    /// How ranges of one kind held.
    struct Part: Equatable, Sendable {
        /// By rising wait; empty when too few were told a range.
        fileprivate(set) var deciles: [Decile] = []
        /// The same is told to those who wait long and to those who wait short.
        fileprivate(set) var saysNothing = false
        /// Of those who waited long enough to want an estimate: how many, and how many were told one.
        fileprivate(set) var waited = 0
        fileprivate(set) var told = 0
        /// Waits that were scored.
        var scored: Int { self.deciles.reduce(0) { $0 + $1.count } }
        var worst: Decile? { self.deciles.min { $0.share < $1.share } }
    }

    private struct Wait {
        var seconds: Double
        var middleToldSeconds: Double
        var isKept: Bool
    }

    /// What a page said, after so many changes, and the places that were in front then.
    private struct Told {
        var micros: Int64
        var seconds: ClosedRange<Int64>?
        var changes: Int
        var ahead: Range<Int64>
    }

    /// What is known of a visitor so far.
    private struct State {
        var number: Int64 = 0
        var joinedMicros: Int64?
        var wasTold = false
        /// The page with the first range since the last change.
        var first: Told?
        /// One of the pages after it, each as likely as the others; and how many there were.
        var later: Told?
        var laterCount: UInt64 = 0
        /// The last one.
        var page: Look?
        var isIn = false
    }

    /// Fewer waits do not make a share.
    static let fewestWaits = 200
    /// A page is no clock.
    static let toleranceSeconds = 1.0
    /// People in front may leave: a wait may be shorter than the shorter end by this share of it.
    static let shorterShare = 0.2
    /// A range whose longer end is further from the shorter one says nothing, and counts as not kept. The room tells none
    /// beyond 4 x + 15 s, and rounds both ends outward.
    static let widest = (factor: 4.0, seconds: 20.0)
    /// Who waits for less needs no estimate.
    static let shortestWaitSeconds = 5.0
    /// Where the longest waits are so much longer than the shortest, what was told must have been longer, too: by this
    /// share of the difference at least.
    static let risingSeconds = 5.0
    static let risingShare = 0.1
    /// Who comes later than told by more than this share of the wait has made it longer.
    static let lateShare = 0.25
    /// A change of the limits makes waits at most so many times shorter.
    static let changeFactor = 3.0

    /// Of the places in front, the share that strangers may have taken.
    static let mostStrangers = 0.2

    private(set) var first = Part()
    private(set) var later = Part()

    private let changes: [Change]
    /// Ascending.
    private let strangerNumbers: [Int64]
    private let excused: [ClosedRange<Int64>]

    static func == (one: EstimateScore, other: EstimateScore) -> Bool {
        one.first == other.first && one.later == other.later
    }

    /// - Parameters:
    ///   - looks: in the order of their answers.
    ///   - strangers: visitors who keep no place: nothing is owed to them.
    ///   - strangerNumbers: those that they were told.
    ///   - excused: who waits in one of these may wait for any time.
    init(
        _ looks: [Look],
        strangers: Set<UInt32> = [],
        strangerNumbers: [UInt32] = [],
        changes: [Change],
        excused: [ClosedRange<Int64>] = []
    ) {
        self.changes = changes
        self.strangerNumbers = strangerNumbers.map(Int64.init).sorted()
        self.excused = excused
        var states: [UInt32: State] = [:]
        var waits: (first: [Wait], later: [Wait]) = ([], [])
        for look in looks where strangers.isEmpty || !strangers.contains(look.visitor) {
            var state = states[look.visitor] ?? State()
            if look.kind == .letIn, !state.isIn {
                state.isIn = true
                let (first, later) = self.entered(state, look)
                if let first { waits.first.append(first) }
                if let later { waits.later.append(later) }
            } else if look.kind != .error, !state.isIn {
                self.waits(&state, look)
            }
            states[look.visitor] = state
        }
        let behind = FirstBehind(
            looks.filter { $0.kind == .letIn && $0.number > 0 }.map { (Int64($0.number), $0.answeredMicros) }
        )
        for state in states.values where !state.isIn {
            let behindMicros = behind.micros(state.number)
            if let wait = self.left(state, state.first, behindMicros) { waits.first.append(wait) }
            if let wait = self.left(state, state.later, behindMicros) { waits.later.append(wait) }
        }
        self.score(waits.first, \.first)
        self.score(waits.later, \.later)
    }

    private func waits(_ state: inout State, _ look: Look) {
        state.page = look
        guard look.number > 0 else { return }
        state.number = Int64(look.number)
        if state.joinedMicros == nil { state.joinedMicros = look.answeredMicros }
        if look.estimateSeconds != nil { state.wasTold = true }
        let changes = self.changes.count { $0.writtenMicros <= look.answeredMicros }
        guard changes == 0 || look.answeredMicros >= self.changes[changes - 1].settledMicros else { return }
        let ahead = state.number - max(0, Int64(look.position) - 1)..<state.number
        let told = Told(micros: look.answeredMicros, seconds: look.estimateSeconds, changes: changes, ahead: ahead)
        if state.first?.changes != changes {
            guard told.seconds != nil else { return }
            state.first = told
            (state.later, state.laterCount) = (nil, 0)
        } else if look.kind == .waiting {
            state.laterCount += 1
            var draw = SplitMix64(seed: UInt64(look.visitor) << 32 | state.laterCount)
            if draw.next() % state.laterCount == 0 { state.later = told }
        }
    }

    private func isExcused(_ state: State, until micros: Int64) -> Bool {
        guard !self.excused.isEmpty, let joined = state.joinedMicros else { return false }
        let wait = joined...max(joined, micros)
        return self.excused.contains { $0.overlaps(wait) }
    }

    /// Of those in front, too many were strangers.
    private func isBehindStrangers(_ ahead: Range<Int64>) -> Bool {
        let numbers = self.strangerNumbers
        let taken = numbers.count(upTo: ahead.upperBound - 1) - numbers.count(upTo: ahead.lowerBound - 1)
        return Double(taken) > Self.mostStrangers * Double(max(1, ahead.count))
    }

    private mutating func entered(_ state: State, _ look: Look) -> (first: Wait?, later: Wait?) {
        let micros = look.answeredMicros
        guard let joined = state.joinedMicros, !self.isExcused(state, until: micros) else { return (nil, nil) }
        if Self.wantsEstimate(from: joined, to: micros) {
            self.first.waited += 1
            if state.wasTold { self.first.told += 1 }
        }
        let lateMicros = state.page.map(look.lateMicros(after:)) ?? 0
        let first = state.first.flatMap { self.waited($0, until: micros, lateMicros) }
        // Of so short a rest a page need say nothing.
        guard let told = state.later, Self.wantsEstimate(from: told.micros, to: micros) else { return (first, nil) }
        self.later.waited += 1
        if told.seconds != nil { self.later.told += 1 }
        return (first, self.waited(told, until: micros, lateMicros))
    }

    private static func wantsEstimate(from: Int64, to: Int64) -> Bool {
        Double(to - from) / 1e6 >= self.shortestWaitSeconds
    }

    private func waited(_ told: Told, until micros: Int64, _ lateMicros: Int64) -> Wait? {
        guard let range = told.seconds, told.changes == self.changes.count(where: { $0.writtenMicros <= micros }),
            !self.isBehindStrangers(told.ahead)
        else { return nil }
        let seconds = Double(micros - told.micros) / 1e6
        guard Double(lateMicros) / 1e6 <= Self.lateShare * seconds else { return nil }
        let most = Double(range.upperBound) + Self.toleranceSeconds
        return self.wait(range, seconds, isKept: seconds <= most)
    }

    /// Somebody who was told a range and left; nil when the range was none too long. Whether it was too short nobody can
    /// say: others behind may have left, too.
    private func left(_ state: State, _ told: Told?, _ behindMicros: Int64?) -> Wait? {
        guard let told, let range = told.seconds, let behindMicros, behindMicros >= told.micros,
            !self.isExcused(state, until: behindMicros), !self.isBehindStrangers(told.ahead)
        else { return nil }
        let isSame = told.changes == self.changes.count { $0.writtenMicros <= behindMicros }
        let seconds = Double(behindMicros - told.micros) / 1e6 * (isSame ? 1 : Self.changeFactor)
        let wait = self.wait(range, seconds, isKept: true)
        return wait.isKept ? nil : wait
    }

    private func wait(_ range: ClosedRange<Int64>, _ seconds: Double, isKept: Bool) -> Wait {
        let (low, high) = (Double(range.lowerBound), Double(range.upperBound))
        let isNarrow = high <= Self.widest.factor * low + Self.widest.seconds
        return Wait(
            seconds: seconds,
            middleToldSeconds: (low + high) / 2,
            isKept: isKept && isNarrow && seconds >= low * (1 - Self.shorterShare) - Self.toleranceSeconds
        )
    }

    private mutating func score(_ all: [Wait], _ part: WritableKeyPath<Self, Part>) {
        guard all.count >= Self.fewestWaits else { return }
        let waits = all.sorted { ($0.seconds, $0.middleToldSeconds) < ($1.seconds, $1.middleToldSeconds) }
        self[keyPath: part].deciles = (0..<10).map { tenth in
            let part = waits[(waits.count * tenth / 10)..<(waits.count * (tenth + 1) / 10)]
            return Decile(
                longestSeconds: part.last?.seconds ?? 0,
                count: part.count,
                kept: part.count { $0.isKept }
            )
        }
        func mean(_ waits: ArraySlice<Wait>, _ value: (Wait) -> Double) -> Double {
            waits.reduce(0) { $0 + value($1) } / Double(max(1, waits.count))
        }
        let third = waits.count / 3
        // By the middle: of a new line, of which nobody knows yet how many show up, only the longer ends differ much.
        let (short, long) = (waits.prefix(third), waits.suffix(third))
        let rise = mean(long, \.seconds) - mean(short, \.seconds)
        let told = mean(long, \.middleToldSeconds) - mean(short, \.middleToldSeconds)
        // Behind strangers all are told more than comes, by as much as these have taken.
        self[keyPath: part].saysNothing =
            self.strangerNumbers.isEmpty && rise >= Self.risingSeconds && told < Self.risingShare * rise
    }
}
