import EventLoop
import Primitives
import RedisClient

extension RedisState {
    /// Which Redis, and why it does not answer.
    func words(of endpoint: RedisEndpoint) -> String {
        switch self {
        case .partly(let reason), .disconnected(let reason):
            reason.contains("\(endpoint)") ? reason : "\(endpoint): \(reason)"
        case .idle, .connecting, .connected, .closed: "\(endpoint): \(self)"
        }
    }
}

/// The coordinator's side of a run that is played by agents: publishes the plan, gives the word, takes in what they send.
///
/// Lives on one loop. Limits: as many messages of an agent are taken at once as `mostAtOnce`; an agent keeps at most
/// `AgentRun.mostPending` in Redis, of `AgentMessage.mostEntries` entries each. All keys expire.
final class AgentTeam {
    struct Options: Sendable {
        var count: Int
        var endpoint: RedisEndpoint
        var keys: AgentKeys
        /// Where the gateway listens, as agents reach it.
        var advertised: String
    }

    private static let lookNanoseconds = 50 * Nanoseconds.perMillisecond
    private static let mostAtOnce: Int64 = 16
    /// Between the start of the run and the last moment at which agents must have heard of it.
    static let leadNanoseconds = 500 * Nanoseconds.perMillisecond

    let options: Options
    private let loop: EventLoop
    private let client: RedisClient
    private var clock = RedisClock()
    private(set) var board: AgentBoard
    private(set) var books: [VisitBooks] = []
    private var plan: AgentPlan?
    private var word = AgentWord.wait
    private var wordAt = Instant(nanoseconds: 0)
    /// Agents whose messages are being asked for.
    private var asked: Set<Int> = []
    private var timer: LoopTimer!
    /// Why the run cannot go on.
    private(set) var problem: PlayProblem?
    var onSecond: ((HeldSecond, Int) -> Void)?
    var onLost: ((Int) -> Void)?

    init(_ options: Options, on loop: EventLoop) {
        self.options = options
        self.loop = loop
        var redis = RedisOptions()
        redis.commandTimeoutNanoseconds = 5 * Nanoseconds.perSecond
        self.client = RedisClient(loop: loop, endpoint: options.endpoint, options: redis)
        self.board = AgentBoard(agents: options.count)
        self.timer = LoopTimer(loop: loop) { [weak self] in self?.look() }
    }

    var isConnected: Bool { self.client.isConnected }
    /// Where it stands with its Redis, for an error.
    var connection: String { self.client.state.words(of: self.options.endpoint) }
    func start() { self.client.start() }

    /// Makes the run known. `problem` says later if that did not work.
    func publish(_ plan: AgentPlan, startedAt: Instant, openingAt: Instant) throws {
        self.loop.preconditionOnLoop()
        let visitors = plan.site.hasRoom ? plan.scenario.visitors : 0
        self.books = (0..<plan.agents).map {
            VisitBooks(
                visitors: visitors,
                share: CrowdShare(index: $0, count: plan.agents),
                startedAt: startedAt,
                openingAt: openingAt
            )
        }
        let words: [RedisArgument] = [
            "SET", .text(self.options.keys.plan), .bytes(try plan.json()), "EX", .integer(AgentKeys.expireSeconds),
            "NX",
        ]
        self.client.send(words) { [weak self] result in
            guard let self else { return }
            switch result {
            case .success(.status): self.published(plan)
            case .success:
                self.problem = PlayProblem(
                    "another run is on under the name '\(self.options.keys.name)' in this Redis: wait for its end "
                        + "(\(AgentKeys.expireSeconds) s after it was killed), or name this one with --run"
                )
            case .failure(let error): self.problem = PlayProblem("the run could not be made known: \(error)")
            }
        }
    }

    private func published(_ plan: AgentPlan) {
        self.plan = plan
        self.renewWord()
        self.timer.arm(afterNanoseconds: Self.lookNanoseconds)
        RedisClock.read(self.client) { [weak self] result in
            switch result {
            case .success(let clock): self?.clock = clock
            case .failure(let problem): self?.problem = problem
            }
        }
    }

    /// All agents are there, and the clock is read.
    var isReady: Bool { self.board.isReady && self.clock.distanceNanoseconds < .max }

    /// In words, for each agent of whom not all has come in.
    func missing(of visitors: Int) -> [String] {
        var board = self.board
        for agent in board.states.indices { board.lose(agent, "it did not hand its books over in time") }
        return board.missing(of: visitors)
    }

    // MARK: The word

