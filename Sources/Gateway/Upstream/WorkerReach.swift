import Addresses
import Settings
import Transport

/// What the pools of one loop are told of how their workers are reached, beyond what settings say. Confined to the loop.
final class WorkerReach {
    /// By name, as of `HostBook.addresses`.
    var addresses: [String: [IPAddress]] = [:]
    /// By pool: for TLS with its workers, and the settings that it was made of.
    private var contexts: [String: (context: TLSContext, tls: WorkerTLSSettings)] = [:]

    /// For TLS with the pool's workers; nil while nothing has been made of the files that its settings name now: whom
    /// settings before these trusted is nobody for new workers, and what they showed is not for their eyes.
    func context(for pool: PoolSettings) -> TLSContext? {
        guard let known = self.contexts[pool.name], known.tls.hasSameFiles(as: pool.tls) else { return nil }
        return known.context
    }

    func secure(_ pool: String, with context: TLSContext, madeOf tls: WorkerTLSSettings) {
        self.contexts[pool] = (context, tls)
    }

    /// Pools that use TLS no more begin anew if they do again.
    func keepContexts(of settings: Settings) {
        self.contexts = self.contexts.filter { settings.pool(named: $0.key)?.usesTLS ?? false }
    }
}

/// How a worker is spoken to, beside its address.
struct WorkerWay: Equatable {
    /// What the field `Host` calls it.
    let authority: String
    /// Nil: in plain text.
    let tls: TLS?

    struct TLS: Equatable {
        let context: TLSContext
        /// Whom its certificate has to be for.
        let serverName: String

        static func == (left: TLS, right: TLS) -> Bool {
            left.context === right.context && left.serverName == right.serverName
        }
    }

    /// Of a worker of whom nothing but the address is known.
    init(to address: SocketAddress) {
        self.authority = WorkerAddress(address).authority
        self.tls = nil
    }

    /// Nil when its TLS is not known yet.
    init?(to listed: WorkerAddress, _ settings: WorkerTLSSettings, _ context: TLSContext?) {
        self.authority = listed.authority
        guard listed.usesTLS else {
            self.tls = nil
            return
        }
        guard let context else { return nil }
        self.tls = TLS(context: context, serverName: settings.serverName ?? listed.serverName)
    }
}

/// A worker with its way, as a pool is told of it.
struct ReachableWorker {
    let id: String
    let address: SocketAddress
    let way: WorkerWay
    var isReady = true
    /// Requests that it serves at once, as it was started; nil: as many as the settings say.
    var slots: Int?
}
