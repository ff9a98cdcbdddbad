import EventLoop
import Pools
import Primitives
import Settings
import SharedState
import Transport

/// Who waits for a worker.
protocol WorkerWaiter: AnyObject {
    /// The worker that has just failed the waiter's request, to be passed by if possible.
    var failedWorker: Worker? { get }
    /// Sent twice, it does no harm.
    var isRepeatable: Bool { get }
    func workerReady(_ lease: consuming WorkerLease)
    func workerUnavailable(_ error: GatewayError)
}

/// What a pool says to a request.
enum WorkerAcquisition: ~Copyable {
    case ready(WorkerLease)
    /// The waiter will hear; with the ticket it can leave.
    case pending(ticket: UInt64)
    case refused(GatewayError)
}

/// The workers behind a route, as one loop sees them, and the requests that wait for one.
///
/// A connection that is being made belongs to the pool, not to a request: whoever is first in line gets the next that
/// is free, whichever it is, and a client that leaves takes nothing with it.
///
/// Limits: `connections_per_worker` of the settings, shared out over the loops, at least one each; `waiting_requests`
/// over all loops together, for requests beyond those that a connection on the way will serve; `tunnels.most` over all
/// loops together.
final class WorkerPool: UpstreamOwner {
    let name: String
    let tools: LoopTools
    private(set) var settings: PoolSettings
    private let waitingLimit: SharedLimit
    let tunnelLimit: SharedLimit
    let standings: SharedStandings

    /// A worker and its idle connections; the one used last is taken first, so that the others may grow old.
    private struct Slot {
        let worker: Worker
        var idle: [UpstreamConnection] = []
    }
    private var slots: [Slot] = []
    private var slotOfWorker: [ObjectIdentifier: Int] = [:]
    /// Indices of `slots` that take requests.
    private var ready: [Int] = []

    /// `isCovered`: a connection was begun for it, so that it does not count as one too many.
    private struct Waiter {
        let waiter: any WorkerWaiter
        let isCovered: Bool
        var attempts = 1
    }
    private var waiting = WaitingLine<Waiter>()
    private var waitingTimer: LoopTimer?
    private var sample = PoolSample()
    /// Requests of this loop that a worker is serving.
    private var inFlight = 0
    /// Of these, those that have become tunnels.
    var tunnels = 0
    /// Requests on this loop that are tunnels, or ask for one.
    var heldTunnels = 0
    private var connecting = 0
    /// A connection is closed in favour of another one: nobody else is to take its place.
    private var isMakingRoom = false
    private var isDissolved = false
    /// The line is looked through this often at most, however many wait.
    private static let expiryStepNanoseconds = 10 * Nanoseconds.perMillisecond

    init(
        settings: PoolSettings,
        tools: LoopTools,
        waitingLimit: SharedLimit,
        tunnelLimit: SharedLimit,
        standings: SharedStandings
    ) {
        self.name = settings.name
        self.settings = settings
        self.tools = tools
        self.waitingLimit = waitingLimit
        self.tunnelLimit = tunnelLimit
        self.standings = standings
        self.apply(settings)
    }

    func apply(_ settings: PoolSettings) {
        self.settings = settings
        self.standings.apply(settings.ejection)
        guard settings.driver == .static else { return }
        self.updateListed()
    }

    /// Workers that take requests.
    var readyCount: Int { self.ready.count }

    var connectionsPerWorker: Int { max(1, self.settings.connectionsPerWorker / self.tools.loopCount) }

    // MARK: The directory

    /// Takes the controller's list.
    func update(_ directory: [WorkerRecord]) {
        let workers = directory.compactMap { record -> ReachableWorker? in
            guard let address = try? SocketAddress(parsing: record.address) else {
                self.tools.log.error(
                    "a worker's address cannot be read; the worker is left out",
                    metadata: ["pool": "\(self.name)", "worker": "\(record.id)", "address": "\(record.address)"]
                )
                return nil
            }
            return ReachableWorker(
                id: record.id,
                address: address,
                way: WorkerWay(to: address),
                isReady: record.state == .ready,
                slots: record.slots
            )
        }
        self.update(workers)
    }

