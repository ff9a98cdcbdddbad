import EventLoop
import Glibc
import Primitives
import Transport

/// Does to the site's processes what the schedule says, each step when it is due.
///
/// Lives on one loop. Signals go to processes that the run has started, and to what those have started, by number and
/// time of start.
final class FaultPlayer {
    /// What was done, in words, and when, from the start of the run.
    struct Deed: Equatable, Sendable {
        var seconds: Double
        var words: String
    }

    private let schedule: FaultSchedule
    private let site: SiteProcesses
    private let startedAt: Instant
    private let loop: EventLoop
    private var rest: ArraySlice<FaultSchedule.Step>
    private var timer: LoopTimer!
    /// The worker that a fault has chosen, by the fault's index.
    private var chosen: [Int: ProcessTable.Entry] = [:]
    /// Stopped, and not let go yet.
    private var heldParts: Set<SiteProcesses.Part> = []
    private var heldWorkers: Set<ProcessTable.Entry> = []
    /// Workers have been told to fail requests, and not to stop that.
    private var areFailing = false
    private(set) var deeds: [Deed] = []
    var onDeed: ((Deed) -> Void)?
    /// Starts the second gateway.
    var onJoin: (() -> Void)?
    /// A gateway stood still or was started anew: it has not heard what happened meanwhile.
    var onDeafGateway: (() -> Void)?

    init(_ schedule: FaultSchedule, _ site: SiteProcesses, startedAt: Instant, on loop: EventLoop) {
        self.schedule = schedule
        self.site = site
        self.startedAt = startedAt
        self.loop = loop
        self.rest = schedule.steps[...]
        self.timer = LoopTimer(loop: loop) { [weak self] in self?.timerFired() }
    }

    func start() {
        self.loop.preconditionOnLoop()
        self.timerFired()
    }

    /// Nothing more is done, and what stands still goes on: a stopped process does not hear that it is to end.
    func end() {
        self.timer.disarm()
        self.rest = []
        for part in self.heldParts { self.site.child(part)?.signal(SIGCONT) }
        for worker in self.heldWorkers where ProcessTable.isAlive(worker) { kill(worker.pid, SIGCONT) }
        self.heldParts = []
        self.heldWorkers = []
        if self.areFailing { try? self.site.failRequests(permille: 0) }
        self.areFailing = false
    }

    private func timerFired() {
        while let step = self.rest.first {
            let due = self.startedAt.advanced(byNanoseconds: Int64(step.seconds * 1e9))
            guard due <= MonotonicClock.now() else { return self.timer.arm(at: due) }
            self.rest.removeFirst()
            self.carryOut(step)
        }
    }

    private func carryOut(_ step: FaultSchedule.Step) {
        let fault = self.schedule.faults[step.fault]
        switch step.act {
        case .kill(.worker):
            guard let worker = self.worker(of: step) else { return self.tell("no worker was there to be killed") }
            kill(worker.pid, SIGKILL)
            self.tell("a worker was killed (process \(worker.pid))")
        case .kill(let victim):
            guard let part = self.part(victim), let child = self.site.child(part) else {
                return self.tell("\(victim.words) was not there to be killed")
            }
            self.site.mayEnd(part)
            child.signal(SIGKILL)
            self.tell("\(victim.words) was killed (process \(child.pid))")
        case .start(let victim):
            guard let part = self.part(victim) else { return }
            do {
                try self.site.startAgain(part)
                self.gatewayMayBeDeaf(victim)
                self.tell("\(victim.words) was started again")
            } catch {
                self.tell("\(victim.words) could not be started again: \(error)")
            }
        case .hold(let victim):
            let isDone = self.signal(victim, SIGSTOP, step)
            if step.isFirst {
                self.tell(isDone ? fault.deed : "\(victim.words) was not there: \(fault.deed) did not come")
            }
        case .letGo(let victim):
            _ = self.signal(victim, SIGCONT, step)
            self.gatewayMayBeDeaf(victim)
            if case .stop = fault.action { self.tell("\(victim.words) goes on") }
        case .fail(let permille): self.failRequests(permille, fault)
        case .reload:
            for part in self.site.readers { self.site.child(part)?.signal(SIGHUP) }
            self.tell(fault.deed)
        case .join:
            self.onJoin?()
            self.tell(fault.deed)
        }
    }

    private func failRequests(_ permille: Int, _ fault: TimedFault) {
        do {
            try self.site.failRequests(permille: permille)
            self.areFailing = permille > 0
            self.tell(self.areFailing ? fault.deed : "workers answer as before")
        } catch {
            self.tell("\(fault.deed): they could not be told when to begin, or to end: \(error)")
        }
    }

    private func gatewayMayBeDeaf(_ victim: TimedFault.Victim) {
        if victim == .gateway || victim == .redis { self.onDeafGateway?() }
    }

    /// Also what somebody else has done of the schedule: limits are the configuration's.
    func tell(_ words: String) {
        let seconds = Double(MonotonicClock.now().nanoseconds(since: self.startedAt)) / 1e9
        let deed = Deed(seconds: seconds, words: words)
        self.deeds.append(deed)
        self.onDeed?(deed)
    }

    // MARK: Whom

    private func part(_ victim: TimedFault.Victim) -> SiteProcesses.Part? {
        switch victim {
        case .worker: nil
        case .gateway: self.site.gatewayPart
        case .controller: self.site.controllerPart
        case .redis: .redis
        }
    }

    /// False when there is no such process.
    private func signal(_ victim: TimedFault.Victim, _ number: Int32, _ step: FaultSchedule.Step) -> Bool {
        if let part = self.part(victim) {
            guard let child = self.site.child(part) else { return false }
            child.signal(number)
            if number == SIGSTOP { self.heldParts.insert(part) } else { self.heldParts.remove(part) }
            return true
        }
        guard let worker = self.worker(of: step), ProcessTable.isAlive(worker) else { return false }
        kill(worker.pid, number)
        if number == SIGSTOP { self.heldWorkers.insert(worker) } else { self.heldWorkers.remove(worker) }
        return true
    }

    /// One and the same for all steps of a fault: the one that has run longest.
    private func worker(of step: FaultSchedule.Step) -> ProcessTable.Entry? {
        if let worker = self.chosen[step.fault] { return worker }
        let worker = self.site.workers.min { ($0.startedTicks, $0.pid) < ($1.startedTicks, $1.pid) }
        self.chosen[step.fault] = worker
        return worker
    }
}