    func begin(at instant: Instant) { self.say(.start(micros: self.clock.micros(at: instant))) }
    func stop() { self.say(.stop) }
    func askForBooks() { self.say(.finish) }

    /// Over: agents that still wait are told so, and the keys go.
    func end() {
        self.loop.preconditionOnLoop()
        self.timer.disarm()
        guard let plan = self.plan else { return self.client.close() }
        self.plan = nil
        if !self.board.isOver { self.word = .abort }
        self.sendWord(plan)
        var keys: [RedisArgument] = ["DEL", .text(self.options.keys.plan)]
        for agent in 0..<plan.agents { keys.append(.text(self.options.keys.messages(plan.run, agent: agent))) }
        self.client.send(keys) { [client] _ in client.close() }
    }

    private func say(_ word: AgentWord) {
        self.loop.preconditionOnLoop()
        self.word = word
        self.renewWord()
    }

    private func renewWord() {
        guard let plan = self.plan else { return }
        self.wordAt = self.loop.now
        self.sendWord(plan)
        for key in [self.options.keys.plan, self.options.keys.seats(plan.run)] {
            self.client.send(["EXPIRE", .text(key), .integer(AgentKeys.expireSeconds)]) { _ in }
        }
    }

    private func sendWord(_ plan: AgentPlan) {
        let words: [RedisArgument] = [
            "SET", .text(self.options.keys.word(plan.run)), .text(self.word.text), "EX",
            .integer(AgentKeys.wordSeconds),
        ]
        self.client.send(words) { _ in }
    }

    // MARK: What agents send

    private func look() {
        guard let plan = self.plan else { return }
        self.timer.arm(afterNanoseconds: Self.lookNanoseconds)
        if self.loop.now.nanoseconds(since: self.wordAt) >= Nanoseconds.perSecond { self.renewWord() }
        self.watchingLosses { $0.look(now: self.loop.now) }
        for (agent, state) in self.board.states.enumerated() where state == .expected || state == .playing {
            if self.asked.insert(agent).inserted { self.ask(plan, agent) }
        }
    }

    /// Takes away what was taken in only afterwards: an answer that is lost loses no message.
    private func ask(_ plan: AgentPlan, _ agent: Int) {
        let key = self.options.keys.messages(plan.run, agent: agent)
        self.client.send(["LRANGE", .text(key), 0, .integer(Self.mostAtOnce - 1)]) { [weak self] result in
            guard let self, self.plan != nil else { return }
            self.asked.remove(agent)
            guard case .success(.array(let entries)) = result, !entries.isEmpty else { return }
            for entry in entries { self.take(entry, of: agent) }
            self.client.send(["LTRIM", .text(key), .integer(Int64(entries.count)), -1]) { _ in }
            // There may be more.
            guard !self.board.isLost(agent), self.asked.insert(agent).inserted else { return }
            self.ask(plan, agent)
        }
    }

    private func take(_ entry: RedisValue, of agent: Int) {
        guard case .bytes(let bytes) = entry else { return }
        do throws(PieceProblem) {
            let (number, message) = try AgentMessage.read(bytes)
            var isNew = false
            self.watchingLosses { isNew = $0.hears(message, number: number, of: agent, now: self.loop.now) }
            if isNew { try self.take(message, of: agent) }
        } catch {
            self.watchingLosses { $0.lose(agent, "\(error); use the same build on all machines") }
        }
    }

    private func take(_ message: AgentMessage, of agent: Int) throws(PieceProblem) {
        switch message {
        case .second(let held): self.onSecond?(held, agent)
        case .visits(let from, let visits):
            guard self.books[agent].take(visits, from: from) else {
                throw PieceProblem("it tells of visitors who are not in its share")
            }
        case .looks(let looks):
            let visitors = self.plan?.scenario.visitors ?? 0
            guard looks.allSatisfy({ Int($0.visitor) < visitors }) else {
                throw PieceProblem("it tells of visitors who are not in the crowd")
            }
            for look in looks { self.books[agent].append(look) }
        case .insideAnswers(let answers): for answer in answers { self.books[agent].append(answer) }
        case .sums(let sums): self.books[agent].take(sums)
        case .ready, .alive, .done, .leaves: break
        }
    }

    private func watchingLosses(_ change: (inout AgentBoard) -> Void) {
        let before = self.board
        change(&self.board)
        for agent in self.board.states.indices where self.board.isLost(agent) && !before.isLost(agent) {
            self.onLost?(agent)
        }
    }
}
