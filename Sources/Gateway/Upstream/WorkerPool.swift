import DequeModule
import EventLoop
import Primitives
import Settings
import SharedState
import Transport

/// The workers behind a route, as one loop sees them, and the requests that wait for one.
///
/// Limits: `connections_per_worker` and `waiting_requests` of the settings, shared out evenly over the loops.
final class WorkerPool {
    enum Acquisition {
        case ready(UpstreamSession)
        /// The session will hear `workerReady` or `workerFailed`.
        case pending
        case refused(GatewayError)
    }

    private struct Waiter {
        let session: ClientSession
        let deadline: Instant
    }

    let name: String
    let edge: Edge
    private(set) var settings: PoolSettings
    private var workers: [Worker] = []
    private var ready: [Worker] = []
    private var waiting = Deque<Waiter>()
    private var waitingTimer: LoopTimer?
    private var sample = PoolSample()
    /// Requests of this loop that a worker is serving.
    private var inFlight = 0

    init(settings: PoolSettings, edge: Edge) {
        self.name = settings.name
        self.settings = settings
        self.edge = edge
        self.waitingTimer = LoopTimer(loop: edge.loop) { [unowned self] in self.expireWaiting() }
        self.apply(settings)
    }

    func apply(_ settings: PoolSettings) {
        self.settings = settings
        guard settings.driver == .static else { return }
        self.update(
            settings.workers.map {
                WorkerRecord(id: $0.description, address: $0.description, state: .ready, sinceMicros: 0)
            }
        )
    }

    private var connectionsPerWorker: Int { max(1, self.settings.connectionsPerWorker / self.edge.loopCount) }
    private var waitingLimit: Int { self.settings.waitingRequests / self.edge.loopCount }

    // MARK: The directory

    /// Takes the controller's list. Those who are gone, or draining, finish what they have.
    func update(_ directory: [WorkerRecord]) {
        var kept: [Worker] = []
        for record in directory {
            let known = self.workers.first { $0.id == record.id && $0.address.description == record.address }
            guard let worker = known ?? self.makeWorker(record) else { continue }
            worker.isReady = record.state == .ready
            kept.append(worker)
        }
        for worker in self.workers where !kept.contains(where: { $0 === worker }) { worker.isReady = false }
        self.workers = kept
        self.ready = kept.filter(\.isReady)
        for worker in kept where !worker.isReady { self.closeIdle(of: worker) }
        self.serveWaiting()
    }

    private func makeWorker(_ record: WorkerRecord) -> Worker? {
        guard let address = try? SocketAddress(parsing: record.address) else {
            self.edge.log.error(
                "a worker's address cannot be read; the worker is left out",
                metadata: ["pool": "\(self.name)", "worker": "\(record.id)", "address": "\(record.address)"]
            )
            return nil
        }
        return Worker(id: record.id, address: address)
    }

    private func closeIdle(of worker: Worker) {
        let idle = worker.idle
        worker.idle.removeAll()
        for upstream in idle { upstream.close() }
    }

    var readyCount: Int { self.ready.count }

    // MARK: Taking and giving back

    /// Finds a connection for a request. `failed` is the worker that has just failed it, to be passed by if possible.
    func acquire(for session: ClientSession, avoiding failed: Worker? = nil) -> Acquisition {
        guard let worker = self.pick(avoiding: failed) else {
            if self.ready.isEmpty, self.waitingLimit == 0 { return .refused(.noWorker) }
            return self.enqueue(session)
        }
        return self.connection(to: worker, for: session)
    }

    private func connection(to worker: Worker, for session: ClientSession) -> Acquisition {
        self.inFlight += 1
        worker.inFlight += 1
        if let upstream = worker.idle.popLast() {
            upstream.client = session
            return .ready(upstream)
        }
        worker.connections += 1
        let upstream = UpstreamSession(pool: self, worker: worker, client: session)
        do {
            try upstream.connect()
        } catch {
            self.edge.log.error(
                "no connection to a worker can be opened",
                metadata: ["pool": "\(self.name)", "error": "\(error)"]
            )
            worker.connections -= 1
            self.settle(worker)
            return .refused(.connectFailed)
        }
        return .pending
    }

