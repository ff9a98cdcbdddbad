import Primitives

/// Whether an agent's coordinator is still there, by its word in Redis. A value; time is an argument.
///
/// The word is renewed every second and expires `AgentKeys.wordSeconds` after the last time: when it has been missing for
/// `missingSeconds`, nobody renews it any more. An agent so ends `silenceSeconds` after its coordinator's last word, and
/// as long after Redis has answered for the last time.
struct AgentSilence: Sendable {
    static let missingSeconds: Int64 = 2
    static let silenceSeconds = AgentKeys.wordSeconds + Self.missingSeconds

    private var answeredAt: Instant
    private var missingSince: Instant?

    init(now: Instant) { self.answeredAt = now }

    /// Redis has answered: with a word, or that there is none.
    mutating func answered(hasWord: Bool, now: Instant) {
        self.answeredAt = now
        self.missingSince = hasWord ? nil : self.missingSince ?? now
    }

    /// Redis has not answered: whether the word is there, nobody knows.
    mutating func failed() { self.missingSince = nil }

    /// Why there is no more use in going on; nil while there is.
    func problem(now: Instant) -> String? {
        if let since = self.missingSince, now.nanoseconds(since: since) >= Self.missingSeconds * Nanoseconds.perSecond {
            return "the coordinator has gone: nothing was heard of it for \(Self.silenceSeconds) s"
        }
        guard now.nanoseconds(since: self.answeredAt) >= Self.silenceSeconds * Nanoseconds.perSecond else { return nil }
        return "Redis has gone: it has answered nothing for \(Self.silenceSeconds) s"
    }
}
