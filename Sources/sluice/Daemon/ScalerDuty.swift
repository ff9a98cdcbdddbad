import Addresses
import Controller
import EventLoop
import KEDAScaler
import Logging
import Primitives
import Settings
import SharedState
import Transport

/// A controller's duty towards KEDA: passes on what the leader has decided for the pools with the keda driver, whoever
/// leads. Listens from the first such pool on, and until the end.
///
/// Lives on the home loop; all methods are called there, and complete there.
final class ScalerDuty {
    /// Longer than this the end of the process does not wait for KEDA's calls to end.
    private static let endNanoseconds = 3 * Nanoseconds.perSecond

    /// Nil without a reason when there is nobody to listen for.
    typealias Start = Result<SocketAddress?, DaemonError>

    private enum Phase {
        /// No pool is KEDA's.
        case idle
        case starting(KEDAScaler, onStart: (Start) -> Void)
        case listening(KEDAScaler)
        case ending(onEnd: () -> Void)
        case over
    }
    private var phase = Phase.idle
    private let reader: DecisionReader
    private let home: EventLoop
    private let log: Logger

    init(board: any PoolBoard, home: EventLoop, log: Logger) {
        self.home = home
        self.log = log
        let heard = Heard()
        self.reader = DecisionReader(board: board) { heard.scaler?.heard(pool: $0, desired: $1, mark: $2) }
        self.heard = heard
    }

    /// Who is told of decisions.
    private final class Heard { var scaler: KEDAScaler? }
    private let heard: Heard

    // MARK: Start and reload

    /// Listens if there is a pool for it, and follows the settings.
    func serve(_ settings: Settings, _ onStart: @escaping (Start) -> Void) {
        let pools = settings.poolsOfKEDA
        self.reader.pools = pools
        switch self.phase {
        case .ending, .over: return
        case .starting(let scaler, _), .listening(let scaler): scaler.serve(pools)
        case .idle:
            guard !pools.isEmpty else { return onStart(.success(nil)) }
            do {
                self.start(try Self.makeScaler(settings), pools, onStart)
            } catch {
                onStart(.failure(DaemonError("controller.keda: \(error)")))
            }
        }
    }

    private func start(_ scaler: KEDAScaler, _ pools: [String], _ onStart: @escaping (Start) -> Void) {
        self.phase = .starting(scaler, onStart: onStart)
        self.heard.scaler = scaler
        scaler.serve(pools)
        let duty = LoopBound(self, loop: self.home)
        scaler.start { event in duty.submit { $0.take(event) } }
        self.reader.start()
    }

    private func take(_ event: KEDAScaler.Event) {
        switch (self.phase, event) {
        case (.starting(let scaler, let onStart), .listening(let address)):
            self.phase = .listening(scaler)
            onStart(.success(address))
        case (.starting(_, let onStart), .refused(let reason)):
            self.phase = .idle
            self.heard.scaler = nil
            onStart(.failure(DaemonError("controller.keda.listen: \(reason)")))
        case (_, .interrupted(let reason)):
            self.log.error("KEDA is not answered for a moment", metadata: ["reason": "\(reason)"])
        case (.ending(let onEnd), .ended):
            self.phase = .over
            onEnd()
        case (_, .listening), (_, .refused), (_, .ended): break
        }
    }

    private static func makeScaler(_ settings: Settings) throws -> KEDAScaler {
        let keda = settings.controller.keda
        var files: KEDAScaler.TLSFiles?
        switch keda.tls {
        case nil: break
        case .files(let all): files = all.first.map { KEDAScaler.TLSFiles(certificate: $0.certificate, key: $0.key) }
        case .selfSigned:
            let own = SelfSignedFiles(stateFolder: settings.stateFolder)
            try own.make()
            files = KEDAScaler.TLSFiles(certificate: own.certificate, key: own.key)
        }
        return KEDAScaler(address: keda.listen, tls: files) { MonotonicClock.now() }
    }

    // MARK: The end

    func stop(_ completion: @escaping () -> Void) {
        self.reader.stop()
        switch self.phase {
        case .idle, .over, .ending: completion()
        case .starting(let scaler, _), .listening(let scaler):
            self.phase = .ending(onEnd: completion)
            scaler.stop()
            self.home.after(nanoseconds: Self.endNanoseconds) { [self] in self.take(.ended) }
        }
    }
}
