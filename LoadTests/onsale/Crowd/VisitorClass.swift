/// Some kind of people in a crowd: how many of them there are beside the others, and what they are like.
struct VisitorClass: Codable, Equatable, Sendable {
    static let mostClasses = 32

    var name: String
    /// People of this class for each of weight 1 in another; a person with several tabs is one.
    var weight: Double
    var manners: Manners

    func check() throws(ScenarioProblem) {
        guard self.weight > 0, self.weight <= 1_000_000 else {
            throw ScenarioProblem(
                "weight of \(self.name)",
                "\(self.weight)",
                allowed: "must be above 0 and at most 1,000,000"
            )
        }
        do { try self.manners.check() } catch { throw error.of(self.name) }
    }
}
