import EventLoop
import Logging
import Pools
import Primitives
import SharedState

/// Who looks after a pool's workers: taken over when this controller begins to lead, written down while it does, and
/// given up or ended when another one leads.
///
/// Written down twice: in the state folder, which is there when the shared state is not, and in the shared state, which
/// a controller with another state folder sees too.
final class WorkerCustody {
    /// Workers of another host are used as long as this at most, while there are not enough of this one's.
    static let foreignGraceNanoseconds = 30 * Nanoseconds.perSecond

    enum Phase: Equatable {
        /// Another controller leads, or none has answered yet.
        case standingBy
        /// Leads, and does not know yet what there is to lead.
        case takingOver(fence: Int64)
        case leading(fence: Int64)
    }
    private(set) var phase = Phase.standingBy

    /// As others know this controller.
    private let keeper: String
    private let loop: any LoopContext
    private let publisher: DirectoryPublisher
    private let book: any WorkerBook
    private let place: String
    private let isGone: (String) -> Bool
    /// Controllers of this folder that are gone, whose workers this one looks after meanwhile.
    private var heirOf: Set<String> = []
    private let driver: ProcessDriver
    /// Of another host, as its controller left them.
    private var foreign: (workers: [RegisteredWorker], records: [WorkerRecord], until: Instant)?
    /// Of the last time of leading.
    private var lastFence: Int64 = 0
    private var isAsking = false
    /// Called once, when it is known what there is to take over, or that it cannot be known.
    var onSettled: (() -> Void)?
    /// A later leader has written.
    var onDeposed: (() -> Void)?

    init(
        keeper: String,
        place: String,
        isGone: @escaping (String) -> Bool,
        driver: ProcessDriver,
        loop: any LoopContext,
        publisher: DirectoryPublisher,
        book: any WorkerBook
    ) {
        self.keeper = keeper
        self.place = place
        self.isGone = isGone
        self.driver = driver
        self.loop = loop
        self.publisher = publisher
        self.book = book
    }

    private var pool: String { self.publisher.pool }
    private var board: any PoolBoard { self.publisher.board }
    private var log: Logger { self.publisher.log }

    /// The answer is on its way.
    var isTakingOver: Bool { if case .takingOver = self.phase { self.isAsking } else { false } }
    var isLeading: Bool { if case .leading = self.phase { true } else { false } }
    /// Ready workers of another host that gateways still use.
    var foreignReady: [WorkerRecord] { self.foreignRecords.filter { $0.state == .ready } }
    var foreignRecords: [WorkerRecord] { self.foreign?.records ?? [] }

    // MARK: Taking over

    /// Looks for workers that an earlier leader has left, and goes on with them. Until that is known nothing is started,
    /// stopped or published: an empty list would take from gateways what they have.
    func takeOver(fence: Int64, _ completion: @escaping () -> Void) {
        guard !self.isAsking, self.phase != .leading(fence: fence) else { return }
        self.phase = .takingOver(fence: fence)
        self.isAsking = true
        self.board.registry(pool: self.pool) { result in
            self.isAsking = false
            defer {
                let onSettled = self.onSettled
                self.onSettled = nil
                onSettled?()
            }
            guard self.phase == .takingOver(fence: fence) else { return }
            // Tried again with the next round.
            guard case .success(let left) = result else { return }
            guard left.fence <= fence else { return self.deposed() }
            guard let book = self.book.load(pool: self.pool) else { return }
            self.adopt(left, book)
            self.phase = .leading(fence: fence)
            self.lastFence = fence
            self.publish()
            completion()
        }
    }

    private func adopt(_ left: BoardRegistry, _ book: WorkerRegistry) {
        var known = Adoption.merged(book.workers, left.workers)
        let own = self.driver.ids
        known += self.book.strays(pool: self.pool, besides: own.union(known.map(\.id)))
        let plan = Adoption.plan(known.filter { !own.contains($0.id) }, at: self.place)
        let adopted = self.driver.adopt(plan.here)
        let elsewhere = Set(plan.elsewhere.map(\.id))
        let records = left.directory.filter { elsewhere.contains($0.id) && $0.state == .ready }
        self.foreign =
            records.isEmpty
            ? nil
            : (
                plan.elsewhere.filter { worker in records.contains { $0.id == worker.id } }, records,
                self.loop.now.advanced(byNanoseconds: Self.foreignGraceNanoseconds)
            )
        // A leader that was one before finds its own again.
        guard !known.allSatisfy({ own.contains($0.id) }) else { return }
        self.log.notice(
            "workers of an earlier controller",
            metadata: [
                "pool": "\(self.pool)", "adopted": "\(adopted)",
                "ended": "\(plan.here.count + plan.gone.count - adopted - self.driver.unseen.count)",
                "unseen": "\(self.driver.unseen.count)",
                "elsewhere": "\(records.count)",
            ]
        )
    }

