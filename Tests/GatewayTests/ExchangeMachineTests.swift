import Primitives
import Testing

@testable import Gateway

/// The exchange as a table: what each event does in each state, and that whatever is held is given up exactly once.
@Suite struct ExchangeMachineTests {
    private typealias Machine = ExchangeMachine

    private func machine(_ body: Machine.Body = .none, keptLimit: Int = 100) -> Machine {
        Machine(body: body, keptLimit: keptLimit)
    }

    /// A machine that has been led into a state by the shortest way.
    private func machine(in state: Machine.State) -> Machine {
        var machine = self.machine(state == .collecting ? .gathered : .none)
        switch state {
        case .gating: break
        case .parked: machine.park()
        case .collecting, .acquiring: _ = machine.letIn()
        case .sending:
            _ = machine.letIn()
            _ = machine.acquired()
        case .answering:
            machine = self.machine(in: .sending)
            _ = machine.headCame()
        case .tunnel:
            machine = self.machine(in: .sending)
            _ = machine.protocolSwitched()
        case .done: _ = machine.respond()
        }
        #expect(machine.state == state)
        return machine
    }

    // MARK: The usual ways

    @Test func read_withoutRoom_goesStraightThrough() {
        var machine = self.machine()
        #expect(machine.letIn() == .acquire)
        #expect(machine.acquired() == .send(endsRequest: true))
        #expect(machine.headCame() == .relayHead)
        #expect(machine.responseBodyCame() == .relayBody)
        #expect(machine.responseEnded() == .finish)
        #expect(machine.state == .done && machine.isRequestComplete)
    }

    @Test func parkedRequest_isGatedAgain_andMayParkAgain() {
        var machine = self.machine()
        machine.park()
        machine.roomAnswered()
        machine.park()
        machine.roomAnswered()
        #expect(machine.letIn() == .acquire)
    }

    @Test func smallBody_isGatheredBeforeAWorkerIsTaken() {
        var machine = self.machine(.gathered)
        #expect(machine.letIn() == .collect)
        #expect(machine.bodyCame(60) == .keep(acquires: false))
        #expect(machine.holding == .nothing, "a slow client holds no worker")
        #expect(machine.bodyEnded() == .acquire)
        #expect(machine.acquired() == .send(endsRequest: true))
    }

    @Test func largeBody_takesAWorkerWhenTheLimitIsReached() {
        var machine = self.machine(.gathered)
        #expect(machine.letIn() == .collect)
        #expect(machine.bodyCame(99) == .keep(acquires: false))
        #expect(machine.bodyCame(1) == .keep(acquires: true))
        #expect(!machine.takesBody)
        #expect(machine.acquired() == .send(endsRequest: false))
        #expect(machine.takesBody)
        #expect(machine.bodyCame(5_000) == .forward)
        #expect(machine.bodyEnded() == .endRequest)
    }

    @Test func bodyThatEndsWithThePieceThatWasEnough_isSentWhole() {
        var machine = self.machine(.gathered)
        _ = machine.letIn()
        #expect(machine.bodyCame(100) == .keep(acquires: true))
        #expect(machine.bodyEnded() == .nothing)
        #expect(machine.acquired() == .send(endsRequest: true))
    }

