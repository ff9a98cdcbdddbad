import Admission
import HTTPWire
import Primitives
import Rooms
import Tokens

/// One request and its response: runs what `ExchangeMachine` decides. Between a client, of which it knows a source and a
/// sink of payload, and a room, a pool and a worker's connection.
///
/// Used for one request after the other, of whichever client has the next one. It owns its route once that is
/// found; of a request that has to wait, or may have to be sent again, it owns a copy of the head, and of the body what
/// was gathered. Nothing of it outlives the response.
final class Exchange: RoomWaiter {
    let tools: LoopTools
    let routes: RouteBook
    var client: (any ExchangeClient)?
    /// Which gathers what comes of a worker with one read.
    var gatheringClient: (any ExchangeClient)?
    var machine: ExchangeMachine
    var request = Request()
    var visitor = Visitor()
    /// Where the request comes from.
    var origin = RequestOrigin()
    /// What it is found again by.
    var trail = RequestTrail()
    /// What the access log will tell.
    var note = AccessNote()
    var route: Route?
    var lease: WorkerLease?
    /// Nil unless the protocol was switched.
    var tunnel: OpenTunnel?
    var roomTicket: RoomTicket?
    /// Nil unless the request stands in the pool's line.
    var workerTicket: UInt64?
    var failedWorker: Worker?
    /// The head as it came, once it has to be kept.
    var keptHead: [UInt8] = []
    /// Payload that was gathered before a worker was taken.
    var keptBody: [UInt8] = []
    var keptTrailers = Trailers()
    /// The status of the response that has begun, or zero.
    var responseStatus = 0

    /// What is remembered of the request's head.
    struct Request {
        var method = Method.get
        var framing = BodyFraming.none
        var prefersJSON = false
        /// WebSocket, by GET (RFC 6455 section 4.1) and without a body.
        var asksForUpgrade = false
        /// Counted among the tunnels of its pool, open or about to be.
        var holdsTunnel = false
        var started = Instant(nanoseconds: 0)
        /// Counted as an arrival at its pool, once.
        var isCounted = false
    }

    /// What the room said of the visitor.
    struct Visitor {
        var gate: RoomGate?
        /// Which number of which line, when the visitor is inside.
        var key: LineKey?
        /// Who sends the request, where tokens are bound to that.
        var claim: TokenClaim?
        /// Where the request is counted among those of its visitor.
        var seat: VisitorBook.Seat?
        /// The room has just let the visitor in.
        var isNewcomer = false
        /// Tokens to hand over with the response.
        var place: AdmissionToken?
        var pass: AdmissionToken?
    }

    init(tools: LoopTools, routes: RouteBook, client: any ExchangeClient) {
        self.tools = tools
        self.routes = routes
        self.client = client
        self.machine = .ended
    }

    /// Between two requests it has no client, and nothing of the last one's.
    func rests() {
        precondition(self.isOver, "an exchange rests that is not over")
        self.client = nil
        self.request = Request()
        self.origin = RequestOrigin()
    }

    func wakes(for client: any ExchangeClient) {
        precondition(self.client == nil, "an exchange serves two clients")
        self.client = client
    }

    /// No request is under way.
    var isOver: Bool { self.machine.state == .done }
    /// The client may send more of the body now.
    var takesBody: Bool { self.machine.takesBody }
    /// A visitor stands at a room's door: told nothing until it opens.
    var isAtDoor: Bool {
        if case .exchange = self.roomTicket?.question { return self.machine.state == .parked }
        return false
    }
    /// The end of the request's body has still to be told.
    var hasOpenBody: Bool { !self.machine.isRequestComplete }

    // MARK: The request

