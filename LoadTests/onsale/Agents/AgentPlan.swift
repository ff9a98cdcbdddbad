import Foundation

/// What the coordinator of a run publishes for its agents, as JSON in one key of Redis.
struct AgentPlan: Codable, Equatable, Sendable {
    /// Coordinator and agents must be of one version.
    static let version = 2
    static let mostAgents = 64

    /// What the crowd is sent to.
    struct Site: Codable, Equatable, Sendable {
        /// `host:port`, as agents reach it; visitor by visitor, in turn.
        var addresses: [String]
        /// A waiting room guards it.
        var hasRoom: Bool
        /// When tokens that are no good are tried, in seconds from the start; by the first agent.
        var probeSeconds: [Double] = []
    }

    var version = Self.version
    /// Of no other run.
    var run: String
    var agents: Int
    var scenario: Scenario
    var site: Site

    func json() throws -> [UInt8] { Array(try JSONEncoder().encode(self)) }

    /// Throws in words for the person who started the agent.
    init(json: [UInt8]) throws {
        struct Version: Codable { var version: Int }
        let data = Data(json)
        guard let found = try? JSONDecoder().decode(Version.self, from: data) else {
            throw PlayProblem("what Redis holds as the plan of the run is none: use another --run")
        }
        guard found.version == Self.version else {
            throw PlayProblem(
                "the coordinator speaks version \(found.version) of the protocol, this agent \(Self.version): use the "
                    + "same build on all machines"
            )
        }
        if let problem = ReportFigures.problem(in: data) {
            throw PlayProblem("the plan of the run is damaged: \(problem); start the run again")
        }
        do {
            self = try JSONDecoder().decode(AgentPlan.self, from: data)
        } catch {
            throw PlayProblem("the plan of the run cannot be read, use the same build on all machines: \(error)")
        }
        guard (1...Self.mostAgents).contains(self.agents), !self.site.addresses.isEmpty else {
            throw PlayProblem("the plan of the run names no site, or \(self.agents) agents")
        }
    }

    init(run: String, agents: Int, scenario: Scenario, site: Site) {
        self.run = run
        self.agents = agents
        self.scenario = scenario
        self.site = site
    }
}

/// What the coordinator says to all agents at once; renewed every second, so that silence means that it is gone.
enum AgentWord: Equatable, Sendable {
    case wait
    /// Second 0 of the run, by Redis's clock.
    case start(micros: Int64)
    /// Nobody comes any more, and who is under way stops.
    case stop
    /// Hand the books over.
    case finish
    /// The run was broken off.
    case abort

    var text: String {
        switch self {
        case .wait: "wait"
        case .start(let micros): "start \(micros)"
        case .stop: "stop"
        case .finish: "finish"
        case .abort: "abort"
        }
    }

    init?(_ text: String) {
        let words = text.split(separator: " ")
        switch (words.first, words.count) {
        case ("wait", 1): self = .wait
        case ("stop", 1): self = .stop
        case ("finish", 1): self = .finish
        case ("abort", 1): self = .abort
        case ("start", 2):
            // In this century, so that nanoseconds fit.
            guard let micros = Int64(words[1]), (0...4_000_000_000_000_000).contains(micros) else { return nil }
            self = .start(micros: micros)
        default: return nil
        }
    }
}

/// The keys of a run in Redis. All expire by themselves, and share a hash tag, so that they are in one slot of a Cluster.
struct AgentKeys: Sendable {
    /// While the run is on, they are renewed every second.
    static let expireSeconds: Int64 = 30
    /// The word expires sooner: so long after the coordinator has gone, agents notice.
    static let wordSeconds: Int64 = 10

    let name: String

    /// `name`: of letters, digits, `-` and `_`.
    init?(name: String) {
        let isFine = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard isFine, (1...64).contains(name.utf8.count) else { return nil }
        self.name = name
    }

    var plan: String { "onsale:{\(self.name)}:plan" }
    func word(_ run: String) -> String { "onsale:{\(self.name)}:\(run):word" }
    /// Counts up as agents take their seats.
    func seats(_ run: String) -> String { "onsale:{\(self.name)}:\(run):seats" }
    /// Messages of one agent, oldest first.
    func messages(_ run: String, agent: Int) -> String { "onsale:{\(self.name)}:\(run):agent:\(agent)" }
}
