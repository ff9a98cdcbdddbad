import Settings
import SharedState
import Transport

extension Daemon {
    /// `next` runs when KEDA can ask, or nobody has to be there for it.
    func startScaler(board: any PoolBoard, _ next: @escaping () -> Void) {
        let scaler = ScalerDuty(board: board, home: self.home, log: self.log)
        self.scaler = scaler
        scaler.serve(self.settings) { result in
            switch result {
            case .success(let address):
                if let address { self.announceScaler(address) }
                next()
            case .failure(let error): self.fail("\(error)")
            }
        }
    }

    /// A pool of KEDA's may have come with a reload.
    func applyToScaler(_ settings: Settings) {
        self.scaler?.serve(settings) { result in
            switch result {
            case .success(let address): if let address { self.announceScaler(address) }
            case .failure(let error): self.log.error("KEDA is not answered: \(error)")
            }
        }
    }

    private func announceScaler(_ address: SocketAddress) {
        let tls = self.settings.controller.keda.tls == nil ? "" : " (TLS)"
        self.announce("KEDA scaler listening on \(address)\(tls)")
    }
}
