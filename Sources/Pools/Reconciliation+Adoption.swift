import Primitives

/// Workers that change hands: from an earlier controller to this one, and from this one to the next.
extension Reconciliation {
    /// Goes on with a worker that another controller started; the action is to be done at once. `startedAt` and `since`
    /// say when it was started and when it came into its state.
    ///
    /// One that starts gets the whole time for it again: nobody asked it while it had no controller.
    public mutating func adopt(
        _ state: RegisteredWorker.State,
        slots: Int? = nil,
        startedAt: Instant,
        since: Instant,
        now: Instant
    ) -> (number: Number, action: Action?) {
        self.started += 1
        let number = self.started
        let own: State =
            switch state {
            case .starting: .starting(deadline: now.advanced(byNanoseconds: self.limits.startTimeoutNanoseconds))
            case .ready, .stopping: .ready
            case .draining: .draining(since: since)
            }
        self.workers.append(Worker(number: number, startedAt: startedAt, slots: slots, state: own))
        // Whether it was told to end is not known for certain: it is told once more.
        return (number, state == .stopping ? self.stop(number, isWanted: true, now: now) : nil)
    }

    /// Another controller looks after it now, or it is left to the next one.
    public mutating func release(_ number: Number) { self.workers.removeAll { $0.number == number } }

    /// Another controller leads: nothing is started any more until this one is asked for workers again.
    public mutating func standBy() { self.desired = 0 }

    /// Nobody wants these any more: who is ready drains, who starts is stopped.
    public mutating func retire(_ numbers: [Number], now: Instant) -> [Action] {
        numbers.compactMap { number in
            switch self.worker(number)?.state {
            case nil, .draining?, .stopping?: return nil
            case .starting?: return self.stop(number, isWanted: true, now: now)
            case .ready?:
                self.change(number) { $0.state = .draining(since: now) }
                return .drain(number)
            }
        }
    }

    /// That one is to go, whatever is desired, and another one is started for it when there are too few.
    public mutating func dismiss(_ number: Number, now: Instant) -> [Action] {
        guard self.worker(number) != nil else { return [] }
        self.change(number) { $0.isDismissed = true }
        return self.retire([number], now: now)
    }

    /// Ends every worker, and starts none any more; but the ready ones drain first, because gateways still use them.
    public mutating func drainAll(now: Instant) -> [Action] {
        self.isStopping = true
        return self.retire(self.workers.map(\.number), now: now)
    }
}

extension RegisteredWorker.State {
    public init(_ state: Reconciliation.State) {
        switch state {
        case .starting: self = .starting
        case .ready: self = .ready
        case .draining: self = .draining
        case .stopping: self = .stopping
        }
    }
}
