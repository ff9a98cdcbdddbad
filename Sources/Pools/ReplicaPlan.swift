import Primitives
import Scaling

/// A pool whose workers a cluster starts and ends: how many it is to be told to have, and who is to go. A value without
/// network or clock.
///
/// The cluster knows one number, the *replicas*, and chooses for itself who goes when it sinks; so a worker first drains
/// here, then it is marked as the one to go, and then the number sinks. What is missing of the number is *pending*: which
/// start stands behind which pod nobody tells, so the oldest order is taken to be the first to be filled.
public struct ReplicaPlan: Sendable {
    public struct Pod: Equatable, Sendable {
        public enum Condition: Equatable, Sendable {
            case starting, ready
            /// The cluster has told it to end, and it finishes what it has.
            case leaving
        }
        public let id: String
        public let address: String
        public let condition: Condition

        public init(id: String, address: String, condition: Condition) {
            self.id = id
            self.address = address
            self.condition = condition
        }
    }

    /// Who goes when the number sinks.
    public enum Choice: Equatable, Sendable {
        /// Whoever is marked.
        case marked
        /// The highest number at the end of its name, ready or not, as in a StatefulSet whose pods are counted from nought:
        /// another `ordinals.start` is not supported.
        case highestNumber
    }

    /// To be carried out as a whole: mark the victims, then set the number.
    public struct Order: Equatable, Sendable {
        public let replicas: Int
        public let victims: [String]

        public init(replicas: Int, victims: [String]) {
            self.replicas = replicas
            self.victims = victims
        }
    }

    public enum Event: Equatable, Sendable {
        /// A worker got ready so long after it was ordered.
        case started(afterNanoseconds: Int64)
        /// Somebody else has changed the number.
        case scaledByOthers(from: Int, to: Int)
    }

    /// A gateway learns of a draining worker with its next look at the directory; before that it may still send.
    public static let noticeNanoseconds = Reconciliation.noticeNanoseconds
    /// Of a victim that is still ready after this time another one has gone in its place.
    public static let dismissalNanoseconds = 15 * Nanoseconds.perSecond

    public let choice: Choice
    public var drainTimeoutNanoseconds: Int64
    /// As the cluster told last; nil before.
    public private(set) var replicas: Int?
    private var pods: [String: Pod] = [:]
    /// Of all pods that are there, ready or not.
    public var names: [String] { self.pods.keys.sorted() }
    /// When each came into its condition.
    private var since: [String: Instant] = [:]
    /// Those that have been ready once.
    private var started: Set<String> = []
    /// Are to go, and still count among the replicas.
    private var draining: [String: Instant] = [:]
    /// Of those, the ones that an operator wants to go: they are not taken back.
    private var retired: Set<String> = []
    /// Have been taken off the number, and are still there.
    private var dismissed: [String: Instant] = [:]
    /// When what is missing was ordered, oldest first. Of what was missing already when the term began that is not known:
    /// it was then at the latest.
    private var orders: [(at: Instant, isTimed: Bool)] = []
    /// Ready ones that were gone, or ready no more, without having been told to end: by us or by the cluster.
    public private(set) var losses = 0

    public init(choice: Choice, drainTimeoutNanoseconds: Int64) {
        self.choice = choice
        self.drainTimeoutNanoseconds = drainTimeoutNanoseconds
    }

    /// A new term begins: what there is is taken as it is. `draining` are those that an earlier leader had drain.
    public mutating func begin(draining: Set<String>, now: Instant) {
        self.draining = [:]
        self.retired = []
        self.dismissed = [:]
        self.orders = []
        self.replicas = nil
        for id in draining where self.pods[id]?.condition == .ready { self.draining[id] = now }
    }

    // MARK: What the cluster tells