    /// Those who are gone, or draining, finish what they have.
    func update(_ workers: [ReachableWorker]) {
        var known: [String: Int] = [:]
        for (index, slot) in self.slots.enumerated() { known[slot.worker.id] = index }
        var kept: [Slot] = []
        var leaving = Set(self.slots.indices)
        for next in workers {
            if let index = known[next.id], self.slots[index].worker.address == next.address,
                self.slots[index].worker.way == next.way
            {
                leaving.remove(index)
                kept.append(self.slots[index])
            } else {
                let mark = self.standings.join(next.id)
                kept.append(Slot(worker: Worker(id: next.id, address: next.address, way: next.way, mark: mark)))
            }
            self.setReady(kept[kept.count - 1].worker, next.isReady)
            kept[kept.count - 1].worker.slots = next.slots
        }
        var closing: [UpstreamConnection] = []
        for index in leaving {
            self.setReady(self.slots[index].worker, false)
            self.standings.leave(self.slots[index].worker.id)
            closing += self.slots[index].idle
        }
        for index in kept.indices where !kept[index].worker.isReady {
            closing += kept[index].idle
            kept[index].idle = []
        }
        self.slots = kept
        self.slotOfWorker = Dictionary(
            uniqueKeysWithValues: kept.enumerated().map { (ObjectIdentifier($1.worker), $0) }
        )
        self.ready = kept.indices.filter { kept[$0].worker.isReady }
        self.standings.becameKnown()
        for connection in closing { connection.close() }
        self.serveWaiting()
    }

    /// How a worker that is known is spoken to.
    func way(to id: String, at address: SocketAddress) -> WorkerWay? {
        self.slots.first { $0.worker.id == id && $0.worker.address == address }?.worker.way
    }

    private func setReady(_ worker: Worker, _ isReady: Bool) {
        guard worker.isReady != isReady else { return }
        worker.isReady = isReady
        self.standings.setReady(worker.id, isReady)
    }

    // MARK: Taking

    /// Finds a connection for a request.
    func acquire(for waiter: any WorkerWaiter) -> WorkerAcquisition {
        // A request that was parked or collected while the pool was taken away.
        if self.isDissolved { return .refused(.noWorker) }
        guard let index = self.pick(avoiding: waiter.failedWorker) else {
            return self.enqueue(waiter, isCovered: false)
        }
        if let lease = self.leaseIdle(at: index, isRepeatable: waiter.isRepeatable) { return .ready(lease) }
        guard self.beginConnecting(at: index) else { return .refused(.connectFailed) }
        return self.enqueue(waiter, isCovered: true)
    }

    private func leaseIdle(at index: Int, isRepeatable: Bool) -> WorkerLease? {
        guard let last = self.slots[index].idle.last else { return nil }
        if isRepeatable || last.isTrusted {
            self.slots[index].idle.removeLast()
            return self.begin(last)
        }
        // The oldest one has been kept for longest.
        guard let first = self.slots[index].idle.first, first.isTrusted else { return nil }
        self.slots[index].idle.removeFirst()
        return self.begin(first)
    }

    private func begin(_ connection: UpstreamConnection) -> WorkerLease {
        self.inFlight += 1
        connection.worker.inFlight += 1
        return connection.lease()
    }

    /// False when the system has no descriptor left for it.
    private func beginConnecting(at index: Int) -> Bool {
        let worker = self.slots[index].worker
        if worker.connections >= self.connectionsPerWorker { self.closeIdle(at: index) }
        let connection = UpstreamConnection(
            worker: worker,
            tools: self.tools,
            owner: self,
            responseTimeoutNanoseconds: self.settings.responseTimeoutNanoseconds
        )
        do {
            try connection.connect(timeoutNanoseconds: self.settings.connectTimeoutNanoseconds)
        } catch {
            self.countError()
            self.tools.log.error(
                "no connection to a worker can be opened",
                metadata: ["pool": "\(self.name)", "error": "\(error)"]
            )
            return false
        }
        worker.connections += 1
        worker.connecting += 1
        self.connecting += 1
        return true
    }

    /// Makes room for a connection that can be trusted in place of one that cannot.
    private func closeIdle(at index: Int) {
        guard let idle = self.slots[index].idle.popLast() else { return }
        self.isMakingRoom = true
        idle.close()
        self.isMakingRoom = false
    }

