import EventLoop
import Kubernetes
import Logging
import Pools
import Primitives
import Scaling
import Settings
import SharedState

/// Pods of a Kubernetes cluster: the scale of a workload is set, and the endpoint slices of its service tell which
/// workers there are. `ReplicaPlan` decides; this asks and tells the cluster.
///
/// One round at a time: read the scale, decide, mark who is to go, write the scale as it was read but for the number.
/// Whatever somebody else has written in between is refused by the server, and the round begins anew. Before each write
/// it is asked again whether this controller still leads.
///
/// While the API server is away, workers stay as they were told last, and nothing is decided about their number.
final class KubernetesDriver: WorkerDriver {
    /// How the cluster is reached: a test has another way.
    typealias Connect = (KubernetesSettings, any LoopContext) -> Result<ClusterLink.Way, ClusterAccess.Problem>

    private static let readNanoseconds = 2 * Nanoseconds.perSecond
    private static let writeNanoseconds = 5 * Nanoseconds.perSecond
    /// Of rounds that begin anew because somebody else has written.
    private static let maxAttempts = 3

    private(set) var pool: PoolSettings
    let context: DriverContext
    private let connect: Connect
    private let publisher: DirectoryPublisher
    private(set) var plan: ReplicaPlan
    private(set) var link: ClusterLink?
    var trouble = ClusterTrouble()
    private(set) var term: Int64?
    var onEvent: ((WorkerDriverEvent) -> Void)?
    /// The fence of the term that is about to begin.
    private var nextTerm: Int64?
    /// Begins a term as soon as it is known which workers there are.
    private var whenSynced: (() -> Void)?
    private var isOver = false
    /// A round is under way.
    private var isBusy = false
    /// The term in which it began.
    private var roundTerm: Int64?
    private var wanted: (desired: Int, inFlight: ByName<Int>?)?
    /// What was written last without an answer: it may have been done.
    private var tried: ReplicaPlan.Order?
    private var told: [WorkerRecord] = []
    /// Workers that are pods, and can be marked.
    private var markable: Set<String> = []

    init(_ context: DriverContext) {
        self.context = context
        self.pool = context.pool
        self.connect = context.workers.cluster
        self.publisher = DirectoryPublisher(pool: context.pool.name, board: context.board, log: context.log)
        self.plan = ReplicaPlan(
            choice: context.pool.kubernetes.kind == .statefulSet ? .highestNumber : .marked,
            drainTimeoutNanoseconds: context.pool.drainTimeoutNanoseconds
        )
    }

    private var loop: any LoopContext { self.context.loop }
    private var now: Instant { self.loop.now }

    // MARK: Observing

    var state: PoolState { self.plan.state(slots: self.pool.worker.slots) }
    var crashes: Int { self.plan.losses }
    /// They are the cluster's: nobody has to be waited for.
    var hasWorkers: Bool { false }
    /// How many pods there are to be has been read.
    var isComplete: Bool { self.plan.replicas != nil }

    var directory: [WorkerRecord] {
        self.plan.workers.map { pod, standing, since in
            let age = since.map { self.now.nanoseconds(since: $0) / Nanoseconds.perMicrosecond } ?? 0
            return WorkerRecord(
                id: pod.id,
                address: pod.address,
                state: standing == .ready ? .ready : .draining,
                // To the second: what is published changes with the worker, not with the clocks' drift.
                sinceMicros: max(0, (self.loop.wallMicros - age) / 1_000_000 * 1_000_000)
            )
        }
    }

    func apply(_ pool: PoolSettings) {
        self.pool = pool
        self.plan.drainTimeoutNanoseconds = pool.drainTimeoutNanoseconds
    }

    // MARK: The cluster

    /// Begins to follow the cluster, also while another controller leads: then nothing has to be found out in a fail-over.
    private func connectIfNeeded() {
        guard self.link == nil, !self.isOver else { return }
        switch self.connect(self.pool.kubernetes, self.loop) {
        case .failure(let problem): self.trouble.access = problem.description
        case .success(let way):
            self.trouble.access = nil
            let link = ClusterLink(
                way,
                pool: self.pool,
                identity: self.context.workers.controller,
                loop: self.loop,
                seed: self.context.seed,
                onEndpoints: { [weak self] in self?.endpointsChanged() }
            )
            link.lease?.mayRenew = { [weak self] in self.map { $0.term != nil && $0.context.mayAct() } ?? false }
            self.link = link
            link.start()
        }
    }

    private func endpointsChanged() {
        guard let link = self.link else { return }
        let found = link.endpoints.workers(port: self.pool.kubernetes.port)
        self.trouble.endpoints = found.problem
        // A port that was given another name is no reason to take every worker from the gateways.
        guard found.problem == nil || !found.workers.isEmpty else { return }
        self.markable = Set(found.workers.filter(\.isPod).map(\.id))
        let pods = found.workers.map { worker in
            ReplicaPlan.Pod(
                id: worker.id,
                address: worker.address,
                condition: worker.isReady ? .ready : worker.isLeaving ? .leaving : .starting
            )
        }
        self.take(self.plan.told(pods, now: self.now))
        self.tellIfChanged()
        let next = self.whenSynced
        self.whenSynced = nil
        next?()
    }

