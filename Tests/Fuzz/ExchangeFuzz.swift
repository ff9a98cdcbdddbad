import Primitives

/// Histories of one exchange: everything that client, room, pool and worker may do, in any order that they may do it in.
///
/// Each byte of the input picks one of the events that are possible just then. `World` knows what is possible, and keeps
/// books of its own on what is held and what was passed on; the machine's actions must agree with them.
enum ExchangeFuzz {
    static func judge(_ input: [UInt8]) {
        guard input.count >= 2 else { return }
        var world = World(setup: input[0], keptLimit: Int(input[1] % 8) * 10)
        for byte in input.dropFirst(2) {
            let possible = world.possibleEvents
            if possible.isEmpty { break }
            world.play(possible[Int(byte) % possible.count], byte)
        }
        // Whatever the state, the client's end ends it, and nothing is held.
        world.play(.clientGone, 0)
        expectEqual(world.machine.state, .done, "the state at the end, after \(world.history)")
        expectEqual(world.ends, 1, "the number of ends, after \(world.history)")
    }
}

private enum Event: String, CustomStringConvertible {
    case letIn, park, roomAnswered, roomRefused, bodyPiece, bodyEnd, bodyMalformed, acquired, queueRefused
    case workerFailed, workerFailedSafely, interim, head, responsePiece, responseEnd, switched, tunnelBytes
    case clientEndsTunnel, workerEndsTunnel, tunnelHasToEnd
    case clientGone

    var description: String { self.rawValue }
}

/// Those around an exchange, in the plainest way.
private struct World {
    /// What the exchange holds, by the actions that it asked for.
    private enum Held { case nothing, room, queue, worker }
    private enum Response { case none, underway, tunnel }

    var machine: ExchangeMachine
    var history: [Event] = []
    var ends = 0
    private var held = Held.nothing
    private var response = Response.none
    private var isGated = false
    private var bodyMissing: Int
    private var isBodyOver: Bool
    /// Bytes of the body, by what became of them.
    private var came = 0
    private var kept = 0
    private var workerHas = 0
    private var workerHasEnd = false
    private var sends = 0
    private var hasInterim = false
    /// The side of the tunnel that has ended.
    private var endedSide: ExchangeMachine.TunnelSide?
    private let keptLimit: Int
    /// The last piece of a body has come, and its end comes with it, however the client is paused.
    private var isEndDue = false

    init(setup: UInt8, keptLimit: Int) {
        let bodies: [ExchangeMachine.Body] = [.none, .gathered, .awaitsContinue]
        let body = bodies[Int(setup) % 3]
        self.machine = ExchangeMachine(body: body, keptLimit: keptLimit)
        self.keptLimit = keptLimit
        self.isBodyOver = body == .none
        self.bodyMissing = body == .none ? 0 : Int(setup / 3)
    }

    private var isOver: Bool { self.ends > 0 }

    /// What may happen now.
    var possibleEvents: [Event] {
        if self.isEndDue { return [.bodyEnd] }
        var events: [Event] = []
        if !self.isBodyOver, self.response != .tunnel, self.machine.takesBody {
            events += self.bodyMissing > 0 ? [.bodyPiece, .bodyMalformed] : [.bodyEnd]
        }
        if self.isOver { return events.filter { $0 != .bodyMalformed } }
        events.append(.clientGone)
        switch self.held {
        case .nothing: if !self.isGated { events += [.letIn, .park, .roomRefused] }
        case .room: events += [.roomAnswered, .roomRefused]
        case .queue: events += [.acquired, .queueRefused]
        case .worker:
            events += [.workerFailed]
            switch self.response {
            case .none: events += [.workerFailedSafely, .interim, .head] + (self.isBodyOver ? [.switched] : [])
            case .underway: events += [.responsePiece, .responseEnd]
            case .tunnel:
                events += [.tunnelBytes, .tunnelHasToEnd]
                if self.endedSide != .client { events.append(.clientEndsTunnel) }
                if self.endedSide != .worker { events.append(.workerEndsTunnel) }
            }
        }
        return events
    }

    mutating func play(_ event: Event, _ draw: UInt8) {
        self.history.append(event)
        switch event {
        case .letIn:
            self.isGated = true
            self.run(self.machine.letIn())
        case .park:
            self.machine.park()
            self.held = .room
        case .roomAnswered:
            self.machine.roomAnswered()
            self.held = .nothing
        case .roomRefused, .bodyMalformed, .queueRefused: self.run(self.machine.respond())
        case .bodyPiece:
            let count = min(self.bodyMissing, 1 + Int(draw / 8))
            self.bodyMissing -= count
            self.came += count
            self.run(self.machine.bodyCame(count), piece: count)
            self.isEndDue = self.bodyMissing == 0
        case .bodyEnd:
            self.isEndDue = false
            self.isBodyOver = true
            self.run(self.machine.bodyEnded())
        case .acquired:
            self.held = .worker
            self.workerHas = 0
            self.workerHasEnd = false
            self.run(self.machine.acquired())
        case .workerFailed: self.run(self.machine.workerFailed(isSafe: false))
        case .workerFailedSafely: self.run(self.machine.workerFailed(isSafe: true))
        case .interim: self.run(self.machine.interimCame())
        case .head: self.run(self.machine.headCame())
        case .responsePiece: self.run(self.machine.responseBodyCame())
        case .responseEnd: self.run(self.machine.responseEnded())
        case .switched: self.run(self.machine.protocolSwitched())
        case .tunnelBytes: self.run(self.machine.tunnelBytesCame())
        case .clientEndsTunnel: self.tunnelEnds(by: .client)
        case .workerEndsTunnel: self.tunnelEnds(by: .worker)
        case .tunnelHasToEnd: self.run(self.machine.tunnelHasToEnd())
        case .clientGone: self.run(self.machine.clientGone())
        }
        self.checkBooks()
    }

