import EventLoop
import HTTPWire
import Primitives
import Transport

/// Plays one script over a real socket, and tells the ledger what it heard.
final class SoakClient: StreamHandler {
    /// Longer than everything that a gateway may wait for.
    private static let patienceNanoseconds = 20 * Nanoseconds.perSecond

    private let crowd: SoakCrowd
    private let script: SoakScript
    private let isSecure: Bool
    private var nextStep = 0
    private let breakdownsBefore: Int
    private var connection: (any ByteStream)?
    private var wire = HTTP1Client(limits: HeadLimits())
    private var heard = SoakLedger.Heard(status: 0, isGatewayError: false, isWaiting: false, hasMark: false)
    /// The start of the body, as long as the mark.
    private var prefix: [UInt8] = []
    private var responses = 0
    private var slowMilliseconds: Int?
    private var isPausing = false
    /// The protocol has been switched: what comes is what was sent.
    private var isTunnel = false
    private var timer: LoopTimer!
    private var readTimer: LoopTimer!
    private var patience: LoopTimer!

    init(_ script: SoakScript, isSecure: Bool, crowd: SoakCrowd) {
        self.script = script
        self.isSecure = isSecure
        self.breakdownsBefore = crowd.breakdowns
        self.crowd = crowd
        self.timer = LoopTimer(loop: crowd.loop) { [weak self] in self?.pauseIsOver() }
        self.readTimer = LoopTimer(loop: crowd.loop) { [weak self] in self?.connection?.resumeReading() }
        self.patience = LoopTimer(loop: crowd.loop) { [weak self] in self?.losePatience() }
    }

    func start() {
        self.crowd.ledger.began(self.script.manner)
        self.patience.arm(afterNanoseconds: Self.patienceNanoseconds)
        do {
            self.connection = try Connection.connect(
                to: self.isSecure ? self.crowd.secure : self.crowd.plain,
                on: self.crowd.loop,
                timeoutNanoseconds: 5 * Nanoseconds.perSecond,
                tls: self.isSecure ? self.crowd.tls : nil,
                handler: self
            )
        } catch {
            self.crowd.ledger.complain("the load tool has no sockets: \(error)")
            self.leave()
        }
    }

    /// Ends whatever it is doing.
    func stop() {
        self.connection?.reset()
        self.leave()
    }

    private var isGone: Bool { self.connection == nil }

    private func leave() {
        self.connection = nil
        self.timer.disarm()
        self.readTimer.disarm()
        self.patience.disarm()
        self.crowd.left(self)
    }

    private func losePatience() {
        if self.script.manner.isPolite, self.script.behaviour.isGood {
            self.crowd.ledger.complain("a polite client waits for ever")
        }
        self.stop()
    }

    // MARK: The script

    private func goOn() {
        while let connection = self.connection, !self.isPausing {
            guard self.nextStep < self.script.steps.count else { return self.leaveAfter { connection.close() } }
            switch self.script.steps[self.nextStep] {
            case .write(let bytes): connection.write(bytes)
            case .pause(let milliseconds):
                self.isPausing = true
                self.timer.arm(afterNanoseconds: Int64(milliseconds) * Nanoseconds.perMillisecond)
            case .readSlowly(let milliseconds): self.slowMilliseconds = milliseconds
            case .awaitResponses(let count): if self.responses < count { return }
            case .awaitFirstByte: if !self.wire.hasResponseBegun { return }
            case .awaitTunnel where !self.isTunnel:
                guard self.responses > 0 else { return }
                return self.leaveAfter { connection.close() }
            case .awaitTunnel: break
            case .finishWriting: connection.finishWriting()
            case .reset: return self.leaveAfter { connection.reset() }
            case .close: return self.leaveAfter { connection.close() }
            }
            self.nextStep += 1
        }
    }

    /// First forgotten, then ended: what the end tells is for nobody.
    private func leaveAfter(_ end: () -> Void) {
        self.connection = nil
        end()
        self.leave()
    }

    private func pauseIsOver() {
        self.isPausing = false
        self.goOn()
    }

    // MARK: The connection

    func connected(_ connection: any ByteStream) {
        guard connection === self.connection else { return }
        self.wire.begin(self.script.methods[0], asksForUpgrade: self.script.manner == .tunnel)
        self.wire.requestSent()
        self.goOn()
    }

    func received(_ connection: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        var used = 0
        while connection === self.connection {
            if self.isTunnel {
                if bytes[used...].contains(where: { $0 != SoakScript.filler }) {
                    self.crowd.ledger.complain("a tunnel garbles what goes through it")
                }
                return bytes.count
            }
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            let (input, count) = self.wire.read(rest, into: &self.crowd.head)
            used += count
            switch input {
            case .needMore:
                self.goOn()
                self.slowDown()
                return used
            case .interim: break
            case .head: self.take(self.crowd.head, rest)
            case .payload(let range):
                self.prefix += range.slice(of: rest).prefix(self.script.mark.utf8.count - self.prefix.count)
            case .end:
                self.responseIsComplete()
                self.goOn()
            case .failed(let failure):
                self.crowd.ledger.complain("a client cannot read: \(failure.reason)")
                self.stop()
            case .switching:
                self.isTunnel = true
                self.crowd.ledger.tunnelled()
                self.goOn()
            }
        }
        return bytes.count
    }

