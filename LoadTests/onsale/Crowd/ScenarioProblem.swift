/// A scenario that cannot be played: which setting, what was found, and what to do.
struct ScenarioProblem: Error, Equatable, CustomStringConvertible {
    let setting: String
    let description: String

    init(_ setting: String, _ found: String, allowed: String) {
        self.setting = setting
        self.description = "\(setting) is \(found): \(allowed)"
    }

    private init(setting: String, description: String) {
        self.setting = setting
        self.description = description
    }

    /// The same, of one class of visitors.
    func of(_ name: String) -> ScenarioProblem {
        ScenarioProblem(setting: self.setting, description: "\(name): \(self.description)")
    }
}
