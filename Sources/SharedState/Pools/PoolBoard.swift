import EventLoop

/// The board on which gateways and the controller leave each other word about a pool. `RedisPoolBoard` or
/// `MemoryPoolBoard`.
///
/// Freshness is judged by the clock of the shared state, so that gateways and controllers need no common one. All
/// methods are called on the loop; completions run on it, exactly once, and never before the call has returned.
///
/// Limits: `maxGateways` gateways and `maxWorkers` workers a pool, `maxNameBytes` for a name, id or address,
/// `maxDecisionFields` fields of `maxValueBytes` each. What is above is refused, and nothing of that call is stored.
open class PoolBoard {
    public static let maxGateways = 1_000
    public static let maxWorkers = 4_096
    public static let maxNameBytes = 256
    public static let maxValueBytes = 4_096
    public static let maxDecisionFields = 256
    /// A gateway that has been silent for this long makes room for a new one when the board is full.
    static let forgottenAfterMicros: Int64 = 60_000_000

    public final let loop: EventLoop
    /// Values that could not be read and were left out.
    public private(set) final var unreadableValues: UInt64 = 0
    public final var onUnreadable: ((UnreadableValue) -> Void)?

    public init(loop: EventLoop) { self.loop = loop }

    /// Why the shared state cannot be reached now; nil when it can.
    open var outage: String? { nil }

    // MARK: Gateways

    /// Publishes a gateway's last interval, in place of the one before, and brings the directory of workers back.
    open func report(pool: String, signals: GatewaySignals, completion: @escaping StoreCompletion<[WorkerRecord]>) {
        preconditionFailure("\(type(of: self)) takes no reports")
    }

    /// The directory, in order of the ids.
    open func workers(pool: String, completion: @escaping StoreCompletion<[WorkerRecord]>) {
        preconditionFailure("\(type(of: self)) has no workers")
    }

    /// Takes a gateway that stops off the board, so that the controller need not wait for its signals to grow old.
    open func withdraw(pool: String, gateway: String, completion: @escaping StoreCompletion<Void>) {
        preconditionFailure("\(type(of: self)) has no gateways")
    }

    // MARK: The controller

    /// What gateways published within the last `maxAgeMicros`, in order of their names. Older signals are forgotten.
    open func signals(
        pool: String,
        maxAgeMicros: Int64,
        completion: @escaping StoreCompletion<[GatewaySignals]>
    ) {
        preconditionFailure("\(type(of: self)) has no signals")
    }

    /// Puts `workers` in place of the whole directory. False: a leader with a higher fence has published; nothing
    /// changed.
    open func publish(
        pool: String,
        workers: [WorkerRecord],
        fence: Int64,
        completion: @escaping StoreCompletion<Bool>
    ) {
        preconditionFailure("\(type(of: self)) takes no workers")
    }

    /// Puts `fields` and `at_micros`, the time of the shared state, in place of the last decision.
    open func publishDecision(
        pool: String,
        fields: [(String, String)],
        completion: @escaping StoreCompletion<Void>
    ) {
        preconditionFailure("\(type(of: self)) takes no decisions")
    }

    /// The last decision's fields in order of their names, with `at_micros`; empty when there is none.
    open func decision(pool: String, completion: @escaping StoreCompletion<[(String, String)]>) {
        preconditionFailure("\(type(of: self)) has no decisions")
    }

    // MARK: Leadership

    /// Becomes or stays the leader for `ttlMillis`. The fence of this time of leading, which is higher than that of
    /// any before; nil while another leads.
    open func lead(controller: String, ttlMillis: Int64, completion: @escaping StoreCompletion<Int64?>) {
        preconditionFailure("\(type(of: self)) has no leader")
    }

    /// Steps down, so that another need not wait. Does nothing when another leads.
    open func resign(controller: String, completion: @escaping StoreCompletion<Void>) {
        preconditionFailure("\(type(of: self)) has no leader")
    }

    // MARK: For subclasses

    final func leaveOut(_ value: UnreadableValue) {
        self.unreadableValues += 1
        self.onUnreadable?(value)
    }

    /// What stands against storing these; nil when nothing does.
    static func objection(to signals: GatewaySignals) -> StoreError? {
        let counts = [
            signals.arrivals, signals.unguarded, signals.admissions, signals.waiting, signals.inFlight, signals.queued,
            signals.errors,
            Int(signals.intervalMicros),
        ]
        guard signals.workerInFlight.count <= Self.maxWorkers else {
            return .refused("signals of \(signals.workerInFlight.count) workers: a pool has \(Self.maxWorkers) at most")
        }
        guard counts.allSatisfy({ $0 >= 0 }), signals.workerInFlight.values.allSatisfy({ $0 >= 0 }) else {
            return .refused("signals of gateway \(signals.gateway) have a negative count")
        }
        return self.objection(toNames: [signals.gateway] + signals.workerInFlight.keys)
    }

    static func objection(to workers: [WorkerRecord]) -> StoreError? {
        guard workers.count <= Self.maxWorkers else {
            return .refused("\(workers.count) workers: a pool has \(Self.maxWorkers) at most")
        }
        guard Set(workers.map(\.id)).count == workers.count else {
            return .refused("two workers have the same id: \(workers.map(\.id).sorted().joined(separator: ", "))")
        }
        guard workers.allSatisfy({ $0.sinceMicros >= 0 }) else { return .refused("a worker's time lies before 1970") }
        return self.objection(toNames: workers.map(\.id) + workers.map(\.address))
    }

    static func objection(to fields: [(String, String)]) -> StoreError? {
        guard fields.count <= Self.maxDecisionFields, Set(fields.map(\.0)).count == fields.count else {
            return .refused("a decision has at most \(Self.maxDecisionFields) fields, each with a name of its own")
        }
        if let value = fields.map(\.1).first(where: { $0.utf8.count > Self.maxValueBytes }) {
            return .refused("a decision's field has at most \(Self.maxValueBytes) bytes: '\(value.prefix(80))...'")
        }
        return self.objection(toNames: fields.map(\.0))
    }

    private static func objection(toNames names: [String]) -> StoreError? {
        guard let bad = names.first(where: { $0.isEmpty || $0.utf8.count > Self.maxNameBytes }) else { return nil }
        return .refused("a name, id or address on the board has 1 to \(Self.maxNameBytes) bytes: '\(bad.prefix(80))'")
    }
}