    private func pick(avoiding failed: Worker?) -> Int? {
        let limit = self.connectionsPerWorker
        let slots = self.settings.worker.slots
        let perSlot = self.settings.tunnels.perSlot
        let picked = WorkerChoice.pick(count: self.ready.count, random: &self.tools.random) { position in
            let slot = self.ready[position]
            let worker = self.slots[slot].worker
            return WorkerChoice.Candidate(
                // In parts of a request, so many to each as there are tunnels to one.
                load: (worker.inFlight - worker.tunnels + worker.connecting) * perSlot + worker.tunnels,
                slots: worker.slots ?? slots,
                hasRoom: !self.slots[slot].idle.isEmpty || worker.connections < limit,
                isEjected: worker.mark.isPassedBy,
                isAvoided: worker === failed
            )
        }
        return picked.map { self.ready[$0] }
    }

    // MARK: What becomes of connections

    func upstreamConnected(_ connection: UpstreamConnection) {
        self.connected(connection.worker)
        connection.worker.connecting -= 1
        self.connecting -= 1
        self.makeAvailable(connection)
    }

    func leaseEnded(_ connection: UpstreamConnection, isReusable: Bool) {
        self.inFlight -= 1
        connection.worker.inFlight -= 1
        if connection.isTunnel { self.tunnelEnded(connection) }
        assert(connection.worker.inFlight >= 0 && self.inFlight >= 0, "a request was given back twice")
        if isReusable { self.makeAvailable(connection) } else { self.serveWaiting() }
    }

    private func makeAvailable(_ connection: UpstreamConnection) {
        guard connection.worker.isReady, let slot = self.slotOfWorker[ObjectIdentifier(connection.worker)] else {
            return connection.close()
        }
        if let isRepeatable = self.waiting.withFirst({ $0.waiter.isRepeatable }) {
            // The place of a connection that cannot be trusted is taken by a fresh one.
            guard isRepeatable || connection.isTrusted else { return connection.close() }
            if let waiter = self.popWaiter() { return waiter.workerReady(self.begin(connection)) }
        }
        self.slots[slot].idle.append(connection)
    }

    func upstreamClosed(_ connection: UpstreamConnection, wasConnecting: Bool) {
        let worker = connection.worker
        worker.connections -= 1
        if wasConnecting {
            worker.connecting -= 1
            self.connecting -= 1
            self.sample.errors += 1
            self.refused(by: worker, tls: connection.tlsFailure)
            self.connectFailed(worker)
        } else if let slot = self.slotOfWorker[ObjectIdentifier(worker)],
            let index = self.slots[slot].idle.lastIndex(where: { $0 === connection })
        {
            self.slots[slot].idle.remove(at: index)
        }
        if !self.waiting.isEmpty, !self.isMakingRoom { self.serveWaiting() }
    }

    /// The first in line has lost the connection that was begun for somebody: another worker is tried for it once, then
    /// it is told.
    private func connectFailed(_ worker: Worker) {
        guard self.waiting.count > self.connecting,
            let (attempts, isRepeatable) = self.waiting.withFirst({ ($0.attempts, $0.waiter.isRepeatable) })
        else { return }
        guard attempts < ExchangeMachine.mostAttempts, let index = self.pick(avoiding: worker),
            self.slots[index].worker !== worker
        else {
            self.popWaiter()?.workerUnavailable(self.ready.isEmpty ? .noWorker : .connectFailed)
            return
        }
        self.tools.counters.retries += 1
        if let lease = self.leaseIdle(at: index, isRepeatable: isRepeatable) {
            guard let waiter = self.popWaiter() else { return lease.giveBack() }
            return waiter.workerReady(lease)
        }
        _ = self.waiting.withFirst { $0.attempts += 1 }
        if !self.beginConnecting(at: index) { self.popWaiter()?.workerUnavailable(.connectFailed) }
    }

    /// A worker that the loop knows.
    func worker(_ id: String) -> Worker? { self.slots.first { $0.worker.id == id }?.worker }

    // MARK: Waiting

