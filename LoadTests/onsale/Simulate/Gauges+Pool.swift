import Scaling

extension Gauges {
    /// Of a pool in virtual time: its processes are those that its state counts.
    mutating func take(_ pool: PoolState) {
        self.workersReady = pool.ready
        self.workersTold = pool.ready + pool.pending.count + pool.draining
        self.workersRunning = self.workersTold
    }
}
