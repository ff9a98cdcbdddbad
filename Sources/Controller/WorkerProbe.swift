import EventLoop
import HTTPService
import Primitives
import Settings
import Transport

/// Asks somebody at an address how it does.
protocol AddressProbe: AnyObject {
    /// In force from the next question on.
    var settings: ProbeSettings { get set }
    func begin(at address: SocketAddress, isReady: Bool)
    func end()
}

/// `onAnswer` as of `WorkerProbe`.
typealias ProbeMaker = (ProbeSettings, _ onAnswer: @escaping (_ isWell: Bool) -> Void) -> any AddressProbe

/// Asks one worker how it does: in short turns until it is well for the first time, and after that as often as the
/// settings say, for good. One question at a time; the next begins no sooner than the last is over.
final class WorkerProbe: AddressProbe {
    /// While a process starts, every moment counts.
    static let processStartNanoseconds = 50 * Nanoseconds.perMillisecond
    private let startIntervalNanoseconds: Int64

    /// In force from the next question on.
    var settings: ProbeSettings
    private let loop: EventLoop
    private let onAnswer: (_ isWell: Bool) -> Void
    private var timer: LoopTimer?
    private var address: SocketAddress?
    private var wasWell = false
    /// The next answer is told, whatever it is.
    private var tellsNext: Bool
    /// Answers to questions of before `end` are nobody's.
    private var isOver = false

    /// `onAnswer` is called on the loop: while the worker starts once it is well, afterwards with every answer.
    /// - Parameter tellsFirst: the first answer is told, too, though it be bad: then it is known that nobody is well there.
    init(
        _ settings: ProbeSettings,
        startIntervalNanoseconds: Int64 = WorkerProbe.processStartNanoseconds,
        tellsFirst: Bool = false,
        on loop: EventLoop,
        onAnswer: @escaping (_ isWell: Bool) -> Void
    ) {
        self.tellsNext = tellsFirst
        self.startIntervalNanoseconds = startIntervalNanoseconds
        self.settings = settings
        self.loop = loop
        self.onAnswer = onAnswer
        self.timer = LoopTimer(loop: loop) { [weak self] in self?.ask() }
    }

    /// - Parameter isReady: it has been well before.
    func begin(at address: SocketAddress, isReady: Bool = false) {
        guard !self.isOver else { return }
        self.address = address
        self.wasWell = isReady
        self.timer?.arm(afterNanoseconds: 0)
    }

    func end() {
        self.isOver = true
        self.timer?.disarm()
    }

    private func ask() {
        guard !self.isOver, let address = self.address else { return }
        let began = self.loop.now
        Self.ask(address, self.settings, on: self.loop) { [weak self] in self?.answered($0, began: began) }
    }

    /// One question. `onAnswer` is called once, on the loop.
    static func ask(
        _ address: SocketAddress,
        _ settings: ProbeSettings,
        on loop: EventLoop,
        _ onAnswer: @escaping (_ isWell: Bool) -> Void
    ) {
        let timeout = settings.timeoutNanoseconds
        guard let path = settings.path else {
            return ConnectProbe.ask(address: address, on: loop, timeoutNanoseconds: timeout, completion: onAnswer)
        }
        HTTPProbe.get(address: address, path: path, on: loop, timeoutNanoseconds: timeout) { result in
            let isWell = if case .success(let answer) = result { (200..<300).contains(answer.status) } else { false }
            onAnswer(isWell)
        }
    }

    private func answered(_ isWell: Bool, began: Instant) {
        guard !self.isOver else { return }
        let wasStarting = !self.wasWell
        if isWell { self.wasWell = true }
        if self.wasWell {
            self.timer?.arm(at: began.advanced(byNanoseconds: self.settings.intervalNanoseconds))
        } else {
            self.timer?.arm(afterNanoseconds: self.startIntervalNanoseconds)
        }
        let isTold = isWell || !wasStarting || self.tellsNext
        self.tellsNext = false
        if isTold { self.onAnswer(isWell) }
    }
}
