import Admission
import EventLoop
import Pools
import Scaling

/// The board in memory, as one loop sees it.
public final class MemoryPoolBoard: PoolBoard {
    public let loop: any LoopContext
    public let boards: MemoryBoards

    public init(loop: any LoopContext, boards: MemoryBoards) {
        self.loop = loop
        self.boards = boards
    }

    /// Memory is always there.
    public var outage: String? { nil }

    public func report(
        pool: String,
        signals: GatewaySignals,
        completion: @escaping StoreCompletion<[WorkerRecord]>
    ) {
        if let objection = BoardLimits.objection(to: signals) { return self.answer(completion, .failure(objection)) }
        let result: Result<[WorkerRecord], StoreError> = self.access { content in
            let now = content.nowMicros
            var board = content.pools[pool, default: .init()]
            if board.signals[signals.gateway] == nil, board.signals.count >= BoardLimits.maxGateways {
                board.signals = board.signals.filter { now - $0.value.atMicros <= BoardLimits.forgottenAfterMicros }
                guard board.signals.count < BoardLimits.maxGateways else {
                    return .failure(
                        .refused(
                            "\(BoardLimits.maxGateways) gateways report already: does each restart take a new name?"
                        )
                    )
                }
            }
            var stamped = signals
            stamped.atMicros = now
            board.signals[signals.gateway] = stamped
            content.pools[pool] = board
            return .success(board.workers)
        }
        self.answer(completion, result)
    }

    public func workers(pool: String, completion: @escaping StoreCompletion<[WorkerRecord]>) {
        self.answer(completion, .success(self.access { $0.pools[pool]?.workers ?? [] }))
    }

    public func withdraw(pool: String, gateway: String, completion: @escaping StoreCompletion<Void>) {
        self.access { $0.pools[pool]?.signals[gateway] = nil }
        self.answer(completion, .success(()))
    }

    public func signals(
        pool: String,
        maxAgeMicros: Int64,
        completion: @escaping StoreCompletion<[GatewaySignals]>
    ) {
        let fresh: [GatewaySignals] = self.access { content in
            let now = content.nowMicros
            guard var board = content.pools[pool] else { return [] }
            board.signals = board.signals.filter { now - $0.value.atMicros <= maxAgeMicros }
            content.pools[pool] = board
            return board.signals.values.sorted { $0.gateway < $1.gateway }.map { signals in
                var signals = signals
                signals.ageMicros = now - signals.atMicros
                return signals
            }
        }
        self.answer(completion, .success(fresh))
    }

    public func publish(
        pool: String,
        workers: [WorkerRecord],
        registry: [RegisteredWorker],
        fence: Int64,
        completion: @escaping StoreCompletion<Bool>
    ) {
        if let objection = BoardLimits.objection(to: workers) ?? BoardLimits.objection(to: registry) {
            return self.answer(completion, .failure(objection))
        }
        let isTaken = self.access { content in
            var board = content.pools[pool, default: .init()]
            guard fence >= board.fence else { return false }
            board.fence = fence
            board.workers = workers.sorted { $0.id < $1.id }
            board.registry = registry.sorted { $0.id < $1.id }
            content.pools[pool] = board
            return true
        }
        self.answer(completion, .success(isTaken))
    }

    public func registry(pool: String, completion: @escaping StoreCompletion<BoardRegistry>) {
        let board = self.access { $0.pools[pool] ?? .init() }
        let registry = BoardRegistry(fence: board.fence, directory: board.workers, workers: board.registry)
        self.answer(completion, .success(registry))
    }

    public func publishDecision(
        pool: String,
        fields: [(String, String)],
        fence: Int64,
        completion: @escaping StoreCompletion<Bool>
    ) {
        if let objection = BoardLimits.objection(to: fields) { return self.answer(completion, .failure(objection)) }
        let isTaken = self.access { content in
            guard fence >= content.pools[pool]?.fence ?? 0 else { return false }
            var decision = Dictionary(uniqueKeysWithValues: fields)
            decision["at_micros"] = String(content.nowMicros)
            content.pools[pool, default: .init()].decision = decision
            content.pools[pool]?.fence = fence
            return true
        }
        self.answer(completion, .success(isTaken))
    }

    public func decision(pool: String, completion: @escaping StoreCompletion<[(String, String)]>) {
        let fields = self.access { $0.pools[pool]?.decision ?? [:] }
        self.answer(completion, .success(fields.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
    }

    public func setMode(pool: String, order: ModeOrder?, completion: @escaping StoreCompletion<Void>) {
        self.access { $0.pools[pool, default: .init()].mode = order }
        self.answer(completion, .success(()))
    }

    public func mode(pool: String, completion: @escaping StoreCompletion<ModeOrder?>) {
        self.answer(completion, .success(self.access { $0.pools[pool]?.mode }))
    }

    public func lead(
        controller: String,
        ttlMillis: Int64,
        displacing: String?,
        completion: @escaping StoreCompletion<Leadership>
    ) {
        precondition(ttlMillis > 0, "leading takes time")
        let answer: Leadership = self.access { content in
            let now = content.nowMicros
            let lease = content.lease.flatMap { $0.untilMicros > now && $0.controller != displacing ? $0 : nil }
            let own = MemoryBoards.Lease(controller: controller, untilMicros: now + ttlMillis * 1_000)
            if let lease, lease.controller != controller {
                content.standby = own
                return .other(lease.controller)
            }
            if content.standby?.controller == controller { content.standby = nil }
            content.lease = own
            if lease == nil { content.fence = max(content.fence + 1, now) }
            return .own(fence: content.fence)
        }
        self.answer(completion, .success(answer))
    }

    public func resign(controller: String, completion: @escaping StoreCompletion<String?>) {
        let left: String? = self.access { content in
            let now = content.nowMicros
            let lease = content.lease.flatMap { $0.untilMicros > now ? $0 : nil }
            if content.standby?.controller == controller { content.standby = nil }
            if let lease, lease.controller != controller { return lease.controller }
            content.lease = nil
            return content.standby.flatMap { $0.untilMicros > now ? $0.controller : nil }
        }
        self.answer(completion, .success(left))
    }

    private func access<Answer: Sendable>(_ body: (inout MemoryBoards.Content) -> Answer) -> Answer {
        self.loop.preconditionOnLoop()
        return self.boards.access(wallMicros: self.loop.wallMicros, body)
    }

    /// In the next turn, as an answer of Redis would come.
    private func answer<Answer>(
        _ completion: @escaping StoreCompletion<Answer>,
        _ result: Result<Answer, StoreError>
    ) {
        self.loop.preconditionOnLoop()
        self.loop.onNextTurn { completion(result) }
    }
}