    @Test(arguments: [Machine.Body.awaitsContinue, .gathered])
    func bodyThatIsNotGathered_takesAWorkerAtOnce(body: ExchangeMachine.Body) {
        var machine = self.machine(body, keptLimit: body == .gathered ? 0 : 100)
        #expect(machine.letIn() == .acquire)
        #expect(machine.acquired() == .send(endsRequest: false))
        if body == .awaitsContinue { #expect(machine.interimCame() == .relayInterim) }
        #expect(machine.bodyCame(10) == .forward)
        #expect(machine.bodyEnded() == .endRequest)
        #expect(machine.headCame() == .relayHead)
    }

    @Test func responseBeforeTheEndOfTheBody_theRestIsStillPassedOn() {
        var machine = self.machine(.gathered, keptLimit: 1)
        _ = machine.letIn()
        _ = machine.bodyCame(10)
        _ = machine.acquired()
        #expect(machine.headCame() == .relayHead)
        #expect(machine.bodyCame(10) == .forward)
        #expect(machine.responseEnded() == .finish)
        #expect(!machine.isRequestComplete)
        #expect(machine.bodyCame(10) == .discard)
        #expect(machine.bodyEnded() == .discard)
    }

    // MARK: Failures

    @Test func workerFailsBeforeTheResponse_anotherIsTriedOnce() {
        var machine = self.machine(in: .sending)
        #expect(machine.workerFailed(isSafe: true) == .retry)
        #expect(machine.state == .acquiring)
        #expect(machine.acquired() == .send(endsRequest: true))
        #expect(machine.workerFailed(isSafe: true) == .respond(giveUp: .worker))
    }

    @Test func workerFails_unsafeRequest_isNotSentAgain() {
        var machine = self.machine(in: .sending)
        #expect(machine.workerFailed(isSafe: false) == .respond(giveUp: .worker))
    }

    @Test func workerFails_bodyPassedOnInPart_isNotSentAgain() {
        var machine = self.machine(.gathered, keptLimit: 1)
        _ = machine.letIn()
        _ = machine.bodyCame(10)
        _ = machine.acquired()
        #expect(machine.isRequestKept)
        _ = machine.bodyCame(10)
        #expect(!machine.isRequestKept)
        #expect(machine.workerFailed(isSafe: true) == .respond(giveUp: .worker))
    }

    @Test func workerFails_afterAnInterimResponse_isNotSentAgain() {
        var machine = self.machine(in: .sending)
        _ = machine.interimCame()
        #expect(machine.workerFailed(isSafe: true) == .respond(giveUp: .worker))
    }

    @Test func workerFails_amidTheResponse_theClientSeesIt() {
        var machine = self.machine(in: .answering)
        #expect(machine.workerFailed(isSafe: true) == .breakOff(giveUp: .worker))
        var tunnel = self.machine(in: .tunnel)
        #expect(tunnel.workerFailed(isSafe: true) == .breakOff(giveUp: .worker))
    }

    private static let holdings: [(Machine.State, Machine.Holding)] = [
        (.gating, .nothing), (.parked, .room), (.collecting, .nothing), (.acquiring, .queue), (.sending, .worker),
        (.answering, .worker), (.tunnel, .worker),
    ]

    @Test func clientGone_inEveryState_whatIsHeldIsGivenUpOnce() {
        for (state, held) in Self.holdings {
            var machine = self.machine(in: state)
            #expect(machine.holding == held)
            #expect(machine.clientGone() == .abandon(giveUp: held), "\(state)")
            #expect(machine.holding == .nothing && machine.state == .done)
            #expect(machine.clientGone() == .nothing, "\(state): twice")
        }
    }

    @Test func ownResponse_inEveryState_givesUpWhatIsHeld() {
        for (state, held) in Self.holdings {
            var machine = self.machine(in: state)
            let expected: Machine.Action =
                state == .answering || state == .tunnel ? .breakOff(giveUp: held) : .respond(giveUp: held)
            #expect(machine.respond() == expected, "\(state)")
            #expect(machine.state == .done)
        }
    }

    @Test(arguments: [ExchangeMachine.TunnelSide.client, .worker])
    func tunnel_relaysUntilBothSidesHaveEnded(first: ExchangeMachine.TunnelSide) {
        let second: ExchangeMachine.TunnelSide = first == .client ? .worker : .client
        var machine = self.machine(in: .tunnel)
        #expect(machine.tunnelBytesCame() == .relayTunnel)
        #expect(machine.tunnelEnded(by: first) == .passTunnelEnd)
        #expect(machine.state == .tunnel && machine.holding == .worker)
        #expect(machine.tunnelBytesCame() == .relayTunnel)
        #expect(machine.tunnelEnded(by: second) == .finish)
        #expect(machine.state == .done)
    }

    @Test func tunnel_thatHasToEnd_ends() {
        var machine = self.machine(in: .tunnel)
        #expect(machine.tunnelHasToEnd() == .finish)
        #expect(machine.state == .done)
    }

    // MARK: Random histories

    /// Whatever happens in whatever legal order: the exchange ends once, and what was taken is given back once.
    @Test(arguments: 0..<200 as Range<UInt64>)
    func randomHistories_endOnceAndBalance(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var history = ExchangeHistory(random: &random)
        for _ in 0..<200 where !history.isOver { history.step(&random) }
        history.finish()
        #expect(history.ends == 1, "seed \(seed): \(history.trace)")
        #expect(history.leases == 0 && history.places == 0 && history.tickets == 0, "seed \(seed): \(history.trace)")
    }
}

/// Plays events that the state allows against a machine, and keeps the books that a driver would keep.
struct ExchangeHistory {
    private var machine: ExchangeMachine
    private(set) var ends = 0
    private(set) var leases = 0
    private(set) var places = 0
    private(set) var tickets = 0
    private(set) var trace: [String] = []

