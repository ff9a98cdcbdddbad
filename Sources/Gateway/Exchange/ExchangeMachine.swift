/// One request and its response, as a value: named states, events in, actions out.
///
/// The machine decides what happens next; it holds no connection, room or worker and knows no bytes. `Exchange` runs
/// its actions. What the state says is held is what is held: `parked` stands in a room, `acquiring` in a pool's queue,
/// `sending`, `answering` and `tunnel` have a worker's connection. So every way out of a state says what becomes of it,
/// and an event that a state has no use for traps: it would mean that somebody acts on an exchange that has moved on.
///
/// ```
/// gating → parked → collecting → acquiring → sending → answering → done
///    |________|_________^ ↑          ^          |  |→ tunnel ------^
///    (a room lets in)     no body    |__________|  (101)
///                                     a retry
/// ```
/// Every state can also end in `done` by the gateway's own response (`Action.respond`), by breaking off a response
/// that has begun, or because the client is gone.
struct ExchangeMachine: Equatable {
    enum State: Equatable, CaseIterable {
        /// The head has been read; route and room are asked.
        case gating
        /// A room owes the visitor a word.
        case parked
        /// The body's first part is gathered before a worker is taken: a slow client holds no worker.
        case collecting
        /// A pool owes a worker's connection.
        case acquiring
        /// The request is on its way to a worker; nothing of the response has come.
        case sending
        /// The response is on its way to the client.
        case answering
        /// The protocol was switched: bytes go both ways until both sides have ended.
        case tunnel
        case done
    }

    /// The two ends of a tunnel.
    enum TunnelSide: Equatable { case client, worker }

    /// How the request's body is to be handled.
    enum Body: Equatable {
        case none
        /// Gathered up to the limit before a worker is taken.
        case gathered
        /// The client waits for the worker's `100 Continue`, so that a worker is taken first.
        case awaitsContinue
    }

    /// What the driver has to do. Actions that end in a state which holds nothing come with what is to be given up.
    enum Action: Equatable {
        case nothing
        /// Let the client send its body; keep what comes.
        case collect
        /// Ask the pool for a worker's connection.
        case acquire
        /// Send the head, what was kept of the body, and the body's end if it is complete.
        case send(endsRequest: Bool)
        /// Keep a piece of the body; `acquires`: it is enough, ask for a worker and let the client wait.
        case keep(acquires: Bool)
        /// Pass a piece of the body on to the worker.
        case forward
        /// Tell the worker that the body is complete.
        case endRequest
        /// Read a piece of the body and throw it away: its response has been given.
        case discard
        /// Pass an interim response on.
        case relayInterim
        /// Pass the response's head on.
        case relayHead
        /// Pass on a piece of the response's body.
        case relayBody
        /// The response is complete, or the tunnel has ended: give the worker's connection back and finish.
        case finish
        /// Relay the head of the switch, then bytes both ways.
        case openTunnel
        /// Pass bytes of a tunnel on to the other side.
        case relayTunnel
        /// One side of a tunnel sends no more: tell the other one, which may go on.
        case passTunnelEnd
        /// A response of the gateway's own, after giving up what is held.
        case respond(giveUp: Holding)
        /// The client must not take what it has for the whole response: break its connection off.
        case breakOff(giveUp: Holding)
        /// The client is gone; only what is held has to be given up.
        case abandon(giveUp: Holding)
        /// The worker failed before it said anything: ask for another one.
        case retry
    }

    /// What an exchange holds while it is in a state.
    enum Holding: Equatable {
        case nothing
        /// A place in a room's books.
        case room
        /// A place in a pool's queue.
        case queue
        /// A worker's connection.
        case worker
    }

    /// Requests are sent at most this often: a second worker may be tried after the first failed.
    static let mostAttempts = 2

    private(set) var state: State = .gating
    private let body: Body
    /// The client has sent the whole request.
    private(set) var isRequestComplete: Bool
    /// The whole of the request is kept, so that it can be sent again.
    private(set) var isRequestKept = true
    private(set) var attempts = 0
    /// The side of the tunnel that sends no more.
    private(set) var endedSide: TunnelSide?
    private var keptBytes = 0
    private let keptLimit: Int

    /// - Parameter keptLimit: how much of a body is gathered before a worker is taken, in bytes.
    init(body: Body, keptLimit: Int) {
        self.body = body
        self.keptLimit = keptLimit
        self.isRequestComplete = body == .none
    }

    /// Before the first request.
    static var ended: ExchangeMachine {
        var machine = ExchangeMachine(body: .none, keptLimit: 0)
        machine.state = .done
        return machine
    }

    var holding: Holding {
        switch self.state {
        case .gating, .collecting, .done: .nothing
        case .parked: .room
        case .acquiring: .queue
        case .sending, .answering, .tunnel: .worker
        }
    }

    /// The client may send more of the body now.
    var takesBody: Bool {
        switch self.state {
        case .collecting, .sending, .answering, .tunnel, .done: true
        case .gating, .parked, .acquiring: false
        }
    }

    // MARK: Room

