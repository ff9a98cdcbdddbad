import Settings

/// What a room's settings mean for a crowd. Played and simulated runs of a file are held to the same.
extension RoomSettings {
    /// Of the slots, the share that those who have closed the window may hold by the end of a run: others are to get in.
    private static let mostHeldShare = 0.9

    /// Why a run of this crowd would be a verdict on its length and not on the site: who closes the window holds the slot
    /// until the session ends, and when no session ends in the run, these take all slots. nil: the slots suffice.
    ///
    /// - Parameter hasOpening: nobody is in before the scenario's opening.
    func tooFewSlots(for scenario: Scenario, hasOpening: Bool) -> String? {
        let seconds = scenario.durationSeconds - (hasOpening ? scenario.curve.openingSeconds : 0)
        let sessionSeconds = Double(self.sessionMicros) / 1e6
        let share = (1 - scenario.mean(\.noShowShare)) * (1 - scenario.mean(\.leavePageShare))
        let staying = Double(scenario.visitors) * share
        let most = Double(self.slots) * Self.mostHeldShare
        guard sessionSeconds >= seconds, staying >= most else { return nil }
        let fewer = Int((most / share).rounded(.up)) - 1
        return
            "of \(Format.count(scenario.visitors)) visitors about \(Format.count(Int(staying.rounded(.up)))) close the "
            + "window and hold a slot until the session ends, after \(Format.decimal(sessionSeconds)) s: longer than the "
            + "\(Format.decimal(seconds)) s in which the room is open, and rooms.\(self.name).slots is "
            + "\(Format.count(Int(self.slots))). Use --visitors \(fewer) or fewer, more slots, or a session_length shorter "
            + "than that"
    }
}
