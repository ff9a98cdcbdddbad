import EventLoop
import Logging
import Pools
import Primitives
import Scaling
import Settings
import SharedState
import Transport

/// Instances of any cloud, by its own command line: one command sets their number, one lists them, and one, if there is
/// such, ends one that is named. `CloudFleet` decides; this runs the commands and asks the instances how they do.
///
/// Instances belong to the cloud: they stay when this controller ends, and when the pool is configured no more.
final class CommandDriver: WorkerDriver {
    private enum Phase: Equatable {
        case standingBy
        case takingOver(fence: Int64)
        /// Lists the instances and asks them, before anything is decided: whoever decides on those that gateways knew
        /// would end the others.
        case lookingAround(fence: Int64, since: Instant)
        case leading(fence: Int64)
        /// For good.
        case ended
    }

    private var pool: PoolSettings
    private let loop: any LoopContext
    private let log: Logger
    private let publisher: DirectoryPublisher
    private let mayAct: () -> Bool
    private let makeProbe: ProbeMaker
    private let seed: UInt64
    private var phase = Phase.standingBy
    private var fleet: CloudFleet
    /// By the ids of those who are asked.
    private var probes: [String: (address: SocketAddress, probe: any AddressProbe)] = [:]
    private let lister: CommandLane
    private let scaler: CommandLane
    private let retirer: CommandLane
    /// The next look at what there is to list and to do.
    private var timer: LoopTimer?
    private var listedAt: Instant?
    /// How long whoever is due is looked for: also while nothing may be done.
    private static let lookNanoseconds = 100 * Nanoseconds.perMillisecond
    private var isAsking = false
    /// Called when it is known whom there is.
    private var onKnown: (() -> Void)?
    /// A cloud that does not answer for so long is no reason to lend no rate.
    private static let longestLookAroundNanoseconds = 2 * Nanoseconds.perSecond
    var onEvent: ((WorkerDriverEvent) -> Void)?

    init(_ context: DriverContext) {
        self.pool = context.pool
        self.loop = context.loop
        self.log = context.log
        self.publisher = DirectoryPublisher(pool: context.pool.name, board: context.board, log: context.log)
        self.mayAct = context.mayAct
        self.makeProbe = context.workers.probe
        self.seed = context.seed
        self.fleet = CloudFleet(limits: CloudFleet.Limits(context.pool), seed: context.seed)
        self.lister = CommandLane(loop: context.loop, run: context.workers.run, seed: context.seed &+ 1)
        self.scaler = CommandLane(loop: context.loop, run: context.workers.run, seed: context.seed &+ 2)
        self.retirer = CommandLane(loop: context.loop, run: context.workers.run, seed: context.seed &+ 3)
        self.timer = LoopTimer(loop: context.loop) { [weak self] in self?.look() }
    }

    // MARK: Observing

    var state: PoolState { self.fleet.state }
    var crashes: Int { self.fleet.crashes }
    /// They need nobody.
    var hasWorkers: Bool { false }
    var isComplete: Bool { self.fleet.isKnown(now: self.loop.now) }
    var term: Int64? { if case .leading(let fence) = self.phase { fence } else { nil } }

    /// Those that the controller's own probes have found well; and those that leave, who may have something under way.
    var directory: [WorkerRecord] {
        self.fleet.members.values.compactMap { member -> WorkerRecord? in
            guard let address = member.address else { return nil }
            let state: WorkerRecord.State
            switch member.state {
            case .ready: state = .ready
            case .draining, .leaving: state = .draining
            case .starting, .failed, .retiring, .retired: return nil
            }
            return WorkerRecord(
                id: member.id,
                address: address.description,
                state: state,
                sinceMicros: member.startedMicros
            )
        }.sorted { $0.id < $1.id }
    }

