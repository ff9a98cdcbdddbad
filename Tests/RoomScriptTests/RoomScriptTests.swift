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
                guard case .ask(_, _, let answer) = step else { continue }
                for name in Self.names(answer) { met[name, default: 0] += 1 }
            }
        }
        let wanted = [
            "admitted", "notServed", "atDoor", "lapsed", "ended", "others by exchange", "others by tick", "straight in",
            "stood in line", "renewed", "gone", "bound taken", "bound refused", "no room", "batch", "second epoch",
        ]
        for name in wanted { #expect(met[name, default: 0] >= 20, "\(name): \(met[name, default: 0])") }
    }

    @Test func script_largestBatches_answersAndKeepsWhatTheModelDoes() throws {
        let server = try RedisServer()
        let connection = try RedisConnection(socketPath: server.socketPath)
        let limits = RoomLimits(
            inflowMilli: 3_000_000,
            burst: 3_000,
            slots: 100_000,
            sessionMicros: 2_000_000,
            claimMicros: 5_000_000,
            horizonMicros: 1_000_000
        )
        let numbers = Array((1...Int64(RoomRules.largestBatch)).reversed())
        let above = numbers.map { $0 + Int64(RoomRules.largestBatch) }
        let known = KnownMarks.nothing
        let history = History(
            limits: limits,
            [
                (1, .join(count: 4096)), (1, .join(count: 4096)), (1, .join(count: 4096)), (0, .join(count: 4097)),
                (1_000, .tick(limits, known: known)), (1_000, .exchange(above)), (1_000, .exchange(numbers)),
                (1_000, .exchange(numbers + [1])), (900_000, .exchange([])), (1_000, .exchange(above)),
                (1_000, .tick(limits, known: known)), (1_000, .renew(numbers)), (1_000, .leave(above)),
                (1_000, .exchange(above)), (1_000, .release(numbers)), (3_000_000, .tick(limits, known: known)),
                // The clock goes back while thousands stand at the door and hold sessions.
                (1_000, .exchange(above)), (-2_500_000, .tick(limits, known: known)), (1_000, .exchange(above)),
            ]
        )
        #expect(history.model.record.admitted > 6_000)
        #expect(try Self.firstDifference(history, connection, name: "large") == nil)
    }

    @Test func script_lineAtItsEnd_refusesJoins() throws {
        let server = try RedisServer()
        let connection = try RedisConnection(socketPath: server.socketPath)
        let limits = RoomLimits(
            inflowMilli: 1_000,
            burst: 5,
            slots: 10,
            sessionMicros: 2_000_000,
            claimMicros: 5_000_000,
            horizonMicros: 1_000_000
        )
        let end = KnownMarks(epoch: 1, issued: RoomRules.lastNumber - 5, serving: 7)
        let history = History(
            limits: limits,
            // The second refusal comes with a clock set back: what that repaired is kept all the same.
            [
                (5, .tick(limits, known: end)), (5, .join(count: 6)), (-7, .join(count: 6)), (5, .join(count: 5)),
            ]
        )
        guard case .ask(_, _, let refused) = history.steps[2], case .ask(_, _, .join(let grant)) = history.steps[4]
        else {
            Issue.record("the history is not what this test is about")
            return
        }
        #expect(refused == .failed(.lineFull))
        #expect(grant.first == RoomRules.lastNumber - 4)
        #expect(try Self.firstDifference(history, connection, name: "end") == nil)
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
            case .ask(let operation, let clockMicros, _): room.send(operation, clockMicros: clockMicros)
            case .loseAll: connection.append(["DEL"] + room.keys)
            case .loseRecord: connection.append(["DEL", room.keys[0]])
            }
        }
        var difference: String?
        for (index, step) in history.steps.enumerated() {
            guard case .ask(let operation, let clockMicros, let expected) = step else {
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
            (tick.others.numbers.isEmpty ? [] : ["others by tick"]) + (tick.snapshot.epoch > 1 ? ["second epoch"] : [])
        case .exchange(let exchange):
            exchange.outcomes.map { outcome in
                switch outcome {
                case .admitted: "admitted"
                case .notServed: "notServed"
                case .atDoor: "atDoor"
                case .lapsed: "lapsed"
                case .ended: "ended"
                }
            } + (exchange.others.numbers.isEmpty ? [] : ["others by exchange"])
        case .renew(let expiries): expiries.map { $0 == nil ? "gone" : "renewed" }
        case .count: []
        case .allowed(let allowed): [allowed.isTaken ? "bound taken" : "bound refused"]
        case .failed(.noRoom): ["no room"]
        case .failed(.batch): ["batch"]
        case .failed: ["refused"]
        }
    }
}