    /// The first side that ends is heard by the other, the second one ends the tunnel.
    private mutating func tunnelEnds(by side: ExchangeMachine.TunnelSide) {
        let isSecond = self.endedSide != nil
        if !isSecond { self.endedSide = side }
        self.run(self.machine.tunnelEnded(by: side))
        expectEqual(self.isOver, isSecond, "a tunnel that is open to one side: \(self.history)")
    }

    // MARK: What the machine asks for

    private mutating func run(_ action: ExchangeMachine.Action, piece: Int = 0) {
        switch action {
        case .nothing: break
        case .discard: expect(self.isOver, "a body is thrown away too early: \(self.history)")
        case .collect: expect(!self.isOver && self.held == .nothing, "gathers at the wrong time: \(self.history)")
        case .acquire: self.queue()
        case .keep(let acquires):
            expectEqual(self.held, .nothing, "keeps a body while something is held: \(self.history)")
            expect(self.kept < self.keptLimit, "keeps more than the limit: \(self.history)")
            self.kept += piece
            if acquires { self.queue() }
        case .send(let endsRequest):
            self.sends += 1
            expect(self.sends <= 2, "sent more than twice: \(self.history)")
            expectEqual(self.kept, self.came, "a worker gets a part of the request only: \(self.history)")
            self.workerHas = self.kept
            self.endRequest(if: endsRequest)
        case .forward:
            expectEqual(self.held, .worker, "passes a body on to nobody: \(self.history)")
            self.workerHas += piece
        case .endRequest: self.endRequest(if: true)
        case .retry:
            expectEqual(self.kept, self.came, "sends a request again that is not kept: \(self.history)")
            expectEqual(self.response, .none, "sends a request again after a response: \(self.history)")
            expect(!self.hasInterim, "sends a request again that a worker deals with: \(self.history)")
            self.held = .nothing
            self.queue()
        case .relayInterim:
            expectEqual(self.response, .none, "a late interim response: \(self.history)")
            self.hasInterim = true
        case .relayHead: self.response = .underway
        case .openTunnel: self.response = .tunnel
        case .passTunnelEnd: expect(self.endedSide != nil && !self.isOver, "an end from nobody: \(self.history)")
        case .relayBody: expectEqual(self.response, .underway, "a body without a head: \(self.history)")
        case .relayTunnel: expectEqual(self.response, .tunnel, "a tunnel that is not open: \(self.history)")
        case .finish: self.end(givesUp: .worker)
        case .respond(let held):
            expectEqual(self.response, .none, "a second response: \(self.history)")
            self.end(givesUp: held)
        case .breakOff(let held):
            expect(self.response != .none, "breaks off what has not begun: \(self.history)")
            self.end(givesUp: held)
        case .abandon(let held): self.end(givesUp: held)
        }
    }

    private mutating func queue() {
        expect(!self.isOver && self.held == .nothing, "asks for a worker at the wrong time: \(self.history)")
        self.held = .queue
    }

    private mutating func endRequest(if isEnd: Bool) {
        guard isEnd else { return }
        expect(self.isBodyOver && !self.workerHasEnd, "ends a request at the wrong time: \(self.history)")
        expectEqual(self.workerHas, self.came, "a worker has another body than the client's: \(self.history)")
        self.workerHasEnd = true
    }

    private mutating func end(givesUp held: ExchangeMachine.Holding) {
        self.ends += 1
        expectEqual(self.ends, 1, "ends more than once: \(self.history)")
        expectEqual(self.holding, held, "what is given up: \(self.history)")
        self.held = .nothing
    }

    private var holding: ExchangeMachine.Holding {
        switch self.held {
        case .nothing: .nothing
        case .room: .room
        case .queue: .queue
        case .worker: .worker
        }
    }

    private func checkBooks() {
        expectEqual(self.machine.holding, self.holding, "what is held: \(self.history)")
        expectEqual(self.machine.state == .done, self.isOver, "whether it is over: \(self.history)")
        if self.held == .worker, self.isBodyOver, self.response != .tunnel {
            expect(self.workerHasEnd, "a worker waits for the end of a body that is over: \(self.history)")
        }
    }
}
