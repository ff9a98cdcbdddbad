/// How long the answer may have been on its way by which somebody was let in: a stated time; or as long as most pages that
/// come at once took at that moment; or since a standstill began, after which everybody is answered together. A single
/// page that was slow to come says nothing of others.
struct AnswerWay: Sendable {
    /// A stretch in which nothing came, though it had been asked for.
    struct Standstill: Equatable, Sendable {
        var fromMicros: Int64
        var toMicros: Int64
    }

    /// Answers of one kind that a site sends as soon as it has them, in the order in which they came.
    private struct Prompt: Sendable {
        private var answered: [Int64] = []
        private var took: [Int64] = []
        /// Before each, how many took longer than usual.
        private var slowBefore: [Int32] = [0]
        private(set) var standstills: [Standstill] = []

        init(_ answers: [(answered: Int64, took: Int64)], usualMicros: Int64) {
            self.answered.reserveCapacity(answers.count)
            self.took.reserveCapacity(answers.count)
            self.slowBefore.reserveCapacity(answers.count + 1)
            for answer in answers {
                self.answered.append(answer.answered)
                self.took.append(answer.took)
                self.slowBefore.append((self.slowBefore.last ?? 0) + (answer.took > usualMicros ? 1 : 0))
            }
            for index in self.answered.indices.dropFirst() {
                let gap = self.answered[index - 1]...self.answered[index]
                if gap.upperBound - gap.lowerBound >= AnswerWay.shortestGapMicros, self.isStandstill(gap, at: index) {
                    self.standstills.append(Standstill(fromMicros: gap.lowerBound, toMicros: gap.upperBound))
                }
            }
        }

        /// Several that came after the gap had been asked for in its first half: the site had something to answer.
        private func isStandstill(_ gap: ClosedRange<Int64>, at index: Int) -> Bool {
            let middle = gap.lowerBound + (gap.upperBound - gap.lowerBound) / 2
            var pending = 0
            for index in index..<self.answered.count {
                guard self.answered[index] <= gap.upperBound + AnswerWay.reachMicros else { return false }
                if self.answered[index] - self.took[index] <= middle { pending += 1 }
                if pending >= AnswerWay.fewestPending { return true }
            }
            return false
        }

        /// What half of those that came about then took at least; nil while fewer than half were slow.
        func slowMedian(at micros: Int64) -> Int64? {
            let first = self.answered.count(upTo: micros - AnswerWay.reachMicros - 1)
            let end = self.answered.count(upTo: micros + AnswerWay.reachMicros)
            guard end - first >= AnswerWay.fewestPages else { return nil }
            let slow = Int(self.slowBefore[end] - self.slowBefore[first])
            guard 2 * slow >= end - first else { return nil }
            return self.took[first..<end].sorted()[(end - first) / 2]
        }
    }

    private static let reachMicros: Int64 = 250_000
    private static let shortestGapMicros: Int64 = 250_000
    /// One that took long is no standstill.
    private static let fewestPending = 2
    /// Fewer do not tell what is usual at that moment.
    private static let fewestPages = 5
    /// No answer is waited for that long.
    private static let longestMicros: Int64 = 60_000_000

    private let usualMicros: Int64
    /// A worker was held up on purpose: the turn was given when the request was sent, and the page took as long as it did.
    private let heldUp: [ClosedRange<Int64>]
    private let prompt: [Prompt]
    /// In order of their ends.
    let standstills: [Standstill]

    /// - Parameters:
    ///   - looks: in the order of their answers.
    ///   - inside: answers to those who are in, in their order.
    ///   - heldUp: when workers were held up on purpose.
    init(_ looks: [Look], inside: [InsideAnswer] = [], usualMicros: Int64, heldUp: [ClosedRange<Int64>] = []) {
        self.usualMicros = usualMicros
        self.heldUp = heldUp
        // Pages of the door are kept back on purpose.
        let pages = looks.lazy.filter { $0.kind == .waiting }.map {
            (answered: $0.answeredMicros, took: $0.answeredMicros - $0.sentMicros)
        }
        let answers = inside.lazy.map { (answered: $0.answeredMicros, took: $0.tookMicros) }
        self.prompt = [Array(pages), Array(answers)].map { Prompt($0, usualMicros: usualMicros) }
        self.standstills = self.prompt.flatMap(\.standstills).sorted { $0.toMicros < $1.toMicros }
    }

    /// At most so long on its way, for an answer that came then.
    func micros(answeredMicros: Int64) -> Int64 {
        if self.heldUp.contains(where: { $0.contains(answeredMicros) }) { return Self.longestMicros }
        var most = self.prompt.reduce(self.usualMicros) { max($0, $1.slowMedian(at: answeredMicros) ?? 0) }
        for standstill in self.standstills.reversed() where standstill.toMicros <= answeredMicros {
            guard standstill.toMicros >= answeredMicros - Self.reachMicros else { break }
            most = max(most, answeredMicros - standstill.fromMicros)
        }
        return most
    }

    /// The earliest moment at which the turn of a visitor can have come who was let in by this request. Who had been sent
    /// round from the door, and is let in without standing there again, may have been given it in the pause.
    func earliestTurn(sentMicros: Int64, answeredMicros: Int64, sentRoundMicros: Int64?) -> Int64 {
        let way = self.micros(answeredMicros: answeredMicros)
        if let sentRoundMicros, answeredMicros - sentMicros <= way { return sentRoundMicros }
        return max(sentMicros, answeredMicros - way)
    }
}