    /// The room wants to think, or the visitor has to join anew.
    mutating func park() {
        precondition(self.state == .gating, "only a request that is being gated can be parked")
        self.state = .parked
    }

    /// The room has its answer: the request is gated again with what it says.
    mutating func roomAnswered() {
        precondition(self.state == .parked, "a room answered a request that does not wait for it")
        self.state = .gating
    }

    /// The route has no room, or the room let the request in.
    mutating func letIn() -> Action {
        precondition(self.state == .gating, "only a request that is being gated can be let in")
        guard self.body == .gathered, !self.isRequestComplete, self.keptLimit > 0 else { return self.acquire() }
        self.state = .collecting
        return .collect
    }

    private mutating func acquire() -> Action {
        self.state = .acquiring
        return .acquire
    }

    // MARK: The request's body

    /// `count` bytes of payload came.
    mutating func bodyCame(_ count: Int) -> Action {
        precondition(!self.isRequestComplete, "a body went on after its end")
        switch self.state {
        case .collecting:
            self.keptBytes += count
            guard self.keptBytes >= self.keptLimit else { return .keep(acquires: false) }
            self.state = .acquiring
            return .keep(acquires: true)
        case .sending, .answering:
            // What has been passed on is not kept: from here on the request cannot be sent again.
            self.isRequestKept = false
            return .forward
        case .done: return .discard
        case .gating, .parked, .acquiring, .tunnel: self.trap("a piece of the body")
        }
    }

    mutating func bodyEnded() -> Action {
        precondition(!self.isRequestComplete, "a body ended twice")
        self.isRequestComplete = true
        switch self.state {
        case .collecting: return self.acquire()
        case .sending, .answering: return .endRequest
        // With the last piece the body became enough to ask for a worker.
        case .acquiring: return .nothing
        case .done: return .discard
        case .gating, .parked, .tunnel: self.trap("the end of the body")
        }
    }

    // MARK: Worker

    mutating func acquired() -> Action {
        precondition(self.state == .acquiring, "a worker came for a request that does not wait for one")
        self.state = .sending
        self.attempts += 1
        return .send(endsRequest: self.isRequestComplete)
    }

    /// A response of the gateway's own: the room has the visitor wait, or something failed.
    mutating func respond() -> Action {
        let held = self.holding
        switch self.state {
        case .gating, .parked, .collecting, .acquiring, .sending:
            self.state = .done
            return .respond(giveUp: held)
        // The client has a part of the worker's response already.
        case .answering, .tunnel:
            self.state = .done
            return .breakOff(giveUp: held)
        case .done: self.trap("a response of the gateway's own")
        }
    }

    /// The worker's connection failed. `isSafe`: nothing of the request can have had an effect.
    mutating func workerFailed(isSafe: Bool) -> Action {
        switch self.state {
        case .sending where isSafe && self.isRequestKept && self.attempts < Self.mostAttempts:
            self.state = .acquiring
            return .retry
        case .sending, .answering, .tunnel: return self.respond()
        case .gating, .parked, .collecting, .acquiring, .done: self.trap("the failure of a worker")
        }
    }

    mutating func interimCame() -> Action {
        precondition(self.state == .sending, "an interim response came at the wrong time")
        // The worker has begun to deal with the request: another one must not do so too.
        self.isRequestKept = false
        return .relayInterim
    }

    mutating func headCame() -> Action {
        precondition(self.state == .sending, "a response's head came at the wrong time")
        self.state = .answering
        return .relayHead
    }

    mutating func responseBodyCame() -> Action {
        precondition(self.state == .answering, "a response's body came at the wrong time")
        return .relayBody
    }

    mutating func responseEnded() -> Action {
        precondition(self.state == .answering, "a response ended at the wrong time")
        self.state = .done
        return .finish
    }

    mutating func protocolSwitched() -> Action {
        precondition(self.state == .sending, "a protocol was switched at the wrong time")
        self.state = .tunnel
        self.isRequestComplete = true
        return .openTunnel
    }

    mutating func tunnelBytesCame() -> Action {
        precondition(self.state == .tunnel, "bytes of a tunnel that is not open")
        return .relayTunnel
    }

    /// One side has sent its last byte. The other may still have something to say to it.
    mutating func tunnelEnded(by side: TunnelSide) -> Action {
        precondition(self.state == .tunnel, "a tunnel ended that was not open")
        precondition(self.endedSide != side, "one side of a tunnel ended twice")
        guard self.endedSide != nil else {
            self.endedSide = side
            return .passTunnelEnd
        }
        self.state = .done
        return .finish
    }

    /// The gateway ends the tunnel, whatever its two sides have to say.
    mutating func tunnelHasToEnd() -> Action {
        precondition(self.state == .tunnel, "a tunnel is to end that is not open")
        self.state = .done
        return .finish
    }

    // MARK: The client's end

    /// The client's connection is no more. Whatever is held is given up; nobody is to blame.
    mutating func clientGone() -> Action {
        let held = self.holding
        guard self.state != .done else { return .nothing }
        self.state = .done
        return .abandon(giveUp: held)
    }

    private func trap(_ event: String) -> Never {
        preconditionFailure("\(event) came for an exchange that is \(self.state)")
    }
}
