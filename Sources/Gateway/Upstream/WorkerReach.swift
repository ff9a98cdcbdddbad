import Addresses
import Settings
import Transport

/// What the pools of one loop are told of how their workers are reached, beyond what settings say. Confined to the loop.
final class WorkerReach {
    /// By name, as of `HostBook.addresses`.
    var addresses: [String: [IPAddress]] = [:]
    /// By pool: for TLS with its workers. A pool that has none yet sends nothing to workers that are written with https.
    var contexts: [String: TLSContext] = [:]
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
