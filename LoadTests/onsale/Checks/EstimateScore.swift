/// How honest the waits were that visitors were told, against what came.
///
/// Nobody can know that limits will be changed: scored is the first range that each was told after the last change before
/// they were in. Who left before is scored by when the first from behind was in: about then it would have been their turn.
///
/// Nor can anybody know that strangers of the tool's own crowd have taken many of the numbers in front, with which nobody
/// comes: what was told then is left out. So is whoever waited through a stretch that is excused, or came much later than told.
struct EstimateScore: Equatable, Sendable {
    struct Decile: Equatable, Sendable {
        var longestSeconds: Double
        var count: Int
        var kept: Int
        var share: Double { Double(self.kept) / Double(self.count) }
    }

    /// A change of limits: when it was written, and from when on ranges must reckon with it.
    typealias Change = (writtenMicros: Int64, settledMicros: Int64)

    private struct Wait {
        var seconds: Double
        var middleToldSeconds: Double
        var isKept: Bool
    }

    /// What is known of a visitor so far.
    private struct State {
        var number: Int64 = 0
        var joinedMicros: Int64?
        var wasTold = false
        /// The first range since `changes` changes, and the places that were in front then.
        var told: (micros: Int64, seconds: ClosedRange<Int64>, changes: Int, ahead: Range<Int64>)?
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

    /// By rising wait; empty when too few were told a range.
    private(set) var deciles: [Decile] = []
    /// The same is told to those who wait long and to those who wait short.
    private(set) var saysNothing = false
    /// Of those who waited long enough to want an estimate: how many, and how many were told one.
    private(set) var waited = 0
    private(set) var told = 0
    /// Waits that were scored.
    var scored: Int { self.deciles.reduce(0) { $0 + $1.count } }

    private let changes: [Change]
    /// Ascending.
    private let strangerNumbers: [Int64]
    private let excused: [ClosedRange<Int64>]

    static func == (one: EstimateScore, other: EstimateScore) -> Bool {
        one.deciles == other.deciles && one.saysNothing == other.saysNothing && one.waited == other.waited
            && one.told == other.told
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
        var waits: [Wait] = []
        for look in looks where strangers.isEmpty || !strangers.contains(look.visitor) {
            var state = states[look.visitor] ?? State()
            if look.kind == .letIn {
                let lateMicros = state.page.map(look.lateMicros(after:)) ?? 0
                if !state.isIn, let wait = self.entered(&state, look.answeredMicros),
                    Double(lateMicros) / 1e6 <= Self.lateShare * wait.seconds
                {
                    waits.append(wait)
                }
            } else if look.kind != .error, !state.isIn {
                self.waits(&state, look)
            }
            states[look.visitor] = state
        }
        let behind = FirstBehind(
            looks.filter { $0.kind == .letIn && $0.number > 0 }.map { (Int64($0.number), $0.answeredMicros) }
        )
        for state in states.values where !state.isIn {
            if let wait = self.left(state, behind.micros(state.number)) { waits.append(wait) }
        }
        self.score(waits)
    }

    private func waits(_ state: inout State, _ look: Look) {
        state.page = look
        guard look.number > 0 else { return }
        state.number = Int64(look.number)
        if state.joinedMicros == nil { state.joinedMicros = look.answeredMicros }
        guard let range = look.estimateSeconds else { return }
        state.wasTold = true
        let changes = self.changes.count { $0.writtenMicros <= look.answeredMicros }
        let isSettled = changes == 0 || look.answeredMicros >= self.changes[changes - 1].settledMicros
        guard isSettled, state.told?.changes != changes else { return }
        let ahead = state.number - max(0, Int64(look.position) - 1)..<state.number
        state.told = (look.answeredMicros, range, changes, ahead)
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

    private mutating func entered(_ state: inout State, _ micros: Int64) -> Wait? {
        state.isIn = true
        guard let joined = state.joinedMicros, !self.isExcused(state, until: micros) else { return nil }
        if Double(micros - joined) / 1e6 >= Self.shortestWaitSeconds {
            self.waited += 1
            if state.wasTold { self.told += 1 }
        }
        guard let told = state.told, told.changes == self.changes.count(where: { $0.writtenMicros <= micros }),
            !self.isBehindStrangers(told.ahead)
        else { return nil }
        let seconds = Double(micros - told.micros) / 1e6
        let most = Double(told.seconds.upperBound) + Self.toleranceSeconds
        return self.wait(told.seconds, seconds, isKept: seconds <= most)
    }

    /// Somebody who was told a range and left; nil when the range was none too long. Whether it was too short nobody can
    /// say: others behind may have left, too.
    private func left(_ state: State, _ behindMicros: Int64?) -> Wait? {
        guard let told = state.told, let behindMicros, behindMicros >= told.micros,
            !self.isExcused(state, until: behindMicros), !self.isBehindStrangers(told.ahead)
        else { return nil }
        let isSame = told.changes == self.changes.count { $0.writtenMicros <= behindMicros }
        let seconds = Double(behindMicros - told.micros) / 1e6 * (isSame ? 1 : Self.changeFactor)
        let wait = self.wait(told.seconds, seconds, isKept: true)
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

    private mutating func score(_ all: [Wait]) {
        guard all.count >= Self.fewestWaits else { return }
        let waits = all.sorted { ($0.seconds, $0.middleToldSeconds) < ($1.seconds, $1.middleToldSeconds) }
        self.deciles = (0..<10).map { tenth in
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
        self.saysNothing = self.strangerNumbers.isEmpty && rise >= Self.risingSeconds && told < Self.risingShare * rise
    }

    var worst: Decile? { self.deciles.min { $0.share < $1.share } }
}
