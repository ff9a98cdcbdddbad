/// How long it takes until so many more are let in where the slots bind, as a range: as fast as slots came free in the
/// best and in the worst stretches of the past.
///
/// Stretches as long as were seen more than once tell it by themselves. Beyond them the past is a sample: of n people who
/// were let in, the next k take k times the mean, give or take a share of √(φ (1/k + 1/n)) of it, where φ is how much
/// more unevenly they came than by chance, and of what the mean itself drifts. So a short past gives a wide range.
struct SlotForecast: Sendable {
    /// Fewer admissions do not tell a speed.
    private static let fewestSeen = 10.0
    /// Eight of ten lie within so many standard deviations; how many people there are in front is a range by itself.
    private static let deviations = 1.28
    /// People stay longer or shorter than those before them.
    private static let drift = 0.05
    /// Of many stretches the best and the one that but a twentieth fall short of are so many standard deviations apart.
    private static let deviationsApart = 3.6

    /// What looks more even than half of chance may be so by chance.
    private static let leastDispersion = 0.5

    /// By rising length.
    private let curve: [ServiceHistory.Stretch]
    /// The longest past that is known.
    private let whole: (seconds: Double, admitted: Double)
    private let dispersion: Double

    static let unknown = SlotForecast([])

    /// - Parameter histories: of the same line, the finer ones first.
    init(_ histories: [ServiceHistory]) {
        var curve: [ServiceHistory.Stretch] = []
        var whole = (seconds: 0.0, admitted: 0.0)
        for history in histories {
            let longest = curve.last?.seconds ?? 0
            curve += history.curve.lazy.filter { $0.seconds > longest }
            if history.whole.seconds > whole.seconds { whole = history.whole }
        }
        self.curve = curve
        self.whole = whole
        // Short stretches of waves, which end by themselves, say nothing of a long time.
        self.dispersion = curve.suffix(2).reduce(Self.leastDispersion) { most, stretch in
            let deviation = (stretch.most - stretch.least) / Self.deviationsApart
            return stretch.mean > 0 ? max(most, deviation * deviation / stretch.mean) : most
        }
    }

    /// Enough were let in to tell a speed.
    var isKnown: Bool { self.whole.admitted >= Self.fewestSeen }

    /// nil where nothing is known of it.
    func shortest(for people: Double) -> Double? {
        guard people > 0 else { return 0 }
        let seen = self.seen(people) { $0.most }
        if let seconds = seen.seconds { return seconds }
        return self.mean(people).map { $0 / (1 + self.deviation(people)) }
    }

    /// nil where nothing is known of it.
    func longest(for people: Double) -> Double? {
        guard people > 0 else { return 0 }
        let seen = self.seen(people) { $0.least }
        if let seconds = seen.seconds { return seconds }
        return self.mean(people).map { max(seen.longer, $0 * (1 + self.deviation(people))) }
    }

    private func mean(_ people: Double) -> Double? {
        self.whole.admitted > 0 ? people / self.whole.admitted * self.whole.seconds : nil
    }

    /// As a share of the time.
    private func deviation(_ people: Double) -> Double {
        let share = self.dispersion * (1 / people + 1 / max(1, self.whole.admitted))
        return Self.deviations * (share + Self.drift * Self.drift).squareRoot()
    }

    /// How long it took, where so many are let in within a stretch that was seen; else nil, and longer than what.
    private func seen(
        _ people: Double,
        _ admitted: (ServiceHistory.Stretch) -> Double
    ) -> (seconds: Double?, longer: Double) {
        var former = (seconds: 0.0, admitted: 0.0)
        let isWithin = people <= self.curve.last?.mean ?? 0
        for stretch in self.curve {
            let next = (seconds: stretch.seconds, admitted: admitted(stretch))
            if next.admitted >= people {
                guard isWithin else { break }
                let share = (people - former.admitted) / (next.admitted - former.admitted)
                return (former.seconds + share * (next.seconds - former.seconds), 0)
            }
            if next.admitted >= former.admitted { former = next }
        }
        return (nil, former.seconds)
    }
}
