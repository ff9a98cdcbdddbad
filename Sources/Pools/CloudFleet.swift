import Addresses
import Primitives

/// The instances of a pool that a cloud starts and ends: a value without commands, timers or a log.
///
/// The cloud is told a size, and whom to retire, where it has a command for that. What it lists is believed as to who
/// exists; who may get requests is whom the controller's own probes find well. `nextAction` says what to tell the cloud
/// next, one thing at a time; a driver does it and reports how it went. What failed is not marked as done, so it comes
/// again.
///
/// ```
/// (ordered) → starting → ready → draining → retiring → retired → (gone)
///                 ↘ failed ↗ ↘ failed → retiring
/// ```
/// Who is still listed as running long after the cloud was told to end it lingers: it is retiring anew, and asked how it
/// does. Found well while more are wanted it is ready again; else the cloud is told once more.
///
/// Without a command to retire, the cloud chooses who goes when its size is lowered, and nobody can drain before that; who
/// is listed as leaving is drained by then.
public struct CloudFleet: Sendable {
    public enum Action: Equatable, Sendable {
        case scale(Int)
        case retire(String)
    }

    /// A size that others have changed since, or that the cloud has not come to, is told once more after this time.
    public static let repeatNanoseconds = 60 * Nanoseconds.perSecond
    /// Who is still listed as running so long after it was retired, and after the time to drain, lingers.
    public static let retiredNanoseconds = 60 * Nanoseconds.perSecond

    /// After the first list, whoever does not answer for so long is not waited for.
    public static let askNanoseconds = 1 * Nanoseconds.perSecond

    public var limits: Limits
    public private(set) var members: [String: Member] = [:]
    public private(set) var crashes = 0
    private(set) var desired: Int?
    /// When those were ordered that are not listed yet.
    private(set) var orders: [Instant] = []
    /// As the cloud was told last, less those who were retired since; nil: it was not told anything yet.
    private(set) var told: Int?
    private var toldAt: Instant?
    /// When the first list came.
    private(set) var firstListAt: Instant?
    private var hasList: Bool { self.firstListAt != nil }
    /// Those that go because the size was lowered, by the cloud's own choice.
    private var expectedLosses = 0
    /// Some of those that the size was told for have gone unasked since: it is told again at once.
    private var hasLost = false
    /// Who went with the last list.
    public private(set) var losses: [Loss] = []
    private var backoff: Backoff
    /// No other one that failed is replaced before.
    private var replacementAt: Instant?
    /// Whom the cloud is being told to end.
    private var ending: String?

    public init(limits: Limits, seed: UInt64) {
        self.limits = limits
        self.backoff = Backoff(
            shortestNanoseconds: Nanoseconds.perSecond,
            longestNanoseconds: 300 * Nanoseconds.perSecond,
            seed: seed
        )
    }

    // MARK: Who there is

    /// Those whom an earlier leader has told gateways of; the cloud's own list comes later.
    public mutating func inherit(
        _ id: String,
        address: SocketAddress,
        isDraining: Bool,
        startedMicros: Int64,
        now: Instant
    ) {
        guard self.members[id] == nil, self.members.count < InstanceList.maxInstances else { return }
        self.members[id] = Member(
            id: id,
            address: address,
            state: isDraining ? .draining(since: now) : .ready,
            startedAt: now,
            startedMicros: startedMicros,
            hasBeenReady: true
        )
    }

    /// The cloud names its instances. False: that cannot be, and nothing has changed. A list that is empty while
    /// instances answer is a wrong question, or a cloud that has lost its memory.
    public mutating func listed(_ list: InstanceList, now: Instant, wallMicros: Int64) -> Bool {
        let isWell = self.members.values.contains { $0.state == .ready && $0.failedProbes == 0 }
        if list.instances.isEmpty, isWell, self.desired ?? 1 > 0 { return false }
        if self.toldAt == nil { self.toldAt = now }
        // What was wanted before anybody knew of these is not what is wanted of them.
        if !self.hasList { self.desired = nil }
        let isFirst = !self.hasList
        self.firstListAt = self.firstListAt ?? now
        self.losses = []
        let ids = Set(list.instances.map(\.id))
        for id in self.members.keys.sorted() where !ids.contains(id) { self.lose(id) }
        for instance in list.instances {
            self.take(instance, isTimed: !isFirst, now: now, wallMicros: wallMicros)
        }
        // It grows by others' hands, too. Where it is lowered by a number, those who are to go are listed for a while.
        if self.limits.canRetire { self.told = self.told.map { max($0, self.kept) } }
        self.settle(now: now)
        return true
    }

