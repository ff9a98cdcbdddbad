import Pools
import Settings

/// Workers that the settings list.
extension WorkerPool {
    /// Takes what settings, names and certificates make of a static pool's workers. While there is no TLS by these settings
    /// yet, workers that are known already stay as they were, and new ones are waited for.
    func updateListed() {
        let reach = self.tools.reach
        let found = StaticWorkers(self.settings, reach.addresses)
        let context = reach.context(for: self.settings)
        let workers = found.workers.compactMap { worker -> ReachableWorker? in
            let way = WorkerWay(to: worker.listed, self.settings.tls, context)
            guard let way = way ?? self.way(to: worker.id, at: worker.address) else { return nil }
            return ReachableWorker(id: worker.id, address: worker.address, way: way)
        }
        // That there is nobody is said only when everything has been found out.
        let isComplete = found.isComplete && workers.count == found.workers.count
        guard isComplete || !workers.isEmpty else { return }
        self.update(workers)
    }
}
