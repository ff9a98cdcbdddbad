import Kubernetes
import Primitives

/// What is wrong between a pool and its cluster, for the operator: a value.
struct ClusterTrouble {
    /// A call that failed once is a hiccup.
    static let patienceNanoseconds = 2 * Nanoseconds.perSecond
    /// So long it is told that somebody else has changed the number.
    static let othersNanoseconds = 60 * Nanoseconds.perSecond
    /// More often, and somebody does it again and again.
    static let oftenCount = 3
    private static let maxOthers = 100

    /// Why there is no way to the cluster at all.
    var access: String?
    /// What is wrong with the service.
    var endpoints: String?
    /// When somebody else has changed the number.
    var others: [(at: Instant, from: Int, to: Int)] = [] {
        didSet { if self.others.count > Self.maxOthers { self.others.removeFirst() } }
    }
    private var failing: (since: Instant, last: APIFailure)?
    private var leaselessSince: Instant?

    /// What was seen while this controller led is of the past; what is wrong with the way there, and with the service, stays.
    mutating func calm() {
        self.others = []
        self.failing = nil
        self.leaselessSince = nil
    }

    mutating func called(_ failure: APIFailure?, now: Instant) {
        self.failing = failure.map { (self.failing?.since ?? now, $0) }
    }

    mutating func lease(isHeld: Bool, now: Instant) {
        if isHeld { self.leaselessSince = nil } else if self.leaselessSince == nil { self.leaselessSince = now }
    }

    func lasting(_ since: Instant, now: Instant) -> Bool {
        now.nanoseconds(since: since) >= Self.patienceNanoseconds
    }

    var lastingFailure: (since: Instant, last: APIFailure)? { self.failing }
    var withoutLease: Instant? { self.leaselessSince }

    func othersText(now: Instant) -> String? {
        let recent = self.others.filter { now.nanoseconds(since: $0.at) < Self.othersNanoseconds }
        guard let last = recent.last else { return nil }
        let what =
            "somebody else has changed the number of replicas from \(last.from) to \(last.to); it was set again as "
        guard recent.count >= Self.oftenCount else { return what + "the policy wants it" }
        return what + "the policy wants it, \(recent.count) times within a minute. Take away what else scales it, such "
            + "as a HorizontalPodAutoscaler or KEDA's"
    }
}

extension KubernetesDriver {
    var problem: String? {
        let texts = self.problems
        return texts.isEmpty ? nil : "pool \(self.pool.name): " + texts.joined(separator: ". ")
    }

    private var problems: [String] {
        if let access = self.trouble.access { return ["there is no way to the cluster: \(access)"] }
        let now = self.context.loop.now
        var texts: [String] = []
        let meanwhile =
            "It is tried again by itself; look also at pools.\(self.pool.name).kubernetes in the configuration. Meanwhile its "
            + "workers stay as they are known"
        if let (since, failure) = self.trouble.lastingFailure, self.trouble.lasting(since, now: now) {
            texts.append("\(failure). \(meanwhile)")
        } else if let (since, failure) = self.link?.watchTrouble, self.trouble.lasting(since, now: now) {
            texts.append("\(failure). \(meanwhile)")
        }
        if let text = self.link?.wayProblem {
            texts.append("the way to the cluster has changed and cannot be used, the one before is kept: \(text)")
        }
        if let text = self.leaseProblem(now) { texts.append(text) }
        if let text = self.trouble.endpoints { texts.append(text) }
        if self.link?.isSynced == true, self.link?.endpoints.isEmpty == true {
            let service = self.pool.kubernetes.service ?? self.pool.kubernetes.name ?? ""
            texts.append(
                "no endpoint slice belongs to the service \(service): look whether there is one, and whether its selector "
                    + "fits the pods"
            )
        }
        if let since = self.plan.waitingSince, now.nanoseconds(since: since) > self.pool.startTimeoutNanoseconds {
            let seconds = now.nanoseconds(since: since) / Nanoseconds.perSecond
            texts.append(
                "\(self.state.pending.count) pods are not ready, the first for \(seconds) s: kubectl describe tells why"
            )
        }
        if let text = self.trouble.othersText(now: now) { texts.append(text) }
        return texts
    }

    private func leaseProblem(_ now: Instant) -> String? {
        guard let lease = self.link?.lease, self.term != nil, let since = self.trouble.withoutLease,
            now.nanoseconds(since: since) >= 2 * ClusterTrouble.patienceNanoseconds
        else { return nil }
        if let failure = lease.failure { return "the lease cannot be held: \(failure). Nothing is scaled without it" }
        let holder = lease.holder.flatMap { $0.isEmpty ? nil : $0 } ?? "somebody else"
        return "the lease is held by \(holder), though this controller leads by the shared state. Nothing is scaled "
            + "before it is given up: look whether that controller reaches the shared state, or end it"
    }
}
