import CLinux
import Dispatch
import Glibc
import Primitives

/// One serial queue and the private epoll set behind one long-lived dispatch source. Connections never meet Dispatch.
///
/// A per-descriptor `DispatchSource` costs nine system calls and two thread hand-offs an event; here an event costs a
/// share of one `epoll_wait`. The set is itself a descriptor that Dispatch watches: when it becomes readable the loop
/// takes a *turn* on its queue, and goes on taking turns, lingering up to a millisecond in `epoll_wait`, before it
/// hands the thread back. Everything that is not `Sendable` and belongs to a loop is touched on its queue alone.
///
/// Limits: `EventLoop.maxSubmitted` pieces of work from other threads (more is a programming error and traps, because
/// cross-loop work is batched once a turn); `maxEventsPerTurn` events are taken up a turn, the rest in the next one.
// Unchecked because all mutable state but the mailbox is confined to `queue`, which every entry checks.
public final class EventLoop: LoopContext, SerialExecutor, @unchecked Sendable {
    public static let maxSubmitted = 1_000_000
    public static let maxEventsPerTurn = 512
    /// Memory that a turn may scribble in: one read, one head, one page. Never held beyond a call.
    public static let scratchBytes = 64 * 1024
    /// How long an idle loop stays in `epoll_wait` before it returns to Dispatch.
    private static let lingerMilliseconds: Int32 = 1
    private static let lingerNanoseconds = Int64(lingerMilliseconds) * Nanoseconds.perMillisecond
    /// A busy loop still hands its thread back this often, so that other work on the queue is not starved.
    private static let maxTurnsPerVisit = 256

    public let index: Int
    public let queue: DispatchQueue
    private let epoll: Int32
    private let source: any DispatchSourceRead
    private let mailbox: Mailbox
    private var table = DescriptorTable()
    private let eventStorage: UnsafeMutablePointer<epoll_event>
    public let timers = TimerWheel()
    private let wakeTimer: Int32
    /// What `wakeTimer` is set to; nil when disarmed.
    private var wakeTimerDeadline: Instant?
    private var turnEndWork = PutOffWork()
    private var nextTurnWork = PutOffWork()
    private var clock = LoopClock()
    private var hasStopped = false
    private var parts: [ObjectIdentifier: any LoopPart] = [:]
    private let hasPreciseTimers: Bool
    public let readScratch: UnsafeMutableRawBufferPointer
    public let writeScratch: UnsafeMutableRawBufferPointer
    public private(set) var turns: UInt64 = 0
    /// True while a handler looks at what lies in `readScratch`.
    public var isReadScratchLent = false
    /// A third area, in which the writes of one stream at a time are gathered.
    public let gatherScratch = GatherScratch(byteCount: EventLoop.scratchBytes)
    public let buffers = BufferBudget()

