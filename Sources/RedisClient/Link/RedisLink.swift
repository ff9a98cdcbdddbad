import DequeModule
import EventLoop
import Primitives
import Transport

/// What a link tells the node that it leads to.
protocol RedisLinkOwner: AnyObject {
    func linkOpened(_ link: RedisLink)
    func linkEnded(_ link: RedisLink, reason: String)
    /// Redis answered a command with an error.
    func linkRefused(_ link: RedisLink, _ command: RedisCommand, code: String, message: String)
}

/// What all links of a client count together.
final class RedisTally {
    var counters = RedisCounters()
}

/// One connection and the commands on it. Answers come in the order of the commands, so the whole of its bookkeeping
/// is a queue of completions; and one answer that does not come is the end of the connection.
///
/// Commands of one turn of the loop travel in one write.
final class RedisLink: StreamHandler {
    /// Weak because the connection outlives, for a moment, a client that nobody closed. Asked for errors only.
    private weak var owner: (any RedisLinkOwner)?
    let loop: EventLoop
    private let options: RedisOptions
    private let tally: RedisTally
    private var connection: (any ByteStream)?
    private let reader: ReplyReader
    private var writer = RequestWriter()
    /// Commands of this turn.
    private var gathered: [UInt8] = []
    private var flushIsPlanned = false
    /// What the gathering buffer may keep between turns.
    private static let keptBytes = 256 * 1024

    private struct Waiting {
        let command: RedisCommand
        let sent: Instant
        /// Never earlier than that of the command before it, so that one timer on the first does for all.
        let deadline: Instant
    }
    private var commands = Deque<Waiting>()
    private var timer: LoopTimer?
    private var answered: UInt64 = 0
    /// What `answered` was when the first command was found overdue.
    private var overdueAt: UInt64?
    private(set) var isDown = false
    private var speech = ConnectAdvice.Speech.plain
    /// The server has answered on an earlier connection.
    private let hasAnswered: Bool

    init(
        loop: EventLoop,
        options: RedisOptions,
        tally: RedisTally,
        owner: any RedisLinkOwner,
        hasAnswered: Bool = false
    ) {
        self.hasAnswered = hasAnswered
        self.loop = loop
        self.options = options
        self.tally = tally
        self.owner = owner
        self.reader = ReplyReader(maxReplyBytes: options.maxReplyBytes)
    }

    func open(_ address: SocketAddress, timeoutNanoseconds: Int64, tls: TLSContext?, serverName: String?) throws {
        if case .unix = address { self.speech = .unixSocket } else if tls != nil { self.speech = .tls }
        self.connection = try Connection.connect(
            to: address,
            on: self.loop,
            timeoutNanoseconds: timeoutNanoseconds,
            tls: tls,
            serverName: serverName,
            handler: self
        )
    }

    var inFlight: Int { self.commands.count }
    var pendingBytes: Int { self.gathered.count + (self.connection?.pendingWriteBytes ?? 0) }

    /// What `RedisArgument.serverRun` stands for here.
    var serverRun: Int64 {
        get { self.writer.serverRun }
        set { self.writer.serverRun = newValue }
    }

    // MARK: Commands

    /// Sends one of the client's own commands, whose answer or error goes to `completion`.
    func send(_ words: [RedisArgument], completion: @escaping RedisCompletion) {
        self.send(RedisCommand(request: .words(words), completion: completion, deadline: self.deadline, isOwn: true))
    }

    func send(_ command: RedisCommand) {
        precondition(!self.isDown, "a link that is down takes no commands")
        if command.askedAt != nil {
            // What it answers shows in the answer to the command itself.
            self.queue(
                RedisCommand(request: .words(["ASKING"]), completion: { _ in }, deadline: self.deadline, isOwn: true)
            )
        }
        self.queue(command)
        self.watchFirst()
        guard !self.flushIsPlanned else { return }
        self.flushIsPlanned = true
        self.loop.atTurnEnd { self.flush() }
    }

