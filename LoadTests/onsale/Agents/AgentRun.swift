import EventLoop
import Foundation
import Glibc
import Primitives
import RedisClient
import Transport

/// The agent's side: takes a seat in a run, plays its share of the crowd, and hands over what it saw.
///
/// An actor whose executor is the event loop, as the `Director` is. Limits: `mostPending` messages of it in Redis, and
/// while they are there, no more than that of its own beside them; when the coordinator takes none of them for
/// `AgentSilence.silenceSeconds`, or is gone by the rules there, the agent ends with a line that says why, and with 3.
actor AgentRun {
    struct Options: Sendable {
        var endpoint: RedisEndpoint
        var keys: AgentKeys
        var name: String
        /// For a run to be made known.
        var patienceSeconds: Double
    }

    static let mostPending = 64
    private static let lookNanoseconds = 20 * Nanoseconds.perMillisecond
    private static let sendNanoseconds = 10 * Nanoseconds.perMillisecond

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { self.loop.asUnownedSerialExecutor() }

    private let options: Options
    private let helpers: [EventLoop]
    private let client: RedisClient
    private var isInterrupted = false
    private var player: CrowdPlayer?
    private var seat = 0
    private var messagesKey = ""
    private var outbox: [AgentMessage] = []
    private var nextNumber = 0
    private var sentAt = Instant(nanoseconds: 0)
    private var silence = AgentSilence(now: Instant(nanoseconds: 0))
    private var outages = RedisOutageLog()

    init(_ options: Options, on loop: EventLoop, helpers: [EventLoop]) {
        self.options = options
        self.loop = loop
        self.helpers = helpers
        var redis = RedisOptions()
        redis.commandTimeoutNanoseconds = 5 * Nanoseconds.perSecond
        self.client = RedisClient(loop: loop, endpoint: options.endpoint, options: redis)
    }

    struct Interrupted: Error {}

    func interrupt() { self.isInterrupted = true }

    /// Returns the exit code: 0 when the share was played and handed over.
    func run() async -> Int32 {
        defer { self.client.close() }
        do {
            self.client.onStateChange = { [weak self] state in self?.assumeIsolated { $0.redisChanged(state) } }
            self.client.start()
            try await self.connect()
            let plan = try await self.findPlan()
            try await self.play(plan)
            return 0
        } catch is Interrupted {
            self.player?.finish()
            self.outbox.append(.leaves("it was interrupted"))
            self.isInterrupted = false
            // Before a seat was taken, nobody waits for word of it.
            if !self.messagesKey.isEmpty { try? await self.flush() }
            return Verdict.ExitCode.interrupted.rawValue
        } catch {
            self.player?.finish()
            printError("onsale agent: \(error)")
            return Verdict.ExitCode.notPlayed.rawValue
        }
    }

    // MARK: The run

    private func connect() async throws {
        let seconds = self.options.patienceSeconds
        let deadline = MonotonicClock.now().advanced(byNanoseconds: Int64(seconds * 1e9))
        while !self.client.isConnected {
            guard MonotonicClock.now() < deadline else {
                throw PlayProblem(
                    "Redis did not answer within \(Format.decimal(seconds)) s "
                        + "(\(self.client.state.words(of: self.options.endpoint))): start it, or name another one with "
                        + "--redis"
                )
            }
            try await self.sleep(nanoseconds: Self.lookNanoseconds)
        }
    }

    /// A reason is told once, and that it is over.
    private func redisChanged(_ state: RedisState) {
        switch self.outages.changed(client: 0, to: state) {
        case .away, .partlyAway:
            printError("Redis does not answer (\(state.words(of: self.options.endpoint))); trying again")
        case .connected, nil: break
        }
    }

    private func findPlan() async throws -> AgentPlan {
        Output.standard.say("waiting for a run named '\(self.options.keys.name)' at \(self.options.endpoint)")
        let deadline = MonotonicClock.now().advanced(byNanoseconds: Int64(self.options.patienceSeconds * 1e9))
        while true {
            if case .success(.bytes(let json)) = await self.ask(["GET", .text(self.options.keys.plan)]) {
                return try AgentPlan(json: json)
            }
            guard MonotonicClock.now() < deadline else {
                throw PlayProblem("no run named '\(self.options.keys.name)' was made known in time")
            }
            try await self.sleep(nanoseconds: 100 * Nanoseconds.perMillisecond)
        }
    }

    private func play(_ plan: AgentPlan) async throws {
        let crowd = try Crowd(plan.scenario)
        let target = Target(try plan.site.addresses.map { try SocketAddress(parsing: $0) })
        let seats = try await self.ask(["INCR", .text(self.options.keys.seats(plan.run))]).get()
        guard let number = seats.integer, number <= Int64(plan.agents) else {
            throw PlayProblem("the run has its \(plan.agents) agents already")
        }
        self.seat = Int(number) - 1
        self.messagesKey = self.options.keys.messages(plan.run, agent: self.seat)
        let clock = try await withCheckedContinuation { continuation in
            RedisClock.read(self.client) { continuation.resume(returning: $0) }
        }.get()
        Output.standard.say(
            "agent \(number) of \(plan.agents); Redis's clock is known to \(clock.distanceNanoseconds / 2_000) µs"
        )
        self.outbox.append(.ready(self.options.name))
        let startedAt = try await self.awaitStart(plan, clock)
        let share = CrowdShare(index: self.seat, count: plan.agents)
        let player = CrowdPlayer(
            crowd,
            target: target,
            startedAt: startedAt,
            share: share,
            hasRoom: plan.site.hasRoom,
            descriptorLimit: Machine.raiseDescriptorLimit(),
            on: self.loop,
            helpers: self.helpers
        )
        player.onSecond = { [weak self] held in self?.assumeIsolated { $0.outbox.append(.second(held)) } }
        self.player = player
        player.start()
        try await self.keepPlaying(player, plan)
        player.finish()
        try await self.handOver(player.books, plan)
        Output.standard.say("share played and handed over")
    }

    private func awaitStart(_ plan: AgentPlan, _ clock: RedisClock) async throws -> Instant {
        var startedAt: Instant?
        try await self.followWord(plan) { word in
            if case .start(let micros) = word { startedAt = clock.instant(ofMicros: micros) }
            return startedAt != nil
        }
        guard let startedAt else { throw PlayProblem("the run was never started") }
        return startedAt
    }

    /// Until the coordinator asks for the books.
    private func keepPlaying(_ player: CrowdPlayer, _ plan: AgentPlan) async throws {
        var probes = self.seat == 0 ? plan.site.probeSeconds[...] : []
        var hasStopped = false
        try await self.followWord(plan) { word in
            let elapsed = Double(MonotonicClock.now().nanoseconds(since: player.startedAt)) / 1e9
            while let next = probes.first, next <= elapsed {
                probes.removeFirst()
                player.sendProbes()
            }
            if word == .stop || word == .finish, !hasStopped {
                hasStopped = true
                player.stopVisitors()
            }
            return word == .finish
        }
    }

    /// Looks at the coordinator's word again and again until `isEnough`; sends what there is to send meanwhile.
    private func followWord(_ plan: AgentPlan, _ isEnough: (AgentWord) -> Bool) async throws {
        self.silence = AgentSilence(now: MonotonicClock.now())
        while true {
            if let word = try await self.hearWord(plan), isEnough(word) { return }
            let now = MonotonicClock.now()
            if self.outbox.isEmpty, now.nanoseconds(since: self.sentAt) > Nanoseconds.perSecond {
                self.outbox.append(.alive)
            }
            try await self.sendSome()
            try await self.sleep(nanoseconds: Self.lookNanoseconds)
        }
    }

    /// The coordinator's word; nil when none is heard. Throws when it has gone, and when it has broken off.
    private func hearWord(_ plan: AgentPlan) async throws -> AgentWord? {
        let answer = await self.ask(["GET", .text(self.options.keys.word(plan.run))])
        let now = MonotonicClock.now()
        var word: AgentWord?
        switch answer {
        case .success(let value):
            word = value.text.flatMap { AgentWord($0) }
            self.silence.answered(hasWord: word != nil, now: now)
        case .failure: self.silence.failed()
        }
        if word == .abort { throw PlayProblem("the run was broken off by its coordinator") }
        if let problem = self.silence.problem(now: now) { throw PlayProblem(problem) }
        return word
    }

    // MARK: Messages

    /// The books in pieces, each made when there is room for it.
    private func handOver(_ books: VisitBooks, _ plan: AgentPlan) async throws {
        for from in stride(from: 0, to: books.visits.count, by: AgentMessage.mostEntries) {
            let end = min(from + AgentMessage.mostEntries, books.visits.count)
            self.outbox.append(.visits(from: from, Array(books.visits[from..<end])))
            try await self.flush(plan)
        }
        var looks = books.looks.makeIterator()
        while let piece = Self.piece(of: &looks) {
            self.outbox.append(.looks(piece))
            try await self.flush(plan)
        }
        var answers = books.insideAnswers.makeIterator()
        while let piece = Self.piece(of: &answers) {
            self.outbox.append(.insideAnswers(piece))
            try await self.flush(plan)
        }
        self.outbox += [.sums(books.sums), .done]
        try await self.flush(plan)
        try await self.awaitTaken(plan)
    }

    /// What lies in Redis is not handed over: who would take it may have gone.
    private func awaitTaken(_ plan: AgentPlan) async throws {
        while true {
            if (try? await self.ask(["LLEN", .text(self.messagesKey)]).get())?.integer == 0 { return }
            _ = try await self.hearWord(plan)
            try await self.sleep(nanoseconds: Self.lookNanoseconds)
        }
    }

    private static func piece<Entries: IteratorProtocol>(of entries: inout Entries) -> [Entries.Element]? {
        var piece: [Entries.Element] = []
        while piece.count < AgentMessage.mostEntries, let entry = entries.next() { piece.append(entry) }
        return piece.isEmpty ? nil : piece
    }

    /// Until all is in Redis. Without a plan, for as long as somebody may take it.
    private func flush(_ plan: AgentPlan? = nil) async throws {
        let limit = AgentSilence.silenceSeconds * Nanoseconds.perSecond
        var deadline = MonotonicClock.now().advanced(byNanoseconds: limit)
        while !self.outbox.isEmpty {
            let before = self.nextNumber
            try await self.sendSome()
            guard self.nextNumber == before else {
                deadline = MonotonicClock.now().advanced(byNanoseconds: limit)
                continue
            }
            if let plan { _ = try await self.hearWord(plan) }
            guard MonotonicClock.now() < deadline else {
                throw PlayProblem("the coordinator takes no messages any more")
            }
            try await self.sleep(nanoseconds: Self.sendNanoseconds)
        }
    }

    /// One message after the other, for as long as there is room for them. One whose answer was lost is sent again under
    /// its number.
    private func sendSome() async throws {
        while let message = self.outbox.first {
            let pending = await self.ask(["LLEN", .text(self.messagesKey)])
            guard let count = (try? pending.get())?.integer, count < Int64(Self.mostPending) else {
                guard self.outbox.count <= Self.mostPending else {
                    throw PlayProblem("the coordinator takes no messages any more")
                }
                return
            }
            let bytes = message.bytes(number: self.nextNumber)
            guard case .success = await self.ask(["RPUSH", .text(self.messagesKey), .bytes(bytes)]) else { return }
            self.outbox.removeFirst()
            self.nextNumber += 1
            self.sentAt = MonotonicClock.now()
            _ = await self.ask(["EXPIRE", .text(self.messagesKey), .integer(AgentKeys.expireSeconds)])
        }
    }

    private func ask(_ words: [RedisArgument]) async -> RedisResult {
        await withCheckedContinuation { continuation in
            self.client.send(words) { continuation.resume(returning: $0) }
        }
    }

    // MARK: Time

    private func sleep(nanoseconds: Int64) async throws {
        if self.isInterrupted { throw Interrupted() }
        await withCheckedContinuation { continuation in
            self.loop.after(nanoseconds: nanoseconds) { continuation.resume() }
        }
        if self.isInterrupted { throw Interrupted() }
    }
}
