import HTTPWire
import Logging
import Pools
import Primitives

/// How the pool's workers do, as their answers show.
extension WorkerPool {
    /// A worker has to be silent for so long before a client that leaves is a reason to doubt it.
    private static let doubtNanoseconds = Nanoseconds.perSecond

    func connected(_ worker: Worker) {
        guard !worker.mark.isSpotless else { return }
        self.tell(worker, self.standings.connected(worker.id, now: self.tools.now))
    }

    /// `tls`: why no TLS came about, where that was it.
    func refused(by worker: Worker, tls: String?) {
        if tls != nil { worker.forgetTicket(now: self.tools.now) }
        self.tell(worker, self.standings.refused(worker.id, tls: tls, now: self.tools.now), detail: tls)
    }

    /// On the way of every request: nearly always there is nothing to be done.
    @inline(__always)
    func answered(by worker: Worker) {
        if !worker.mark.isSpotless { self.tell(worker, self.standings.answered(worker.id, now: self.tools.now)) }
    }

    /// `detail`: more of why, for the operator.
    func failed(_ worker: Worker, _ failure: WorkerStandings.Failure, detail: String? = nil) {
        let change = self.standings.failed(worker.id, failure, detail: detail, now: self.tools.now)
        self.tell(worker, change, detail: detail)
    }

    /// The head of a 5xx response is in hand. A 503 that says when to come again is a worker that has enough to do.
    func serverErrorCame(from worker: Worker) {
        self.countError()
        let head = self.tools.responseHead.status
        guard self.settings.ejection.statuses.contains(Int(head)) else { return self.answered(by: worker) }
        if head == 503, self.tools.responseHead.names.contains(.retryAfter) { return }
        self.failed(worker, .status)
    }

    /// A client left before the worker said anything.
    func clientLeft(_ connection: UpstreamConnection) {
        guard let sent = connection.requestSent,
            self.tools.now.nanoseconds(since: sent) >= Self.doubtNanoseconds
        else { return }
        self.standings.doubted(connection.worker.id)
    }

    /// Asks those workers that are to be asked. For one loop of the gateway.
    func tryFailing() {
        for id in self.standings.takeDue(now: self.tools.now) {
            guard let worker = self.worker(id) else {
                _ = self.standings.tried(id, .givenUp, now: self.tools.now)
                continue
            }
            let trial = WorkerTrial(worker, tools: self.tools, settings: self.settings) { trial in
                self.tell(worker, self.standings.tried(id, trial, now: self.tools.now), detail: trial.detail)
            }
            trial.begin()
        }
    }

    private func tell(_ worker: Worker, _ change: WorkerStandings.Change, detail: String? = nil) {
        switch change {
        case .none: return
        case .failing(let failure, let pause):
            var metadata: Logger.Metadata = [
                "pool": "\(self.name)", "worker": "\(worker.id)", "failure": "\(failure.rawValue)",
                "next_try_ms": "\(pause / Nanoseconds.perMillisecond)",
            ]
            if let detail { metadata["reason"] = "\(detail)" }
            self.tools.log.warning("a worker fails and is passed by while there are others", metadata: metadata)
        case .well(let after):
            self.tools.log.notice(
                "a worker is well again",
                metadata: [
                    "pool": "\(self.name)", "worker": "\(worker.id)",
                    "after_ms": "\(after / Nanoseconds.perMillisecond)",
                ]
            )
        }
    }
}

extension WorkerStandings.Trial {
    fileprivate var detail: String? { if case .failed(_, let detail) = self { detail } else { nil } }
}
