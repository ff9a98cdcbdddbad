import EventLoop
import Primitives
import RedisClient

/// A steady stream of calls whose answers tell whether anything went wrong: each says which call it answers, what the
/// counter of its key became, and in which life of the server; and the server remembers every call.
final class FleetLoad {
    static let script = RedisScript(
        name: "load",
        source: Array(
            """
            local value = redis.call('INCR', KEYS[1])
            local times = redis.call('HINCRBY', KEYS[2], ARGV[1], 1)
            return {'token', ARGV[1], 'value', value, 'times', times, 'run', ARGV[2]}
            """.utf8
        )
    )

    /// Tags of keys in slots of all three masters of a fresh Cluster.
    static let tags = ["a", "b", "c", "d", "e", "f"]

    static func keys(_ tag: String) -> [String] { ["sluice:{\(tag)}:n", "sluice:{\(tag)}:seen"] }

    private(set) var sent = 0
    private(set) var answered = 0
    private(set) var good = 0
    /// By tag, of the last good answer.
    private(set) var goodByTag: [String: Int] = [:]
    private(set) var unanswered = 0
    private(set) var certainlyNotDone = 0
    private(set) var wrong: [String] = []
    private(set) var runs: [Int64] = []
    /// By tag and run.
    private var lastValue: [String: Int64] = [:]

    private let client: RedisClient
    private let tags: [String]
    private var timer: LoopTimer?
    private var isStopped = false

    init(_ client: RedisClient, tags: [String] = FleetLoad.tags) {
        self.client = client
        self.tags = tags
    }

    func start() {
        self.step()
    }

    func stop() { self.isStopped = true }

    private func step() {
        guard !self.isStopped else { return }
        for tag in self.tags { self.call(tag) }
        self.timer = self.client.loop.after(nanoseconds: 2 * Nanoseconds.perMillisecond) { [weak self] in self?.step() }
    }

    private func call(_ tag: String) {
        self.sent += 1
        let token = "t\(self.sent)"
        self.client.eval(Self.script, keys: Self.keys(tag), arguments: [.text(token), .serverRun]) { result in
            self.answered += 1
            switch result {
            case .success(let value): self.take(value, token, tag)
            case .failure(.unanswered): self.unanswered += 1
            case .failure(.refused(let code, let message)) where !Self.codesOfAbsence.contains(code):
                self.wrong.append("\(token): \(message)")
            case .failure: self.certainlyNotDone += 1
            }
        }
    }

    private static let codesOfAbsence: Set = ["READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"]

    private func take(_ value: RedisValue, _ token: String, _ tag: String) {
        guard let parts = value.array, parts.count == 8, parts[1].text == token, let number = parts[3].integer,
            parts[5].integer == 1, let run = parts[7].integer
        else { return self.wrong.append("\(token): \(value)") }
        let place = "\(tag) \(run)"
        if number <= self.lastValue[place] ?? 0 {
            self.wrong.append("\(token): \(number) after \(self.lastValue[place]!)")
        }
        self.lastValue[place] = number
        self.good += 1
        self.goodByTag[tag] = self.sent
        if !self.runs.contains(run) { self.runs.append(run) }
    }
}

extension RedisRig {
    func startLoad(tags: [String] = FleetLoad.tags) {
        let load = FleetLoad(self.client, tags: tags)
        self.fleetLoad = load
        load.start()
    }

    /// Ends the load and returns when every call has been told its end, once.
    func finishLoad() async throws {
        self.fleetLoad?.stop()
        try await self.wait("all calls to end") { $0.fleetLoad.map { $0.answered == $0.sent } ?? true }
    }

    /// Returns when calls for every tag have been answered that were sent after now.
    func waitForFreshAnswers(_ what: String, tags: [String] = FleetLoad.tags) async throws {
        let mark = self.fleetLoad?.sent ?? 0
        try await self.wait(what, seconds: 90) { rig in
            tags.allSatisfy { rig.fleetLoad?.goodByTag[$0] ?? 0 > mark }
        }
    }

    var loadGood: Int { self.fleetLoad?.good ?? 0 }
    var loadSent: Int { self.fleetLoad?.sent ?? 0 }
    var loadWrong: [String] { self.fleetLoad?.wrong ?? [] }
    var loadUnanswered: Int { self.fleetLoad?.unanswered ?? 0 }
    var loadRuns: [Int64] { self.fleetLoad?.runs ?? [] }
    var lastState: String { self.states.last?.description ?? "none" }
}
