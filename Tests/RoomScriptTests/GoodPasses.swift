import Primitives

@testable import Admission

/// The passes of a history that are good, by whatever the room itself counts: with them visitors are inside.
///
/// Whoever is let in finds fewer good passes than there are slots. After a loss there may be more by as many as the first
/// gateway to call had not heard of, for as long as those passes run.
struct GoodPasses {
    /// Until when, on the room's time.
    var good: [Witness.Place: Int64] = [:]
    var voidBefore: Int64 = 0
    private var excused = 0
    private var excusedUntil: Int64 = 0
    private var isLossFresh = false

    mutating func noteLoss() { self.isLossFresh = true }

    /// `known` is nil for the controller's calls. What was broken, nil when nothing was.
    mutating func see(_ written: [JournalEntry], known: KnownMarks?, after: RoomModel) -> String? {
        self.good = self.good.filter { $0.value > after.now && $0.key.epoch >= self.voidBefore }
        if self.isLossFresh, let known { self.excuse(known, after: after) }
        var isAnybodyNew = false
        for entry in written {
            switch entry {
            case .exchange(let micros, let grants):
                isAnybodyNew = true
                for grant in grants { self.add(grant.number, micros, after) }
            case .adopt(let micros, let ids): for id in ids { self.add(id, micros, after) }
            case .limits, .regress, .reset: break
            }
        }
        if after.now >= self.excusedUntil { self.excused = 0 }
        let most = Int(after.record.slots) + self.excused
        guard isAnybodyNew, self.good.count > most else { return nil }
        return "\(self.good.count) good passes, \(after.record.slots) slots and \(self.excused) that nobody knew of"
    }

    /// The first call of a gateway after a loss. Slots are kept for one session's length as the settings have it that are
    /// known then; passes may run longer.
    private mutating func excuse(_ known: KnownMarks, after: RoomModel) {
        self.isLossFresh = false
        let last = self.good.values.max() ?? 0
        let knows = known.epoch == after.record.epoch && last <= after.now + after.record.session
        self.excused = max(0, self.good.count - (knows ? Int(known.sessions) : 0))
        self.excusedUntil = max(self.excusedUntil, last)
    }

    private mutating func add(_ id: Int64, _ micros: Int64, _ model: RoomModel) {
        let place = PlaceID.place(id, current: model.record.epoch)
        self.good[Witness.Place(epoch: place.epoch, number: place.number)] = micros + model.record.session
    }
}
