import EventLoop
import Logging
import Primitives
import Scaling
import Settings
import SharedState

/// How the workers of one pool come and go: the only thing that a `PoolController` knows of them.
///
/// A driver is told how many workers there are to be, and sees to it by its own means: processes, a cluster, a cloud's
/// command line. It tells gateways which workers there are, through the board (see `DirectoryPublisher`): with every
/// change, and with every `reconcile`. All calls and events are on the loop of its context.
///
/// What holds for every driver, and is put to the test with each of them (`DriverConformance`):
/// - Before `takeOver` is over, after `standBy` and `stop`, and while `mayAct` says no, it changes nothing outside.
/// - Who is to go drains first: gateways are told, and it goes when it is idle or its time is up.
/// - An address is told only while requests may be sent there, or while one that drains still has some.
/// - An outside that fails, hangs or answers nonsense makes a `problem`, and changes neither directory nor size.
/// - All that it keeps is bounded.
protocol WorkerDriver: AnyObject {
    /// The pool as the policy sees it.
    var state: PoolState { get }
    /// As gateways are told.
    var directory: [WorkerRecord] { get }
    /// For the operator: what keeps workers from getting ready, and what to do; nil when nothing does.
    var problem: String? { get }
    /// The driver itself tells the log of what leads to a `problem`.
    var tellsLog: Bool { get }
    /// Workers that ended unasked, did not get ready or hung.
    var crashes: Int { get }
    /// There are workers that have to be handed over or ended before this controller may go.
    var hasWorkers: Bool { get }
    /// The fence of the term in which this controller looks after the pool; nil while it stands by or takes over.
    var term: Int64? { get }
    /// It is known which workers there are and how many are on their way. A driver may begin its term before that, so that
    /// gateways go on and rooms have a rate; until then it is to `hold`, and what is decided counts for nothing. In a term it
    /// becomes true once, and stays so.
    var isComplete: Bool { get }
    /// How many workers there are, where nobody here decides it and the settings alone do not say; else nil.
    var fixedSize: Int? { get }
    var onEvent: ((WorkerDriverEvent) -> Void)? { get set }

    /// New settings; the driver itself is the same.
    func apply(_ pool: PoolSettings)

    /// This controller leads: finds out which workers there are. `completion` is called once `term` is this fence, at once
    /// or later, and not at all when that cannot be known; then it is called again a second later.
    func takeOver(fence: Int64, _ completion: @escaping () -> Void)

    /// Moves towards `desired` workers, those that are starting included. `inFlight` tells, by the workers' ids, what the
    /// gateways have under way; nil when they did not tell, in which case nobody is taken to be idle. Called once a second
    /// while this controller leads, changed or not.
    func reconcile(desired: Int, inFlight: ByName<Int>?)

    /// In place of `reconcile` while somebody else scales this pool: nothing is changed outside. What the driver alone
    /// looks after, as processes, stays as many as it is.
    func hold(inFlight: ByName<Int>?)

    /// That one is to go, as an operator wants it: it drains, and `reconcile` replaces it when it is needed. One that is
    /// on its way out stays so, though more may be desired. Says what becomes of it.
    func retire(_ id: String) -> Retirement

    /// Another controller leads, or nobody knows who does.
    func standBy()
    /// Once a second meanwhile: what the leader makes of workers that are left here.
    func follow()
    /// This controller ends, and its workers stay for the next one.
    func leave()
    /// The pool, or the site, ends: so do those workers that are only there for this controller. They drain first, unless
    /// that has to be quick. `completion` is called when nothing is left to wait for.
    func stop(inHurry: Bool, _ completion: @escaping () -> Void)
}

extension WorkerDriver {
    /// Most know it when they begin.
    var isComplete: Bool { true }
    var tellsLog: Bool { true }
    var fixedSize: Int? { nil }
}

enum WorkerDriverEvent: Equatable {
    /// A worker got ready so long after it was ordered.
    case started(afterNanoseconds: Int64)
    /// Workers have come, gone, or changed their state; gateways have been told.
    case directoryChanged
    /// A later leader has written to the board.
    case deposed
}

/// What a driver is given.
struct DriverContext {
    let pool: PoolSettings
    /// The program that brings the sample worker along.
    let executable: String
    let loop: any LoopContext
    let board: any PoolBoard
    let log: Logger
    let seed: UInt64
    let workers: WorkerAccess
    /// Whether this controller may still act: what it was told last of who leads is not too old.
    let mayAct: () -> Bool
    /// False: the pool has another driver now, which tells gateways of its workers.
    var tellsGateways = true
}

/// The one place where it is decided which driver a pool has.
enum WorkerDrivers {
    static func make(_ context: DriverContext) -> any WorkerDriver {
        switch context.pool.driver {
        case .static: StaticDriver(context)
        case .keda: KEDADriver(context)
        case .process: ProcessPool(context)
        case .command: CommandDriver(context)
        case .kubernetes: KubernetesDriver(context)
        }
    }
}
