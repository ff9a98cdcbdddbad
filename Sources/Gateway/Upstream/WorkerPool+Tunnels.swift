/// Connections that were switched to another protocol.
extension WorkerPool {
    /// False when there are as many as there may be. Requests that ask for one are counted from before their worker is
    /// asked until they are over.
    func takeTunnel() -> Bool {
        // With every connection given to a tunnel nobody else would be served.
        let half = self.readyCount * self.settings.connectionsPerWorker / 2
        return self.tunnelLimit.take(limit: self.settings.tunnels.most ?? max(1, half))
    }

    func giveBackTunnel() { self.tunnelLimit.giveBack() }

    /// The leased connection has become a tunnel, until its lease ends.
    func tunnelOpened(_ connection: UpstreamConnection) {
        connection.isTunnel = true
        connection.worker.tunnels += 1
        self.tunnels += 1
    }

    func tunnelEnded(_ connection: UpstreamConnection) {
        connection.worker.tunnels -= 1
        self.tunnels -= 1
        assert(connection.worker.tunnels >= 0 && self.tunnels >= 0, "a tunnel ended twice")
    }
}