    var problem: String? {
        let now = self.loop.now
        let words = CloudProblem(fleet: self.fleet, now: now, wallMicros: self.loop.wallMicros)
        // The next list is not due before its time, either.
        let age = self.listedAt.map { now.nanoseconds(since: $0) } ?? self.pool.cloud.everyNanoseconds
        let listMicros = words.wallMicros + (self.pool.cloud.everyNanoseconds - age) / Nanoseconds.perMicrosecond
        var parts: [String] = []
        let lanes: [(CommandLane, String, Int64)] = [
            (self.lister, "list", listMicros), (self.scaler, "scale", 0), (self.retirer, "retire", 0),
        ]
        for (lane, key, due) in lanes {
            guard let trouble = lane.trouble else { continue }
            let dueMicros = max(due, lane.nextMicros)
            parts.append(words.failing(key, trouble, isRunning: lane.isRunning, dueMicros: dueMicros))
        }
        parts += words.ofInstances
        guard !parts.isEmpty else { return nil }
        return "pool \(self.pool.name): " + parts.joined(separator: "; ")
            + ". The workers stay as they are where a command fails, and it is tried again by itself; look at pools."
            + "\(self.pool.name).cloud and probe in the configuration"
    }

    func apply(_ pool: PoolSettings) {
        self.pool = pool
        self.fleet.limits = CloudFleet.Limits(pool)
        for (_, asked) in self.probes { asked.probe.settings = pool.probe }
    }

    // MARK: Leading and not

    /// Goes on with whom gateways were told of, and with whom the cloud lists.
    func takeOver(fence: Int64, _ completion: @escaping () -> Void) {
        guard self.phase != .ended, !self.isAsking else { return }
        if case .lookingAround(fence, _) = self.phase { return }
        self.phase = .takingOver(fence: fence)
        self.isAsking = true
        self.publisher.board.registry(pool: self.pool.name) { result in
            self.isAsking = false
            // What cannot be read is asked for again with the next round.
            guard self.phase == .takingOver(fence: fence), case .success(let left) = result else { return }
            guard left.fence <= fence else {
                self.standBy()
                self.onEvent?(.deposed)
                return
            }
            for record in left.directory { self.inherit(record) }
            self.phase = .lookingAround(fence: fence, since: self.loop.now)
            self.onKnown = completion
            self.probeAll()
            self.look()
        }
    }

    private func beginIfKnown() {
        guard case .lookingAround(let fence, let since) = self.phase else { return }
        let isLate = self.loop.now.nanoseconds(since: since) >= Self.longestLookAroundNanoseconds
        guard self.fleet.isKnown(now: self.loop.now) || isLate else { return }
        self.phase = .leading(fence: fence)
        let onKnown = self.onKnown
        self.onKnown = nil
        onKnown?()
    }

    private func inherit(_ record: WorkerRecord) {
        guard record.state != .starting, let address = try? SocketAddress(parsing: record.address) else { return }
        self.fleet.inherit(
            record.id,
            address: address,
            isDraining: record.state == .draining,
            startedMicros: record.sinceMicros,
            now: self.loop.now
        )
    }

    func standBy() {
        guard self.phase != .ended else { return }
        self.phase = .standingBy
        self.forget()
    }

    func follow() {}
    func leave() { self.end() }

    func stop(inHurry: Bool, _ completion: @escaping () -> Void) {
        self.end()
        completion()
    }

    private func end() {
        self.phase = .ended
        self.forget()
    }

    /// Whoever leads next finds out anew what there is.
    private func forget() {
        self.lister.cancel()
        self.scaler.cancel()
        self.retirer.cancel()
        self.timer?.disarm()
        self.listedAt = nil
        self.onKnown = nil
        for (_, asked) in self.probes { asked.probe.end() }
        self.probes = [:]
        self.fleet = CloudFleet(limits: CloudFleet.Limits(self.pool), seed: self.seed)
    }

    // MARK: Acting

    func reconcile(desired: Int, inFlight: ByName<Int>?) {
        guard self.term != nil else { return }
        self.changing { self.fleet.reconcile(desired: desired, inFlight: inFlight, now: self.loop.now) }
        self.publish()
        self.look()
    }

