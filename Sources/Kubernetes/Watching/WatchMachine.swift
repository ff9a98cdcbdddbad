import Primitives

/// How a copy of what the server keeps stays true: list once, then watch from there, and go on after every break. A
/// value without network or clock.
///
/// ```
/// idle → listing → watching → (broken) → waiting → watching
///           ↑ ↘ failed → waiting → ↩        |
///           └ 410: too old; fails and fails ┘
/// ```
public struct WatchMachine: Sendable {
    public enum Action: Equatable, Sendable {
        /// Ask for a page of the list; nil for the first.
        case list(continue: String?)
        /// The pages so far are void: another list begins.
        case dropPages
        /// All pages are there: they are the copy now.
        case takePages
        case watch(from: String)
        case closeStream
        case upsert
        case remove
        /// `timerFired` is to be called after so many nanoseconds.
        case wait(nanoseconds: Int64)
    }

    public enum StreamEvent: Equatable, Sendable {
        case added(version: String)
        case modified(version: String)
        case deleted(version: String)
        /// Nothing has happened up to this version.
        case bookmark(version: String)
        /// The server gives the stream up: a `Status` with this code.
        case error(code: Int)
        /// What is no event.
        case unreadable
    }

    public enum State: Equatable, Sendable {
        case idle
        case listing(page: String?)
        case watching(version: String, since: Instant, heard: Bool)
        /// To watch from a version, or to list anew.
        case waiting(version: String?)
        case stopped
    }

    /// A stream that ends sooner, and told nothing, is one that fails.
    static let shortNanoseconds = Nanoseconds.perSecond
    static let shortestPauseNanoseconds = 100 * Nanoseconds.perMillisecond
    static let longestPauseNanoseconds = 10 * Nanoseconds.perSecond
    /// After so many streams in a row that failed there is a list: it may be the version that the server does not take, or
    /// that nobody may watch.
    static let failuresBeforeList = 5

    public private(set) var state = State.idle
    /// A whole list has been taken at least once.
    public private(set) var isSynced = false
    /// Since when nothing works; nil while it does.
    public private(set) var failingSince: Instant?
    /// Streams in a row that failed, whatever was listed between them.
    private var failures = 0
    private var backoff: Backoff

    public init(seed: UInt64) {
        self.backoff = Backoff(
            shortestNanoseconds: Self.shortestPauseNanoseconds,
            longestNanoseconds: Self.longestPauseNanoseconds,
            seed: seed
        )
    }

    public mutating func start() -> [Action] {
        guard self.state == .idle else { preconditionFailure("a watch is started once") }
        return self.list()
    }

    public mutating func stop() -> [Action] {
        defer { self.state = .stopped }
        if case .watching = self.state { return [.closeStream] }
        return []
    }

    private mutating func list() -> [Action] {
        self.state = .listing(page: nil)
        return [.dropPages, .list(continue: nil)]
    }

    // MARK: The list

    /// - Parameter page: what the next page goes on from; nil when this was the last.
    public mutating func listed(version: String, next page: String?, now: Instant) -> [Action] {
        guard case .listing = self.state else { return [] }
        if let page, !page.isEmpty {
            self.state = .listing(page: page)
            return [.list(continue: page)]
        }
        self.isSynced = true
        // What follows it may fail again: of that the list says nothing.
        if self.failures == 0 { self.failingSince = nil }
        return [.takePages] + self.watch(from: version, now: now)
    }

    public mutating func listFailed(_ failure: APIFailure, now: Instant) -> [Action] {
        guard case .listing = self.state else { return [] }
        return self.pause(version: nil, now: now, isFailure: true)
    }

    // MARK: The stream

    private mutating func watch(from version: String, now: Instant) -> [Action] {
        self.state = .watching(version: version, since: now, heard: false)
        return [.watch(from: version)]
    }

    public mutating func took(_ event: StreamEvent, now: Instant) -> [Action] {
        guard case .watching(let version, let since, _) = self.state else { return [] }
        switch event {
        case .added(let version), .modified(let version):
            self.heard(version, since)
            return [.upsert]
        case .deleted(let version):
            self.heard(version, since)
            return [.remove]
        case .bookmark(let version):
            self.heard(version, since)
            return []
        case .error(let code): return [.closeStream] + self.broken(version, isTooOld: code == 410, now: now)
        case .unreadable: return [.closeStream] + self.broken(nil, isTooOld: false, now: now)
        }
    }

    private mutating func heard(_ version: String, _ since: Instant) {
        self.state = .watching(version: version, since: since, heard: true)
        self.isWell()
    }

    private mutating func isWell() {
        self.failingSince = nil
        self.failures = 0
        self.backoff.reset()
    }

    /// - Parameter failure: nil when the server ended it in order, as it does every few minutes.
    public mutating func streamEnded(_ failure: APIFailure?, now: Instant) -> [Action] {
        guard case .watching(let version, let since, let heard) = self.state else { return [] }
        if let failure { return self.broken(version, isTooOld: failure.isGone, now: now) }
        guard heard || now.nanoseconds(since: since) >= Self.shortNanoseconds else {
            return self.pause(version: version, now: now, isFailure: false)
        }
        self.isWell()
        return self.watch(from: version, now: now)
    }

    /// Goes on from `version`; nil, or one that is not kept any more or fails again and again, means a new list.
    @inline(never)
    private mutating func broken(_ version: String?, isTooOld: Bool, now: Instant) -> [Action] {
        if isTooOld { return self.pause(version: nil, now: now, isFailure: false) }
        self.failures += 1
        let lists = self.failures.isMultiple(of: Self.failuresBeforeList)
        return self.pause(version: lists ? nil : version, now: now, isFailure: true)
    }

    // Inlined, it makes the optimizer of Swift 6.3.1 stop with an ownership error (CopyPropagation in `streamEnded`).
    @inline(never)
    private mutating func pause(version: String?, now: Instant, isFailure: Bool) -> [Action] {
        if isFailure, self.failingSince == nil { self.failingSince = now }
        self.state = .waiting(version: version)
        return [.wait(nanoseconds: self.backoff.next())]
    }

    public mutating func timerFired(now: Instant) -> [Action] {
        guard case .waiting(let version) = self.state else { return [] }
        return version.map { self.watch(from: $0, now: now) } ?? self.list()
    }
}
