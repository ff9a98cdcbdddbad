/// Connections that were switched to another protocol.
extension WorkerPool {
    /// False when there are as many as there may be. Requests that ask for one are counted from before their worker is
    /// asked until they are over.
    func takeTunnel() -> Bool {
        // With every connection given to a tunnel nobody else would be served; on a loop that has its part of them
        // neither, and clients come to loops by chance.
        guard self.heldTunnels < max(1, self.readyCount * self.connectionsPerWorker / 2) else { return false }
        let half = self.readyCount * self.settings.connectionsPerWorker / 2
        guard self.tunnelLimit.take(limit: self.settings.tunnels.most ?? max(1, half)) else { return false }
        self.heldTunnels += 1
        return true
    }

    func giveBackTunnel() {
        self.heldTunnels -= 1
        self.tunnelLimit.giveBack()
    }

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
