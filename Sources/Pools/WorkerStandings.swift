import Primitives
import Settings

/// Which workers of a pool fail, and which of them are passed by: outlier ejection, as a value. One gateway has one for
/// each pool, over all its loops.
///
/// ```
/// well → failing, for a pause → tried → well
///            ↑____ longer _________|
/// ```
/// A worker that takes no connection fails at once; one that takes them when so many answers in a row have failed. When
/// its pause is over the gateway asks it something of its own: no visitor has to try it. Any good answer makes it well.
///
/// Those that fail by their answers are passed by up to a share of the pool, for what strikes most workers at once is
/// seldom their fault, and the few others could not bear all of it. Whoever is passed by is still taken when there is
/// nobody else (`WorkerChoice`).
public struct WorkerStandings: Sendable {
    /// How a worker failed.
    public enum Failure: String, CaseIterable, Sendable {
        /// It took no connection.
        case connect
        /// It took one, and no TLS came about: its certificate was refused, or ours was.
        case tls
        /// It did not answer in time.
        case timeout
        /// It broke the connection off, or what it said is not HTTP.
        case broken
        /// It answered with a status that counts as failed.
        case status

        /// No request of anybody's was sent.
        var isRefusal: Bool { self == .connect || self == .tls }
    }

    public struct Limits: Equatable, Sendable {
        /// Failed answers in a row; 0: answers make no difference.
        public var failures: Int
        public var pauseNanoseconds: Int64
        public var longestPauseNanoseconds: Int64
        public var mostShare: Double

        public init(failures: Int, pauseNanoseconds: Int64, longestPauseNanoseconds: Int64, mostShare: Double) {
            self.failures = failures
            self.pauseNanoseconds = pauseNanoseconds
            self.longestPauseNanoseconds = longestPauseNanoseconds
            self.mostShare = mostShare
        }
    }

    /// What an event made of a worker.
    public enum Change: Equatable, Sendable {
        case none
        /// It fails from now on, and is to be tried after so many nanoseconds.
        case failing(Failure, pauseNanoseconds: Int64)
        /// It is well again, after so many nanoseconds.
        case well(afterNanoseconds: Int64)
    }

    /// A worker that fails.
    public struct Trouble: Equatable, Sendable {
        public fileprivate(set) var failure: Failure
        /// More of why, for the operator; nil where the failure says it all.
        public fileprivate(set) var detail: String?
        public let since: Instant
        /// Its pause ends then.
        fileprivate(set) var until: Instant
        fileprivate var triedAt: Instant
        /// A connection alone does not show that it is well.
        fileprivate var needsAnswer: Bool
        public fileprivate(set) var isPassedBy = false
    }

    private struct Worker {
        /// Loops that know it, and loops that send it requests.
        var users = 0
        var readyUsers = 0
        var refusals = 0
        var failedAnswers = 0
        /// Requests whose clients left while it was silent, since its last answer.
        var doubts = 0
        /// How often it failed, since it last was well for long.
        var times = 0
        var wellSince: Instant?
        /// It has been asked, and what came of it is not known yet.
        var isTried = false
        var trouble: Trouble?

        var isWellAndReady: Bool { self.trouble == nil && self.readyUsers > 0 }
        var isSpotless: Bool {
            self.trouble == nil && self.refusals == 0 && self.failedAnswers == 0 && self.doubts == 0
        }
    }

    static let firstRefusalNanoseconds = 100 * Nanoseconds.perMillisecond
    static let longestRefusalNanoseconds = 5 * Nanoseconds.perSecond
    /// While no worker is well, one that fails is tried this often at least: all wait for it.
    static let urgentNanoseconds = 500 * Nanoseconds.perMillisecond

    public var limits: Limits { didSet { self.settle() } }
    private var workers: [String: Worker] = [:]
    /// Workers that fail.
    private var troubled = 0
    /// Of the workers that get requests, those that are well. Counted as it changes: every room asks for it with each tick.
    public private(set) var well = 0
    /// Some worker is to be asked because of doubts.
    private var hasDoubt = false
    /// Since the start.
    public private(set) var ejections: [Failure: UInt64] = [:]

    public init(limits: Limits) { self.limits = limits }

    // MARK: Who there is

    /// A loop knows the worker from now on. Each `join` is followed by a `leave`.
    public mutating func join(_ id: String) { self.workers[id, default: Worker()].users += 1 }

