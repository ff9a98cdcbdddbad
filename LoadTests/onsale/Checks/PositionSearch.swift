/// Finds positions that do not fit the line: number less position is how far the line had come, which never goes back,
/// whoever asks; whoever is let in was called; and not many more people go in before a visitor than were said to be in
/// front.
///
/// So no visitor's position rises, none falls out of step with those before and behind, it moves as people go in, and it
/// is not told too low.
///
/// Where Redis went away, numbers of blocks that nobody used are skipped. They are nobody's position, so numbers before and
/// behind such a gap are not held against each other.
struct PositionSearch {
    struct Misfit: Equatable, Sendable {
        var number: Int64
        var position: Int64
        /// How far the line had come before that by what somebody else was told, or by who was in.
        var served: Int64
        var micros: Int64
    }

    private(set) var misfits: [Misfit] = []
    /// Of these, positions so low that more people than that went in since.
    private(set) var tooLow = 0
    /// Positions that were compared.
    private(set) var compared = 0

    /// The first number behind each gap.
    private let starts: [Int64]

    /// - Parameters:
    ///   - looks: in the order of their answers.
    ///   - slackMicros: loops of a gateway hear of a tick at different times.
    ///   - calledCount: so many may have been called before a position was told, and go in after that.
    ///   - gap: so many numbers in a row that nobody was told were skipped; nil: none can have been.
    init(_ looks: [Look], slackMicros: Int64, calledCount: Int64 = .max / 2, gap: Int64? = nil) {
        self.starts = gap.map { Self.starts(looks, gap: $0) } ?? []
        self.findTooHigh(looks, slackMicros)
        self.findTooLow(looks, calledCount)
    }

    private mutating func findTooHigh(_ looks: [Look], _ slackMicros: Int64) {
        // The called all read as first in line: that says nothing of how far the line is.
        let told = looks.filter { $0.kind == .waiting && $0.position > 1 }.sorted { $0.sentMicros < $1.sentMicros }
        var next = 0
        var servedByStretch = [Int64](repeating: 0, count: self.starts.count + 1)
        for look in told {
            while next < looks.count, looks[next].answeredMicros < look.sentMicros - slackMicros {
                let stretch = self.starts.count(upTo: Int64(looks[next].number))
                servedByStretch[stretch] = max(servedByStretch[stretch], Self.served(looks[next]))
                next += 1
            }
            self.compared += 1
            let served = servedByStretch[self.starts.count(upTo: Int64(look.number))]
            if Int64(look.number) - Int64(look.position) < served { self.note(look, served: served) }
        }
    }

    private static func starts(_ looks: [Look], gap: Int64) -> [Int64] {
        let numbers = Set(looks.map { Int64($0.number) }.filter { $0 > 0 }).sorted()
        return zip(numbers, numbers.dropFirst()).filter { $1 - $0 > gap }.map(\.1)
    }

    private mutating func findTooLow(_ looks: [Look], _ calledCount: Int64) {
        let letIn = looks.lazy.filter { $0.kind == .letIn }.map(\.answeredMicros)
        let admitted = Array(letIn)
        /// By visitor: how many may have been let in by the time of a later page, by what was told so far of a number.
        var most: [UInt32: (number: UInt32, count: Int64)] = [:]
        // Each visitor is found once; and who has been in stands in no line.
        var done: Set<UInt32> = []
        for look in looks where !done.contains(look.visitor) {
            if look.kind == .letIn { done.insert(look.visitor) }
            guard look.kind == .waiting, look.position > 0 else { continue }
            let before = Int64(admitted.count(upTo: look.sentMicros))
            let former = most[look.visitor].flatMap { $0.number == look.number ? $0.count : nil } ?? .max
            if before > former {
                done.insert(look.visitor)
                self.tooLow += 1
                self.note(look, served: before)
            }
            let told = Int64(admitted.count(upTo: look.answeredMicros)) + Int64(look.position) + calledCount
            most[look.visitor] = (look.number, min(former, told))
        }
    }

    private mutating func note(_ look: Look, served: Int64) {
        self.misfits.append(
            Misfit(
                number: Int64(look.number),
                position: Int64(look.position),
                served: served,
                micros: look.answeredMicros
            )
        )
    }

    /// How far the line has come at least, by what this look says.
    private static func served(_ look: Look) -> Int64 {
        switch look.kind {
        case .waiting where look.position > 1: Int64(look.number) - Int64(look.position)
        // Everybody in front has been called.
        case .letIn where look.number > 0: Int64(look.number) - 1
        case .waiting, .letIn, .atDoor, .joining, .error: 0
        }
    }
}
