/// What a rehearsal asks of the times at which people come.
extension ArrivalPlan {
    /// The sale opens then, and who comes as to a sale comes around that moment.
    mutating func openAfter(_ seconds: Double) {
        self.openingSeconds = seconds
        for index in self.waves.indices {
            guard case .sale(var curve) = self.waves[index].shape else { continue }
            curve.openingSeconds = seconds
            self.waves[index].shape = .sale(curve)
        }
    }

    /// Of all who come: those of a sale who are early, and half of the others, of whom it is not known.
    var shareBeforeOpening: Double {
        let early = self.waves.reduce(0.0) { sum, wave in
            guard case .sale(let curve) = wave.shape else { return sum + Double(wave.visitors) / 2 }
            return sum + Double(wave.visitors) * curve.shareBeforeOpening
        }
        return early / Double(max(1, self.visitors))
    }
}