    /// All pods that there are, in any order.
    public mutating func told(_ pods: [Pod], now: Instant) -> [Event] {
        var events: [Event] = []
        let before = self.pods
        self.pods = Dictionary(pods.map { ($0.id, $0) }) { first, _ in first }
        for (id, pod) in before where pod.condition == .ready && self.draining[id] == nil && self.dismissed[id] == nil {
            let after = self.pods[id]?.condition
            if after == nil || after == .starting { self.losses += 1 }
        }
        for (id, pod) in self.pods where before[id]?.condition != pod.condition {
            self.since[id] = now
            guard pod.condition == .ready, !self.isCounted(before[id]), self.dismissed[id] == nil else { continue }
            let isNew = self.started.insert(id).inserted
            // One that was ready before is no start; the order for it was the latest.
            guard !self.orders.isEmpty else { continue }
            let ordered = isNew ? self.orders.removeFirst() : self.orders.removeLast()
            if isNew, ordered.isTimed { events.append(.started(afterNanoseconds: now.nanoseconds(since: ordered.at))) }
        }
        self.since = self.since.filter { self.pods[$0.key] != nil }
        self.started.formIntersection(self.pods.keys)
        // Who leaves is not ours to take back.
        self.draining = self.draining.filter { self.pods[$0.key]?.condition == .ready }
        self.retired.formIntersection(self.draining.keys)
        self.dismissed = self.dismissed.filter { self.pods[$0.key]?.condition == .ready }
        self.settle(now: now)
        return events
    }

    private func isCounted(_ pod: Pod?) -> Bool { pod?.condition == .ready }

    /// What the cluster has been told to have, by whomever.
    public mutating func told(replicas: Int, now: Instant) -> [Event] {
        let before = self.replicas
        self.replicas = replicas
        self.settle(now: now, isFirst: before == nil)
        guard let before, before != replicas else { return [] }
        return [.scaledByOthers(from: before, to: replicas)]
    }

    /// An order has been carried out.
    public mutating func carriedOut(_ order: Order, now: Instant) {
        self.replicas = order.replicas
        for id in order.victims {
            self.draining[id] = nil
            self.retired.remove(id)
            if self.pods[id]?.condition == .ready { self.dismissed[id] = now }
        }
        self.settle(now: now)
    }

    /// As many orders as there are replicas that are not ready.
    private mutating func settle(now: Instant, isFirst: Bool = false) {
        guard let replicas = self.replicas else { return }
        // Where numbers tell who goes, somebody else's order for more keeps them.
        if self.choice == .highestNumber { self.dismissed = self.dismissed.filter { Self.number($0.key) >= replicas } }
        let missing = max(0, replicas - self.serving.count)
        if missing > 0, let id = self.forgiven(now: now) {
            self.dismissed[id] = nil
            return self.settle(now: now, isFirst: isFirst)
        }
        while self.orders.count > missing { self.orders.removeLast() }
        while self.orders.count < missing { self.orders.append((now, !isFirst)) }
    }

    /// A victim in whose place another one has gone.
    private func forgiven(now: Instant) -> String? {
        self.dismissed.filter { now.nanoseconds(since: $0.value) >= Self.dismissalNanoseconds }.keys.min()
    }

    /// Ready, and counted among the replicas; who drains is one of them.
    private var serving: [Pod] {
        self.pods.values.filter { $0.condition == .ready && self.dismissed[$0.id] == nil }
    }

    // MARK: What is desired

    /// What the cluster is to be told now; nil when nothing is. `inFlight` tells what gateways have under way with each
    /// worker; nil when they did not tell, in which case nobody is taken to be idle.
    public mutating func reconcile(desired: Int, inFlight: ByName<Int>?, now: Instant) -> Order? {
        guard let replicas = self.replicas else { return nil }
        self.settle(now: now)
        let order =
            switch self.choice {
            case .marked: self.reconcileMarked(replicas, desired: desired, inFlight: inFlight, now: now)
            case .highestNumber: self.reconcileNumbered(replicas, desired: desired, inFlight: inFlight, now: now)
            }
        return order.replicas == replicas ? nil : order
    }

    private mutating func reconcileMarked(
        _ replicas: Int,
        desired: Int,
        inFlight: ByName<Int>?,
        now: Instant
    ) -> Order {
        let staying = replicas - self.draining.count
        var number = replicas
        if desired > staying {
            let missing = desired - staying - self.revive(desired - staying)
            number += missing
        } else if desired < staying {
            // Those that are not ready go first: the cluster ends them before all others.
            let cut = min(staying - desired, self.orders.count)
            number -= cut
            self.drain(staying - desired - cut, inFlight: inFlight ?? [:], now: now)
        }
        let victims = self.drained(inFlight: inFlight, now: now).sorted()
        number -= victims.count
        return Order(replicas: max(0, number), victims: victims)
    }

