import Primitives

/// Whether a client is fast enough: a value that is told how far it has got and when. Slow clients are kept while they
/// make progress at a stated pace; else a crowd of them would take memory and workers from those who are not slow.
struct PaceWatch: Equatable {
    /// Progress is measured over stretches of this length: a phone that changes cells may be silent for seconds.
    static let windowNanoseconds = 5 * Nanoseconds.perSecond

    enum Verdict: Equatable {
        /// Look again at this time.
        case fine(until: Instant)
        case tooSlow
    }

    /// Longest time without any progress.
    private let patienceNanoseconds: Int64
    private let deadline: Instant
    private var windowStart: Instant
    private var windowBytes: Int
    private var lastProgress: Instant
    private var lastBytes: Int

    /// - Parameters:
    ///   - bytes: how far the client has got by now, in any unit of its own that only grows.
    ///   - totalNanoseconds: how long all of it may take; nil for as long as the pace is kept.
    init(
        now: Instant,
        bytes: Int,
        patienceNanoseconds: Int64,
        totalNanoseconds: Int64? = nil
    ) {
        self.patienceNanoseconds = patienceNanoseconds
        self.deadline = totalNanoseconds.map { now.advanced(byNanoseconds: $0) } ?? .distantFuture
        self.windowStart = now
        self.windowBytes = bytes
        self.lastProgress = now
        self.lastBytes = bytes
    }

    /// When the client has to be looked at for the first time.
    var firstLook: Instant { self.nextLook }

    private var nextLook: Instant {
        min(
            self.deadline,
            self.windowStart.advanced(byNanoseconds: Self.windowNanoseconds),
            self.lastProgress.advanced(byNanoseconds: self.patienceNanoseconds)
        )
    }

    /// Time in which the gateway itself kept the client from getting on does not count.
    mutating func restart(now: Instant, bytes: Int) {
        self.windowStart = now
        self.windowBytes = bytes
        self.lastProgress = now
        self.lastBytes = bytes
    }

    /// Notes progress when it happens, so that patience counts from there.
    mutating func progressed(now: Instant, bytes: Int) {
        guard bytes > self.lastBytes else { return }
        self.lastProgress = now
        self.lastBytes = bytes
    }

    /// - Parameter minimumBytesPerSecond: what is asked of the client over a window; 0 while it holds nothing that others
    ///   need.
    mutating func look(now: Instant, bytes: Int, minimumBytesPerSecond: Int) -> Verdict {
        self.progressed(now: now, bytes: bytes)
        guard now < self.deadline, now.nanoseconds(since: self.lastProgress) < self.patienceNanoseconds else {
            return .tooSlow
        }
        if minimumBytesPerSecond == 0 {
            self.windowStart = now
            self.windowBytes = bytes
        }
        let elapsed = now.nanoseconds(since: self.windowStart)
        if elapsed >= Self.windowNanoseconds {
            let wanted = Double(minimumBytesPerSecond) * Double(elapsed) / Double(Nanoseconds.perSecond)
            guard Double(bytes - self.windowBytes) >= wanted else { return .tooSlow }
            self.windowStart = now
            self.windowBytes = bytes
        }
        return .fine(until: self.nextLook)
    }
}
