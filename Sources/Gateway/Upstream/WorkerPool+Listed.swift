import Pools
import Settings

/// Workers that the settings list.
extension WorkerPool {
    /// Takes what settings, names and certificates make of a static pool's workers.
    func updateListed() {
        let reach = self.tools.reach
        let found = StaticWorkers(self.settings, reach.addresses)
        let context = reach.contexts[self.name]
        let workers = found.workers.compactMap { worker in
            WorkerWay(to: worker.listed, self.settings.tls, context).map {
                ReachableWorker(id: worker.id, address: worker.address, way: $0)
            }
        }
        // That there is nobody is said only when everything has been found out.
        let isComplete = found.isComplete && (context != nil || !self.settings.usesTLS)
        guard isComplete || !workers.isEmpty else { return }
        self.update(workers)
    }
}
