/// The seconds of a run in order, and their sum.
struct Timeline: Sendable {
    /// A day; later seconds go to the sum only.
    static let mostSamples = 86_400

    private(set) var samples: [Sample] = []
    private(set) var total = Tally()

    /// Adds what was told after its second was closed, to the sum alone.
    mutating func addLate(_ tally: Tally) { self.total.merge(tally) }

    /// Adds the next second: the merged tallies of all loops, and the gauges at its end.
    mutating func append(_ tally: Tally, _ gauges: Gauges) {
        self.total.merge(tally)
        guard self.samples.count < Self.mostSamples else { return }
        self.samples.append(
            Sample(
                second: self.samples.count,
                counts: tally.counts,
                gauges: gauges,
                insideCorrected: Percentiles(tally.inside.corrected),
                insideRaw: Percentiles(tally.inside.raw),
                lineCorrected: Percentiles(tally.line.corrected),
                doorCorrected: Percentiles(tally.door.corrected),
                toolLateness: Percentiles(tally.lateness)
            )
        )
    }
}
