import EventLoop
import HTTPWire
import Primitives
import Transport

/// Plays one visitor over a real socket: carries out what the machine asks for and tells it what came of it.
///
/// Lives on the crowd's loop, for as long as the visitor has a connection or is about to. Has at most one connection and
/// one request under way; a connection is kept only for as long as the next request is near, because a crowd has more
/// people than a process has descriptors.
final class VisitorPlayer: StreamHandler {
    /// The next request must be nearer than this for a connection to stay open, and for a visitor to stay awake.
    static let keepNanoseconds = 2 * Nanoseconds.perSecond

    /// It keeps this object, too, until the visitor has left or rests.
    private let crowd: CrowdPart
    /// The crowd's: where it keeps the visitor, and this object.
    let seat: Int
    var awakeIndex = 0
    private(set) var machine: VisitorMachine {
        didSet { self.recount() }
    }
    private var standing = Standing.nowhere
    private var connection: (any ByteStream)?
    /// One that the visitor's network has left behind: open, and nobody listens.
    private var deafConnection: (any ByteStream)?
    private var reader = ResponseReader()
    /// Of the visitor's own; see `CrowdPart+Cookies`.
    var cookies = CookieJar()
    /// The pass of somebody else that the request under way shows while others wait, what the answer sets, and whether so
    /// many wait that whoever comes new has to.
    var theft: (shown: CookieJar, set: CookieJar, facesLine: Bool)?
    /// When the bytes of the request under way were given to the socket; nil when none is.
    private(set) var sentAt: Instant?

    init(_ machine: VisitorMachine, seat: Int, crowd: CrowdPart) {
        self.crowd = crowd
        self.seat = seat
        self.machine = machine
        self.standing = Standing(machine, crowd.rules)
    }

    /// Of whom the crowd counts how many there are.
    private enum Standing {
        case nowhere, inLine, inside

        init(_ machine: VisitorMachine, _ rules: VisitorRules) {
            self = rules.isInLine(machine) ? .inLine : machine.isInside && !machine.isGone ? .inside : .nowhere
        }
    }

    private func recount() {
        let now = Standing(self.machine, self.crowd.rules)
        guard now != self.standing else { return }
        switch self.standing {
        case .nowhere: break
        case .inLine: self.crowd.waitingCount -= 1
        case .inside: self.crowd.insideCount -= 1
        }
        switch now {
        case .nowhere: break
        case .inLine: self.crowd.waitingCount += 1
        case .inside: self.crowd.insideCount += 1
        }
        self.standing = now
    }

    var isConnected: Bool { self.connection != nil }
    /// Nothing is open that would have to be closed.
    var mayRest: Bool { self.connection == nil && self.deafConnection == nil }

    // MARK: What happens to the visitor

    func arrive() { self.carryOut(self.machine.arrive()) }

    func stop() { self.carryOut(self.machine.stop()) }

    /// Who has rested goes on with these.
    func wakes(_ cookies: CookieJar, until: Instant?) {
        self.cookies = cookies
        self.pausedUntil = until
    }

    func timerFired(now: Instant) {
        self.forgetDeafConnection()
        if let dueAt = self.pausedUntil { self.crowd.tally.wasLate(nanoseconds: now.nanoseconds(since: dueAt)) }
        self.carryOut(self.machine.timerFired(now: now))
    }
    /// When the pause ends, or has ended.
    private var pausedUntil: Instant?

    private func answered(_ response: Response) {
        let now = MonotonicClock.now()
        let due = self.machine.due
        let sentAt = self.sentAt ?? now
        self.sentAt = nil
        let isExit = self.machine.asksForExit
        let reaction = self.machine.answered(response, now: now, rules: self.crowd.rules)
        self.crowd.heard(reaction.heard, self, isExit: isExit, response: response, due: due, sentAt: sentAt, now: now)
        if !response.keepsConnection { self.disconnect() }
        self.carryOut(reaction.action)
    }

    /// Nothing came within the time that people wait for a response.
    func gaveUpWaiting() { self.failed(.answerTimedOut) }

    private func failed(_ kind: ErrorKind) {
        let now = MonotonicClock.now()
        let due = self.machine.due
        let sentAt = self.sentAt ?? now
        self.sentAt = nil
        self.disconnect()
        let isExit = self.machine.asksForExit
        let reaction = self.machine.failed(
            kind,
            nothingReceived: !self.reader.hasBegun,
            now: now,
            rules: self.crowd.rules
        )
        self.crowd.heard(reaction.heard, self, isExit: isExit, response: nil, due: due, sentAt: sentAt, now: now)
        self.carryOut(reaction.action)
    }

    // MARK: What the machine asks for

    private func carryOut(_ action: VisitorMachine.Action) {
        switch action {
        case .none: break
        case .connect: self.connect()
        case .request(let request): self.send(request)
        case .requestAndVanish(let request, let until): self.vanish(with: request, until: until)
        case .wait(let until): self.wait(until: until)
        case .leave(let outcome):
            let manners = self.crowd.rules.manners(of: self.machine.visitor)
            if outcome == .served, !self.machine.visitor.leavesByPage, manners.cookies == .own {
                self.crowd.keepLeftForProbes(self.cookies, of: self.machine.visitor.index)
            }
            self.disconnect()
            self.forgetDeafConnection()
            self.crowd.left(self, outcome)
        }
    }