    private func slowDown() {
        guard let milliseconds = self.slowMilliseconds, let connection = self.connection else { return }
        connection.pauseReading()
        self.readTimer.arm(afterNanoseconds: Int64(milliseconds) * Nanoseconds.perMillisecond)
    }

    private func take(_ head: borrowing ResponseHead, _ bytes: UnsafeRawBufferPointer) {
        self.prefix = []
        self.heard = SoakLedger.Heard(
            status: Int(head.status),
            isGatewayError: false,
            isWaiting: false,
            hasMark: false
        )
        for field in head.fields where field.id == .other {
            let name = field.name.slice(of: bytes)
            if ASCII.equalsIgnoringCase(name, "sluice-error") { self.heard.isGatewayError = true }
            if ASCII.equalsIgnoringCase(name, "sluice-state") {
                self.heard.isWaiting = !ASCII.equalsIgnoringCase(field.value.slice(of: bytes), "admitted")
            }
        }
    }

    private func responseIsComplete() {
        self.responses += 1
        self.heard.hasMark = self.prefix == Array(self.script.mark.utf8)
        self.crowd.ledger.heard(self.heard, by: self.script)
        guard self.responses < self.script.methods.count, self.wire.canReuse else { return }
        self.wire.begin(self.script.methods[self.responses])
        self.wire.requestSent()
    }

    func inputEnded(_ connection: any ByteStream) {
        guard connection === self.connection else { return }
        if !self.isTunnel, self.wire.inputEnded() == .complete { self.responseIsComplete() }
        self.endedByTheOther()
    }

    func closed(_ connection: any ByteStream, _ reason: CloseReason) {
        guard connection === self.connection else { return }
        self.endedByTheOther()
    }

    private func endedByTheOther() {
        if case .awaitResponses(let count) = self.script.steps[self.nextStep], self.responses < count {
            self.crowd.ledger.missed(
                by: self.script,
                hasBegun: self.wire.hasResponseBegun,
                mayBeCut: self.crowd.breakdowns != self.breakdownsBefore,
                responses: self.responses
            )
        }
        self.stop()
    }
}

/// All clients of a soak. Lives on one loop.
final class SoakCrowd {
    /// At the same time.
    private static let mostClients = 60
    private static let burstClients = 20
    private static let paceNanoseconds = 20 * Nanoseconds.perMillisecond

    let loop: EventLoop
    let plain: SocketAddress
    let secure: SocketAddress
    let tls: TLSContext
    var head = ResponseHead()
    var ledger = SoakLedger()
    /// How often workers broke off all their connections: responses may be cut by that.
    var breakdowns = 0
    private var random: SplitMix64
    private var clients: [ObjectIdentifier: SoakClient] = [:]
    private var number = 0
    private var isStopped = false
    private var timer: LoopTimer!

    init(plain: SocketAddress, secure: SocketAddress, tls: TLSContext, seed: UInt64, on loop: EventLoop) {
        self.loop = loop
        self.plain = plain
        self.secure = secure
        self.tls = tls
        self.random = SplitMix64(seed: seed)
        self.timer = LoopTimer(loop: loop) { [weak self] in self?.sendNext() }
    }

    var clientCount: Int { self.clients.count }

    func start() { self.sendNext() }

    /// Nobody comes any more; those who are there finish what they do.
    func stopComing() {
        self.isStopped = true
        self.timer.disarm()
    }

    func stopAll() {
        self.stopComing()
        for client in self.clients.values { client.stop() }
    }

    private func sendNext() {
        guard !self.isStopped else { return }
        self.timer.arm(afterNanoseconds: Self.paceNanoseconds)
        if Int.random(in: 0..<100, using: &self.random) == 0 { return self.sendBurst() }
        self.number += 1
        self.send(SoakScript(number: self.number, using: &self.random))
    }

    /// Many at once for the pool with the fewest connections, so that requests queue there, and are there when it goes.
    private func sendBurst() {
        for _ in 0..<Self.burstClients {
            self.number += 1
            let behaviour = [SoakScript.Behaviour.ok, .slow, .drip, .stall].randomElement(using: &self.random)!
            self.send(SoakScript(.burst, behaviour, place: "/extra", number: self.number, using: &self.random))
        }
    }

    private func send(_ script: SoakScript) {
        guard self.clients.count < Self.mostClients else { return }
        let isSecure = Int.random(in: 0..<4, using: &self.random) == 0
        let client = SoakClient(script, isSecure: isSecure, crowd: self)
        self.clients[ObjectIdentifier(client)] = client
        client.start()
    }

    func left(_ client: SoakClient) { self.clients[ObjectIdentifier(client)] = nil }
}
