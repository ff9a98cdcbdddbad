@testable import onsale

extension Scenario {
    /// The same with a class of each kind of people there is; few break the rules, each of whom takes many numbers.
    func withEveryKind() -> Scenario {
        var scenario = self
        let stretch = Manners.stretch(durationSeconds: self.durationSeconds)
        scenario.classes = VisitorKind.allCases.map { kind in
            let manners = kind.changed(self.manners, stretch: stretch)
            let weight = !manners.keepsPlace ? 0.06 : kind == .bot ? 0.3 : 1
            return VisitorClass(name: kind.rawValue, weight: weight, manners: manners)
        }
        return scenario
    }
}
