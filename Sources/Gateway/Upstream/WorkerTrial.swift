import EventLoop
import HTTPWire
import Pools
import Primitives
import Settings

/// A question of the gateway's own to a worker that fails, so that no visitor has to find out whether it is well again.
/// On a connection of its own, which is closed afterwards. Keeps itself until it is over.
final class WorkerTrial: UpstreamOwner, UpstreamUser {
    private let worker: Worker
    private let tools: LoopTools
    private let settings: PoolSettings
    private let completion: (WorkerStandings.Trial) -> Void
    private var connection: UpstreamConnection?
    private var lease: WorkerLease?
    /// For the whole of it, however slowly something comes.
    private var deadline: LoopTimer?
    private var isOver = false

    /// `completion` is called once.
    init(
        _ worker: Worker,
        tools: LoopTools,
        settings: PoolSettings,
        completion: @escaping (WorkerStandings.Trial) -> Void
    ) {
        self.worker = worker
        self.tools = tools
        self.settings = settings
        self.completion = completion
    }

    func begin() {
        let timeout = min(self.settings.responseTimeoutNanoseconds, self.settings.probe.timeoutNanoseconds)
        let connection = UpstreamConnection(
            worker: self.worker,
            tools: self.tools,
            owner: self,
            responseTimeoutNanoseconds: timeout
        )
        self.deadline = self.tools.loop.after(nanoseconds: self.settings.connectTimeoutNanoseconds + timeout) {
            self.finish(.failed(.timeout))
        }
        do {
            self.connection = connection
            try connection.connect(timeoutNanoseconds: self.settings.connectTimeoutNanoseconds)
        } catch {
            // The system has no descriptor left.
            self.finish(.givenUp)
        }
    }

    private func finish(_ trial: WorkerStandings.Trial) {
        guard !self.isOver else { return }
        self.isOver = true
        self.deadline?.disarm()
        self.deadline = nil
        self.completion(trial)
        if let lease = self.lease.take() { lease.abort() } else { self.connection?.close() }
        self.connection = nil
    }

    // MARK: The connection

    func upstreamConnected(_ connection: UpstreamConnection) {
        guard let path = self.settings.probe.path else { return self.finish(.answered) }
        self.lease = connection.lease()
        var writer = ByteWriter(self.tools.loop.writeScratch)
        writer.append("GET ")
        writer.append(path)
        writer.append(" HTTP/1.1\r\nhost: ")
        writer.append(self.worker.way.authority)
        writer.append("\r\naccept: */*\r\nuser-agent: sluice\r\n")
        writer.append("connection: close\r\n\r\n")
        connection.sendHead(
            writer.written,
            method: .get,
            framing: .none,
            asksForUpgrade: false,
            awaitsContinue: false,
            for: self
        )
        connection.endRequest(trailers: Trailers())
    }

    func upstreamClosed(_ connection: UpstreamConnection, wasConnecting: Bool) {
        guard wasConnecting else { return }
        guard let reason = connection.tlsFailure else { return self.finish(.failed(.connect)) }
        self.worker.forgetTicket(now: self.tools.now)
        self.finish(.failed(.tls, detail: reason))
    }

    func leaseEnded(_ connection: UpstreamConnection, isReusable: Bool) {}

    // MARK: The answer

    func workerBegins() {}
    func workerPauses() {}
    func workerInterim(_ bytes: UnsafeRawBufferPointer) {}
    func workerSwitched(_ bytes: UnsafeRawBufferPointer) { self.finish(.failed(.broken)) }

    /// The head says enough.
    func workerHead(_ bytes: UnsafeRawBufferPointer) {
        let isFailed = self.settings.ejection.statuses.contains(Int(self.tools.responseHead.status))
        self.finish(isFailed ? .failed(.status) : .answered)
    }

    func workerBody(_ payload: UnsafeRawBufferPointer) {}
    func workerEnded(trailers: Trailers) {}
    func workerTunnelBytes(_ bytes: UnsafeRawBufferPointer) {}
    func workerEndedTunnel() {}
    func workerDrained() {}

    func workerFailed(_ failure: UpstreamFailure) {
        switch failure {
        case .outOfMemory: self.finish(.givenUp)
        case .responseTimeout: self.finish(.failed(.timeout))
        case .connectionLost, .badResponse: self.finish(.failed(.broken, detail: self.connection?.tlsFailure))
        }
    }
}