    private func enqueue(_ waiter: any WorkerWaiter, isCovered: Bool) -> WorkerAcquisition {
        if !isCovered, !self.waitingLimit.take(limit: self.settings.waitingRequests) {
            return .refused(self.ready.isEmpty ? .noWorker : .queueFull)
        }
        return .pending(ticket: self.add(Waiter(waiter: waiter, isCovered: isCovered)))
    }

    private func add(_ waiter: Waiter) -> UInt64 {
        // A connection that was begun says itself when it has taken too long.
        let patience =
            self.settings.waitingTimeoutNanoseconds
            + (waiter.isCovered ? 2 * self.settings.connectTimeoutNanoseconds : 0)
        let deadline = self.tools.now.advanced(byNanoseconds: patience)
        if self.waitingTimer?.deadline.map({ deadline < $0 }) ?? true { self.expireWaiting(at: deadline) }
        return self.waiting.add(waiter, deadline: deadline)
    }

    private func popWaiter() -> (any WorkerWaiter)? { self.waiting.popFirst().map { self.forget($0) } }

    private func forget(_ waiter: Waiter) -> any WorkerWaiter {
        if !waiter.isCovered { self.waitingLimit.giveBack() }
        return waiter.waiter
    }

    /// The client has gone. A ticket that has had its turn is no matter.
    func leave(ticket: UInt64) {
        if let waiter = self.waiting.remove(ticket: ticket) { _ = self.forget(waiter) }
    }

    /// Gives those in line what is free, and begins connections for those who are not covered by one on the way.
    private func serveWaiting() {
        while self.waiting.count > self.connecting, let index = self.pick(avoiding: nil),
            let isRepeatable = self.waiting.withFirst({ $0.waiter.isRepeatable })
        {
            if let lease = self.leaseIdle(at: index, isRepeatable: isRepeatable) {
                guard let waiter = self.popWaiter() else { return lease.giveBack() }
                waiter.workerReady(lease)
            } else if !self.beginConnecting(at: index) {
                return
            }
        }
    }

    private func expireWaiting(at deadline: Instant) {
        self.waitingTimer?.disarm()
        // It keeps the pool while somebody waits, and no longer.
        let distance = max(Self.expiryStepNanoseconds, deadline.nanoseconds(since: self.tools.now))
        self.waitingTimer = self.tools.loop.after(nanoseconds: distance) {
            self.waitingTimer = nil
            self.expireWaiting()
        }
    }

    private func expireWaiting() {
        let (expired, next) = self.waiting.expire(now: self.tools.now)
        if let next { self.expireWaiting(at: next) }
        let error: GatewayError = self.ready.isEmpty ? .noWorker : .queueTimeout
        for waiter in expired { self.forget(waiter).workerUnavailable(error) }
    }

    // MARK: Signals

    /// Arrivals on routes without a room cannot be held back by a rate: they are told apart.
    func countArrival(isGuarded: Bool) {
        self.sample.arrivals += 1
        if !isGuarded { self.sample.unguarded += 1 }
    }

    func countAdmission() { self.sample.admissions += 1 }
    /// A worker's fault, or for want of one; never the client's.
    func countError() { self.sample.errors += 1 }
    func recordLatency(nanoseconds: Int64) { self.sample.latency.record(nanoseconds: nanoseconds) }

    /// What happened since the last `takeSample`, and what is under way.
    var current: PoolSample {
        var sample = self.sample
        sample.inFlight = self.inFlight - self.tunnels
        sample.tunnels = self.tunnels
        sample.tunnelsPerSlot = self.settings.tunnels.perSlot
        sample.queued = self.waiting.count
        for slot in self.slots where slot.worker.inFlight > 0 {
            sample.workerInFlight[slot.worker.id] = slot.worker.inFlight
        }
        return sample
    }

    func takeSample() -> PoolSample {
        let taken = self.current
        self.sample = PoolSample()
        return taken
    }

    // MARK: End

    /// The pool is configured no more: who waits for a worker is told, requests under way end in peace.
    func dissolve() {
        self.isDissolved = true
        self.update([ReachableWorker]())
        for waiter in self.waiting.removeAll() { self.forget(waiter).workerUnavailable(.noWorker) }
    }

    func closeIdle() {
        let idle = self.slots.flatMap(\.idle)
        for index in self.slots.indices { self.slots[index].idle = [] }
        for connection in idle { connection.close() }
    }
}
