/// When a written change of the limits took hold, by the visitors' own pace.
struct ReloadSearch {
    struct Finding: Equatable, Sendable {
        var isRaise: Bool
        var writtenMicros: Int64
        /// What was written.
        var rateMilli: Int64
        /// From the writing to the moment at which the new limits show; nil: they never did.
        var micros: Int64?
        /// What may pass until then.
        var limitMicros: Int64
        /// Enough people waited, and slots were free: else a change does not show.
        var canShow: Bool
        /// Of a raised rate, what was used from then on while people waited; nil: they did for too short a time.
        var share: Double?

        /// The share of the limit that it took.
        var used: Double { self.micros.map { Double($0) / Double(self.limitMicros) } ?? .infinity }
        var isWhole: Bool { self.share ?? 1 >= ReloadSearch.leastShare }
    }

    /// Of a raised rate, what must be used.
    static let leastShare = 0.9
    /// In a shorter time nobody can tell.
    static let shortestMicros: Int64 = 3_000_000
    /// For so long somebody must wait after a cut for it to be felt.
    static let feltMicros: Int64 = 5_000_000

    let passages: Passages
    let schedule: LimitSchedule
    let answerMicros: Int64
    let shortfall: ShortfallSearch

    /// One for each change of the rate.
    func findings() -> [Finding] {
        self.schedule.changes.compactMap { before, after in
            if after.rateMilli > before.rateMilli { return self.raise(before, after) }
            return after.rateMilli < before.rateMilli ? self.cut(before, after) : nil
        }
    }

    private func nextChange(_ step: LimitStep) -> Int64 {
        self.schedule.written.first { $0.micros > step.micros }?.micros ?? .max
    }

    /// A raise shows as soon as more were surely let in since than the old limits allow.
    private func raise(_ before: LimitStep, _ after: LimitStep) -> Finding {
        let next = self.nextChange(after)
        var seen: Int64?
        for (index, latest) in self.passages.since(after.micros).inOrderOfLatest.enumerated() where latest < next {
            let nano = Int64(index + 1) * WindowSearch.nano
            let allowed = before.burst * WindowSearch.nano + (latest - after.micros) * before.rateMilli
            if nano > allowed {
                seen = latest - after.micros
                break
            }
        }
        // What the old limits would have allowed at once has to be exceeded first, by the difference of both rates.
        let proof = Double(before.burst + 1) * 1e9 / Double(after.rateMilli - before.rateMilli)
        let limit = self.schedule.reloadMicros + self.schedule.startMicros + Int64(proof) * 2 + self.answerMicros
        let end = after.micros + limit
        let waiting = Double(after.rateMilli) / 1000 * ShortfallSearch.waitingSeconds
        let isWaitedFor =
            self.shortfall.waiting(from: after.micros, to: end) >= max(ShortfallSearch.fewestWaiting, Int(waiting))
        return Finding(
            isRaise: true,
            writtenMicros: after.micros,
            rateMilli: after.rateMilli,
            micros: seen,
            limitMicros: limit,
            canShow: isWaitedFor && self.shortfall.hasFreeSlots(from: after.micros, to: end),
            share: self.share(of: after, from: end, to: next)
        )
    }

    /// Of what is due at the new rate from then on, the share that was let in, for as long as people waited.
    private func share(of step: LimitStep, from start: Int64, to next: Int64) -> Double? {
        let last = min(next, self.shortfall.inLine.times.last ?? start)
        var end = start
        while end + ShortfallSearch.stepMicros <= last,
            self.shortfall.isDue(from: end, to: end + ShortfallSearch.stepMicros)
        {
            end += ShortfallSearch.stepMicros
        }
        guard end - start >= Self.shortestMicros else { return nil }
        let due = Double(end - start) * Double(step.rateMilli) / 1e9 - Double(step.burst)
        return due > 0 ? Double(self.passages.atMost(from: start, to: end)) / due : nil
    }

    /// A cut has taken hold when no later window of a second or five holds more than the new limits allow.
    private func cut(_ before: LimitStep, _ after: LimitStep) -> Finding {
        let next = self.nextChange(after)
        let search = WindowSearch(self.passages, limits: [after])
        let last = [1_000_000, 5_000_000].compactMap { length in
            search.lastExceeded(lengthMicros: length, from: after.micros, to: next - length)?.startMicros
        }.max()
        let start = after.micros + self.schedule.reloadMicros
        let end = start + Self.feltMicros
        let isFelt =
            end <= next && self.shortfall.waiting(from: start, to: end) >= ShortfallSearch.fewestWaiting
            && self.shortfall.hasFreeSlots(from: start, to: end)
        return Finding(
            isRaise: false,
            writtenMicros: after.micros,
            rateMilli: after.rateMilli,
            micros: last.map { $0 - after.micros + 1 } ?? 0,
            limitMicros: self.schedule.reloadMicros,
            // One that was seen not to take hold was felt.
            canShow: isFelt || last.map { $0 - after.micros >= self.schedule.reloadMicros } ?? false
        )
    }
}
