import Admission
import EventLoop
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
        fence: Int64,
        completion: @escaping StoreCompletion<Bool>
    ) {
        if let objection = BoardLimits.objection(to: workers) { return self.answer(completion, .failure(objection)) }
        let isTaken = self.access { content in
            var board = content.pools[pool, default: .init()]
            guard fence >= board.fence else { return false }
            board.fence = fence
            board.workers = workers.sorted { $0.id < $1.id }
            content.pools[pool] = board
            return true
        }
        self.answer(completion, .success(isTaken))
    }

    public func publishDecision(
        pool: String,
        fields: [(String, String)],
        completion: @escaping StoreCompletion<Void>
    ) {
        if let objection = BoardLimits.objection(to: fields) { return self.answer(completion, .failure(objection)) }
        self.access { content in
            var decision = Dictionary(uniqueKeysWithValues: fields)
            decision["at_micros"] = String(content.nowMicros)
            content.pools[pool, default: .init()].decision = decision
        }
        self.answer(completion, .success(()))
    }

    public func decision(pool: String, completion: @escaping StoreCompletion<[(String, String)]>) {
        let fields = self.access { $0.pools[pool]?.decision ?? [:] }
        self.answer(completion, .success(fields.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
    }

    public func lead(controller: String, ttlMillis: Int64, completion: @escaping StoreCompletion<Int64?>) {
        precondition(ttlMillis > 0, "leading takes time")
        let fence: Int64? = self.access { content in
            let now = content.nowMicros
            let lease = content.lease.flatMap { $0.untilMicros > now ? $0 : nil }
            if let lease, lease.controller != controller { return nil }
            content.lease = .init(controller: controller, untilMicros: now + ttlMillis * 1_000)
            if lease == nil { content.fence = max(content.fence + 1, now) }
            return content.fence
        }
        self.answer(completion, .success(fence))
    }

    public func resign(controller: String, completion: @escaping StoreCompletion<Void>) {
        self.access { content in
            if content.lease?.controller == controller { content.lease = nil }
        }
        self.answer(completion, .success(()))
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
