/// Finds visitors who asked and were passed by: while one of them stood there, or asked again and again as told, somebody
/// with a higher number, or a newcomer without one, was let in.
///
/// A visitor is *due* from the first request that was sent after somebody behind was let in, and until then for as long
/// as each single request lasts. Who is let in more than the slack after that, and surely before the visitor, has
/// overtaken; and nobody is told to be in line who asked more than the slack after somebody behind was in. Who is told to
/// come again after so long a pause that somebody behind is in long before, and comes then, was overtaken in it.
struct OvertakingSearch {
    struct Overtaking: Equatable, Sendable {
        /// The visitor who was passed by.
        var number: Int64
        /// A place that went before; one more than the highest told for a newcomer who was told none.
        var by: Int64
        var dueMicros: Int64
        var overtakenMicros: Int64
        /// Known only by how long the answer may have been on its way that let the visitor in.
        var isInferred = false
    }

    /// Somebody who was let in.
    private struct Admission {
        var number: Int64
        var earliestMicros: Int64
        var answeredMicros: Int64
    }

    private static let blockCount = 64
    /// The room calls ahead for two seconds, and a page names whole seconds: who comes so much later than somebody behind
    /// may have been called in the pause.
    static let pauseMicros: Int64 = 3_000_000

    let slackMicros: Int64
    let way: AnswerWay
    private(set) var overtakings: [Overtaking] = []
    /// The longest that anyone who was let in had been due before.
    private(set) var longestDueMicros: Int64 = 0
    /// In order of `answeredMicros`.
    private var admissions: [Admission] = []
    private var admittedAt: [Int64] = []
    /// The highest number of each block of `admissions`.
    private var blockHighest: [Int64] = []
    private var behind = FirstBehind([])
    /// The earliest moment of the turn of each who was let in, by the index of that look.
    private var turns: [Int: Int64] = [:]
    /// The longest that anyone came, when told, after somebody behind was in.
    private(set) var longestPauseMicros: Int64 = 0

    /// - Parameters:
    ///   - looks: in the order of their answers.
    ///   - visits: by index in the crowd: whose turn may have come with an answer that was lost is not known by the
    ///     looks.
    ///   - slackMicros: a tick of the room and the way there; keeping order closer than this is not promised.
    init(_ looks: [Look], visits: [Visit], slackMicros: Int64, _ way: AnswerWay) {
        self.slackMicros = slackMicros
        self.way = way
        self.takeAdmissions(looks, visits)
        for chain in Self.byVisitor(looks) { self.follow(chain, in: looks) }
        self.overtakings.sort { ($0.overtakenMicros, $0.number) < ($1.overtakenMicros, $1.number) }
    }

    private mutating func takeAdmissions(_ looks: [Look], _ visits: [Visit]) {
        var told: [(micros: Int64, highest: Int64)] = []
        var sentRound: [UInt32: Int64] = [:]
        for (index, look) in looks.enumerated() {
            if look.kind == .waiting || look.kind == .atDoor {
                sentRound[look.visitor] = look.kind == .atDoor ? look.answeredMicros : nil
            }
            if look.number > 0, Int64(look.number) > told.last?.highest ?? 0 {
                told.append((look.answeredMicros, Int64(look.number)))
            }
            guard look.kind == .letIn else { continue }
            var number = Int64(look.number)
            if number == 0 {
                // Everybody who had a place before this request was sent is in front.
                number = (told.last { $0.micros <= look.sentMicros }?.highest ?? 0) + 1
            }
            let earliest = self.way.earliestTurn(
                sentMicros: look.sentMicros,
                answeredMicros: look.answeredMicros,
                sentRoundMicros: Self.sentRound(before: look, visits) ?? sentRound[look.visitor]
            )
            self.turns[index] = earliest
            self.admissions.append(
                Admission(number: number, earliestMicros: earliest, answeredMicros: look.answeredMicros)
            )
        }
        self.admissions.sort { $0.answeredMicros < $1.answeredMicros }
        self.admittedAt = self.admissions.map(\.answeredMicros)
        for start in stride(from: 0, to: self.admissions.count, by: Self.blockCount) {
            let block = self.admissions[start..<min(start + Self.blockCount, self.admissions.count)]
            self.blockHighest.append(block.map(\.number).max() ?? 0)
        }
        self.behind = FirstBehind(self.admissions.map { ($0.number, $0.answeredMicros) })
    }