    /// - Parameter hasPreciseTimers: a loop that lingers is woken for a timer too, instead of up to a millisecond late. It
    ///   costs system calls, and a gateway has no use for it.
    public init(index: Int = 0, label: String, hasPreciseTimers: Bool = false) throws {
        self.hasPreciseTimers = hasPreciseTimers
        self.index = index
        self.queue = DispatchQueue(label: label, qos: .userInitiated)
        self.epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard self.epoll != -1 else { throw SystemError(call: "epoll_create1") }
        self.wakeTimer = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK | TFD_CLOEXEC))
        guard self.wakeTimer != -1 else { throw SystemError(call: "timerfd_create") }
        self.mailbox = try Mailbox(limit: Self.maxSubmitted)
        self.eventStorage = .allocate(capacity: Self.maxEventsPerTurn)
        self.readScratch = .allocate(byteCount: Self.scratchBytes, alignment: 64)
        self.writeScratch = .allocate(byteCount: Self.scratchBytes, alignment: 64)
        for (fd, token) in [
            (self.mailbox.eventfd, DescriptorTable.mailboxToken), (self.wakeTimer, DescriptorTable.timerToken),
        ] {
            guard sluice_epoll_set(self.epoll, EPOLL_CTL_ADD, fd, SLUICE_EPOLLIN | SLUICE_EPOLLET, token) != -1 else {
                throw SystemError(call: "epoll_ctl")
            }
        }
        self.source = DispatchSource.makeReadSource(fileDescriptor: self.epoll, queue: self.queue)
        self.queue.setSpecific(key: Self.current, value: ObjectIdentifier(self))
        // The loop lives until it is shut down, which cancels the source and so releases it. A weak reference would make
        // every retain and release of the loop a slow one.
        self.source.setEventHandler { self.visit() }
        self.source.activate()
    }

    deinit {
        self.eventStorage.deallocate()
        self.readScratch.deallocate()
        self.writeScratch.deallocate()
    }

    // MARK: Being on the loop

    /// Kept in release: a crash is cheaper than a data race.
    @inline(__always)
    public func preconditionOnLoop() { dispatchPrecondition(condition: .onQueue(self.queue)) }

    public var isOnLoop: Bool { DispatchQueue.getSpecific(key: Self.current) == ObjectIdentifier(self) }
    /// The loop to whose queue the running code belongs.
    private static let current = DispatchSpecificKey<ObjectIdentifier>()

    /// `assumeIsolated` from plain callbacks lands here; without it they trap.
    public func checkIsolated() { self.preconditionOnLoop() }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.submit { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }

    /// Runs `work` on the loop, in the order of submission. From any thread; wakes the loop once for a batch.
    public func submit(_ work: @escaping @Sendable () -> Void) { self.mailbox.post(work) }

    public var now: Instant { self.clock.now }
    public var wallMicros: Int64 { self.clock.wallMicros }

    public func atTurnEnd(_ action: @escaping () -> Void) {
        self.preconditionOnLoop()
        self.turnEndWork.append(action)
    }

    public func onNextTurn(_ action: @escaping () -> Void) {
        self.preconditionOnLoop()
        self.nextTurnWork.append(action)
    }

    /// The one of its kind that belongs to this loop; made when it is asked for first.
    public func part<Part: LoopPart>(_ type: Part.Type) -> Part {
        self.preconditionOnLoop()
        if let part = self.parts[ObjectIdentifier(type)] as? Part { return part }
        let part = Part()
        self.parts[ObjectIdentifier(type)] = part
        return part
    }

    // MARK: Descriptors

    func insert(_ descriptor: Descriptor, events: ReadyEvents) throws {
        descriptor.token = self.table.insert(descriptor)
        let mask = events.rawValue | SLUICE_EPOLLET
        guard sluice_epoll_set(self.epoll, EPOLL_CTL_ADD, descriptor.fd, mask, descriptor.token) != -1 else {
            let failure = SystemError(call: "epoll_ctl")
            self.table.remove(token: descriptor.token)
            throw failure
        }
    }

    func remove(_ descriptor: Descriptor) { self.table.remove(token: descriptor.token) }

    public var descriptorCount: Int { self.table.count }

    // MARK: Turns

    /// Dispatch says that the set is readable. Stay as long as there is something to do, plus one linger.
    private func visit() {
        self.preconditionOnLoop()
        // The first look never waits, since the set is readable. Every later one may: it returns at once when there is
        // something, so a busy loop pays one call a turn.
        var timeout: Int32 = 0
        for _ in 0..<Self.maxTurnsPerVisit {
            guard !self.hasStopped else { return }
            let isIdle = self.turn(timeoutMilliseconds: timeout) == 0
            if isIdle, timeout > 0 { break }
            timeout = Self.lingerMilliseconds
        }
        // Work for the next turn must bring that turn about.
        if !self.nextTurnWork.isEmpty { self.mailbox.post {} }
        self.armWakeTimer()
    }

    /// One `epoll_wait` and all that follows from it; returns how many things were done.
    private func turn(timeoutMilliseconds: Int32) -> Int {
        var deferred = self.nextTurnWork.take()
        let timeout = deferred.isEmpty && !self.timers.hasOverdue ? timeoutMilliseconds : 0
        if timeout > 0, self.hasPreciseTimers { self.armWakeTimerWithinLinger() }
        let ready = epoll_wait(self.epoll, self.eventStorage, Int32(Self.maxEventsPerTurn), timeout)
        if ready == -1, errno != EINTR { preconditionFailure("\(SystemError(call: "epoll_wait"))") }
        self.clock.refresh()
        self.turns &+= 1
        var done = 0
        for index in 0..<max(0, Int(ready)) {
            done += 1
            let token = sluice_epoll_data(self.eventStorage + index)
            switch token {
            case DescriptorTable.mailboxToken: self.mailbox.acknowledge()
            case DescriptorTable.timerToken: self.acknowledgeWakeTimer()
            default:
                let events = ReadyEvents(rawValue: sluice_epoll_events(self.eventStorage + index))
                // A descriptor closed by an earlier event of this turn is no longer in the table.
                self.table.find(token: token)?.ready(events)
            }
        }
        done += self.mailbox.drain()
        done += PutOffWork.run(&deferred)
        self.nextTurnWork.giveBack(deferred)
        done += self.timers.fireDue(now: self.clock.now)
        while !self.turnEndWork.isEmpty {
            var actions = self.turnEndWork.take()
            PutOffWork.run(&actions)
            self.turnEndWork.giveBack(actions)
        }
        self.gatherScratch.turnEnds()
        self.buffers.turnEnds()
        return done
    }

    /// A loop that lingers counts in milliseconds: without the descriptor a timer that is due meanwhile would be late by
    /// one. Costs nothing but a look when no timer is.
    private func armWakeTimerWithinLinger() {
        guard let deadline = self.timers.nextDeadline,
            deadline < self.clock.now.advanced(byNanoseconds: Self.lingerNanoseconds)
        else { return }
        self.armWakeTimer()
    }

    /// Before the thread goes back to Dispatch: the next deadline must make the set readable.
    private func armWakeTimer() {
        guard let deadline = self.timers.nextDeadline else { return }
        if let armed = self.wakeTimerDeadline, armed <= deadline { return }
        var setting = itimerspec()
        // Zero would disarm it; a deadline that has passed fires at once.
        let nanoseconds = max(1, deadline.nanoseconds)
        setting.it_value.tv_sec = Int(nanoseconds / 1_000_000_000)
        setting.it_value.tv_nsec = Int(nanoseconds % 1_000_000_000)
        guard timerfd_settime(self.wakeTimer, Int32(TFD_TIMER_ABSTIME), &setting, nil) != -1 else {
            preconditionFailure("\(SystemError(call: "timerfd_settime"))")
        }
        self.wakeTimerDeadline = deadline
    }

    private func acknowledgeWakeTimer() {
        var expirations: UInt64 = 0
        _ = read(self.wakeTimer, &expirations, 8)
        self.wakeTimerDeadline = nil
    }

    // MARK: End

    /// Takes no further turns. Descriptors that are still registered are closed; timers never fire.
    public func shutdown(_ completion: @escaping @Sendable () -> Void = {}) {
        self.submit {
            self.hasStopped = true
            self.source.setCancelHandler { [epoll = self.epoll, wakeTimer = self.wakeTimer] in
                close(epoll)
                close(wakeTimer)
                completion()
            }
            _ = self.turnEndWork.take()
            _ = self.nextTurnWork.take()
            self.timers.close()
            self.buffers.close()
            for descriptor in self.table.descriptors { descriptor.loopEnds() }
            self.parts = [:]
            self.source.cancel()
        }
    }
}
