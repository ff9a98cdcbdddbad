import Addresses
import EventLoop
import Logging
import Settings
import Transport

/// How the workers that settings list are reached.
extension Gateway {
    /// Looks the names of workers up from now on, as often as the settings say.
    func followHosts() {
        guard !self.isStopping else { return }
        self.hosts.onChange = { [weak self] in self?.hostChanged($0, $1) }
        self.hosts.follow(self.settings.lookups)
    }

    /// Requests go to the new addresses from now on; what is under way to the old ones ends in peace.
    private func hostChanged(_ name: String, _ change: HostBook.Change) {
        switch change {
        case .none: return
        case .moved(let added, let removed):
            self.log.notice(
                "the addresses behind a name of workers",
                metadata: ["name": "\(name)", "added": "\(Self.text(added))", "removed": "\(Self.text(removed))"]
            )
        case .lost(let reason):
            self.log.error(
                "a name of workers cannot be looked up; the addresses that are known stay in use",
                metadata: ["name": "\(name)", "reason": "\(reason)"]
            )
        case .back: self.log.notice("a name of workers can be looked up again", metadata: ["name": "\(name)"])
        }
        let addresses = self.hosts.addresses
        for loop in self.loops { loop.submit { $0.take(addresses) } }
    }

    private static func text(_ addresses: [IPAddress]) -> String {
        addresses.isEmpty ? "none" : addresses.map(\.description).joined(separator: ", ")
    }

    /// New connections to the pool's workers that are written with https are made with one of `contexts`, of which there is
    /// one for each loop. Those that are open serve nobody new. They are used while the pool's settings name the files that
    /// `tls` names.
    public func secure(pool: String, with contexts: [TLSContext], madeOf tls: WorkerTLSSettings) {
        self.home.preconditionOnLoop()
        guard !self.isStopping else { return }
        precondition(contexts.count >= self.loops.count, "a loop would be left without TLS")
        for (loop, context) in zip(self.loops, contexts) {
            loop.submit { $0.secure(pool, with: context, madeOf: tls) }
        }
    }
}