    func hold(inFlight: ByName<Int>?) {
        guard self.term != nil else { return }
        self.changing { self.fleet.hold(now: self.loop.now) }
        self.publish()
        self.look()
    }

    func retire(_ id: String) -> Retirement {
        guard !self.pool.cloud.retire.isEmpty else {
            return .impossible(
                "the cloud chooses which instance goes: cloud.retire, a command that ends a named one, is not configured"
            )
        }
        guard self.term != nil else { return .tooEarly }
        var done: Dismissal?
        self.changing { done = self.fleet.dismiss(id, now: self.loop.now) }
        guard let done else {
            return self.fleet.members[id] == nil ? .unknown(self.fleet.members.keys.sorted()) : .tooEarly
        }
        return done == .already ? .drainsAlready : .drains
    }

    /// Starts what is due, and comes back when there may be more.
    private func look() {
        guard self.isOnDuty else { return }
        if self.mayAct() {
            if self.lister.isFree, self.isListDue { self.list() }
            self.beginIfKnown()
            // Blind it changes nothing.
            if self.term != nil, self.lister.trouble == nil { self.act() }
        }
        self.timer?.arm(afterNanoseconds: Self.lookNanoseconds)
    }

    /// Leads, or finds out what there is to lead.
    private var isOnDuty: Bool {
        switch self.phase {
        case .lookingAround, .leading: true
        case .standingBy, .takingOver, .ended: false
        }
    }

    private var isListDue: Bool {
        guard let listedAt = self.listedAt else { return true }
        return self.loop.now.nanoseconds(since: listedAt) >= self.pool.cloud.everyNanoseconds
    }

    private func list() {
        self.listedAt = self.loop.now
        self.lister.start(self.pool.cloud.list, timeoutNanoseconds: self.pool.cloud.timeoutNanoseconds) {
            printed throws(CommandFailure) in
            let list: InstanceList
            do throws(InstanceList.Damage) {
                list = try InstanceList(printed: printed, port: self.pool.cloud.port.map { UInt16($0) })
            } catch {
                throw CommandFailure(what: "what it printed is no list of instances: \(error)")
            }
            var isTaken = false
            let lingering = Set(self.fleet.lingering.map(\.id))
            self.changing {
                isTaken = self.fleet.listed(list, now: self.loop.now, wallMicros: self.loop.wallMicros)
            }
            guard isTaken else {
                throw CommandFailure(what: "it printed no instance, while some that it printed before answer")
            }
            self.tellLosses(lingeredBefore: lingering)
        } completion: {
            self.tell(self.lister, "list")
            self.look()
        }
    }

    /// One thing at a time. A command that fails again and again waits for itself alone: a worker that cannot be ended is no
    /// reason to start none.
    private func act() {
        guard !self.scaler.isRunning, !self.retirer.isRunning else { return }
        let cloud = self.pool.cloud
        let lanes = CloudFleet.Lanes(scale: self.scaler.isFree, retire: self.retirer.isFree)
        switch self.fleet.nextAction(now: self.loop.now, lanes: lanes) {
        case .scale(let size)?:
            self.log.info("cloud is told a size", metadata: ["pool": "\(self.pool.name)", "size": "\(size)"])
            self.act(
                .scale(size),
                self.scaler,
                cloud.scale.map { $0.replacing(CloudSettings.sizeWord, with: "\(size)") }
            ) {
                self.fleet.scaled(to: size, now: self.loop.now)
            }
        case .retire(let id)?:
            self.log.info("cloud is told to end a worker", metadata: ["pool": "\(self.pool.name)", "worker": "\(id)"])
            self.act(.retire(id), self.retirer, cloud.retire.map { $0.replacing(CloudSettings.idWord, with: id) }) {
                self.fleet.retired(id, now: self.loop.now)
            }
        case nil:
            // What it was to do is not wanted any more.
            if lanes.scale, self.scaler.trouble != nil { self.scaler.cancel() }
            if lanes.retire, self.retirer.trouble != nil { self.retirer.cancel() }
        }
    }