    /// There are enough of this host's own, or there has been time for it.
    func letForeignGo(desired: Int) {
        guard let foreign = self.foreign else { return }
        if self.driver.state.ready >= desired || self.loop.now >= foreign.until { self.foreign = nil }
    }

    // MARK: Writing down

    /// For gateways the directory, for other controllers the registry. Called with every change, and every second.
    func publish() {
        guard case .leading(let fence) = self.phase else {
            // A later leader on the same folder has written there itself; then this is not taken.
            if self.lastFence > 0, self.phase == .standingBy { self.writeDown(fence: self.lastFence) }
            return
        }
        self.writeDown(fence: fence)
        self.publisher.publish(
            self.driver.directory + self.foreignRecords,
            registry: self.registry + (self.foreign?.workers ?? []),
            fence: fence
        ) {
            if self.phase == .leading(fence: fence) { self.deposed() }
        }
    }

    private var registry: [RegisteredWorker] { self.driver.registry(keeper: self.keeper) }
    /// For the operator: why the state folder's list of workers cannot be read or written; nil when it can be.
    var problem: String? { self.book.problem(pool: self.pool) }
    /// As last written to the state folder.
    private var written: WorkerRegistry?

    private func writeDown(fence: Int64) {
        let registry = WorkerRegistry(fence: fence, workers: self.registry)
        guard registry != self.written else { return }
        self.written = self.book.save(registry, pool: self.pool) ? registry : nil
    }

    // MARK: While another one leads

    private func deposed() {
        self.standBy()
        self.onDeposed?()
    }

    /// Starts nothing more, and waits for what the leader says about the workers that are left.
    func standBy() {
        guard self.phase != .standingBy else { return }
        self.phase = .standingBy
        self.foreign = nil
        self.written = nil
        self.driver.standBy()
    }

    /// To tell gateways of workers that end, when nobody has taken this pool over after all. A later leader's word counts
    /// more all the same.
    func speakAgain() {
        if self.phase == .standingBy, self.lastFence > 0 { self.phase = .leading(fence: self.lastFence) }
    }

    /// A controller of this folder has died, and the leader is on another host: its workers would serve nobody, and never
    /// end. Whoever stands by here looks after them until the leader has no need of them.
    private func inherit() {
        guard let book = self.book.load(pool: self.pool) else { return }
        let left = book.workers.filter { $0.keeper != self.keeper && self.isGone($0.keeper) }
        guard !left.isEmpty, self.driver.ids.isDisjoint(with: left.map(\.id)) else { return }
        self.heirOf.formUnion(left.map(\.keeper))
        self.lastFence = max(self.lastFence, book.fence)
        _ = self.driver.adopt(Adoption.plan(left, at: self.place).here)
        self.publish()
    }

    /// Looks what the leader makes of the workers that this controller still has: it gives up those that the leader has
    /// adopted, and ends those that nobody wants.
    func follow() {
        if !self.isLeading { self.inherit() }
        self.driver.lookAgain()
        let own = self.driver.ids.union(self.driver.unseen.map(\.id))
        guard !self.isLeading, !self.isAsking, !own.isEmpty else { return }
        self.isAsking = true
        self.board.registry(pool: self.pool) { result in
            self.isAsking = false
            guard !self.isLeading, case .success(let leaders) = result else { return }
            let listed = Set(leaders.directory.filter { $0.state != .draining }.map(\.id))
            var given: Set<String> = []
            var retired: Set<String> = []
            for id in own {
                switch Adoption.following(
                    id,
                    of: self.heirOf.union([self.keeper]),
                    registry: leaders.workers,
                    isListed: listed.contains(id),
                    leaderHasSpoken: leaders.fence > self.lastFence
                ) {
                case .keep: break
                case .giveUp: given.insert(id)
                case .retire: retired.insert(id)
                }
            }
            if !given.isEmpty {
                self.log.notice(
                    "workers are given up to the controller that leads",
                    metadata: ["pool": "\(self.pool)", "count": "\(given.count)"]
                )
                self.driver.giveUp(given)
            }
            if !retired.isEmpty { self.driver.retire(retired) }
            self.publish()
        }
    }
}