    /// Since when the turn may have come to who was let in for the first time by this look, as the books have it.
    private static func sentRound(before look: Look, _ visits: [Visit]) -> Int64? {
        let index = Int(look.visitor)
        guard visits.indices.contains(index), visits[index].letIn?.answeredMicros == look.answeredMicros else {
            return nil
        }
        return visits[index].sentRoundMicros
    }

    /// Indexes of the looks of each visitor, in order of time.
    private static func byVisitor(_ looks: [Look]) -> [[Int]] {
        var chains: [UInt32: [Int]] = [:]
        for (index, look) in looks.enumerated() { chains[look.visitor, default: []].append(index) }
        return chains.keys.sorted().map { chains[$0]! }
    }

    private mutating func follow(_ chain: [Int], in looks: [Look]) {
        var number: Int64 = 0
        var behind: Int64?
        var due: Int64?
        // The waiting page before, of the same number.
        var page: Look?
        for index in chain {
            let look = looks[index]
            // Who met an error asks again when it suits them.
            guard look.kind != .error, look.kind != .joining else {
                (due, page) = (nil, nil)
                continue
            }
            if Int64(look.number) != number {
                number = Int64(look.number)
                behind = self.behind.micros(number)
                (due, page) = (nil, nil)
            }
            guard number > 0 else { continue }
            if let page, let behind, Self.isPunctual(look, after: page), look.sentMicros > behind {
                self.longestPauseMicros = max(self.longestPauseMicros, look.sentMicros - behind)
                if look.sentMicros > behind + Self.pauseMicros {
                    return self.note(number, by: self.firstIn(behind: number), due: page.answeredMicros, at: behind)
                }
            }
            page = look.kind == .waiting ? look : nil
            let isBehindIn = behind.map { look.sentMicros > $0 } ?? false
            if due == nil, isBehindIn { due = look.sentMicros }
            if look.kind == .waiting, let behind, look.sentMicros > behind + self.slackMicros {
                let by = self.firstIn(behind: number)
                return self.note(number, by: by, due: look.sentMicros, at: look.answeredMicros)
            }
            let since = due ?? look.sentMicros
            let until = self.turns[index] ?? look.answeredMicros
            if look.kind == .letIn { self.longestDueMicros = max(self.longestDueMicros, look.answeredMicros - since) }
            if let found = self.overtaker(of: number, since: since, until: until) {
                let isInferred = look.kind == .letIn
                return self.note(number, by: found.number, due: since, at: found.answeredMicros, isInferred)
            }
            // Whether they stay in is for another promise.
            if look.kind == .letIn { return }
        }
    }

    /// The visitor came at the time that the page had told, or before.
    private static func isPunctual(_ look: Look, after page: Look) -> Bool {
        page.refreshSeconds > 0 && !look.isLate(after: page)
    }

    private func firstIn(behind number: Int64) -> Int64 {
        self.admissions.first { $0.number > number }?.number ?? number
    }

    private mutating func note(_ number: Int64, by: Int64, due: Int64, at micros: Int64, _ isInferred: Bool = false) {
        self.overtakings.append(
            Overtaking(number: number, by: by, dueMicros: due, overtakenMicros: micros, isInferred: isInferred)
        )
    }

    /// Somebody with a higher number who was given the turn after `since` and was in before `until`, both by more than
    /// the slack.
    private func overtaker(of number: Int64, since: Int64, until: Int64) -> Admission? {
        var index = self.admittedAt.count(upTo: since + self.slackMicros)
        while index < self.admissions.count, self.admissions[index].answeredMicros < until - self.slackMicros {
            if index.isMultiple(of: Self.blockCount), self.blockHighest[index / Self.blockCount] <= number {
                index += Self.blockCount
                continue
            }
            let admission = self.admissions[index]
            if admission.number > number, admission.earliestMicros > since + self.slackMicros { return admission }
            index += 1
        }
        return nil
    }
}
