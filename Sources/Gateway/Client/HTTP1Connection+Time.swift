import EventLoop
import Primitives
import Transport

/// What a client has time for: to be idle, to send a head, a body, to take a response. One timer serves all of it.
extension HTTP1Connection {
    func watchHead() {
        let deadline = self.tools.now.advanced(byNanoseconds: self.tools.limits.headTimeoutNanoseconds)
        self.headDeadline = deadline
        self.timer?.arm(at: deadline)
    }

    func watchBody() {
        self.readWatch = PaceWatch(
            now: self.tools.now,
            bytes: self.receivedBytes,
            patienceNanoseconds: self.tools.limits.bodyTimeoutNanoseconds,
            totalNanoseconds: self.tools.limits.bodyTotalTimeoutNanoseconds
        )
        self.armTimer()
    }

    func watchWriting() {
        self.writeWatch = PaceWatch(
            now: self.tools.now,
            bytes: self.takenBytes,
            patienceNanoseconds: self.tools.limits.writeTimeoutNanoseconds
        )
        self.armTimer()
    }

    /// What the client has taken of all that was written, as far as its system has confirmed it.
    var takenBytes: Int { self.writtenBytes - (self.stream?.untakenBytes ?? 0) }

    /// The next time at which something may be wrong. Moving it later costs next to nothing; that it is not taken back
    /// while a request is dealt with costs a look when it comes.
    func armTimer() {
        var deadline: Instant?
        if let watch = self.writeWatch { deadline = watch.firstLook }
        if let watch = self.readWatch, self.isClientsTurn {
            deadline = min(deadline ?? watch.firstLook, watch.firstLook)
        }
        if let head = self.headDeadline { deadline = min(deadline ?? head, head) }
        if deadline == nil, self.isIdleOrPartial {
            deadline = self.tools.now.advanced(
                byNanoseconds: self.tools.isDraining
                    ? Self.drainGraceNanoseconds : self.tools.limits.idleTimeoutNanoseconds
            )
        }
        if let deadline { self.timer?.arm(at: deadline) }
    }

    var isIdleOrPartial: Bool { self.phase == .serving && (self.exchange?.isOver ?? true) }

    func timerFired() {
        let now = self.tools.now
        if var watch = self.writeWatch {
            if self.stream?.pendingWriteBytes == 0 {
                self.writeWatch = nil
                // All but TLS's goodbye has been taken, for which there is no room in all that time.
                if self.phase == .closing { return self.giveUp() }
            } else if case .tooSlow = self.look(&watch, bytes: self.takenBytes) {
                return self.giveUp()
            } else {
                self.writeWatch = watch
            }
        }
        if var watch = self.readWatch, self.isClientsTurn {
            if case .tooSlow = self.look(&watch, bytes: self.receivedBytes) { return self.requestTimedOut() }
            self.readWatch = watch
        }
        if let head = self.headDeadline, head <= now { return self.requestTimedOut() }
        if self.isIdle, now.nanoseconds(since: self.idleSince) >= self.idleLimit { return self.closeAfterWriting() }
        self.armTimer()
    }

    /// A pace is asked of those who hold a worker; others have all their patience to themselves.
    func look(_ watch: inout PaceWatch, bytes: Int) -> PaceWatch.Verdict {
        let holdsWorker = self.exchange.map { $0.machine.holding == .worker } ?? false
        return watch.look(
            now: self.tools.now,
            bytes: bytes,
            minimumBytesPerSecond: holdsWorker ? self.tools.limits.minimumBytesPerSecond : 0
        )
    }

    /// Not while the gateway keeps the body back, nor while the client waits to be told that it is wanted.
    var isClientsTurn: Bool { !self.isRequestPaused && !self.wire.awaitsContinue }

    var idleLimit: Int64 {
        self.tools.isDraining ? Self.drainGraceNanoseconds : self.tools.limits.idleTimeoutNanoseconds
    }

    func requestTimedOut() {
        self.headDeadline = nil
        self.readWatch = nil
        if let exchange = self.exchange, !exchange.isOver {
            self.wire.stopReading()
            return exchange.clientFailed(.requestTimeout)
        }
        guard self.wire.isHeadPartial else { return self.giveUp() }
        self.wire.stopReading()
        self.respond(.requestTimeout)
    }

    /// A client that takes nothing of what it asked for.
    func giveUp() { self.stream?.reset() }
}
