import Pools
import Primitives
import Settings
import Transport

/// One worker's process as its driver sees it: `ManagedWorker`, or an invented one in a simulated world.
protocol WorkerProcess: AnyObject {
    /// As the worker announced it; nil before.
    var address: SocketAddress? { get }
    /// By which the next controller finds it.
    var identity: ProcessIdentity { get }
    /// How it is asked whether it is well, from now on.
    func ask(_ settings: ProbeSettings)
    /// Asks the process to end. `keepsOutput`: because it failed, and an operator will want to know why.
    func stop(keepsOutput: Bool)
    /// Ends it.
    func kill()
    /// Another controller looks after it from now on. No event comes any more.
    func letGo()
    /// Keeps what it writes within its limits; called now and then.
    func tidy()
}

/// What a worker's process tells, on the loop.
enum WorkerEvent {
    /// It answered its readiness check.
    case ready
    /// Ready before, it was asked again.
    case probed(isWell: Bool)
    /// It has told its address, which the next controller has to know.
    case announced
    /// It says that it listens on something that is no address: it can never be asked.
    case useless(String)
    /// Its process is gone. Nothing comes after that.
    case ended(String)
}

/// What is to be started.
struct WorkerPlan: Equatable {
    /// Unique in the pool, also over controllers.
    let id: String
    let pool: String
    let executable: String
    let arguments: [String]
    /// Of the program, its arguments and its shape.
    let shape: UInt64
    /// Where its output goes.
    let log: String
    /// Where it is told to listen; nil: it tells itself.
    let address: SocketAddress?
}

/// Starts a worker's process. Its events come after the call has returned.
typealias WorkerLauncher = (WorkerPlan, _ onEvent: @escaping (WorkerEvent) -> Void) throws -> any WorkerProcess

/// What is seen of a worker's process that another controller started.
enum FoundWorker {
    case runs(any WorkerProcess)
    case ended
    /// It may run; it cannot be seen for the moment.
    case unseen
}

/// Goes on with a worker's process that another controller started.
typealias WorkerAdopter = (RegisteredWorker, _ onEvent: @escaping (WorkerEvent) -> Void) -> FoundWorker
