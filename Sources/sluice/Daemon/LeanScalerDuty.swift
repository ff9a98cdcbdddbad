#if !CLUSTERS
import Controller
import EventLoop
import Logging
import Settings
import SharedState
import Transport

/// A lean Sluice's duty towards KEDA: says that it cannot answer for the pools that are KEDA's.
final class ScalerDuty {
    typealias Start = Result<SocketAddress?, DaemonError>

    init(board: any PoolBoard, home: EventLoop, log: Logger) {}

    func serve(_ settings: Settings, _ onStart: @escaping (Start) -> Void) {
        guard let pool = settings.poolsOfKEDA.first else { return onStart(.success(nil)) }
        onStart(.failure(DaemonError("pools.\(pool).driver: \(ClusterCheck.lean)")))
    }

    func stop(_ completion: @escaping () -> Void) { completion() }
}
#endif