    private mutating func lose(_ id: String) {
        guard let member = self.members.removeValue(forKey: id) else { return }
        let isExpected = self.countLoss(of: member)
        self.losses.append(Loss(id: id, address: member.address, isExpected: isExpected))
    }

    /// Whether it went because it was to go.
    @discardableResult
    private mutating func countLoss(of member: Member) -> Bool {
        switch member.state {
        case .retired, .leaving: return true
        case .draining, .failed, .retiring: break
        case .starting, .ready:
            if self.expectedLosses > 0 {
                self.expectedLosses -= 1
                return true
            }
            self.crashes += 1
        }
        self.hasLost = true
        return false
    }

    /// Those of the first list may have run for days: their starts are not timed.
    private mutating func take(_ instance: InstanceList.Instance, isTimed: Bool, now: Instant, wallMicros: Int64) {
        let fresh = State.starting(deadline: now.advanced(byNanoseconds: self.limits.startTimeoutNanoseconds))
        guard let known = self.members[instance.id], known.address == nil || known.address == instance.address else {
            // Under another address it is another one.
            let ordered = self.orders.isEmpty ? now : self.orders.removeFirst()
            self.members[instance.id] = Member(
                id: instance.id,
                address: instance.address,
                state: instance.state == .leaving ? .leaving : fresh,
                startedAt: ordered,
                startedMicros: max(0, wallMicros - now.nanoseconds(since: ordered) / Nanoseconds.perMicrosecond),
                isTimed: isTimed
            )
            return
        }
        self.members[instance.id]?.address = instance.address
        if instance.state == .leaving { self.members[instance.id]?.goesOn() }
        switch (known.state, instance.state) {
        case (.leaving, .leaving), (.retired, .leaving): break
        case (_, .leaving):
            self.countLoss(of: known)
            self.members[instance.id]?.state = .leaving
        case (.leaving, _): self.members[instance.id]?.comesBack(as: fresh)
        // They leave by the cloud's choice alone, and it has chosen others, or none.
        case (.draining, _) where !self.limits.canRetire, (.retiring, _) where !self.limits.canRetire:
            self.members[instance.id]?.comesBack(as: fresh)
        case (.retired(let since), _) where now.nanoseconds(since: since) >= self.lingeringNanoseconds:
            self.members[instance.id]?.lingers(toldAt: since)
        default: break
        }
    }

    private var lingeringNanoseconds: Int64 { max(Self.retiredNanoseconds, self.limits.drainTimeoutNanoseconds) }

    // MARK: How they do

    /// Somebody has been asked. Returns how long its start took, in nanoseconds, when it is ready by that.
    public mutating func probed(_ id: String, isWell: Bool, now: Instant) -> Int64? {
        guard let member = self.members[id] else { return nil }
        self.members[id]?.hasBeenAsked = true
        var took: Int64?
        switch member.state {
        case .starting where isWell, .failed where isWell:
            self.members[id]?.state = .ready
            self.members[id]?.hasBeenReady = true
            self.members[id]?.failedProbes = 0
            self.backoff.reset()
            self.replacementAt = nil
            if member.isTimed, !member.hasBeenReady { took = now.nanoseconds(since: member.startedAt) }
        case .ready: self.members[id]?.failedProbes = isWell ? 0 : member.failedProbes + 1
        case .retiring: self.members[id]?.isWellAfterAll = isWell
        default: break
        }
        self.settle(now: now)
        return took
    }

    func sorted(_ condition: (Member) -> Bool) -> [Member] {
        self.members.values.filter(condition).sorted { ($0.startedAt, $0.id) < ($1.startedAt, $1.id) }
    }

