/// Who comes and who leaves: what calling goes by, so that nothing of the rate and no slot is left unused.
extension RoomModel {
    /// How many of the called come in time, and over how many places that was measured.
    struct ShowUp: Equatable {
        /// Parts per million.
        var ratio: Int64
        var places: Int64
    }

    /// What was measured before, and, looked at anew each time, the places called of late that have had a horizon and an
    /// eighth to ask: whoever was told to come back in just that time is on the way.
    var showUp: ShowUp {
        guard let mark = self.marks.newest(atOrBefore: self.now - self.record.horizon * 9 / 8),
            mark.serving > self.record.sampled
        else { return self.settledShowUp }
        return self.showUp(upTo: mark)
    }

    /// Places called four horizons ago are looked at for the last time: who asks late is still seen.
    mutating func sampleShowUp() {
        let settled = self.now - RoomRules.showUpSettledHorizons * self.record.horizon
        guard let mark = self.marks.newest(atOrBefore: settled), mark.serving > self.record.sampled else { return }
        let measured = self.showUp(upTo: mark)
        self.record.showUp = measured.ratio
        self.record.showUpPlaces = min(RoomRules.showUpMemoryPlaces, measured.places)
        self.record.sampled = mark.serving
        self.record.sampledDirect = mark.direct
    }

    private var settledShowUp: ShowUp {
        ShowUp(ratio: max(RoomRules.leastShowUp, self.record.showUp), places: self.record.showUpPlaces)
    }

    private func showUp(upTo mark: CallMarks.Mark) -> ShowUp {
        let directs = mark.direct - self.record.sampledDirect
        let called = self.places(above: self.record.sampled, upTo: mark.serving)
        let places = called.count - directs
        guard places > 0 else { return self.settledShowUp }
        let arrived = max(0, min(places, called.arrived - directs))
        let former = max(RoomRules.showUpPriorPlaces, self.record.showUpPlaces)
        let sum = self.record.showUp * former + arrived * RoomRules.partsPerMillion
        let ratio = (sum + (former + places) / 2) / (former + places)
        return ShowUp(ratio: max(RoomRules.leastShowUp, ratio), places: self.record.showUpPlaces + places)
    }

    /// How many sessions end within a horizon: as many as lately did, or, where many run out at once, that share of the
    /// sessions about to expire that lately ended instead of being renewed.
    mutating func expectedEnds() -> Int64 {
        let due = self.sessions.count(after: self.now, upTo: self.now + self.record.horizon)
        self.measureEnds(due: due)
        let ends = self.record.ends
        let mean = self.record.dueMean
        let share = mean > 0 ? min(RoomRules.perMille, ends * RoomRules.perMille / mean) : RoomRules.perMille
        return max(ends / RoomRules.perMille, due * share / RoomRules.perMille)
    }

    /// Once a horizon, while there is a line. The past weighs three times as much as the latest horizon.
    private mutating func measureEnds(due: Int64) {
        let elapsed = self.now - self.record.endsAt
        guard elapsed >= self.record.horizon || elapsed < 0 else { return }
        let ended = self.record.admitted - self.sessions.count
        if elapsed >= 0, elapsed <= RoomRules.endsSilenceHorizons * self.record.horizon {
            let horizons = elapsed * RoomRules.perMille / self.record.horizon
            let fresh = max(0, ended - self.record.endsBefore) * RoomRules.partsPerMillion / horizons
            let former = self.record.ends == 0 ? 0 : RoomRules.endsMemory
            self.record.ends = (former * self.record.ends + fresh) / (former + 1)
            self.record.dueMean = (former * self.record.dueMean + RoomRules.perMille * self.record.due) / (former + 1)
        }
        self.record.endsAt = self.now
        self.record.endsBefore = ended
        self.record.due = due
    }
}
