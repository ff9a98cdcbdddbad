/// Calling: how many are asked to come, so that nothing of the rate and no slot is left unused, whoever comes or not.
///
/// Generous on purpose: `exchange` alone decides who goes in, and who has come too early stands at the door for a moment.
extension RoomModel {
    /// How many of the called come in time, and over how many places that was measured.
    struct ShowUp: Equatable {
        /// Parts per million.
        var ratio: Int64
        var places: Int64
    }

    /// What was measured before, and, looked at anew each time, the places called of late that have had a horizon to
    /// ask. These are added to what was measured once they are four horizons old: who asks late is still seen.
    mutating func sampleShowUp(nowMicros: Int64) -> ShowUp {
        let settled = nowMicros - RoomRules.showUpSettledHorizons * self.record.horizon
        if let mark = self.marks.newest(atOrBefore: settled), mark.serving > self.record.sampled {
            let measured = self.showUp(upTo: mark)
            self.record.showUp = measured.ratio
            self.record.showUpPlaces = min(RoomRules.showUpMemoryPlaces, measured.places)
            self.record.sampled = mark.serving
            self.record.sampledDirect = mark.direct
        }
        let asked = nowMicros - self.record.horizon
        guard let mark = self.marks.newest(atOrBefore: asked), mark.serving > self.record.sampled else {
            return self.measuredShowUp
        }
        return self.showUp(upTo: mark)
    }

    private var measuredShowUp: ShowUp {
        ShowUp(ratio: max(RoomRules.leastShowUp, self.record.showUp), places: self.record.showUpPlaces)
    }

    private func showUp(upTo mark: CallMarks.Mark) -> ShowUp {
        let directs = mark.direct - self.record.sampledDirect
        let places = mark.serving - self.record.sampled - directs
        guard places > 0 else { return self.measuredShowUp }
        let bits = self.arrived.count(above: self.record.sampled, upTo: mark.serving)
        let arrived = max(0, min(places, bits - directs))
        let former = max(RoomRules.showUpPriorPlaces, self.record.showUpPlaces)
        let sum = self.record.showUp * former + arrived * RoomRules.partsPerMillion
        let ratio = (sum + (former + places) / 2) / (former + places)
        return ShowUp(ratio: max(RoomRules.leastShowUp, ratio), places: self.record.showUpPlaces + places)
    }

    /// Calls as many as should use up the tokens and slots of the next horizon, and a few to spare, for nobody comes
    /// evenly. Who has not come within half a horizon is no longer reckoned with: most have asked by then.
    mutating func callNext(_ showUp: ShowUp, nowMicros: Int64) {
        guard nowMicros >= self.record.opens, self.record.issued > self.record.serving, self.record.rate > 0,
            self.record.slots > 0
        else { return }
        let inflow = self.record.rate * self.record.horizon
        let free = max(0, self.record.slots - self.sessions.count + self.expectedEnds(nowMicros: nowMicros))
        let want = min(free, (self.record.tokens + inflow) / RoomRules.nanoTokens)
        let spare = Int64(Double(4 * want).squareRoot()) + 1
        let before = self.serving(atMicros: nowMicros - self.record.horizon / 2)
        let outstanding =
            self.record.serving - before - self.arrived.count(above: before, upTo: self.record.serving)
        let lack = (want + spare - self.door.count) * RoomRules.partsPerMillion - showUp.ratio * outstanding
        guard lack > 0 else { return }
        let share = (lack + showUp.ratio - 1) / showUp.ratio
        let span = (self.record.burst * RoomRules.nanoTokens + inflow) / RoomRules.nanoTokens
        let cap = RoomRules.callCapFactor * (span + spare) - outstanding
        self.record.serving += max(0, min(share, self.record.issued - self.record.serving, cap))
    }

    /// How many sessions end within a horizon: as many as lately did, or, where many run out at once, that share of the
    /// sessions about to expire that lately ended instead of being renewed.
    private mutating func expectedEnds(nowMicros: Int64) -> Int64 {
        let due = self.sessions.count(after: nowMicros, upTo: nowMicros + self.record.horizon)
        self.measureEnds(due: due, nowMicros: nowMicros)
        let ends = self.record.ends
        let mean = self.record.dueMean
        let share = mean > 0 ? min(RoomRules.perMille, ends * RoomRules.perMille / mean) : RoomRules.perMille
        return max(ends / RoomRules.perMille, due * share / RoomRules.perMille)
    }

    /// Once a horizon, while there is a line. The past weighs three times as much as the latest horizon.
    private mutating func measureEnds(due: Int64, nowMicros: Int64) {
        let elapsed = nowMicros - self.record.endsAt
        guard elapsed >= self.record.horizon || elapsed < 0 else { return }
        let ended = self.record.admitted - self.sessions.count
        if elapsed >= 0, elapsed <= RoomRules.endsSilenceHorizons * self.record.horizon {
            let horizons = elapsed * RoomRules.perMille / self.record.horizon
            let fresh = max(0, ended - self.record.endsBefore) * RoomRules.partsPerMillion / horizons
            let former = self.record.ends == 0 ? 0 : RoomRules.endsMemory
            self.record.ends = (former * self.record.ends + fresh) / (former + 1)
            self.record.dueMean = (former * self.record.dueMean + RoomRules.perMille * self.record.due) / (former + 1)
        }
        self.record.endsAt = nowMicros
        self.record.endsBefore = ended
        self.record.due = due
    }
}
