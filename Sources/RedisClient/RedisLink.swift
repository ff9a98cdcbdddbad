import DequeModule
import EventLoop
import Primitives
import Transport

/// One connection and the commands on it. Answers come in the order of the commands, so the whole of its bookkeeping
/// is a queue of completions; and one answer that does not come is the end of the connection.
///
/// Commands of one turn of the loop travel in one write.
final class RedisLink: StreamHandler {
    /// Owner of the link. Weak because the connection outlives, for a moment, a client that nobody closed.
    weak var client: RedisClient?
    let loop: EventLoop
    private let options: RedisOptions
    private var connection: (any ByteStream)?
    private let reader: ReplyReader
    private var formatter = CommandFormatter()
    /// Commands of this turn.
    private var gathered: [UInt8] = []
    private var flushIsPlanned = false
    /// What the gathering buffer may keep between turns.
    private static let keptBytes = 256 * 1024

    private struct Command {
        let completion: RedisCompletion
        let sent: Instant
        /// Never earlier than that of the command before it, so that one timer on the first does for all.
        let deadline: Instant
    }
    private var commands = Deque<Command>()
    private var timer: LoopTimer?
    private var answered: UInt64 = 0
    /// What `answered` was when the first command was found overdue.
    private var overdueAt: UInt64?
    private(set) var isDown = false

    init(client: RedisClient, options: RedisOptions) {
        self.client = client
        self.loop = client.loop
        self.options = options
        self.reader = ReplyReader(maxReplyBytes: options.maxReplyBytes)
    }

    func open(_ address: SocketAddress, timeoutNanoseconds: Int64, tls: TLSContext?, serverName: String?) throws {
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

    // MARK: Commands

    func send(_ arguments: [RedisArgument], completion: @escaping RedisCompletion) {
        precondition(!self.isDown, "a link that is down takes no commands")
        self.formatter.append(arguments, to: &self.gathered)
        let now = self.loop.now
        let deadline = now.advanced(byNanoseconds: self.options.commandTimeoutNanoseconds)
        self.commands.append(Command(completion: completion, sent: now, deadline: deadline))
        self.client?.counters.commands += 1
        self.watchFirst()
        guard !self.flushIsPlanned else { return }
        self.flushIsPlanned = true
        self.loop.atTurnEnd { self.flush() }
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
        self.client?.counters.timeouts += 1
        let milliseconds = self.options.commandTimeoutNanoseconds / Nanoseconds.perMillisecond
        self.end("no answer within \(milliseconds) ms")
    }

    // MARK: Connection

    func connected(_ connection: any ByteStream) {
        guard let client = self.client else { return connection.close() }
        client.linkOpened(self)
    }

    func received(_ connection: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        do {
            try self.reader.feed(bytes)
            // A completion may end the link.
            while !self.isDown, let value = try self.reader.next() { try self.deliver(value) }
        } catch {
            self.end(error.reason)
        }
        return bytes.count
    }

    private func deliver(_ value: RedisValue) throws(ReplyReader.Failure) {
        // For example the greeting of something that is no Redis.
        guard let command = self.commands.popFirst() else {
            throw ReplyReader.Failure(reason: "it answered what nobody asked")
        }
        self.answered += 1
        self.client?.counters.replies += 1
        self.client?.counters.roundTrips.record(nanoseconds: self.loop.now.nanoseconds(since: command.sent))
        guard case .error(let message) = value else { return command.completion(.success(value)) }
        self.client?.counters.errors += 1
        let refusal = RedisError.refusal(message)
        command.completion(.failure(refusal))
        if case .refused(let code, _) = refusal, Self.codesOfAnotherServer.contains(code), !self.isDown {
            self.end(message)
        }
    }

    /// What is at the other end has become, or is not yet, a server that can be written to. After a failover the same
    /// address leads to the right one.
    private static let codesOfAnotherServer: Set<String> = ["READONLY", "LOADING", "MASTERDOWN"]

    func inputEnded(_ connection: any ByteStream) { self.end("closed by Redis") }

    func closed(_ connection: any ByteStream, _ reason: CloseReason) { self.end(reason.description) }

    /// Ends the link: closes the connection, tells the client, then fails what was not answered.
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
        if let client = self.client {
            client.counters.unanswered += UInt64(lost.count)
            client.linkEnded(self, reason: reason)
        }
        for command in lost { command.completion(.failure(.unanswered(reason))) }
    }
}