    /// True when no loop knows it any more: it is forgotten.
    public mutating func leave(_ id: String) -> Bool {
        guard var worker = self.workers[id] else { return true }
        worker.users -= 1
        precondition(worker.users >= worker.readyUsers, "a worker that gets requests is known")
        if worker.users == 0, worker.trouble != nil { self.troubled -= 1 }
        self.workers[id] = worker.users == 0 ? nil : worker
        self.settle()
        return worker.users == 0
    }

    /// A loop begins or ceases to send it requests.
    public mutating func setReady(_ id: String, _ isReady: Bool) {
        guard var worker = self.workers[id] else { return }
        if worker.isWellAndReady { self.well -= 1 }
        worker.readyUsers += isReady ? 1 : -1
        if worker.isWellAndReady { self.well += 1 }
        self.workers[id] = worker
        self.settle()
    }

    // MARK: What happened

    public mutating func connected(_ id: String, now: Instant) -> Change {
        guard self.workers[id] != nil else { return .none }
        self.workers[id]?.refusals = 0
        guard let trouble = self.workers[id]?.trouble, !trouble.needsAnswer else { return .none }
        return self.becameWell(id, now: now)
    }

    /// `failure`: `connect` or `tls`.
    public mutating func refused(
        _ id: String,
        _ failure: Failure = .connect,
        detail: String? = nil,
        now: Instant
    ) -> Change {
        precondition(failure.isRefusal, "a refusal is of a connection")
        guard let worker = self.workers[id] else { return .none }
        let doublings = Int64(min(worker.refusals, 6))
        self.workers[id]?.refusals += 1
        let pause = min(Self.longestRefusalNanoseconds, Self.firstRefusalNanoseconds << doublings)
        return self.fail(id, failure, detail, pauseNanoseconds: pause, now: now)
    }

    /// It gave an answer that counts as good.
    public mutating func answered(_ id: String, now: Instant) -> Change {
        guard let worker = self.workers[id] else { return .none }
        self.workers[id]?.refusals = 0
        self.workers[id]?.failedAnswers = 0
        self.workers[id]?.doubts = 0
        return worker.trouble == nil ? .none : self.becameWell(id, now: now)
    }

    /// A request of a visitor's failed by the worker's fault.
    public mutating func failed(_ id: String, _ failure: Failure, detail: String? = nil, now: Instant) -> Change {
        guard let worker = self.workers[id] else { return .none }
        self.workers[id]?.failedAnswers += 1
        // What was under way when it began to fail tells nothing new.
        guard self.limits.failures > 0, worker.failedAnswers + 1 >= self.limits.failures, worker.trouble == nil
        else { return .none }
        return self.failAnswer(id, failure, detail: detail, now: now)
    }

    /// A client left before the worker, which had the whole request for a while, said anything. It may be the client that
    /// is at fault; so many of them in a row are reason enough to ask the worker.
    public mutating func doubted(_ id: String) {
        guard let worker = self.workers[id] else { return }
        self.workers[id]?.doubts += 1
        if self.limits.failures > 0, worker.doubts + 1 >= self.limits.failures { self.hasDoubt = true }
    }

    private mutating func failAnswer(_ id: String, _ failure: Failure, detail: String?, now: Instant) -> Change {
        guard var worker = self.workers[id] else { return .none }
        if let since = worker.wellSince, now.nanoseconds(since: since) >= self.limits.longestPauseNanoseconds {
            worker.times = 0
        }
        worker.times += 1
        self.workers[id] = worker
        let (length, isLong) = self.limits.pauseNanoseconds.multipliedReportingOverflow(by: Int64(worker.times))
        let pause = isLong ? self.limits.longestPauseNanoseconds : min(self.limits.longestPauseNanoseconds, length)
        return self.fail(id, failure, detail, pauseNanoseconds: pause, now: now)
    }

    private mutating func fail(
        _ id: String,
        _ failure: Failure,
        _ detail: String?,
        pauseNanoseconds: Int64,
        now: Instant
    ) -> Change {
        let until = now.advanced(byNanoseconds: pauseNanoseconds)
        let isNew = self.workers[id]?.trouble == nil
        if isNew {
            if self.workers[id]?.isWellAndReady ?? false { self.well -= 1 }
            self.troubled += 1
            self.workers[id]?.trouble = Trouble(
                failure: failure,
                detail: detail,
                since: now,
                until: until,
                triedAt: now,
                needsAnswer: !failure.isRefusal
            )
            self.ejections[failure, default: 0] += 1
        } else {
            self.workers[id]?.trouble?.failure = failure
            self.workers[id]?.trouble?.until = until
            self.workers[id]?.trouble?.detail = detail
            if !failure.isRefusal { self.workers[id]?.trouble?.needsAnswer = true }
        }
        if isNew || !failure.isRefusal { self.settle() }
        return isNew ? .failing(failure, pauseNanoseconds: pauseNanoseconds) : .none
    }

