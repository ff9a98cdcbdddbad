import TestKit
import Testing

@testable import Admission

/// The script in a real Redis against the model. A failure prints the seed; `History(seed:steps:)` repeats it.
@Suite(.serialized) struct RoomScriptTests {
    static let histories: UInt64 = LongRun.isOne ? 5_000 : 1_500
    static let historiesOfABlock: UInt64 = 250
    static let stepsOfHistory = 40

    @Test(arguments: Array(stride(from: 1, through: Self.histories, by: Int(Self.historiesOfABlock))))
    func script_randomHistories_answersAndKeepsWhatTheModelDoes(first: UInt64) throws {
        let server = try RedisServer()
        let connection = try RedisConnection(socketPath: server.socketPath)
        for seed in first..<first + Self.historiesOfABlock {
            let history = History(seed: seed, steps: Self.stepsOfHistory)
            if let violation = history.violations.first { Issue.record("seed \(seed): \(violation)") }
            if let difference = try Self.firstDifference(history, connection, name: "history-\(seed)") {
                Issue.record("seed \(seed): \(difference)")
                return
            }
            try connection.command(["FLUSHALL"])
        }
    }

    /// Guards the test above: a generator that never reaches a rule would prove nothing about it.
    @Test func histories_manySeeds_meetEveryAnswer() {
        var met: [String: Int] = [:]
        for seed in 1...4_000 as ClosedRange<UInt64> {
            let history = History(seed: seed, steps: Self.stepsOfHistory)
            met["clock set forward", default: 0] += history.forwardSteps
            met["made anew by an exchange", default: 0] += history.madeAnew
            for step in history.steps {
                if case .loseKey(let key) = step { met["\(key)", default: 0] += 1 }
                guard case .ask(_, let answer) = step else { continue }
                for name in AnswerNames.of(answer) { met[name, default: 0] += 1 }
            }
        }
        for name in AnswerNames.all { #expect(met[name, default: 0] >= 10, "\(name): \(met[name, default: 0])") }
        // Few rooms have older lines, and fewer of their visitors go in.
        for name in ["clock set forward", "made anew by an exchange"] + RoomModel.WatchedKey.allCases.map({ "\($0)" }) {
            #expect(met[name, default: 0] >= 2, "\(name): \(met[name, default: 0])")
        }
    }

    /// The first thing that Redis does otherwise than the model; nil when there is none.
    static func firstDifference(
        _ history: History,
        _ connection: RedisConnection,
        name: String
    ) throws -> String? {
        let room = try ScriptRoom(connection, name: name)
        var replies: [Int] = []
        for step in history.steps { replies.append(room.send(step)) }
        var difference: String?
        for (index, step) in history.steps.enumerated() {
            guard case .ask(let question, let expected) = step else {
                for _ in 0..<replies[index] { _ = try connection.next() }
                continue
            }
            let answer = try room.next(question.operation)
            if answer != expected, difference == nil {
                difference = "step \(index), \(question):\nRedis \(answer)\nmodel \(expected)"
            }
        }
        return try difference
            ?? room.differences(from: history.model, journal: history.journal).first.map { "at the end, \($0)" }
    }
}
