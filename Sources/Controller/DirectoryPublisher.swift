import Logging
import Pools
import SharedState

/// Puts a pool's workers on the board, for gateways and for the next leader.
struct DirectoryPublisher {
    let pool: String
    let board: any PoolBoard
    let log: Logger
    /// Another driver tells of the pool's workers: what this one has left is only to be ended.
    var isSilent = false

    /// `registry`: processes that the next leader has to find. `onDeposed` is called when a later leader has written.
    func publish(
        _ directory: [WorkerRecord],
        registry: [RegisteredWorker] = [],
        fence: Int64,
        onDeposed: @escaping () -> Void
    ) {
        guard !self.isSilent else { return }
        self.board.publish(pool: self.pool, workers: directory, registry: registry, fence: fence) { result in
            switch result {
            case .success(true): break
            case .success(false): onDeposed()
            // It is said again within a second.
            case .failure(let error):
                self.log.debug(
                    "the list of workers was not taken",
                    metadata: ["pool": "\(self.pool)", "error": "\(error)"]
                )
            }
        }
    }
}