    /// Looks who has failed, and what is still to come.
    private mutating func settle(now: Instant) {
        for member in self.sorted({ if case .starting(let until) = $0.state { until <= now } else { false } }) {
            self.crashes += 1
            self.members[member.id]?.state = .failed
        }
        let ready = self.sorted { $0.state == .ready }
        var failing = ready.filter { self.limits.probeFailures > 0 && $0.failedProbes >= self.limits.probeFailures }
        // What strikes most of them at once is seldom their own fault: one by one, and the others serve as they can.
        if 2 * ready.count(where: { $0.failedProbes > 0 }) > ready.count {
            let isComplete = ready.count == self.live.count && ready.count >= self.desired ?? 0
            failing = isComplete && self.limits.canRetire ? Array(failing.prefix(1)) : []
        }
        for member in failing {
            self.crashes += 1
            self.members[member.id]?.state = .failed
        }
        let missing = max(0, (self.desired ?? 0) - self.live.count)
        if self.orders.count > missing { self.orders.removeLast(self.orders.count - missing) }
        while self.orders.count < missing { self.orders.append(now) }
        if missing == 0 { self.hasLost = false }
    }

    private var live: [Member] {
        self.sorted {
            switch $0.state {
            case .starting, .ready: true
            case .draining, .failed, .retiring, .retired, .leaving: false
            }
        }
    }

    /// Those that the cloud keeps up as part of its size.
    var kept: Int {
        self.members.values.count {
            switch $0.state {
            case .starting, .ready, .draining, .failed, .retiring: true
            case .retired, .leaving: false
            }
        }
    }

    private var draining: [Member] {
        self.sorted { if case .draining = $0.state { true } else { false } }
    }

    // MARK: What is desired

    /// Moves towards `desired` instances, those that are on their way included. `inFlight` as in `Reconciliation`.
    public mutating func reconcile(desired: Int, inFlight: ByName<Int>?, now: Instant) {
        self.desired = desired
        for member in self.draining {
            guard case .draining(let since) = member.state else { continue }
            let age = now.nanoseconds(since: since)
            let isQuiet = inFlight.map { $0[member.id] ?? 0 == 0 } ?? false
            let timeout = max(Reconciliation.noticeNanoseconds, self.limits.drainTimeoutNanoseconds)
            if age >= timeout || isQuiet && age >= Reconciliation.noticeNanoseconds {
                self.members[member.id]?.state = .retiring
            }
        }
        if self.limits.canRetire, self.hasList {
            let live = self.live
            if live.count > desired {
                self.letGo(live.count - desired, of: live, inFlight: inFlight ?? [:], now: now)
            } else {
                self.revive(desired - live.count)
            }
        }
        self.settle(now: now)
    }

    /// Somebody else scales: the cloud is told nothing, not even to replace one that hangs. Who had to drain serves on.
    /// Before the first list that may be one that the cloud ends.
    public mutating func hold(now: Instant) {
        self.desired = nil
        if self.hasList { self.revive(self.members.count) }
        self.settle(now: now)
    }

    /// Those who are not ready go first, the youngest of them before the others; then the idlest.
    private mutating func letGo(_ count: Int, of live: [Member], inFlight: ByName<Int>, now: Instant) {
        let order = live.sorted { left, right in
            if (left.state == .ready) != (right.state == .ready) { return right.state == .ready }
            let (leftLoad, rightLoad) = (inFlight[left.id] ?? 0, inFlight[right.id] ?? 0)
            if left.state == .ready, leftLoad != rightLoad { return leftLoad < rightLoad }
            return (left.startedAt, left.id) > (right.startedAt, right.id)
        }
        for member in order.prefix(count) {
            self.members[member.id]?.state =
                member.state == .ready ? .draining(since: now) : .retiring
        }
    }