    /// A request's head is in hand: in the loop's request head, and at the beginning of `bytes`.
    func begin(_ bytes: UnsafeRawBufferPointer) {
        precondition(self.isOver, "a request began while another one is under way")
        self.tools.counters.requests += 1
        self.request.method = self.tools.requestHead.method
        self.request.framing = self.tools.requestHead.framing
        self.request.asksForUpgrade =
            self.tools.requestHead.wantsWebSocket(in: bytes) && self.request.method == .get
            && [.none, .length(0)].contains(self.request.framing)
        self.request.started = self.tools.now
        self.request.isCounted = false
        self.readOrigin(bytes)
        self.beginNote(bytes)
        let body: ExchangeMachine.Body =
            switch self.request.framing {
            case .none, .length(0): .none
            case .length, .chunked, .untilClose: self.tools.requestHead.expectsContinue ? .awaitsContinue : .gathered
            }
        self.machine = ExchangeMachine(body: body, keptLimit: self.tools.limits.bufferedBodyBytes)
        if case .length(let count) = self.request.framing, count > Int64(self.tools.limits.bodyBytes) {
            return self.fail(.bodyTooLarge)
        }
        if ForwardingRules.goesInCircles(self.tools.requestHead, in: bytes) { return self.fail(.loopDetected) }
        if let port = self.portOfRedirect { return self.redirect(bytes, toPort: port) }
        self.findRoute(RequestInHand(tools: self.tools, bytes: bytes, isSecure: self.origin.isSecure))
    }

    func findRoute(_ request: RequestInHand) {
        switch self.routes.find(request) {
        case .failure(let error): self.fail(error)
        case .success(let route):
            self.route = route
            guard let gate = route.gate else { return self.letIn(request) }
            self.visitor.gate = gate
            self.ask(gate, request)
        }
    }

    /// A piece of the request's body, or of a tunnel.
    func bodyCame(_ payload: UnsafeRawBufferPointer) {
        self.note.requestBytes += payload.count
        if self.machine.state == .tunnel { return self.tunnelBytesCame(payload) }
        switch self.machine.bodyCame(payload.count) {
        case .keep(let acquires):
            self.keptBody.append(contentsOf: payload)
            if acquires {
                self.client?.pauseRequest()
                self.acquireAgain()
            }
        case .forward: self.relayToWorker(payload)
        default: return
        }
    }

    func relayToWorker(_ payload: UnsafeRawBufferPointer) {
        // What has been passed on in part cannot be sent again.
        if !self.machine.isRequestKept, self.keptBody.capacity > 0 { self.keptBody = [] }
        guard let upstream = self.lease?.connection else { return }
        upstream.sendBody(payload)
        if upstream.isCongested { self.client?.pauseRequest() }
    }

    func bodyEnded(trailers: Trailers) {
        switch self.machine.bodyEnded() {
        case .acquire:
            self.keptTrailers = trailers
            self.acquireAgain()
        case .endRequest: self.lease?.connection.endRequest(trailers: trailers)
        case .nothing: self.keptTrailers = trailers
        default: return
        }
    }

    // MARK: The room

    func ask(_ gate: RoomGate, _ request: RequestInHand) {
        self.visitor.claim = gate.claim(among: self.claims(for: gate.binding, request), request)
        switch gate.check(request, claim: self.visitor.claim) {
        case .inside(let key, let pass):
            self.visitor.key = key
            self.visitor.pass = pass
            guard self.takeSeat(gate, key) else { return self.fail(.visitorLimit) }
            self.letIn(request)
        case .preflight: self.letIn(request)
        case .mustWait(let position):
            self.request.prefersJSON = request.prefersJSON
            self.showPosition(position)
        case .mustAsk(let question):
            self.request.prefersJSON = request.prefersJSON
            // Each of many requests at the door would take a place there from somebody else.
            if case .exchange(let key) = question, !self.takeSeat(gate, key) { return self.fail(.visitorLimit) }
            self.keepHead(request.bytes)
            self.park(gate, question)
        }
    }

    func park(_ gate: RoomGate, _ question: RoomQuestion) {
        switch gate.park(self, question) {
        case .parked(let ticket):
            self.roomTicket = ticket
            self.machine.park()
            self.client?.pauseRequest()
        case .mustWait(let position): self.showPosition(position)
        case .refused(let error): self.fail(error)
        }
    }

