import Logging
import Pools
import SharedState

/// Puts a pool's workers on the board, for gateways and for the next leader.
struct DirectoryPublisher {
    let pool: String
    let board: any PoolBoard
    let log: Logger

    /// `registry`: processes that the next leader has to find. `onDeposed` is called when a later leader has written.
    func publish(
        _ directory: [WorkerRecord],
        registry: [RegisteredWorker] = [],
        fence: Int64,
        onDeposed: @escaping () -> Void
    ) {
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