    init(random: inout SplitMix64) {
        let bodies: [ExchangeMachine.Body] = [.none, .gathered, .awaitsContinue]
        self.machine = ExchangeMachine(
            body: bodies[Int(random.next(upperBound: 3 as UInt64))],
            keptLimit: Int(random.next(upperBound: 3 as UInt64)) * 50
        )
    }

    var isOver: Bool { self.machine.state == .done }

    mutating func step(_ random: inout SplitMix64) {
        let choice = random.next(upperBound: 12 as UInt64)
        if choice == 0 { return self.run(self.machine.clientGone()) }
        if choice == 1 { return self.run(self.machine.respond()) }
        if choice < 6, self.machine.takesBody, !self.machine.isRequestComplete {
            return self.run(
                choice < 5
                    ? self.machine.bodyCame(1 + Int(random.next(upperBound: 60 as UInt64))) : self.machine.bodyEnded()
            )
        }
        switch self.machine.state {
        case .gating:
            if choice < 8 {
                self.machine.park()
                self.places += 1
            } else {
                self.run(self.machine.letIn())
            }
        case .parked:
            self.places -= 1
            self.machine.roomAnswered()
        case .acquiring:
            self.tickets -= 1
            self.leases += 1
            self.run(self.machine.acquired())
        case .sending:
            switch choice {
            case 6: self.run(self.machine.workerFailed(isSafe: true))
            case 7: self.run(self.machine.workerFailed(isSafe: false))
            case 8: self.run(self.machine.interimCame())
            case 9 where self.machine.isRequestComplete: self.run(self.machine.protocolSwitched())
            default: self.run(self.machine.headCame())
            }
        case .answering: self.run(choice < 9 ? self.machine.responseBodyCame() : self.machine.responseEnded())
        case .tunnel:
            let side: ExchangeMachine.TunnelSide = self.machine.endedSide == .client ? .worker : .client
            self.run(choice < 9 ? self.machine.tunnelBytesCame() : self.machine.tunnelEnded(by: side))
        case .collecting, .done: return
        }
    }

    mutating func finish() {
        if !self.isOver { self.run(self.machine.clientGone()) }
    }

    private mutating func run(_ action: ExchangeMachine.Action) {
        self.trace.append("\(action)")
        switch action {
        case .acquire: self.tickets += 1
        case .keep(let acquires): if acquires { self.tickets += 1 }
        case .retry:
            self.leases -= 1
            self.tickets += 1
        case .finish:
            self.leases -= 1
            self.ends += 1
        case .respond(let held), .breakOff(let held), .abandon(let held):
            self.ends += 1
            switch held {
            case .nothing: break
            case .room: self.places -= 1
            case .queue: self.tickets -= 1
            case .worker: self.leases -= 1
            }
        default: break
        }
    }
}