    func roomAnswered(_ answer: RoomAnswer) {
        self.machine.roomAnswered()
        let question = self.roomTicket?.question
        self.roomTicket = nil
        guard let gate = self.visitor.gate else { preconditionFailure("a room that was not asked answered") }
        switch answer {
        case .admitted(let pass, let place, let isFirst):
            self.visitor.pass = pass
            // A newcomer may have been given it before, and have waited to hear how far the line has come.
            if let place { self.visitor.place = place }
            let key = LineKey(pass)
            self.visitor.key = key
            self.visitor.isNewcomer = isFirst
            guard self.takeSeat(gate, key) else { return self.fail(.visitorLimit) }
            self.withKeptRequest { self.letIn($0) }
        case .waiting(let key, let place):
            if let place { self.visitor.place = place }
            guard gate.tellsPositions || question == .position(key: key) else {
                return self.park(gate, .position(key: key))
            }
            self.showPosition(gate.position(of: key))
        case .called(let key):
            guard self.takeSeat(gate, key) else { return self.fail(.visitorLimit) }
            self.park(gate, .exchange(key: key))
        case .stillAtDoor(let key): self.showPosition(gate.position(of: key, isAtDoor: true))
        case .rejoin: self.placeWasRefused(gate, question)
        case .unavailable: self.showPosition(gate.joiningPosition)
        case .dissolved:
            self.leaveSeat()
            self.visitor = Visitor()
            self.withKeptRequest { self.findRoute($0) }
        }
    }

    private func placeWasRefused(_ gate: RoomGate, _ question: RoomQuestion?) {
        guard case .exchange(let refused)? = question else { return self.park(gate, .join) }
        self.withKeptRequest { request in
            let claims = self.claims(for: gate.binding, request)
            self.visitor.claim = gate.claim(among: claims, request, after: refused)
            switch gate.standing(after: refused, request, self.visitor.claim) {
            case .called(let key):
                guard self.takeSeat(gate, key) else { return self.fail(.visitorLimit) }
                self.park(gate, .exchange(key: key))
            case .waiting(let key): self.showPosition(gate.position(of: key))
            case .inside, .newcomer: self.park(gate, .join)
            }
        }
    }

    // MARK: What the client does

    /// The client takes bytes again.
    func clientDrained() {
        guard self.machine.holding == .worker else { return }
        self.tunnel?.moved()
        self.lease?.connection.resume()
    }

    /// The request cannot be read to its end, or took too long: malformed, too large, too slow.
    func clientFailed(_ error: GatewayError) { self.fail(error) }

    /// The client's connection is no more.
    func clientGone() {
        if self.machine.state == .sending, let connection = self.lease?.connection {
            self.route?.pool.clientLeft(connection)
        }
        if self.machine.state == .tunnel { self.clientLostTunnel() }
        let action = self.machine.clientGone()
        self.client = nil
        if case .abandon(let held) = action {
            self.note.outcome = .left
            self.giveUp(held)
            self.end()
        }
    }

    // MARK: What is kept

    func keepHead(_ bytes: UnsafeRawBufferPointer) {
        guard self.keptHead.isEmpty else { return }
        let head = UnsafeRawBufferPointer(rebasing: bytes[..<self.tools.requestHead.byteCount])
        self.keptHead = self.tools.keep(head)
    }

    /// Reads the kept head once more: other requests have used the loop's head meanwhile.
    func withKeptRequest(_ body: (RequestInHand) -> Void) {
        // Held here, because the exchange may end, and with it what it keeps, before `body` returns.
        let head = self.keptHead
        head.withUnsafeBytes { bytes in
            self.tools.reparse(bytes)
            body(RequestInHand(tools: self.tools, bytes: bytes, isSecure: self.origin.isSecure))
        }
    }

    /// A response has begun: the request is not sent again.
    func forgetRequest() {
        if self.keptHead.capacity > 0 {
            var head: [UInt8] = []
            swap(&head, &self.keptHead)
            self.tools.recycle(head)
        }
        if self.keptBody.capacity > 0 { self.keptBody = [] }
        if !self.keptTrailers.isEmpty { self.keptTrailers = Trailers() }
    }

    func countAnswer() {
        self.tools.counters.countResponse(status: self.responseStatus)
        self.tools.counters.requestLatency.record(
            nanoseconds: self.tools.now.nanoseconds(since: self.request.started)
        )
    }

    /// The exchange is over; what it held has been given up. The last thing that is done: the client may begin the next
    /// request at once.
    func end() {
        precondition(self.isOver, "an exchange ended that is not over")
        self.forgetRequest()
        self.writeNote()
        // A tunnel was counted when it began.
        if self.responseStatus > 0, self.tunnel == nil { self.countAnswer() }
        self.responseStatus = 0
        self.giveBackTunnel()
        self.leaveSeat()
        if self.visitor.gate != nil { self.visitor = Visitor() }
        if self.failedWorker != nil { self.failedWorker = nil }
        self.route = nil
        self.client?.exchangeEnded()
    }
}
