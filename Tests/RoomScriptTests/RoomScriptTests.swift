import Testing

@testable import Admission

/// The script in a real Redis against the model. A failure prints the seed; `History(seed:steps:)` repeats it.
@Suite(.serialized) struct RoomScriptTests {
    static let seeds: ClosedRange<UInt64> = 1...1_200
    static let stepsOfHistory = 60

    @Test func script_randomHistories_answersAndKeepsWhatTheModelDoes() throws {
        let server = try RedisServer()
        let connection = try RedisConnection(socketPath: server.socketPath)
        for seed in Self.seeds {
            let history = History(seed: seed, steps: Self.stepsOfHistory)
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
        for seed in Self.seeds.prefix(300) {
            for step in History(seed: seed, steps: Self.stepsOfHistory).steps {
                guard case .ask(_, _, _, let answer) = step else { continue }
                for name in Self.names(answer) { met[name, default: 0] += 1 }
            }
        }
        let wanted = [
            "admitted", "notServed", "atDoor", "lapsed", "ended", "others by tick", "straight in",
            "stood in line", "renewed", "gone", "bound taken", "bound refused", "no room", "batch", "second epoch",
        ]
        for name in wanted { #expect(met[name, default: 0] >= 20, "\(name): \(met[name, default: 0])") }
    }

    /// The first thing that Redis does otherwise than the model; nil when there is none.
    static func firstDifference(
        _ history: History,
        _ connection: RedisConnection,
        name: String
    ) throws -> String? {
        let room = try ScriptRoom(connection, name: name)
        for step in history.steps {
            switch step {
            case .ask(let operation, let known, let clockMicros, _):
                room.send(operation, known: known, clockMicros: clockMicros)
            case .loseAll: connection.append(["DEL"] + room.keys)
            case .loseRecord: connection.append(["DEL", room.keys[0]])
            }
        }
        var difference: String?
        for (index, step) in history.steps.enumerated() {
            guard case .ask(let operation, _, let clockMicros, let expected) = step else {
                _ = try connection.next()
                continue
            }
            let answer = try room.next(operation)
            if answer != expected, difference == nil {
                difference = "step \(index) at \(clockMicros), \(operation): Redis \(answer), model \(expected)"
            }
        }
        return try difference
            ?? room.differences(from: history.model, journal: history.journal).first.map { "at the end, \($0)" }
    }

    static func names(_ answer: History.Answer) -> [String] {
        switch answer {
        case .join(let grant): [grant.admitted > 0 ? "straight in" : "stood in line"]
        case .tick(let tick):
            (tick.granted.isEmpty ? [] : ["others by tick"]) + (tick.snapshot.epoch > 1 ? ["second epoch"] : [])
        case .exchange(let exchange):
            exchange.outcomes.map { outcome in
                switch outcome {
                case .admitted: "admitted"
                case .notServed: "notServed"
                case .atDoor: "atDoor"
                case .lapsed: "lapsed"
                case .ended: "ended"
                case .void: "void"
                }
            }
        case .renew(let answer): answer.expiries.map { $0 == nil ? "gone" : "renewed" }
        case .count, .reset: []
        case .allowed(let allowed): [allowed.isTaken ? "bound taken" : "bound refused"]
        case .failed(.noRoom): ["no room"]
        case .failed(.batch): ["batch"]
        case .failed: ["refused"]
        }
    }
}
