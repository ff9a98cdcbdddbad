import Addresses
import EventLoop
import Primitives

/// Follows the addresses of host names for whoever sends something there: asks again and again, one thread a question and
/// `HostBook.mostAtOnce` at a time. Confined to its loop.
public final class HostWatch {
    /// Asks for a name once; calls back on the loop.
    public typealias Question = (
        _ name: String, _ loop: any LoopContext, _ completion: @escaping (Result<[IPAddress], HostFailure>) -> Void
    ) -> Void

    private let loop: any LoopContext
    private let ask: Question
    private var book = HostBook()
    private var timer: LoopTimer?
    /// Called on the loop with the name and what has become of it, also after the first answer when that is a failure.
    public var onChange: ((_ name: String, _ change: HostBook.Change) -> Void)?

    public init(loop: any LoopContext, ask: @escaping Question = { NameLookup.find($0, on: $1, completion: $2) }) {
        self.loop = loop
        self.ask = ask
    }

    /// By name; see `HostBook.addresses`.
    public var addresses: [String: [IPAddress]] { self.book.addresses }
    public var problems: [String] { self.book.problems }

    /// Follows these names and no others; `intervals` says how long an answer counts, in nanoseconds.
    public func follow(_ intervals: [String: Int64]) {
        self.loop.preconditionOnLoop()
        self.book.follow(intervals, now: self.loop.now)
        self.goOn()
    }

    public func stop() { self.follow([:]) }

    private func goOn() {
        for name in self.book.takeDue(now: self.loop.now) {
            self.ask(name, self.loop) { [weak self] in self?.answered(name, $0) }
        }
        guard let due = self.book.nextDue else {
            self.timer?.disarm()
            return self.timer = nil
        }
        let timer = self.timer ?? LoopTimer(loop: self.loop) { [weak self] in self?.goOn() }
        timer.arm(at: due)
        self.timer = timer
    }

    private func answered(_ name: String, _ result: Result<[IPAddress], HostFailure>) {
        let change = self.book.answered(name, result, now: self.loop.now)
        if change != .none { self.onChange?(name, change) }
        self.goOn()
    }
}
