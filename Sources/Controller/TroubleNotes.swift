import Primitives

/// Which of a pool's troubles are in the log: each when it begins, and the last when it has passed.
struct TroubleNotes {
    enum Line: Equatable {
        case begun(String)
        case passed
    }
    /// What comes and goes within this time is one line.
    static let restNanoseconds = 10 * Nanoseconds.perSecond

    private var told: String?
    private var toldAt: Instant?

    /// What to write, asked once a round. The figures in a trouble's words grow while it lasts.
    mutating func line(for trouble: String?, now: Instant) -> Line? {
        guard let trouble else {
            defer { self.told = nil }
            return self.told == nil ? nil : .passed
        }
        let words = trouble.filter { !$0.isNumber }
        guard words != self.told else { return nil }
        if let toldAt = self.toldAt, now.nanoseconds(since: toldAt) < Self.restNanoseconds { return nil }
        self.told = words
        self.toldAt = now
        return .begun(trouble)
    }
}
