import Admission
import Primitives
import SharedState

/// Whether the shared state answers this controller, and since when it does not. A value without clock or store: told of
/// every answer and every failure.
struct StateContact {
    /// A call that failed once is a hiccup, or a connection that is being made.
    static let patienceNanoseconds = Nanoseconds.perSecond

    /// By the clock that nobody sets, and by the wall's.
    typealias Moment = (now: Instant, wallMicros: Int64)

    /// The last answer; nil before the first.
    private(set) var answeredAt: Moment?
    /// Since the first failure that no answer has followed.
    private var failingSince: Moment?
    private var lastError: StoreError?

    mutating func answered(_ moment: Moment) {
        self.answeredAt = moment
        self.failingSince = nil
        self.lastError = nil
    }

    mutating func failed(_ error: StoreError, _ moment: Moment) {
        self.lastError = error
        if self.failingSince == nil { self.failingSince = moment }
    }

    mutating func heard<Answer>(_ result: Result<Answer, StoreError>, _ moment: Moment) {
        switch result {
        // A room that no gateway has opened yet has nothing to be told.
        case .success, .failure(.noRoom): self.answered(moment)
        case .failure(let error): self.failed(error, moment)
        }
    }

    /// The last call was not answered.
    var isFailing: Bool { self.failingSince != nil }

    func isAway(now: Instant) -> Bool {
        guard self.answeredAt != nil else { return true }
        guard let since = self.failingSince else { return false }
        return now.nanoseconds(since: since.now) >= Self.patienceNanoseconds
    }

    /// Since when it is away, why, and what that means; nil when it is not.
    func problem(now: Instant) -> String? {
        guard self.isAway(now: now) else { return nil }
        guard let failure = self.failure(now: now) else { return "the shared state has not answered yet" }
        let silence =
            self.lastError?.isAnswer == true
            ? "Redis has answered the controller with refusals"
            : "the controller has had no answer from the shared state"
        return "\(silence) \(failure). Look after Redis. Meanwhile workers stay as they are, lent rates lapse, and no "
            + "journal is exported"
    }

    /// Since when its calls have failed, and why; nil when none has, or none did long enough.
    func lastingFailure(now: Instant) -> String? {
        guard let since = self.failingSince, now.nanoseconds(since: since.now) >= Self.patienceNanoseconds else {
            return nil
        }
        return self.failure(now: now)
    }

    private func failure(now: Instant) -> String? {
        guard let since = self.failingSince else { return nil }
        let time = RFC3339.text(wallMicros: since.wallMicros, fraction: .millis)
        let seconds = now.nanoseconds(since: since.now) / Nanoseconds.perSecond
        return "since \(time) (\(seconds) s)\(self.lastError.map { ": \($0)" } ?? "")"
    }
}
