/// Stretches of a run in which a promise need not hold, because something was done to the site on purpose. Everything
/// outside of them is judged as ever.
struct Excuses: Equatable, Sendable {
    struct Excuse: Equatable, Sendable {
        var promise: Check.Name
        /// Microseconds from the start of the run.
        var span: ClosedRange<Int64>
    }

    private(set) var all: [Excuse] = []
    /// Redis goes away: numbers that a gateway had leased ahead, and did not give out, are skipped.
    private(set) var skipsNumbers = false
    /// Workers are held up then, and with them the pages by which visitors get in.
    private(set) var heldUp: [ClosedRange<Int64>] = []
    /// Lost answers leave holes of a few; a leased block has thousands.
    static let fewestSkipped: Int64 = 500

    static let none = Excuses()

    private init() {}

    init(_ schedule: FaultSchedule) {
        self.skipsNumbers = schedule.faults.contains { $0.victim == .redis }
        for fault in schedule.faults {
            guard let row = Self.row(of: fault.action) else { continue }
            let start = Int64((fault.seconds - Self.marginSeconds) * 1e6)
            let end = Int64((fault.endSeconds + row.afterSeconds) * 1e6)
            if fault.victim == .worker { self.heldUp.append(start...end) }
            for promise in row.promises { self.all.append(Excuse(promise: promise, span: start...end)) }
        }
    }

    var isEmpty: Bool { self.all.isEmpty }

    func spans(of promise: Check.Name) -> [ClosedRange<Int64>] {
        self.all.filter { $0.promise == promise }.map(\.span)
    }

    func covers(_ promise: Check.Name, from start: Int64, to end: Int64) -> Bool {
        self.all.contains { $0.promise == promise && $0.span.overlaps(start...max(start, end)) }
    }

    /// Some of that second, counted from 0, is excused.
    func covers(_ promise: Check.Name, second: Int) -> Bool {
        self.covers(promise, from: Int64(second) * 1_000_000, to: Int64(second + 1) * 1_000_000 - 1)
    }

    // MARK: The table

    struct Row: Equatable, Sendable {
        var promises: Set<Check.Name>
        /// So long after the fault is over.
        var afterSeconds: Double
    }

    /// A fault is a moment late, and what it does is seen in requests that were sent before.
    static let marginSeconds = 1.0
    /// A worker that does not answer is given up by the gateway after `response_timeout`, 15 s by default.
    private static let answerSeconds = 16.0
    /// For lines and workers to be as before.
    private static let recoverySeconds = 10.0
    /// Where more than a quarter of the requests fail the gateway lets in fewer; after that time it is at its rate again.
    private static let paceSeconds = 12.0

    /// Order, positions, numbers, places, being let in once, the opening, pace, slots, forged passes, whose page it is, who
    /// is to blame and how the site ends are excused by nothing.
    static func row(of action: TimedFault.Action) -> Row? {
        // The rate cannot be used, those at the door stand there for longer, the wait that was told changes, and a changed
        // limit may take longer.
        let flow: Set<Check.Name> = [.shortfall, .doorLatency, .estimates, .reload]
        switch action {
        case .kill(.worker, _):
            // The requests that it was serving are lost, and the gateway says so.
            return Row(
                promises: flow.union([.serverErrors, .accounted, .latency]),
                afterSeconds: Self.recoverySeconds
            )
        case .stop(.worker, _), .slow(.worker, _):
            return Row(
                promises: flow.union([.serverErrors, .accounted, .latency]),
                afterSeconds: Self.answerSeconds + Self.recoverySeconds
            )
        case .errors:
            // Who meets one in place of the first page is in when the next page comes, and holds a slot for a session
            // where none does: `Judge.unheardStays`. Answers are as quick as ever.
            return Row(
                promises: flow.union([.serverErrors, .accounted]),
                afterSeconds: Self.paceSeconds + Self.recoverySeconds
            )
        case .kill(.gateway, _), .stop(.gateway, _), .slow(.gateway, _):
            return Row(
                promises: flow.union([.otherErrors, .accounted, .latency, .lineLatency]),
                afterSeconds: Self.recoverySeconds
            )
        case .kill(.controller, _), .stop(.controller, _), .slow(.controller, _):
            // Without one nothing scales, and the rate that it lent runs out. Workers live on.
            return Row(promises: flow, afterSeconds: Self.recoverySeconds)
        case .kill(.redis, _), .stop(.redis, _), .slow(.redis, _):
            // Nobody is let in, and who has no place yet waits for one. Passes go on, and so do those inside.
            return Row(promises: flow.union([.lineLatency]), afterSeconds: Self.recoverySeconds)
        case .limits, .reload, .joinGateway: return nil
        }
    }
}
