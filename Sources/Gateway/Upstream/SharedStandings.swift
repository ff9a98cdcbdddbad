import Pools
import Primitives
import Settings
import Synchronization

/// What the loops of a gateway know of one worker together. Read on the way of every request, so without a lock.
final class StandingMark: Sendable {
    private let spotless = Atomic(true)
    private let passedBy = Atomic(false)

    /// Nothing speaks against it: a good answer need not be told.
    var isSpotless: Bool { self.spotless.load(ordering: .relaxed) }
    /// It gets a request only when there is no other worker.
    var isPassedBy: Bool { self.passedBy.load(ordering: .relaxed) }

    fileprivate func set(isSpotless: Bool, isPassedBy: Bool) {
        self.spotless.store(isSpotless, ordering: .relaxed)
        self.passedBy.store(isPassedBy, ordering: .relaxed)
    }
}

/// A pool's `WorkerStandings`, over all loops of a gateway: a worker that one loop finds failing is passed by on all of
/// them. The lock is taken when workers come or go, fail, or do well after that.
final class SharedStandings: Sendable {
    /// As it is now, for reports and rooms.
    struct Summary: Sendable {
        var well = 0
        var failing: [(id: String, trouble: WorkerStandings.Trouble)] = []
        /// Since the start.
        var ejections: [WorkerStandings.Failure: UInt64] = [:]
    }

    private struct State {
        var standings: WorkerStandings
        var marks: [String: StandingMark] = [:]
        /// Some loop has been told who the workers are.
        var isKnown = false

        func mark(_ id: String) {
            self.marks[id]?.set(
                isSpotless: self.standings.isSpotless(id),
                isPassedBy: self.standings.isPassedBy(id)
            )
        }

        func markAll() { for id in self.marks.keys { self.mark(id) } }
    }
    private let state = Mutex(State(standings: WorkerStandings(limits: .init(EjectionSettings()))))

    // MARK: Who there is

    func apply(_ settings: EjectionSettings) {
        self.state.withLock { state in
            let limits = WorkerStandings.Limits(settings)
            guard state.standings.limits != limits else { return }
            state.standings.limits = limits
            state.markAll()
        }
    }

    /// A loop was told who the workers are.
    func becameKnown() { self.state.withLock { $0.isKnown = true } }

    func join(_ id: String) -> StandingMark {
        self.state.withLock { state in
            state.standings.join(id)
            if let known = state.marks[id] { return known }
            let made = StandingMark()
            state.marks[id] = made
            return made
        }
    }

    func leave(_ id: String) {
        self.state.withLock { state in
            if state.standings.leave(id) { state.marks[id] = nil }
            if state.standings.hasTrouble { state.markAll() }
        }
    }

    func setReady(_ id: String, _ isReady: Bool) {
        self.state.withLock { state in
            state.standings.setReady(id, isReady)
            if state.standings.hasTrouble { state.markAll() }
        }
    }

    // MARK: What happened

    func connected(_ id: String, now: Instant) -> WorkerStandings.Change {
        self.note(id) { $0.connected(id, now: now) }
    }
    /// `tls`: why no TLS came about, where that was it.
    func refused(_ id: String, tls: String? = nil, now: Instant) -> WorkerStandings.Change {
        self.note(id) { $0.refused(id, tls == nil ? .connect : .tls, detail: tls, now: now) }
    }
    func answered(_ id: String, now: Instant) -> WorkerStandings.Change { self.note(id) { $0.answered(id, now: now) } }
    func failed(
        _ id: String,
        _ failure: WorkerStandings.Failure,
        detail: String? = nil,
        now: Instant
    ) -> WorkerStandings.Change {
        self.note(id) { $0.failed(id, failure, detail: detail, now: now) }
    }
    func doubted(_ id: String) {
        _ = self.note(id) { standings in
            standings.doubted(id)
            return .none
        }
    }
    func tried(_ id: String, _ trial: WorkerStandings.Trial, now: Instant) -> WorkerStandings.Change {
        self.state.withLock { state in
            let change = state.standings.tried(id, trial, now: now)
            state.markAll()
            return change
        }
    }

    private func note(
        _ id: String,
        _ event: (inout WorkerStandings) -> WorkerStandings.Change
    ) -> WorkerStandings.Change {
        self.state.withLock { state in
            let change = event(&state.standings)
            if change == .none { state.mark(id) } else { state.markAll() }
            return change
        }
    }

    /// Those to be asked now; what comes of it is told by `tried`.
    func takeDue(now: Instant) -> [String] {
        self.state.withLock { $0.standings.hasTrouble ? $0.standings.takeDue(now: now) : [] }
    }

    // MARK: Looking

    /// Workers that are well, of those that get requests; nil while nobody knows who they are.
    var healthy: Int64? { self.state.withLock { $0.isKnown ? Int64($0.standings.well) : nil } }

    var summary: Summary {
        self.state.withLock { state in
            let standings = state.standings
            return Summary(well: standings.well, failing: standings.failing, ejections: standings.ejections)
        }
    }
}

/// By pool.
final class PoolStandings: Sendable {
    private let pools = Mutex<[String: SharedStandings]>([:])

    subscript(pool: String) -> SharedStandings {
        self.pools.withLock { pools in
            if let known = pools[pool] { return known }
            let made = SharedStandings()
            pools[pool] = made
            return made
        }
    }

    /// Workers of the pool that are well; nil while nobody knows.
    func healthy(pool: String) -> Int64? { self.pools.withLock { $0[pool] }?.healthy }

    /// Forgets pools that are configured no more.
    func keep(_ names: Set<String>) { self.pools.withLock { $0 = $0.filter { names.contains($0.key) } } }
}