    private func take(_ events: [ReplicaPlan.Event]) {
        for event in events {
            switch event {
            case .started(let nanoseconds):
                if self.term != nil { self.onEvent?(.started(afterNanoseconds: nanoseconds)) }
            case .scaledByOthers(let before, let after):
                guard self.wanted != nil else { continue }
                self.trouble.others.append((self.now, before, after))
                self.context.log.warning(
                    "somebody else has changed the number of replicas",
                    metadata: ["pool": "\(self.pool.name)", "from": "\(before)", "to": "\(after)"]
                )
            }
        }
    }

    // MARK: Telling gateways

    private func publish() {
        guard let term = self.term else { return }
        self.told = self.directory
        self.publisher.publish(self.told, fence: term) { [weak self] in
            if self?.term == term { self?.deposed() }
        }
    }

    private func tellIfChanged() {
        guard self.term != nil else { return }
        let key = { (record: WorkerRecord) in "\(record.id) \(record.state) \(record.address)" }
        guard self.directory.map(key) != self.told.map(key) else { return }
        self.publish()
        self.onEvent?(.directoryChanged)
    }

    private func deposed() {
        self.standBy()
        self.onEvent?(.deposed)
    }

    // MARK: Leading and not

    /// What an earlier leader has told gateways is the truth until the cluster has told better.
    func takeOver(fence: Int64, _ completion: @escaping () -> Void) {
        guard self.nextTerm != fence, !self.isOver, self.term != fence else { return }
        self.connectIfNeeded()
        self.nextTerm = fence
        self.context.board.registry(pool: self.pool.name) { [weak self] result in
            guard let self, self.nextTerm == fence else { return }
            guard case .success(let left) = result else { return self.nextTerm = nil }
            guard left.fence <= fence else { return self.deposed() }
            if self.link?.isSynced != true {
                guard !left.directory.isEmpty else {
                    self.nextTerm = nil
                    return self.whenSynced = { [weak self] in self?.takeOver(fence: fence, completion) }
                }
                let pods = left.directory.map {
                    ReplicaPlan.Pod(
                        id: $0.id,
                        address: $0.address,
                        condition: $0.state == .starting ? .starting : .ready
                    )
                }
                _ = self.plan.told(pods, now: self.now)
            }
            self.plan.begin(
                draining: Set(left.directory.filter { $0.state == .draining }.map(\.id)),
                now: self.now
            )
            self.trouble.others = []
            self.readFirst(fence) { [weak self] in
                guard let self, self.nextTerm == fence else { return }
                self.nextTerm = nil
                self.term = fence
                self.link?.lease?.want(true)
                self.publish()
                completion()
            }
        }
    }

    /// How many pods there are to be comes before the first decision: whoever knows only of those that are ready would call
    /// off the others. When it cannot be read, that is no reason to lend no rate.
    private func readFirst(_ fence: Int64, then: @escaping () -> Void) {
        guard let link = self.link else { return then() }
        link.caller.call(link.target.read, deadlineNanoseconds: Self.readNanoseconds) { [weak self] result in
            guard let self, self.nextTerm == fence else { return }
            switch result.flatMap(ScaleTarget.scale) {
            case .success(let scale): self.take(self.plan.told(replicas: scale.replicas, now: self.now))
            case .failure(let failure): self.trouble.called(failure, now: self.now)
            }
            then()
        }
    }

    /// What was seen in its own term is of the past: the cluster is another leader's now.
    func standBy() {
        self.nextTerm = nil
        self.whenSynced = nil
        self.plan.begin(draining: [], now: self.now)
        self.trouble.calm()
        guard self.term != nil else { return }
        self.term = nil
        self.wanted = nil
        self.tried = nil
        self.link?.lease?.want(false)
    }

    func follow() { self.connectIfNeeded() }

    func leave() { self.stop(inHurry: true) {} }

    /// The workload stays as it is: it is not there for this controller's sake.
    func stop(inHurry: Bool, _ completion: @escaping () -> Void) {
        self.term = nil
        self.nextTerm = nil
        self.whenSynced = nil
        self.isOver = true
        guard let link = self.link else { return completion() }
        self.link = nil
        link.end(completion)
    }

    var tellsLog: Bool { false }

    func retire(_ id: String) -> Retirement {
        guard self.plan.choice == .marked else {
            return .impossible("a StatefulSet always gives up its highest number: delete the pod, and it comes again")
        }
        guard self.term != nil else { return .tooEarly }
        let done = self.plan.retire(id, now: self.now)
        self.tellIfChanged()
        switch done {
        case .begun: return .drains
        case .already: return .drainsAlready
        case .notReady: return .notThatOne("it is not ready, so there is nothing to drain: delete the pod")
        case nil: return .unknown(self.plan.names)
        }
    }

