import Settings

/// One class of `classes:`: what kind of people they are, and what the file changes of that.
struct ClassText: MannersHolder, NamedSettingsSection {
    /// Told apart by `like`, which decides most of them.
    static var defaultNote: String? { "as `like` says" }

    var name = ""
    var like: VisitorKind?
    var weight = 1.0
    var changes: [MannersChange] = []

    static var fields: [SettingsField<Self>] {
        [
            .value("like", \.like, .either("auto", or: .word), .live),
            .value("weight", \.weight, .number(0.001...1_000_000), .live),
        ] + Self.mannersFields
    }

    /// A class that is called as a kind is of that kind, unless it says otherwise.
    func group(_ manners: Manners, lengthSeconds: Double, _ findings: inout Findings) -> VisitorClass {
        let kind = self.like ?? VisitorKind(rawValue: self.name) ?? .visitor
        let stretch = Manners.stretch(durationSeconds: lengthSeconds)
        let group = VisitorClass(
            name: self.name,
            weight: self.weight,
            manners: self.applied(to: kind.changed(manners, stretch: stretch))
        )
        do throws(ScenarioProblem) {
            try group.manners.check()
        } catch {
            findings.reportContradiction("classes.\(self.name)", error.description)
        }
        return group
    }
}
