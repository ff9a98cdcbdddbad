import EventLoop
import Pools
import Scaling

/// The board on which gateways and the controller leave each other word about a pool: `RedisPoolBoard`,
/// `MemoryPoolBoard`, or one that misbehaves on purpose in a simulated world.
///
/// Freshness is judged by the clock of the shared state, so that gateways and controllers need no common one. All
/// methods are called on the loop; completions run on it, exactly once, and never before the call has returned.
///
/// What is above `BoardLimits` is refused, and nothing of that call is stored.
public protocol PoolBoard: AnyObject {
    var loop: any LoopContext { get }

    /// Why the shared state cannot be reached now; nil when it can.
    var outage: String? { get }

    // MARK: Gateways

    /// Publishes a gateway's last interval, in place of the one before, and brings the directory of workers back.
    func report(pool: String, signals: GatewaySignals, completion: @escaping StoreCompletion<[WorkerRecord]>)

    /// The directory, in order of the ids.
    func workers(pool: String, completion: @escaping StoreCompletion<[WorkerRecord]>)

    /// Takes a gateway that stops off the board, so that the controller need not wait for its signals to grow old.
    func withdraw(pool: String, gateway: String, completion: @escaping StoreCompletion<Void>)

    // MARK: The controller

    /// What gateways published within the last `maxAgeMicros`, each with its age, in order of their names. Older signals
    /// are forgotten. A gateway that withdrew is not among them: one that is and grows old has fallen silent.
    func signals(
        pool: String,
        maxAgeMicros: Int64,
        completion: @escaping StoreCompletion<[GatewaySignals]>
    )

    /// Puts `workers` in place of the whole directory, and `registry`, which only controllers read, in place of the one
    /// before. False: a leader with a higher fence has written; nothing changed.
    func publish(
        pool: String,
        workers: [WorkerRecord],
        registry: [RegisteredWorker],
        fence: Int64,
        completion: @escaping StoreCompletion<Bool>
    )

    /// What the last leader who wrote has left.
    func registry(pool: String, completion: @escaping StoreCompletion<BoardRegistry>)

    /// Puts `fields` and `at_micros`, the time of the shared state, in place of the last decision. False: a leader with a
    /// higher fence has written; nothing changed.
    func publishDecision(
        pool: String,
        fields: [(String, String)],
        fence: Int64,
        completion: @escaping StoreCompletion<Bool>
    )

    /// The last decision's fields in order of their names, with `at_micros`; empty when there is none.
    func decision(pool: String, completion: @escaping StoreCompletion<[(String, String)]>)

    // MARK: Operators

    /// Puts an operator's order about the pool's mode in place of the one before; nil takes it away.
    func setMode(pool: String, order: ModeOrder?, completion: @escaping StoreCompletion<Void>)

    /// The order that stands, whether its time has run out or not. It is kept as long as somebody asks for it.
    func mode(pool: String, completion: @escaping StoreCompletion<ModeOrder?>)

    // MARK: Leadership

    /// Becomes or stays the leader for `ttlMillis`. `displacing` names a leader that is known to be gone: nobody waits for
    /// its time to run out.
    func lead(
        controller: String,
        ttlMillis: Int64,
        displacing: String?,
        completion: @escaping StoreCompletion<Leadership>
    )

    /// Steps down, so that another need not wait; does nothing when another leads. Who leads or stands by now; nil when
    /// nobody does.
    func resign(controller: String, completion: @escaping StoreCompletion<String?>)
}
