@testable import onsale

extension Scenario {
    /// The same with a class of each kind of people there is; nine in ten are of a kind that keeps its place.
    func withEveryKind() -> Scenario {
        var scenario = self
        let stretch = Manners.stretch(durationSeconds: self.durationSeconds)
        scenario.classes = VisitorKind.allCases.map { kind in
            let manners = kind.changed(self.manners, stretch: stretch)
            let isRare = !manners.keepsPlace || kind == .bot
            return VisitorClass(name: kind.rawValue, weight: isRare ? 0.3 : 1, manners: manners)
        }
        return scenario
    }
}