    /// Whoever has a number from `desired` on is to go, and nobody else. Who is not ready goes when nobody above it stays:
    /// the cluster would end the one above.
    private mutating func reconcileNumbered(
        _ replicas: Int,
        desired: Int,
        inFlight: ByName<Int>?,
        now: Instant
    ) -> Order {
        self.draining = self.draining.filter { Self.number($0.key) >= desired }
        guard desired < replicas else { return Order(replicas: desired, victims: []) }
        let going = self.serving.map(\.id).filter { desired <= Self.number($0) && Self.number($0) < replicas }
        for id in going where self.draining[id] == nil { self.draining[id] = now }
        let done = self.drained(inFlight: inFlight, now: now)
        let number = going.filter { !done.contains($0) }.map { Self.number($0) + 1 }.max() ?? desired
        let victims = going.filter { Self.number($0) >= number }
        return Order(replicas: max(0, number), victims: victims.sorted { Self.number($0) > Self.number($1) })
    }

    /// Who was to go last is taken back first. Returns how many were.
    private mutating func revive(_ count: Int) -> Int {
        let ours = self.draining.filter { !self.retired.contains($0.key) }
        let latest = ours.sorted { ($0.value, $0.key) > ($1.value, $1.key) }.prefix(count)
        for (id, _) in latest { self.draining[id] = nil }
        return latest.count
    }

    private mutating func drain(_ count: Int, inFlight: ByName<Int>, now: Instant) {
        guard count > 0 else { return }
        let candidates = self.serving.map(\.id).filter { self.draining[$0] == nil }
        let order = candidates.sorted { left, right in
            let (leftLoad, rightLoad) = (inFlight[left] ?? 0, inFlight[right] ?? 0)
            if leftLoad != rightLoad { return leftLoad < rightLoad }
            let (leftSince, rightSince) = (self.since[left] ?? now, self.since[right] ?? now)
            return leftSince != rightSince ? leftSince > rightSince : left > right
        }
        for id in order.prefix(count) { self.draining[id] = now }
    }

    /// Somebody else scales: nobody is to go any more for our sake.
    public mutating func hold() {
        self.draining = [:]
        self.retired = []
    }

    /// That one is to go, as an operator wants it. What is missing then, the next `reconcile` orders. nil: there is none.
    public mutating func retire(_ id: String, now: Instant) -> Dismissal? {
        guard self.choice == .marked, let pod = self.pods[id] else { return nil }
        guard self.dismissed[id] == nil else { return .already }
        guard pod.condition == .ready else { return .notReady }
        let wasDraining = self.draining[id] != nil
        if !wasDraining { self.draining[id] = now }
        self.retired.insert(id)
        return wasDraining ? .already : .begun
    }

    /// Those that have nothing under way any more, or no more time.
    private func drained(inFlight: ByName<Int>?, now: Instant) -> Set<String> {
        let done = self.draining.filter { id, since in
            let age = now.nanoseconds(since: since)
            guard age >= Self.noticeNanoseconds else { return false }
            return age >= self.drainTimeoutNanoseconds || inFlight.map { $0[id] ?? 0 == 0 } ?? false
        }
        return Set(done.keys)
    }

    /// At the end of the name; -1 without one.
    private static func number(_ name: String) -> Int {
        name.lastIndex(of: "-").flatMap { Int(name[name.index(after: $0)...]) } ?? -1
    }

    // MARK: How it looks

    public enum Standing: Equatable, Sendable {
        case ready, draining
    }

    /// Workers that have, or may get, requests; in the order of their names.
    public var workers: [(pod: Pod, standing: Standing, since: Instant?)] {
        self.pods.values.sorted { $0.id < $1.id }.compactMap { pod in
            switch pod.condition {
            case .starting: return nil
            case .leaving: return (pod, .draining, self.since[pod.id])
            case .ready:
                if let since = self.draining[pod.id] ?? self.dismissed[pod.id] { return (pod, .draining, since) }
                return (pod, .ready, self.since[pod.id])
            }
        }
    }

    /// - Parameter slots: of each worker.
    public func state(slots: Int) -> PoolState {
        let workers = self.workers
        let ready = workers.count { $0.standing == .ready }
        return PoolState(
            ready: ready,
            pending: self.orders.map(\.at),
            draining: workers.count - ready,
            slots: ready * slots
        )
    }

    /// Since when the oldest order is open; nil without one.
    public var waitingSince: Instant? { self.orders.first?.at }
}
