import Pools
import Scaling
import Synchronization

/// The boards of one process without Redis, shared by its loops.
public final class MemoryBoards: Sendable {
    struct Pool {
        var signals: [String: GatewaySignals] = [:]
        var workers: [WorkerRecord] = []
        var registry: [RegisteredWorker] = []
        var decision: [String: String] = [:]
        var fence: Int64 = 0
        var mode: ModeOrder?
    }
    struct Lease {
        var controller: String
        var untilMicros: Int64
    }
    struct Content {
        var pools: [String: Pool] = [:]
        var lease: Lease?
        var standby: Lease?
        var fence: Int64 = 0
        /// Never goes back.
        var nowMicros: Int64 = 0
    }
    private let content = Mutex(Content())

    public init() {}

    /// `wallMicros` is the caller's clock.
    func access<Answer: Sendable>(wallMicros: Int64, _ body: (inout Content) -> Answer) -> Answer {
        self.content.withLock { content in
            content.nowMicros = max(content.nowMicros, wallMicros)
            return body(&content)
        }
    }
}