    private func connect() {
        let index = self.machine.visitor.index
        self.reader = ResponseReader()
        guard self.crowd.connections.mayOpen else { return self.failed(self.crowd.connections.reasonForNone) }
        do {
            self.connection = try Connection.connect(
                to: self.crowd.target.address(of: index),
                from: self.crowd.target.source(of: self.machine.visitor.person),
                on: self.crowd.loop,
                timeoutNanoseconds: CrowdPart.connectTimeoutNanoseconds,
                handler: self
            )
            self.crowd.connections.open += 1
        } catch {
            // The socket could not even be made.
            self.failed(self.crowd.connections.reasonForNone)
        }
    }

    private func send(_ request: VisitorMachine.Request) {
        guard let connection = self.connection else { preconditionFailure("a request without a connection") }
        self.reader.expect(request.mark)
        var writer = ByteWriter(self.crowd.loop.writeScratch)
        let index = self.machine.visitor.index
        self.crowd.target.write(
            request,
            of: index,
            by: self.machine.visitor.person,
            cookies: self.crowd.cookiesToShow(by: self),
            to: &writer
        )
        precondition(!writer.overflowed, "cookies are bounded, so a request fits")
        if request.page == .exit { self.crowd.keepForProbes(self.cookies, of: index) }
        self.sentAt = MonotonicClock.now()
        self.crowd.tally.sent()
        connection.write(writer.written)
    }

    /// A phone in a tunnel: what was sent is on its way, and neither an answer is taken nor the connection closed.
    private func vanish(with request: VisitorMachine.Request, until: Instant) {
        self.send(request)
        let sentAt = self.sentAt ?? MonotonicClock.now()
        self.sentAt = nil
        self.deafConnection = self.connection
        self.connection = nil
        self.crowd.heard(.vanished, self, isExit: false, response: nil, due: request.due, sentAt: sentAt, now: sentAt)
        self.pausedUntil = until
        self.crowd.pauses(self, until: until)
    }

    private func forgetDeafConnection() {
        guard let connection = self.deafConnection else { return }
        self.deafConnection = nil
        self.crowd.connections.open -= 1
        connection.close()
    }

    private func wait(until: Instant) {
        self.pausedUntil = until
        let now = MonotonicClock.now()
        if self.isConnected {
            let pause = until.nanoseconds(since: now)
            let keep = self.crowd.keepNanoseconds
            if pause > keep || self.crowd.connections.isShort {
                if pause <= keep { self.crowd.tally.gaveUpConnection() }
                self.disconnect()
                self.machine.connectionEnded()
            }
        }
        // Nobody who does not stop to think needs a timer.
        if until <= now { self.timerFired(now: now) } else { self.crowd.pauses(self, until: until) }
    }

    private func disconnect() {
        guard let connection = self.connection else { return }
        // First forgotten, then closed: what the closing tells is for nobody.
        self.connection = nil
        self.crowd.connections.open -= 1
        connection.close()
    }

    // MARK: What the connection tells

    func connected(_ connection: any ByteStream) {
        guard connection === self.connection else { return }
        self.crowd.tally.connected()
        self.carryOut(self.machine.connected())
    }

    func received(_ connection: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        guard connection === self.connection else { return bytes.count }
        guard self.sentAt != nil else {
            // Nobody asked: a server that says why it closes an idle connection.
            self.disconnect()
            self.machine.connectionEnded()
            return bytes.count
        }
        switch self.read(bytes) {
        case .needsMore(let used): return used
        case .failed:
            self.failed(.badAnswer)
            return bytes.count
        case .complete(let response, let used):
            var response = response
            // A response that is followed by something nobody asked for leaves the connection of no more use.
            if used < bytes.count { response.keepsConnection = false }
            self.answered(response)
            return bytes.count
        }
    }

    private func read(_ bytes: UnsafeRawBufferPointer) -> ResponseReader.Step {
        self.crowd.withJar(of: self) { self.reader.read(bytes, head: &self.crowd.head, cookies: &$0) }
    }

    func inputEnded(_ connection: any ByteStream) { self.lost(connection, .broken, inOrder: true) }

    func closed(_ connection: any ByteStream, _ reason: CloseReason) {
        self.lost(connection, ErrorKind(reason), inOrder: false)
    }

    /// - Parameter inOrder: the server has said that no more comes; a response may end so.
    private func lost(_ connection: any ByteStream, _ kind: ErrorKind, inOrder: Bool) {
        if connection === self.deafConnection { return self.forgetDeafConnection() }
        guard connection === self.connection else { return }
        if inOrder, self.sentAt != nil, let response = self.reader.end() {
            self.disconnect()
            var response = response
            response.keepsConnection = false
            return self.answered(response)
        }
        if self.machine.isBusy { return self.failed(kind == .toolLimit ? self.crowd.connections.reasonForNone : kind) }
        self.disconnect()
        self.machine.connectionEnded()
    }
}