    /// Power of two choices by requests in flight; among equals the first. Ejected and full workers are passed by,
    /// ejected ones taken when there are no others.
    private func pick(avoiding failed: Worker?) -> Worker? {
        let count = self.ready.count
        guard count > 0 else { return nil }
        if count == 1 {
            let only = self.ready[0]
            return self.hasRoom(only) ? only : nil
        }
        let first = Int(self.edge.random.next(upperBound: UInt64(count)))
        var second = Int(self.edge.random.next(upperBound: UInt64(count - 1)))
        if second >= first { second += 1 }
        let (left, right) = (self.ready[first], self.ready[second])
        let now = self.edge.loop.now
        let leftFits = self.isFit(left, avoiding: failed, now: now)
        let rightFits = self.isFit(right, avoiding: failed, now: now)
        if leftFits, rightFits { return left.inFlight <= right.inFlight ? left : right }
        if leftFits { return left }
        if rightFits { return right }
        let others = self.ready.filter { self.isFit($0, avoiding: failed, now: now) }
        return others.min { $0.inFlight < $1.inFlight }
            ?? self.ready.filter(self.hasRoom).min { $0.inFlight < $1.inFlight }
    }

    private func isFit(_ worker: Worker, avoiding failed: Worker?, now: Instant) -> Bool {
        worker !== failed && self.hasRoom(worker) && !worker.isEjected(now: now)
    }

    private func hasRoom(_ worker: Worker) -> Bool {
        !worker.idle.isEmpty || worker.connections < self.connectionsPerWorker
    }

    /// The request on `upstream` is over. A reusable connection serves the next in line, or waits for one.
    func release(_ upstream: UpstreamSession, isReusable: Bool) {
        let worker = upstream.worker
        self.settle(worker)
        upstream.client = nil
        if isReusable, worker.isReady {
            worker.idle.append(upstream)
            upstream.becomeIdle()
        } else {
            upstream.close()
        }
        if !self.waiting.isEmpty { self.serveWaiting() }
    }

    private func settle(_ worker: Worker) {
        self.inFlight -= 1
        worker.inFlight -= 1
        assert(worker.inFlight >= 0 && self.inFlight >= 0, "a request was given back twice")
    }

    /// A connection is no more, idle, busy or never made.
    func forget(_ upstream: UpstreamSession, wasBusy: Bool) {
        let worker = upstream.worker
        worker.connections -= 1
        worker.idle.removeAll { $0 === upstream }
        if wasBusy { self.settle(worker) }
        if !self.waiting.isEmpty { self.serveWaiting() }
    }

    // MARK: Waiting for a worker

    private func enqueue(_ session: ClientSession) -> Acquisition {
        guard self.waiting.count < self.waitingLimit else {
            return .refused(self.ready.isEmpty ? .noWorker : .queueFull)
        }
        let deadline = self.edge.loop.now.advanced(byNanoseconds: self.settings.waitingTimeoutNanoseconds)
        self.waiting.append(Waiter(session: session, deadline: deadline))
        if self.waiting.count == 1 { self.waitingTimer?.arm(at: deadline) }
        return .pending
    }

    func leaveQueue(_ session: ClientSession) { self.waiting.removeAll { $0.session === session } }

    private func serveWaiting() {
        while let first = self.waiting.first, let worker = self.pick(avoiding: nil) {
            self.waiting.removeFirst()
            switch self.connection(to: worker, for: first.session) {
            case .ready(let upstream): first.session.workerReady(upstream)
            case .pending: continue
            case .refused(let error): first.session.workerFailed(error)
            }
        }
    }

    private func expireWaiting() {
        let now = self.edge.loop.now
        while let first = self.waiting.first, first.deadline <= now {
            self.waiting.removeFirst()
            first.session.workerFailed(self.ready.isEmpty ? .noWorker : .queueTimeout)
        }
        if let next = self.waiting.first { self.waitingTimer?.arm(at: next.deadline) }
    }

    // MARK: Signals

    /// Arrivals on routes without a room cannot be held back by a rate: they are told apart.
    func countArrival(isGuarded: Bool) {
        self.sample.arrivals += 1
        if !isGuarded { self.sample.unguarded += 1 }
    }

    func countAdmission() { self.sample.admissions += 1 }
    func countError() { self.sample.errors += 1 }
    func recordLatency(nanoseconds: Int64) { self.sample.latency.record(nanoseconds: nanoseconds) }

    /// What happened since the last `takeSample`, and what is under way.
    var current: PoolSample {
        var sample = self.sample
        sample.inFlight = self.inFlight
        sample.queued = self.waiting.count
        for worker in self.workers where worker.inFlight > 0 { sample.workerInFlight[worker.id] = worker.inFlight }
        return sample
    }

    func takeSample() -> PoolSample {
        let taken = self.current
        self.sample = PoolSample()
        return taken
    }

    /// The pool is configured no more: who waits for a worker is told, requests under way end in peace.
    func dissolve() {
        let waiting = self.waiting
        self.waiting.removeAll()
        for waiter in waiting { waiter.session.workerFailed(.noWorker) }
        self.update([])
    }

    func closeAll() {
        for worker in self.workers { self.closeIdle(of: worker) }
    }
}
