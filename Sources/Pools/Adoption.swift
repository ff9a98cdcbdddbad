import Primitives

/// What a controller makes of workers that others have started: decisions about what is written down of them.
public enum Adoption {
    /// The same workers as two places know them: a state folder and the shared state. Of a worker that both know the one
    /// counts that is further on its way; what only one knows is kept.
    public static func merged(_ left: [RegisteredWorker], _ right: [RegisteredWorker]) -> [RegisteredWorker] {
        var byID: [String: RegisteredWorker] = [:]
        for worker in left + right {
            guard var known = byID[worker.id] else {
                byID[worker.id] = worker
                continue
            }
            // Another process by the same name: the later one is meant.
            if known.process != worker.process {
                if worker.startedMicros > known.startedMicros { byID[worker.id] = worker }
                continue
            }
            let address = known.address ?? worker.address
            if worker.state > known.state { known = worker }
            known.address = address
            byID[worker.id] = known
        }
        return byID.values.sorted { $0.id < $1.id }
    }

    /// What becomes of workers when a controller begins to lead at `place`.
    public struct Plan: Equatable, Sendable {
        /// To be looked for here and gone on with.
        public var here: [RegisteredWorker] = []
        /// Of another host: nobody here can see them. Gateways go on using them until there are others.
        public var elsewhere: [RegisteredWorker] = []
        /// Their host, or their container, has been started anew since.
        public var gone: [RegisteredWorker] = []
    }

    public static func plan(_ workers: [RegisteredWorker], at place: String) -> Plan {
        var plan = Plan()
        for worker in workers {
            switch worker.process.whereabouts(seenFrom: place) {
            case .here: plan.here.append(worker)
            case .elsewhere: plan.elsewhere.append(worker)
            case .gone: plan.gone.append(worker)
            }
        }
        return plan
    }

    /// What a controller that does not lead does with workers of its own.
    public enum Following: Equatable, Sendable {
        /// The leader has not said anything about it yet, or wants it to serve on.
        case keep
        /// The leader looks after it now.
        case giveUp
        /// Nobody wants it: it is drained and ended.
        case retire
    }

    /// - Parameters:
    ///   - own: a worker that one of `keepers` looks after: this controller, or one that is gone.
    ///   - registry: what the leader has written down of all workers.
    ///   - isListed: the leader has gateways send requests to it.
    ///   - leaderHasSpoken: the registry is of a later leader than they were.
    public static func following(
        _ own: String,
        of keepers: Set<String>,
        registry: [RegisteredWorker],
        isListed: Bool,
        leaderHasSpoken: Bool
    ) -> Following {
        guard leaderHasSpoken else { return .keep }
        if let entry = registry.first(where: { $0.id == own }) {
            if !keepers.contains(entry.keeper) { return .giveUp }
            // It has not got an address yet, so nobody could be sent to it.
            if isListed { return .keep }
        }
        return .retire
    }
}
