import ArgumentParser
import Settings

/// What may be different about the generated site, for every command that makes one.
struct PlanOptions: ParsableArguments {
    @Option(help: "Slots of the generated site's room; by default more than the crowd can fill.")
    var slots: Int?

    @Flag(help: "Leave the limits of the generated site as they are, all the way.")
    var steady = false

    var isEmpty: Bool { self.slots == nil && !self.steady }

    /// By name, and whether it was given.
    var given: [StrayOptions.Option] { [("--slots", self.slots != nil), ("--steady", self.steady)] }

    func validate() throws {
        let allowed = RoomSettings.slotCounts
        guard let slots = self.slots, !allowed.contains(slots) else { return }
        throw ValidationError("--slots: \(slots) is not between \(allowed.lowerBound) and \(allowed.upperBound)")
    }

    /// nil when nothing was asked for.
    func plan(_ scenario: Scenario) -> SitePlan? {
        guard !self.isEmpty else { return nil }
        var plan = SitePlan(scenario)
        if let slots = self.slots { plan.slots = slots }
        if self.steady { plan.changes = [] }
        return plan
    }

    /// As they would be typed again.
    var text: String { (self.slots.map { " --slots \($0)" } ?? "") + (self.steady ? " --steady" : "") }
}