    /// Who drains has not been ended: taken back it serves at once. The last to go come first.
    private mutating func revive(_ count: Int) {
        let candidates = self.members.values.compactMap { member -> (since: Instant, id: String)? in
            guard !member.isDismissed, member.id != self.ending else { return nil }
            guard member.lingersSince == nil ? member.hasBeenReady : member.isWellAfterAll == true else { return nil }
            switch member.state {
            case .draining(let since): return (since, member.id)
            // The cloud may refuse for good, as where its own bound is higher than the pool's: then it serves on.
            case .retiring: return (member.startedAt, member.id)
            case .starting, .ready, .failed, .retired, .leaving: return nil
            }
        }
        for (_, id) in candidates.sorted(by: { ($0.since, $0.id) > ($1.since, $1.id) }).prefix(max(0, count)) {
            self.members[id]?.state = .ready
            self.members[id]?.failedProbes = 0
            self.members[id]?.hasBeenReady = true
            self.members[id]?.goesOn()
        }
    }

    /// That one is to go, for good. nil: there is none, or nothing can be done yet.
    public mutating func dismiss(_ id: String, now: Instant) -> Dismissal? {
        guard self.limits.canRetire, self.desired != nil, let member = self.members[id] else { return nil }
        self.members[id]?.isDismissed = true
        self.members[id]?.isWantedGone = true
        var done = Dismissal.begun
        switch member.state {
        case .ready: self.members[id]?.state = .draining(since: now)
        case .starting, .failed: self.members[id]?.state = .retiring
        case .draining, .retiring, .retired, .leaving: done = .already
        }
        self.settle(now: now)
        return done
    }

    // MARK: What the cloud is told

    /// The next thing to tell it of what `lanes` let through; nil when there is none. Asked again it says the same, until
    /// that is reported as done.
    public mutating func nextAction(now: Instant, lanes: Lanes = Lanes()) -> Action? {
        guard self.hasList, let desired = self.desired else { return nil }
        let told = self.told ?? self.kept
        guard self.limits.canRetire else {
            let isDue = told != desired || self.isOverdue(self.kept != desired, now: now)
            return lanes.scale && isDue ? .scale(desired) : nil
        }
        let live = self.live.count
        let retiring = self.sorted { $0.state == .retiring && !(live < desired && $0.mayServeYet) }
        // Those who drain are part of the size until they are retired; so are those whom the cloud does not end, in whose
        // place others are to come.
        let wanted = desired + self.draining.count + retiring.count { $0.refusals > 0 }
        let size = min(wanted, max(desired, self.limits.maxWorkers))
        if lanes.scale, told < size { return .scale(size) }
        if lanes.retire, let next = self.nextToRetire(of: retiring, now: now) { return .retire(next) }
        // Lowered by a number it would choose itself who goes: that is not asked of it.
        let isDue = lanes.scale && self.isOverdue(live < desired, now: now)
        return isDue ? .scale(max(size, self.kept)) : nil
    }

    private mutating func nextToRetire(of retiring: [Member], now: Instant) -> String? {
        if let next = retiring.min(by: { $0.refusals < $1.refusals }) { return next.id }
        if let failed = self.sorted({ $0.state == .failed }).first, self.replacementAt.map({ now >= $0 }) ?? true {
            self.members[failed.id]?.state = .retiring
            self.members[failed.id]?.isDismissed = true
            self.replacementAt = now.advanced(byNanoseconds: self.backoff.next())
            return failed.id
        }
        return nil
    }

    private func isOverdue(_ isAmiss: Bool, now: Instant) -> Bool {
        isAmiss && (self.hasLost || self.toldAt.map { now.nanoseconds(since: $0) >= Self.repeatNanoseconds } ?? false)
    }

    /// It is being told.
    public mutating func began(_ action: Action) {
        if case .retire(let id) = action { self.ending = id }
    }

    /// That has failed: another one that is to go comes first.
    public mutating func refused(_ action: Action) {
        guard case .retire(let id) = action else { return }
        self.ending = nil
        self.members[id]?.refusals += 1
    }

    /// It has been told a size.
    public mutating func scaled(to size: Int, now: Instant) {
        if !self.limits.canRetire { self.expectedLosses = max(0, self.kept - size) }
        self.told = size
        self.toldAt = now
        self.hasLost = false
    }

    /// It has been told to end that one, which lowers its size.
    public mutating func retired(_ id: String, now: Instant) {
        self.ending = nil
        self.told = max(0, (self.told ?? self.kept) - 1)
        if self.members[id] != nil { self.members[id]?.state = .retired(since: now) }
    }
}
