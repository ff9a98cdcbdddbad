/// The step that moves a room on.
extension RoomModel {
    /// Creates or restores the room, takes the limits, ends sessions, lets in who stands at the door, calls the next
    /// places, and tells the gateway what happened. Harmless to do more often than needed, and from several gateways.
    public mutating func tick(
        _ tick: RoomTick,
        known: KnownMarks,
        run: Int64 = 0,
        nowMicros: Int64
    ) throws(RoomError) -> TickAnswer {
        try Self.check(tick.gateway)
        let before = self.record
        let usedBlock = tick.block.used > 0 ? tick.block.start : 0
        if self.load(nowMicros, run: run, reckoned: known.reckonedMicros) {
            self.takeIn(known, run: run, usedBlock: usedBlock)
        } else {
            self.create(tick.limits, known, run: run, usedBlock: usedBlock)
        }
        for seen in tick.older {
            let serving = max(seen.serving, seen.lowest - 1)
            self.note(OlderLine(epoch: seen.epoch, issued: seen.highest, serving: serving))
        }
        let verdict = self.take(tick.limits, generation: tick.generation)
        self.hear(of: tick.generationHeard)
        self.forgetDoor(of: tick.gateway)
        self.beat(tick.gateway, healthy: tick.healthy ?? -1)
        self.record.isHeld = self.isHeldNow()
        let isOfThisLine = known.epoch == self.record.epoch
        let block = self.lease(tick.block, gateway: tick.gateway, isOfThisLine: isOfThisLine)
        self.sweepDoor()
        self.settleDoor(self.turns())
        self.sampleShowUp()
        self.callNext()
        self.writeMark()
        self.keep(tick.retention)
        defer { self.commit(since: before) }
        var answer = self.answer(tick, verdict, block)
        answer.returnedMicros = self.gateways[tick.gateway]!.back
        if answer.returnedMicros != tick.returnedMicros { answer.eventsLost = true }
        return answer
    }

    // MARK: Limits

    private enum LimitsVerdict { case taken, ignored, conflict }

    /// A higher generation of the settings is taken. The limits last taken are enforced by every tick: an older
    /// gateway, which knows no generations, may have written its own.
    private mutating func take(_ limits: RoomLimits, generation: Int64) -> LimitsVerdict {
        var verdict = LimitsVerdict.taken
        if self.record.settled == nil || generation > self.record.generation {
            self.record.settled = limits
            self.record.generation = generation
        } else if limits != self.record.settled {
            if generation == self.record.generation {
                self.record.conflicts += 1
                verdict = .conflict
            } else {
                self.record.ignored += 1
                verdict = .ignored
            }
        }
        let settled = self.record.settled ?? limits
        self.record.inflow = settled.inflowMilli
        self.record.session = settled.sessionMicros
        self.record.claim = settled.claimMicros
        self.record.horizon = settled.horizonMicros
        self.record.opens = settled.opensAtMicros
        self.enforce(burst: settled.burst, slots: settled.slots)
        return verdict
    }

    /// `generation` is the highest that the gateway has heard of here. When the record knows only a lower one, it has
    /// lost the limits in force: as long as a silence may last, only the gateway that has them can open the room again.
    /// If it does not come, the room goes on with what there is, and is not closed for that generation once more until
    /// the next loss.
    private mutating func hear(of generation: Int64) {
        if generation > max(self.record.heard, self.record.generation) {
            self.record.heard = generation
            self.record.heardUntil = self.now + RoomRules.silenceMicros
        }
        if self.record.generation >= self.record.heard { self.record.heardUntil = 0 }
    }

    // MARK: What is kept

    /// Trims the journal, a part at a time. In Redis, once a minute, all of the room lives on for its retention.
    private mutating func keep(_ retention: RoomRetention) {
        let surplus = Int64(self.journalTimes.count) - retention.journalEntries
        self.trimJournal(min(max(0, surplus), RoomRules.trimmedAtOnce))
        guard self.now - self.record.kept >= RoomRules.keepMicros else { return }
        self.record.kept = self.now
        self.record.retention = retention.roomMillis
        let earliest = self.now - retention.journalMicros
        let old = self.journalTimes.prefix(Int(RoomRules.trimmedAtOnce)).prefix { $0 < earliest }.count
        self.trimJournal(Int64(old))
    }

    private mutating func trimJournal(_ count: Int64) {
        guard count > 0 else { return }
        self.journalTimes.removeFirst(Int(count))
        self.record.trimmed += count
    }

    // MARK: The answer

    private func answer(
        _ tick: RoomTick,
        _ verdict: LimitsVerdict,
        _ block: ClosedRange<Int64>?
    ) -> TickAnswer {
        var snapshot = self.snapshot()
        snapshot.isGenerationIgnored = verdict == .ignored
        snapshot.isConflicting = verdict == .conflict
        var answer = TickAnswer(snapshot: snapshot, events: self.record.events, block: block)
        guard let seen = tick.eventsSeen else { return answer }
        answer.eventsLost = seen > self.record.events || self.record.events - seen > RoomRules.eventsKept
        guard !answer.eventsLost else { return answer }
        let events = self.events.after(seen, count: RoomRules.eventsTold)
        for event in events {
            switch event.kind {
            case .granted:
                answer.granted.append(
                    DoorGrant(id: event.id, expiresMicros: self.sessions.expiry(of: event.id) ?? 0)
                )
            case .released: answer.released.append(event.id)
            }
        }
        if events.count == RoomRules.eventsTold, let last = events.last { answer.events = last.number }
        return answer
    }

    private func snapshot() -> RoomSnapshot {
        let showUp = self.showUp
        var snapshot = RoomSnapshot(
            nowMicros: self.now,
            epoch: self.record.epoch,
            incarnation: self.record.incarnation,
            issued: self.record.issued,
            serving: self.record.serving,
            admitted: self.record.admitted,
            sessions: self.sessions.count + self.record.lost,
            door: self.door.count,
            rateMilli: self.record.rate,
            tokensNano: self.record.tokens,
            burst: self.record.burst,
            slots: self.record.slots,
            showUpPermille: (showUp.ratio + 500) / 1000,
            showUpPlaces: showUp.places,
            opensAtMicros: self.record.opens > 0 ? self.record.opens + self.record.skew : 0
        )
        snapshot.gaps = self.record.gaps.filter { $0.to > self.record.serving }.map { $0.from...$0.to }
        snapshot.older = self.record.older
        snapshot.voidBefore = self.record.voidBefore
        snapshot.isHeld = self.record.isHeld
        snapshot.limits = self.record.settled ?? .none
        snapshot.generation = self.record.generation
        snapshot.ignoredLimits = self.record.ignored
        snapshot.conflicts = self.record.conflicts
        snapshot.allowedMilli = self.record.allowed < 0 ? nil : self.record.allowed
        snapshot.allowedUntilMicros = self.record.allowedUntil
        snapshot.lostSessions = self.record.lost
        snapshot.journalEntries = Int64(self.journalTimes.count)
        snapshot.journalTrimmed = self.record.trimmed
        return snapshot
    }
}