    private func act(_ action: CloudFleet.Action, _ lane: CommandLane, _ words: [String], done: @escaping () -> Void) {
        self.fleet.began(action)
        lane.start(words, timeoutNanoseconds: self.pool.cloud.timeoutNanoseconds) { _ throws(CommandFailure) in
            self.changing(done)
        } completion: {
            if lane.trouble != nil { self.fleet.refused(action) }
            self.tell(lane, lane === self.scaler ? "scale" : "retire")
            self.look()
        }
    }

    private func tell(_ lane: CommandLane, _ what: String) {
        guard let trouble = lane.trouble else { return }
        self.log.error(
            "a command of the cloud has failed",
            metadata: ["pool": "\(self.pool.name)", "command": "\(what)", "error": "\(trouble.what)"]
        )
    }

    /// What the last list has shown.
    private func tellLosses(lingeredBefore: Set<String>) {
        for loss in self.fleet.losses {
            self.log.log(
                level: loss.isExpected ? .info : .warning,
                "the cloud lists an instance no more",
                metadata: [
                    "pool": "\(self.pool.name)", "worker": "\(loss.id)",
                    "address": "\(loss.address?.description ?? "none")",
                    "was_to_go": "\(loss.isExpected)",
                ]
            )
        }
        for member in self.fleet.lingering where !lingeredBefore.contains(member.id) {
            self.log.warning(
                "the cloud was told to end a worker long ago, and lists it as running",
                metadata: ["pool": "\(self.pool.name)", "worker": "\(member.id)"]
            )
        }
    }

    // MARK: How they do

    /// Makes a change, and tells of what has come of it.
    private func changing(_ body: () -> Void) {
        let (directory, state) = (self.directory, self.fleet.state)
        body()
        self.probeAll()
        guard self.directory != directory || self.fleet.state.ready != state.ready else { return }
        self.publish()
        // Not within whatever has led to this.
        self.loop.onNextTurn { [weak self] in
            guard let self, self.term != nil else { return }
            self.onEvent?(.directoryChanged)
        }
    }

    private func probeAll() {
        let asked = Dictionary(uniqueKeysWithValues: self.fleet.probed.map { ($0.id, $0) })
        for (id, probe) in self.probes where asked[id]?.address != probe.address {
            probe.probe.end()
            self.probes[id] = nil
        }
        for (id, member) in asked where self.probes[id] == nil {
            guard let address = member.address else { continue }
            let probe = self.makeProbe(self.pool.probe) { [weak self] in self?.answered(id, isWell: $0) }
            self.probes[id] = (address, probe)
            probe.begin(at: address, isReady: member.state == .ready)
        }
    }

    private func answered(_ id: String, isWell: Bool) {
        guard self.isOnDuty else { return }
        var took: Int64?
        self.changing { took = self.fleet.probed(id, isWell: isWell, now: self.loop.now) }
        guard let took, self.term != nil else { return self.beginIfKnown() }
        self.log.info(
            "worker ready",
            metadata: [
                "worker": "\(id)", "address": "\(self.fleet.members[id]?.address?.description ?? "")",
                "took_ms": "\(took / Nanoseconds.perMillisecond)",
            ]
        )
        self.onEvent?(.started(afterNanoseconds: took))
    }

    private func publish() {
        guard let fence = self.term else { return }
        self.publisher.publish(self.directory, fence: fence) {
            guard self.term == fence else { return }
            self.standBy()
            self.onEvent?(.deposed)
        }
    }
}

extension CloudFleet.Limits {
    init(_ pool: PoolSettings) {
        self.init(
            startTimeoutNanoseconds: pool.startTimeoutNanoseconds,
            drainTimeoutNanoseconds: pool.drainTimeoutNanoseconds,
            probeFailures: pool.probe.failures,
            maxWorkers: pool.maxWorkers,
            canRetire: !pool.cloud.retire.isEmpty
        )
    }
}
