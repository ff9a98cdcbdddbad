import Primitives
import Rooms

/// A request that asks for another protocol, and the tunnel that it becomes.
extension Exchange: TunnelOwner {
    // MARK: Before the switch

    /// Why the request may not become a tunnel; nil when it may. Asked before a worker is: one that has switched cannot
    /// be told that nobody wants it any more.
    func objectionToTunnel(in pool: WorkerPool) -> GatewayError? {
        guard self.request.asksForUpgrade, !self.request.holdsTunnel else { return nil }
        // RFC 9110 section 7.8: whoever gets an Upgrade may go on as if there were none.
        if pool.settings.tunnels.most == 0 {
            self.request.asksForUpgrade = false
            return nil
        }
        // It would be cut off in a moment; another gateway takes it for longer.
        if self.tools.isDraining { return .shuttingDown }
        guard pool.takeTunnel() else { return .tunnelLimit }
        self.request.holdsTunnel = true
        return nil
    }

    /// The last thing of a request that may have been a tunnel.
    func giveBackTunnel() {
        if self.request.holdsTunnel {
            self.request.holdsTunnel = false
            self.route?.pool.giveBackTunnel()
        }
        guard let tunnel = self.tunnel.take() else { return }
        tunnel.close()
        self.tools.counters.tunnels.ended(self.note.tunnelEnd ?? .clientLost)
    }

    // MARK: The switch

    func workerSwitched(_ bytes: UnsafeRawBufferPointer) {
        guard self.machine.protocolSwitched() == .openTunnel, let client = self.client else { return }
        guard let connection = self.lease?.connection, let pool = self.route?.pool else {
            preconditionFailure("a worker that nobody holds has switched")
        }
        pool.answered(by: connection.worker)
        // The switch is the answer. How long the tunnel lasts says nothing of how long workers take for one.
        if let sent = connection.requestSent {
            pool.recordLatency(nanoseconds: self.tools.now.nanoseconds(since: sent))
        }
        pool.tunnelOpened(connection)
        self.forgetRequest()
        self.responseStatus = 101
        self.countAnswer()
        self.tools.counters.tunnels.begun()
        var stay: (gate: RoomGate, key: LineKey)?
        if let gate = self.visitor.gate, let key = self.visitor.key { stay = (gate, key) }
        self.tunnel = OpenTunnel(tools: self.tools, pool: pool, stay: stay, owner: self)
        client.sendSwitch { self.writeResponseFields(bytes, to: &$0) }
        // The client may have gone with it.
        if self.machine.state == .tunnel { client.openTunnel() }
    }

    // MARK: While it is open

    var isClientCongested: Bool { self.client?.isCongested ?? false }
    var bytesTheWorkerOwes: Int { self.lease?.connection.untakenBytes ?? 0 }

    /// From the client.
    func tunnelBytesCame(_ bytes: UnsafeRawBufferPointer) {
        guard self.machine.tunnelBytesCame() == .relayTunnel, let upstream = self.lease?.connection else { return }
        self.tools.counters.tunnels.bytesFromClients += UInt64(bytes.count)
        self.tunnel?.moved()
        upstream.sendTunnel(bytes)
        if upstream.isCongested { self.client?.pauseRequest() }
    }

    func workerTunnelBytes(_ bytes: UnsafeRawBufferPointer) {
        guard self.machine.tunnelBytesCame() == .relayTunnel, let client = self.client else { return }
        self.tools.counters.tunnels.bytesToClients += UInt64(bytes.count)
        self.tunnel?.moved()
        self.note.responseBytes += bytes.count
        client.sendBody(bytes)
        if client.isCongested { self.lease?.connection.pause() }
    }

    /// The process ends: the tunnel has its grace.
    func gatewayDrains() { self.tunnel?.gatewayDrains() }

    // MARK: Its end

    /// The client sends no more.
    func clientEndedTunnel() { self.tunnelEnded(by: .client) }
    func workerEndedTunnel() { self.tunnelEnded(by: .worker) }

    private func tunnelEnded(by side: ExchangeMachine.TunnelSide) {
        switch self.machine.tunnelEnded(by: side) {
        case .passTunnelEnd:
            self.tunnel?.sideEnded(side == .client ? .client : .worker)
            switch side {
            case .client: self.lease?.connection.finishTunnel()
            case .worker: self.client?.finishTunnel()
            }
        default: self.finishTunnel(self.machine.endedSide == .worker ? .worker : .client)
        }
    }

    func tunnelHasToEnd(_ why: TunnelEnd) {
        guard self.machine.tunnelHasToEnd() == .finish else { return }
        self.finishTunnel(why)
    }

    /// Both sides get what is on its way to them, then the end.
    private func finishTunnel(_ why: TunnelEnd) {
        self.note.tunnelEnd = why
        self.client?.endTunnel()
        self.lease.take()?.giveBack()
        self.end()
    }

    /// The client has broken off: so has the gateway, with the worker, which must not take what it has for the whole.
    ///
    /// Whoever has said before that it is done has said all: the other side keeps what is on its way to it.
    func clientLostTunnel() {
        if self.machine.endedSide == .client {
            self.note.tunnelEnd = .client
            self.lease.take()?.giveBack()
        } else {
            self.note.tunnelEnd = .clientLost
            self.lease?.connection.breakOff()
        }
    }

    /// The worker has broken off. That is no failed request: the answer was given.
    func workerLostTunnel(_ failure: UpstreamFailure) {
        let isWhole = self.machine.endedSide == .worker
        guard case .breakOff(let held) = self.machine.workerFailed(isSafe: false) else { return }
        self.note.tunnelEnd = isWhole ? .worker : .workerLost
        if !isWhole { self.note.outcome = .brokenOff(failure == .outOfMemory ? .outOfMemory : .connectionLost) }
        self.giveUp(held)
        if isWhole { self.client?.endTunnel() } else { self.client?.breakOff() }
        self.end()
    }
}
