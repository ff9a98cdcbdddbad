import Pools
import Primitives
import SharedState

/// Workers that come from an earlier controller, and go to the next one.
extension ProcessDriver {
    /// All that it has, those that end among them.
    var ids: Set<String> { Set(self.running.values.map(\.id)) }

    /// Looks once more at those that could not be seen.
    func lookAgain() { if !self.unseen.isEmpty { _ = self.adopt(self.unseen) } }

    /// Of those that cannot be seen, what gateways may go on with.
    var unseenRecords: [WorkerRecord] {
        self.unseen.compactMap { worker in
            guard let address = worker.address, worker.state == .ready || worker.state == .draining else { return nil }
            return WorkerRecord(
                id: worker.id,
                address: address,
                state: worker.state == .ready ? .ready : .draining,
                sinceMicros: worker.startedMicros,
                slots: worker.slots == self.settings.worker.slots ? nil : worker.slots
            )
        }
    }

    var unseenProblem: String? {
        guard let first = self.unseen.first else { return nil }
        return "pool \(self.settings.name): of \(self.unseen.count) workers of an earlier controller it cannot be seen "
            + "whether they run, \(first.id) (process \(first.process.pid)) among them. Gateways go on with them. Look "
            + "whether this process has descriptors left (ulimit -n) and may see and signal theirs"
    }

    /// Goes on with those that still run; returns how many do.
    func adopt(_ workers: [RegisteredWorker]) -> Int {
        let now = self.loop.now
        var actions: [Reconciliation.Action] = []
        var adopted = 0
        let ids = Set(workers.map(\.id))
        self.unseen.removeAll { ids.contains($0.id) }
        for worker in workers {
            // Its number comes after its process: events are not told before this turn is over.
            let number = Box()
            let found = self.adoptProcess(worker) { [weak self] event in
                if let number = number.value { self?.take(event, of: number) }
            }
            if case .unseen = found { self.unseen.append(worker) }
            guard case .runs(let process) = found else { continue }
            process.ask(self.settings.probe)
            let (given, action) = self.reconciliation.adopt(
                worker.state,
                slots: worker.slots,
                startedAt: self.instant(ofMicros: worker.startedMicros),
                since: self.instant(ofMicros: worker.sinceMicros),
                now: now
            )
            number.value = given
            self.running[given] = Running(
                process: process,
                id: worker.id,
                startedMicros: worker.startedMicros,
                shape: worker.shape,
                log: worker.log
            )
            if let action { actions.append(action) }
            adopted += 1
            self.log.info("worker adopted", metadata: ["worker": "\(worker.id)", "state": "\(worker.state)"])
        }
        self.run(actions)
        return adopted
    }

    private final class Box {
        var value: Reconciliation.Number?
    }

    /// When it was by this process's own clock. A wall clock that was set since makes it now at the latest.
    private func instant(ofMicros micros: Int64) -> Instant {
        let age = max(0, self.loop.wallMicros - micros)
        let (nanoseconds, isTooLong) = age.multipliedReportingOverflow(by: Nanoseconds.perMicrosecond)
        return self.loop.now.advanced(byNanoseconds: isTooLong ? .min : -nanoseconds)
    }

    /// What the next controller has to know of each.
    func registry(keeper: String) -> [RegisteredWorker] {
        let unseen = self.unseen.map { worker in
            var own = worker
            own.keeper = keeper
            return own
        }
        return unseen
            + self.reconciliation.workers.compactMap { worker in
                guard let running = self.running[worker.number] else { return nil }
                var since = running.startedMicros
                if case .draining(let instant) = worker.state {
                    since =
                        self.loop.wallMicros - self.loop.now.nanoseconds(since: instant) / Nanoseconds.perMicrosecond
                    // To the second: what is written down changes with the worker, not with the clocks' drift.
                    since -= since % 1_000_000
                }
                return RegisteredWorker(
                    id: running.id,
                    process: running.process.identity,
                    state: RegisteredWorker.State(worker.state),
                    startedMicros: running.startedMicros,
                    sinceMicros: max(0, since),
                    shape: running.shape,
                    slots: worker.slots,
                    keeper: keeper,
                    log: running.log,
                    address: running.process.address?.description
                )
            }
    }

    func standBy() { self.reconciliation.standBy() }

    /// Another controller looks after these.
    func giveUp(_ ids: Set<String>) {
        for (number, running) in self.running where ids.contains(running.id) {
            running.process.letGo()
            self.running[number] = nil
            self.reconciliation.release(number)
        }
        self.unseen.removeAll { ids.contains($0.id) }
        self.armTimer()
        if self.running.isEmpty { self.finishStopping() }
    }

    /// Nobody wants these.
    func retire(_ ids: Set<String>) {
        let numbers = self.reconciliation.workers.map(\.number).filter { number in
            self.running[number].map { ids.contains($0.id) } ?? false
        }
        self.run(self.reconciliation.retire(numbers, now: self.loop.now))
    }

    /// That one is to go, and to be replaced. nil: there is none.
    func dismiss(_ id: String) -> Retirement? {
        guard let number = self.running.first(where: { $0.value.id == id })?.key else {
            guard self.unseen.contains(where: { $0.id == id }) else { return nil }
            return .notThatOne("it cannot be seen from here, and so is left alone")
        }
        let isGoing =
            switch self.reconciliation.worker(number)?.state {
            case .draining?, .stopping?: true
            case .starting?, .ready?, nil: false
            }
        self.run(self.reconciliation.dismiss(number, now: self.loop.now))
        return isGoing ? .drainsAlready : .drains
    }

    func tidy() { for running in self.running.values { running.process.tidy() } }
}
