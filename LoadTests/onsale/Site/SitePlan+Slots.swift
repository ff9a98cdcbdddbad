import Foundation

/// The part of a run in which the slots bind: else nobody could tell whether a site keeps to them.
extension SitePlan {
    /// The slots are lowered at the first share of the drain, and raised again at the second, before the inflow is: a
    /// raise that slots held up would not show.
    static let tightShare = 0.2
    static let looseShare = 0.34
    /// Of those who would be inside by then, so many find a slot. Nobody is let in until the others have left.
    private static let tightSlots = 0.75
    /// Of fewer slots a tenth too many would be two or three people, which may be chance.
    private static let fewestTightSlots = 20

    /// Of the people whom the inflow would let in, the share that waits longer for that.
    static var heldUpShare: Double { (1 - Self.tightSlots) * (Self.looseShare - Self.tightShare) }

    /// Both changes; none where there would be too few slots to tell anything.
    static func tightening(
        _ scenario: Scenario,
        before: Limits,
        openingSeconds opening: Double,
        drainSeconds: Double
    ) -> [Change] {
        let seconds = drainSeconds * Self.tightShare
        let inside = Double(before.inflowPerSecond) * Self.insideSeconds(scenario, atSeconds: seconds)
        let slots = Int(inside * Self.tightSlots)
        guard slots >= Self.fewestTightSlots else { return [] }
        var tight = before
        tight.slots = slots
        return [
            Change(seconds: opening + seconds, limits: tight),
            Change(seconds: opening + drainSeconds * Self.looseShare, limits: before),
        ]
    }

    /// How many are inside so long after the opening, for each who is let in a second: those who have not had all their
    /// pages, and those who closed the window, whose sessions only time ends.
    private static func insideSeconds(_ scenario: Scenario, atSeconds seconds: Double) -> Double {
        scenario.mean { manners in
            let think = manners.thinkMedianSeconds * exp(manners.thinkSpread * manners.thinkSpread / 2)
            let pauses = Double(manners.fewestRequests + manners.mostRequests) / 2 - 1
            let stay = pauses * min(think, manners.longestThinkSeconds) + manners.basketSeconds
            return manners.leavePageShare * min(stay, seconds) + (1 - manners.leavePageShare) * seconds
        }
    }
}
