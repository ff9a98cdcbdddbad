/// What an agent sends to the coordinator of a run, one after the other. As bytes: the number of the message, its kind,
/// and numbers as `PieceWriter` writes them. Raise `AgentPlan.version` when any of it changes.
enum AgentMessage: Sendable {
    /// There, and ready to play: what it is, in words.
    case ready(String)
    /// Still there.
    case alive
    case second(HeldSecond)
    /// From that position of the share on.
    case visits(from: Int, [Visit])
    case looks([Look])
    case insideAnswers([InsideAnswer])
    case sums(BookSums)
    /// That was all.
    case done
    /// Stops before the end, and why.
    case leaves(String)

    /// Visits, looks or other answers in one message: some 100 kB at most.
    static let mostEntries = 4_096

    private enum Kind: UInt64 { case ready = 1, alive, second, visits, looks, insideAnswers, sums, done, leaves }

    func bytes(number: Int) -> [UInt8] {
        var writer = PieceWriter()
        writer.put(number)
        func begin(_ kind: Kind) { writer.put(kind.rawValue) }
        switch self {
        case .ready(let name):
            begin(.ready)
            writer.put(name)
        case .alive: begin(.alive)
        case .second(let held):
            begin(.second)
            held.write(to: &writer)
        case .visits(let from, let visits):
            begin(.visits)
            writer.put(from)
            writer.put(UInt64(visits.count))
            for visit in visits { visit.write(to: &writer) }
        case .looks(let looks):
            begin(.looks)
            Look.write(looks, to: &writer)
        case .insideAnswers(let answers):
            begin(.insideAnswers)
            InsideAnswer.write(answers, to: &writer)
        case .sums(let sums):
            begin(.sums)
            sums.write(to: &writer)
        case .done: begin(.done)
        case .leaves(let reason):
            begin(.leaves)
            writer.put(reason)
        }
        return writer.bytes
    }

    static func read(_ bytes: [UInt8]) throws(PieceProblem) -> (number: Int, message: AgentMessage) {
        var reader = PieceReader(bytes)
        let number = try reader.integer()
        let code = try reader.natural()
        guard let kind = Kind(rawValue: code) else { throw PieceProblem("kind \(code) of message is not known") }
        let message = try Self.read(kind, &reader)
        try reader.end()
        return (number, message)
    }

    private static func read(_ kind: Kind, _ reader: inout PieceReader) throws(PieceProblem) -> AgentMessage {
        switch kind {
        case .ready: return .ready(try reader.text())
        case .alive: return .alive
        case .second: return .second(try HeldSecond(from: &reader))
        case .visits:
            let from = try reader.integer()
            var visits: [Visit] = []
            for _ in 0..<(try reader.count()) { visits.append(try Visit(from: &reader)) }
            return .visits(from: from, visits)
        case .looks: return .looks(try Look.readAll(from: &reader))
        case .insideAnswers: return .insideAnswers(try InsideAnswer.readAll(from: &reader))
        case .sums: return .sums(try BookSums(from: &reader))
        case .done: return .done
        case .leaves: return .leaves(try reader.text())
        }
    }
}
