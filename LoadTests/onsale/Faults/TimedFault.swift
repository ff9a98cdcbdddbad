/// Something that is done to the site at a moment of the run.
struct TimedFault: Equatable, Sendable {
    enum Victim: String, CaseIterable, Sendable {
        /// The one that has run longest, of any pool.
        case worker
        case gateway, controller, redis

        /// With the article that a sentence needs.
        var words: String {
            switch self {
            case .worker: "a worker"
            case .gateway, .controller: "the \(self.rawValue)"
            case .redis: "Redis"
            }
        }
    }

    enum Action: Equatable, Sendable {
        /// SIGKILL. Started again after `downSeconds`, as an operator's supervisor does it; workers are their controller's
        /// to start again, and outlive it.
        case kill(Victim, downSeconds: Double)
        /// SIGSTOP, and SIGCONT after that time.
        case stop(Victim, seconds: Double)
        /// Stopped for `FaultSchedule.stoppedShare` of the time.
        case slow(Victim, seconds: Double)
        /// Of what workers are asked for, so many thousandths are answered with 500.
        case errors(permille: Int, seconds: Double)
        /// A new configuration; nil leaves a limit as it is.
        case limits(inflowMilli: Int64?, burst: Int?, slots: Int?)
        /// SIGHUP to every part that reads the configuration.
        case reload
        /// A second gateway on the same state; half of the visitors go to it from then on.
        case joinGateway
    }

    /// From the start of the run.
    var seconds: Double
    var action: Action

    /// When what it does to a process is over.
    var endSeconds: Double {
        switch self.action {
        case .kill(.worker, _), .limits, .reload, .joinGateway: self.seconds
        case .kill(_, let seconds), .stop(_, let seconds), .slow(_, let seconds), .errors(_, let seconds):
            self.seconds + seconds
        }
    }

    var victim: Victim? {
        switch self.action {
        case .kill(let victim, _), .stop(let victim, _), .slow(let victim, _): victim
        // No process is held up or missing.
        case .errors, .limits, .reload, .joinGateway: nil
        }
    }

    /// Gateway, controller and Redis have to be processes of their own for that.
    var needsParts: Bool {
        switch self.action {
        case .kill(let victim, _), .stop(let victim, _), .slow(let victim, _): victim != .worker
        case .joinGateway: true
        case .errors, .limits, .reload: false
        }
    }

    var failsRequests: Bool { if case .errors = self.action { true } else { false } }
    var changesLimits: Bool { if case .limits = self.action { true } else { false } }
}

/// A fault that cannot be played: what was written, and what to write.
struct FaultProblem: Error, Equatable, CustomStringConvertible {
    let text: String
    let problem: String
    /// Which of several it is; nil where it is not one of them alone.
    let index: Int?

    init(_ text: String, _ problem: String, index: Int? = nil) {
        self.text = text
        self.problem = problem
        self.index = index
    }

    var description: String { "\"\(self.text)\": \(self.problem)" }
}
