import Primitives

/// What the coordinator knows of its agents: who has come, who is done, who is lost. A value; time is an argument.
///
/// An agent that is silent for `silenceNanoseconds` is lost and stays so: what it sends later is not looked at, because
/// the seconds of the others have gone on without it.
struct AgentBoard: Sendable {
    static let silenceNanoseconds = 10 * Nanoseconds.perSecond

    enum State: Equatable, Sendable {
        /// Has taken no seat so far.
        case expected
        case playing
        case done
        /// Why, in words.
        case lost(String)
    }

    private(set) var states: [State]
    /// What each agent says it is.
    private(set) var names: [String]
    private var heardAt: [Instant?]
    /// The number of each agent's next message.
    private var nextNumber: [Int]
    /// The latest second that each has told of.
    private var seconds: [Int?]

    init(agents: Int) {
        self.states = Array(repeating: .expected, count: agents)
        self.names = (0..<agents).map { "agent \($0 + 1)" }
        self.heardAt = Array(repeating: nil, count: agents)
        self.nextNumber = Array(repeating: 0, count: agents)
        self.seconds = Array(repeating: nil, count: agents)
    }

    var readyCount: Int { self.states.count { $0 != .expected } }
    var isReady: Bool { self.states.allSatisfy { $0 == .playing } }
    /// Nothing more comes from anybody.
    var isOver: Bool { self.states.allSatisfy { $0 != .expected && $0 != .playing } }
    func isLost(_ agent: Int) -> Bool {
        if case .lost = self.states[agent] { return true }
        return false
    }

    /// Whether a message is to be taken: one that was sent again, and what comes from the lost, is not.
    mutating func hears(_ message: AgentMessage, number: Int, of agent: Int, now: Instant) -> Bool {
        guard self.states[agent] == .expected || self.states[agent] == .playing else { return false }
        guard number >= self.nextNumber[agent] else { return false }
        self.heardAt[agent] = now
        guard number == self.nextNumber[agent] else {
            self.lose(agent, "a message of it was lost")
            return false
        }
        self.nextNumber[agent] += 1
        switch message {
        case .ready(let name):
            self.names[agent] = "agent \(agent + 1) (\(name))"
            self.states[agent] = .playing
        case .second(let held): self.seconds[agent] = held.second
        case .done: self.states[agent] = .done
        case .leaves(let reason): self.lose(agent, reason)
        case .alive, .visits, .looks, .insideAnswers, .sums: break
        }
        return true
    }

    mutating func lose(_ agent: Int, _ reason: String) {
        guard self.states[agent] == .expected || self.states[agent] == .playing else { return }
        let last = self.seconds[agent].map { "after second \($0)" } ?? "before the first second"
        self.states[agent] = .lost("\(self.names[agent]) was lost \(last): \(reason)")
    }

    /// Those who have come and are silent for too long are lost from now on.
    mutating func look(now: Instant) {
        for agent in self.states.indices where self.states[agent] == .playing {
            guard let heard = self.heardAt[agent], now.nanoseconds(since: heard) > Self.silenceNanoseconds else {
                continue
            }
            self.lose(agent, "nothing was heard of it for \(Self.silenceNanoseconds / Nanoseconds.perSecond) s")
        }
    }

    /// In words, for each who is lost: why, and how many visitors are missing.
    func missing(of visitors: Int) -> [String] {
        self.states.enumerated().compactMap { agent, state in
            guard case .lost(let reason) = state else { return nil }
            let share = CrowdShare(index: agent, count: self.states.count).size(of: visitors)
            return "\(reason); its share, \(Format.count(share)) visitors, is missing"
        }
    }
}