    private mutating func becameWell(_ id: String, now: Instant) -> Change {
        guard let trouble = self.workers[id]?.trouble else { return .none }
        self.workers[id]?.trouble = nil
        self.troubled -= 1
        if self.workers[id]?.isWellAndReady ?? false { self.well += 1 }
        self.workers[id]?.wellSince = now
        self.workers[id]?.failedAnswers = 0
        self.settle()
        return .well(afterNanoseconds: now.nanoseconds(since: trouble.since))
    }

    // MARK: Trials

    /// Workers to be asked now, in the order of their ids. What comes of it is told by `tried`, exactly once each.
    public mutating func takeDue(now: Instant) -> [String] {
        let nobodyIsWell = self.well == 0
        self.hasDoubt = false
        var due: [String] = []
        for (id, worker) in self.workers where worker.readyUsers > 0 && !worker.isTried {
            if let trouble = worker.trouble {
                let isUrgent = nobodyIsWell && now.nanoseconds(since: trouble.triedAt) >= Self.urgentNanoseconds
                guard now >= trouble.until || isUrgent else { continue }
                self.workers[id]?.trouble?.triedAt = now
            } else {
                guard self.limits.failures > 0, worker.doubts >= self.limits.failures else { continue }
                self.workers[id]?.doubts = 0
            }
            self.workers[id]?.isTried = true
            due.append(id)
        }
        return due.sorted()
    }

    public enum Trial: Equatable, Sendable {
        case answered
        case failed(Failure, detail: String? = nil)
        /// Nothing was learnt, by no fault of the worker's.
        case givenUp
    }

    public mutating func tried(_ id: String, _ trial: Trial, now: Instant) -> Change {
        self.workers[id]?.isTried = false
        switch trial {
        case .answered: return self.answered(id, now: now)
        case .failed(let failure, let detail) where failure.isRefusal:
            return self.refused(id, failure, detail: detail, now: now)
        case .failed(let failure, let detail): return self.failAnswer(id, failure, detail: detail, now: now)
        case .givenUp:
            self.workers[id]?.trouble?.until = now.advanced(byNanoseconds: self.limits.pauseNanoseconds)
            return .none
        }
    }

    // MARK: Who is passed by

    /// Those who take no connection always are; of the others, those who have failed for longest, up to the share.
    private mutating func settle() {
        guard self.troubled > 0 else { return }
        var failing: [(since: Instant, id: String)] = []
        var taking = 0
        for (id, worker) in self.workers where worker.readyUsers > 0 {
            guard let trouble = worker.trouble else {
                taking += 1
                continue
            }
            self.workers[id]?.trouble?.isPassedBy = !trouble.needsAnswer
            guard trouble.needsAnswer else { continue }
            taking += 1
            failing.append((trouble.since, id))
        }
        guard !failing.isEmpty else { return }
        let most = max(1, Int(Double(taking) * self.limits.mostShare))
        failing.sort { ($0.since, $0.id) < ($1.since, $1.id) }
        for worker in failing.prefix(most) { self.workers[worker.id]?.trouble?.isPassedBy = true }
    }

    // MARK: Looking

    public func trouble(_ id: String) -> Trouble? { self.workers[id]?.trouble }
    public func isPassedBy(_ id: String) -> Bool { self.workers[id]?.trouble?.isPassedBy ?? false }
    /// Nothing speaks against it: a good answer makes no difference.
    public func isSpotless(_ id: String) -> Bool { self.workers[id]?.isSpotless ?? true }
    /// Whether `takeDue` may find somebody at some time.
    public var hasTrouble: Bool { self.troubled > 0 || self.hasDoubt }

    /// Of the workers that get requests, those that fail, in the order of their ids.
    public var failing: [(id: String, trouble: Trouble)] {
        guard self.troubled > 0 else { return [] }
        return self.workers.filter { $0.value.readyUsers > 0 }
            .compactMap { id, worker in worker.trouble.map { (id: id, trouble: $0) } }
            .sorted { $0.id < $1.id }
    }
}

extension WorkerStandings.Limits {
    public init(_ settings: EjectionSettings) {
        self.init(
            failures: settings.failures,
            pauseNanoseconds: settings.pauseNanoseconds,
            longestPauseNanoseconds: settings.longestPauseNanoseconds,
            mostShare: settings.mostShare
        )
    }
}
