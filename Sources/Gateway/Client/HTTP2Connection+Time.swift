import EventLoop
import Primitives
import Transport

/// What a client has time for. One timer serves the connection and all its streams: it goes off when the first of them
/// is to be looked at, and all of them are.
extension HTTP2Connection {
    func watch(until deadline: Instant) {
        if let armed = self.timer?.deadline, armed <= deadline { return }
        self.timer?.arm(at: deadline)
    }

    func watchWriting(_ stream: any ByteStream) {
        let watch = PaceWatch(
            now: self.tools.now,
            bytes: self.takenBytes(stream),
            patienceNanoseconds: self.tools.limits.writeTimeoutNanoseconds
        )
        self.writeWatch = watch
        self.watch(until: watch.firstLook)
    }

    /// What the client has taken of all that was written, as far as its system has confirmed it.
    private func takenBytes(_ stream: any ByteStream) -> Int { self.writtenBytes - stream.untakenBytes }

    func timerFired() {
        let now = self.tools.now
        guard self.lookAtWriting(now) else { return }
        guard self.phase == .serving else { return }
        if let deadline = self.headDeadline {
            if deadline <= now { return self.end(.enhanceYourCalm) }
            self.watch(until: deadline)
        }
        if let deadline = self.drainDeadline, !self.lookAtDraining(now, deadline) { return }
        self.beginGathering()
        for stream in Array(self.streams.values) {
            if let deadline = stream.look(now: now) { self.watch(until: deadline) }
        }
        self.endGathering()
        guard self.phase == .serving, self.streams.isEmpty else { return }
        let limit = self.tools.limits.idleTimeoutNanoseconds
        if now.nanoseconds(since: self.idleSince) >= limit { return self.end(.noError) }
        self.watch(until: self.idleSince.advanced(byNanoseconds: limit))
    }

    /// False when the client takes nothing of what it asked for, and was given up.
    private func lookAtWriting(_ now: Instant) -> Bool {
        guard var watch = self.writeWatch, let stream = self.stream else { return true }
        guard stream.pendingWriteBytes > 0 else {
            self.writeWatch = nil
            return true
        }
        // A pace is asked for each worker that waits for this client: many held by one connection are no cheaper than
        // by many. Who holds none has all their patience to themselves.
        let waiting = self.streams.values.count { $0.holdsWorker && $0.hasOutput }
        let pace = waiting * self.tools.limits.minimumBytesPerSecond
        let verdict = watch.look(now: now, bytes: self.takenBytes(stream), minimumBytesPerSecond: pace)
        guard case .fine(let until) = verdict else {
            stream.reset()
            return false
        }
        self.writeWatch = watch
        self.watch(until: until)
        return true
    }

    /// False when the connection has ended.
    private func lookAtDraining(_ now: Instant, _ deadline: Instant) -> Bool {
        guard deadline <= now else {
            self.watch(until: deadline)
            return true
        }
        self.drainDeadline = nil
        self.isLastRequestTold = true
        self.session?.sendGoAway()
        self.pump()
        guard self.streams.isEmpty else { return true }
        self.endNow()
        return false
    }
}
