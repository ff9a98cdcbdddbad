/// How long the answer may have been on its way by which somebody was let in: a stated time, or as long as pages to others
/// took that came at the same moment. A site that stands still, and then answers everybody, has not let them all in then.
struct AnswerWay: Sendable {
    private static let reachMicros: Int64 = 250_000

    private let usualMicros: Int64
    /// Pages in line that took longer than usual, by the moment of their answer.
    private let slowAnswered: [Int64]
    private let slowMicros: [Int64]
    /// A worker was held up on purpose: the turn was given when the request was sent, and the page took as long as it did.
    private let heldUp: [ClosedRange<Int64>]
    /// No answer is waited for that long.
    private static let longestMicros: Int64 = 60_000_000

    /// - Parameter looks: in the order of their answers.
    init(_ looks: [Look], usualMicros: Int64, heldUp: [ClosedRange<Int64>] = []) {
        self.usualMicros = usualMicros
        self.heldUp = heldUp
        // Pages of the door are kept back on purpose.
        let slow = looks.filter { $0.kind == .waiting && $0.answeredMicros - $0.sentMicros > usualMicros }
        self.slowAnswered = slow.map(\.answeredMicros)
        self.slowMicros = slow.map { $0.answeredMicros - $0.sentMicros }
    }

    /// At most so long on its way, for an answer that came then.
    func micros(answeredMicros: Int64) -> Int64 {
        if self.heldUp.contains(where: { $0.contains(answeredMicros) }) { return Self.longestMicros }
        var most = self.usualMicros
        var index = self.slowAnswered.count(upTo: answeredMicros - Self.reachMicros - 1)
        while index < self.slowAnswered.count, self.slowAnswered[index] <= answeredMicros + Self.reachMicros {
            most = max(most, self.slowMicros[index])
            index += 1
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