    // MARK: A round

    func reconcile(desired: Int, inFlight: ByName<Int>?) {
        guard self.term != nil else { return }
        self.wanted = (desired, inFlight)
        self.beginRound()
    }

    /// Somebody else scales the workload: it is looked at, and left alone.
    func hold(inFlight: ByName<Int>?) {
        guard self.term != nil else { return }
        self.wanted = nil
        if self.isComplete { self.plan.hold() }
        self.beginRound()
    }

    private func beginRound() {
        self.connectIfNeeded()
        if let lease = self.link?.lease {
            lease.want(true)
            self.trouble.lease(isHeld: lease.trusted != nil, now: self.now)
        }
        self.publish()
        guard !self.isBusy, self.link?.isSynced == true else { return }
        self.isBusy = true
        self.roundTerm = self.term
        self.round(attempt: 1)
    }

    /// Ends a round whose term is over, and tells whether it was: what comes of it is nobody's.
    private func endsAsPast() -> Bool {
        guard self.term == nil || self.term != self.roundTerm else { return false }
        self.isBusy = false
        return true
    }

    /// How long a write may take, in nanoseconds; nil: none may be made.
    private var allowance: Int64? {
        guard let term = self.term, term == self.roundTerm else { return nil }
        guard self.wanted != nil, self.context.mayAct() else { return nil }
        guard let lease = self.link?.lease else { return .max }
        return lease.trusted
    }

    private func round(attempt: Int) {
        guard let link = self.link, self.term != nil else { return self.isBusy = false }
        link.caller.call(link.target.read, deadlineNanoseconds: Self.readNanoseconds) { [weak self] result in
            guard let self, !self.endsAsPast() else { return }
            switch result.flatMap(ScaleTarget.scale) {
            case .failure(let failure): self.roundEnds(failure)
            case .success(let scale):
                self.trouble.called(nil, now: self.now)
                self.decide(scale, attempt: attempt)
            }
        }
    }

    private func decide(_ scale: Scale, attempt: Int) {
        if let tried = self.tried, tried.replicas == scale.replicas {
            self.plan.carriedOut(tried, now: self.now)
        }
        self.tried = nil
        // What was wanted by who did not know that number is not what is wanted now.
        let wasComplete = self.isComplete
        self.take(self.plan.told(replicas: scale.replicas, now: self.now))
        guard wasComplete, let wanted = self.wanted, self.allowance != nil else { return self.isBusy = false }
        let order = self.plan.reconcile(desired: wanted.desired, inFlight: wanted.inFlight, now: self.now)
        self.tellIfChanged()
        guard let order else { return self.isBusy = false }
        let victims = self.plan.choice == .marked ? order.victims.filter(self.markable.contains) : []
        self.mark(victims[...], cost: PodDeletionCost.now(wallMicros: self.loop.wallMicros)) { [weak self] in
            self?.write(order, scale, attempt: attempt)
        }
    }

    private func mark(_ victims: ArraySlice<String>, cost: Int32, then: @escaping () -> Void) {
        guard let link = self.link, let victim = victims.first else { return then() }
        link.caller.call(
            PodDeletionCost.mark(pod: victim, namespace: link.target.namespace, cost: cost),
            deadlineNanoseconds: Self.writeNanoseconds,
            mayGoOn: { [weak self] in self?.allowance }
        ) { [weak self] result in
            guard let self, !self.endsAsPast() else { return }
            // One that is gone already need not be marked.
            if case .failure(let failure) = result, !failure.isMissing { return self.roundEnds(failure) }
            self.mark(victims.dropFirst(), cost: cost, then: then)
        }
    }

    private func write(_ order: ReplicaPlan.Order, _ read: Scale, attempt: Int) {
        guard let link = self.link else { return self.isBusy = false }
        var scale = read
        scale.replicas = order.replicas
        self.tried = order
        link.caller.call(
            link.target.write(scale),
            deadlineNanoseconds: Self.writeNanoseconds,
            mayGoOn: { [weak self] in self?.allowance }
        ) { [weak self] result in
            guard let self, !self.endsAsPast() else { return }
            switch result {
            case .success:
                self.tried = nil
                self.plan.carriedOut(order, now: self.now)
                self.context.log.info(
                    "replicas",
                    metadata: [
                        "pool": "\(self.pool.name)", "from": "\(read.replicas)", "to": "\(order.replicas)",
                        "victims": "\(order.victims.joined(separator: " "))",
                    ]
                )
                self.tellIfChanged()
                self.isBusy = false
            case .failure(let failure) where failure.isConflict && attempt < Self.maxAttempts:
                self.round(attempt: attempt + 1)
            case .failure(let failure): self.roundEnds(failure)
            }
        }
    }

    private func roundEnds(_ failure: APIFailure) {
        self.isBusy = false
        // Another round begins within a second.
        if failure != .held { self.trouble.called(failure, now: self.now) }
    }
}
