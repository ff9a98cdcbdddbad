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
        /// With fewer in line until then, a raise cannot show.
        var fewestWaiting: Int

        /// The share of the limit that it took.
        var used: Double { self.micros.map { Double($0) / Double(self.limitMicros) } ?? .infinity }
    }

    let passages: Passages
    let schedule: LimitSchedule
    let answerMicros: Int64

    /// One for each change of the rate.
    func findings() -> [Finding] {
        self.schedule.changes.compactMap { before, after in
            if after.rateMilli > before.rateMilli { return self.raise(before, after) }
            return after.rateMilli < before.rateMilli ? self.cut(before, after) : nil
        }
    }

    /// A raise shows as soon as more were surely let in since than the old limits allow.
    private func raise(_ before: LimitStep, _ after: LimitStep) -> Finding {
        let next = self.schedule.written.first { $0.micros > after.micros }?.micros ?? .max
        let since = self.passages.inOrderOfEarliest.count(upTo: after.micros - 1)
        var seen: Int64?
        for (index, latest) in self.passages.inOrderOfLatest.enumerated() where latest > after.micros && latest < next {
            let nano = Int64(index + 1 - since) * WindowSearch.nano
            let allowed = before.burst * WindowSearch.nano + (latest - after.micros) * before.rateMilli
            if nano > allowed {
                seen = latest - after.micros
                break
            }
        }
        // What the old limits would have allowed at once has to be exceeded first, by the difference of both rates.
        let proof = Double(before.burst + 1) * 1e9 / Double(after.rateMilli - before.rateMilli)
        let limit = self.schedule.reloadMicros + self.schedule.startMicros + Int64(proof) * 2 + self.answerMicros
        let waiting = Double(after.rateMilli) / 1000 * ShortfallSearch.waitingSeconds
        return Finding(
            isRaise: true,
            writtenMicros: after.micros,
            rateMilli: after.rateMilli,
            micros: seen,
            limitMicros: limit,
            fewestWaiting: max(ShortfallSearch.fewestWaiting, Int(waiting))
        )
    }

    /// A cut has taken hold when no later window of a second or five holds more than the new limits allow.
    private func cut(_ before: LimitStep, _ after: LimitStep) -> Finding {
        let next = self.schedule.written.first { $0.micros > after.micros }?.micros ?? .max
        let search = WindowSearch(self.passages, limits: [after])
        let last = [1_000_000, 5_000_000].compactMap { length in
            search.lastExceeded(lengthMicros: length, from: after.micros, to: next - length)?.startMicros
        }.max()
        return Finding(
            isRaise: false,
            writtenMicros: after.micros,
            rateMilli: after.rateMilli,
            micros: last.map { $0 - after.micros + 1 } ?? 0,
            limitMicros: self.schedule.reloadMicros,
            fewestWaiting: 0
        )
    }
}
