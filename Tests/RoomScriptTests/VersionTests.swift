import Primitives
import Testing

@testable import Admission

/// An upgrade of a running fleet: gateways whose script is the first version (`room-v1.lua`) and those of this one on
/// one room. Nothing is promised to the bit; but no number comes twice, nobody is let in twice, nobody is lost.
@Suite(.serialized) struct VersionTests {
    static let limits = RoomLimits(
        inflowMilli: 40_000,
        burst: 20,
        slots: 100_000,
        sessionMicros: 7_200_000_000,
        claimMicros: 3_600_000_000,
        horizonMicros: 1_000_000
    )

    @Test func rooms_twoVersionsAtOnce_keepTheirPromises() throws {
        let server = try RedisServer()
        let connection = try RedisConnection(socketPath: server.socketPath)
        for seed in 1...200 as ClosedRange<UInt64> {
            var fleet = try MixedFleet(connection, name: "mixed-\(seed)", seed: seed)
            try fleet.run(steps: 60)
            try fleet.letEverybodyIn()
            for problem in fleet.problems { Issue.record("seed \(seed): \(problem)") }
            try connection.command(["FLUSHALL"])
        }
    }
}

/// Two gateways, one of each version; all that either hands out and lets in.
private struct MixedFleet {
    private let room: ScriptRoom
    private let oldScript: String
    private var random: SplitMix64
    private var nowMicros: Int64 = 1_700_000_000_000_000
    private var known = KnownMarks.nothing
    private var oldKnown: (epoch: Int64, issued: Int64, serving: Int64) = (0, 0, 0)
    private var handedOut: Set<Int64> = []
    private var inside: Set<Int64> = []
    private(set) var problems: [String] = []

    init(_ connection: RedisConnection, name: String, seed: UInt64) throws {
        self.room = try ScriptRoom(connection, name: name)
        let source = try FirstScript.text()
        guard case .string(let sha) = try connection.command(["SCRIPT", "LOAD", source]) else {
            throw RedisConnection.Failure(description: "room-v1.lua does not compile")
        }
        self.oldScript = sha
        self.random = SplitMix64(seed: seed)
        if seed % 2 == 0 { try self.oldTick() } else { try self.tick() }
    }

    mutating func run(steps: Int) throws {
        for _ in 0..<steps {
            self.nowMicros += [0, 30_000, 100_000, 400_000, -200_000].randomElement(using: &self.random)!
            switch Int.random(in: 0..<10, using: &self.random) {
            case 0, 1: try self.tick()
            case 2, 3: try self.oldTick()
            case 4: try self.join(Int.random(in: 1...9, using: &self.random))
            case 5: try self.oldJoin(Int.random(in: 1...9, using: &self.random))
            case 6, 7: try self.exchange(self.someWaiting())
            default: try self.oldExchange(self.someWaiting())
            }
        }
    }

    /// Either gateway goes on asking for those who wait.
    mutating func letEverybodyIn() throws {
        for _ in 0..<400 where self.inside.count < self.handedOut.count {
            self.nowMicros += 200_000
            try self.tick()
            try self.oldTick()
            try self.exchange(self.someWaiting())
            try self.oldExchange(self.someWaiting())
        }
        let lost = self.handedOut.subtracting(self.inside)
        if !lost.isEmpty { self.problems.append("lost: \(lost.sorted().prefix(9))") }
        let admitted = try self.room.connection.command(["HGET", self.room.keys[0], "admitted"])
        if admitted != .string(String(self.handedOut.count)) {
            self.problems.append("\(admitted) admissions of \(self.handedOut.count)")
        }
    }

    private mutating func someWaiting() -> [Int64] {
        Array(self.handedOut.subtracting(self.inside).sorted().prefix(Int.random(in: 0...30, using: &self.random)))
    }

    private mutating func handOut(first: Int64, count: Int64, admitted: Int64) {
        for number in first..<first + count where !self.handedOut.insert(number).inserted {
            self.problems.append("number \(number) twice")
        }
        for number in first..<first + admitted { self.inside.insert(number) }
    }

    // MARK: This version

    private mutating func ask(_ operation: RoomScript.Operation) throws -> History.Answer {
        self.room.send(operation, known: self.known, run: 9, clockMicros: self.nowMicros)
        let answer = try self.room.next(operation)
        if case .failed(let error) = answer { self.problems.append("\(operation): \(error)") }
        return answer
    }

    private mutating func tick() throws {
        guard case .tick(let tick) = try self.ask(.tick(RoomTick(gateway: "new", limits: VersionTests.limits))) else {
            throw OtherAnswer()
        }
        self.known.raise(tick.snapshot)
    }

    private mutating func join(_ count: Int) throws {
        guard case .join(let grant) = try self.ask(.join(count: count)) else { throw OtherAnswer() }
        self.known.raise(grant.line)
        self.handOut(first: grant.first, count: grant.count, admitted: grant.admitted)
    }

    private mutating func exchange(_ ids: [Int64]) throws {
        guard case .exchange(let answer) = try self.ask(.exchange(gateway: "new", ids)) else { throw OtherAnswer() }
        for case (let id, .admitted) in zip(ids, answer.outcomes) { self.inside.insert(id) }
    }

    // MARK: The first version

    private mutating func askOld(_ words: [String]) throws -> [Int64] {
        let keys = Array(self.room.keys.prefix(9))
        let reply = try self.room.connection.command(
            ["EVALSHA", self.oldScript, "9"] + keys + words + [String(self.nowMicros)]
        )
        guard case .array(let elements) = reply else {
            self.problems.append("\(words): \(reply)")
            return []
        }
        return elements.compactMap { if case .integer(let value) = $0 { value } else { nil } }
    }

    private mutating func oldTick() throws {
        let limits = VersionTests.limits
        let integers = [
            limits.inflowMilli, limits.burst, limits.slots, limits.sessionMicros, limits.claimMicros,
            limits.horizonMicros, 0, self.oldKnown.epoch, self.oldKnown.issued, self.oldKnown.serving,
        ]
        let answer = try self.askOld(["tick"] + integers.map(String.init))
        guard answer.count >= 14 else { throw OtherAnswer() }
        self.oldKnown = (answer[1], answer[2], answer[3])
    }

    private mutating func oldJoin(_ count: Int) throws {
        let answer = try self.askOld(["join", String(count)])
        guard answer.count == 6 else { throw OtherAnswer() }
        self.handOut(first: answer[1], count: answer[2], admitted: answer[3])
    }

    private mutating func oldExchange(_ numbers: [Int64]) throws {
        let answer = try self.askOld(["exchange"] + numbers.map(String.init))
        for (number, code) in zip(numbers, answer) where code > 0 { self.inside.insert(number) }
    }
}