    private func queue(_ command: RedisCommand) {
        self.writer.append(command.request, to: &self.gathered)
        self.commands.append(Waiting(command: command, sent: self.loop.now, deadline: self.deadline))
        self.tally.counters.commands += 1
    }

    private var deadline: Instant {
        self.loop.now.advanced(byNanoseconds: self.options.commandTimeoutNanoseconds)
    }

    private func flush() {
        self.flushIsPlanned = false
        guard !self.isDown, !self.gathered.isEmpty else { return }
        self.connection?.write(self.gathered)
        self.gathered.removeAll(keepingCapacity: self.gathered.capacity <= Self.keptBytes)
    }

    private func watchFirst() {
        guard let first = self.commands.first else { return }
        let timer = self.timer ?? LoopTimer(loop: self.loop) { [weak self] in self?.timeIsUp() }
        self.timer = timer
        if !timer.isArmed { timer.arm(at: first.deadline) }
    }

    /// Armed for a command that has been answered in most cases; then it is armed for the one that is first now.
    private func timeIsUp() {
        guard let first = self.commands.first else { return }
        guard first.deadline <= self.loop.now else { return self.watchFirst() }
        guard self.overdueAt == self.answered else {
            // Perhaps it was this process that stood still, and the answer lies in the socket: look once more.
            self.overdueAt = self.answered
            self.timer?.arm(afterNanoseconds: self.options.commandTimeoutNanoseconds / 8)
            return
        }
        self.tally.counters.timeouts += 1
        let milliseconds = self.options.commandTimeoutNanoseconds / Nanoseconds.perMillisecond
        self.end("no answer within \(milliseconds) ms")
    }

    // MARK: Connection

    func connected(_ connection: any ByteStream) {
        guard let owner = self.owner else { return connection.close() }
        owner.linkOpened(self)
    }

    func received(_ connection: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        do {
            try self.reader.feed(bytes)
            // A completion may end the link.
            while !self.isDown, let value = try self.reader.next() { try self.deliver(value) }
        } catch {
            self.endByPeer(error.reason)
        }
        return bytes.count
    }

    private func deliver(_ value: RedisValue) throws(ReplyReader.Failure) {
        // For example the greeting of something that is no Redis.
        guard let waiting = self.commands.popFirst() else {
            throw ReplyReader.Failure(reason: "it answered what nobody asked")
        }
        let command = waiting.command
        self.answered += 1
        self.tally.counters.replies += 1
        self.tally.counters.roundTrips.record(nanoseconds: self.loop.now.nanoseconds(since: waiting.sent))
        guard case .error(let message) = value else { return command.completion(.success(value)) }
        self.tally.counters.errors += 1
        let code = RedisError.code(of: message)
        guard !command.isOwn, let owner = self.owner else {
            return command.completion(.failure(.refused(code: code, message: message)))
        }
        owner.linkRefused(self, command, code: code, message: message)
    }

    func inputEnded(_ connection: any ByteStream) { self.endByPeer("closed by Redis") }

    func closed(_ connection: any ByteStream, _ reason: CloseReason) { self.endByPeer(reason.description) }

    /// One that has answered speaks as we do: then there is nothing to advise.
    private func endByPeer(_ reason: String) {
        let isDumb = self.answered == 0
        self.end(isDumb ? ConnectAdvice.completed(reason, self.speech, hasAnswered: self.hasAnswered) : reason)
    }

    /// Ends the link: closes the connection, tells the node, then fails what was not answered.
    func end(_ reason: String) {
        guard !self.isDown else { return }
        self.isDown = true
        self.timer?.disarm()
        let lost = self.commands
        self.commands = []
        self.gathered = []
        let connection = self.connection
        self.connection = nil
        connection?.close()
        self.tally.counters.unanswered += UInt64(lost.count)
        self.owner?.linkEnded(self, reason: reason)
        for waiting in lost { waiting.command.completion(.failure(.unanswered(reason))) }
    }
}
