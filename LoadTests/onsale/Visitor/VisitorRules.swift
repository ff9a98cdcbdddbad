import Primitives

/// What the visitors of one run have in common; kept once, handed to each machine as it is asked.
struct VisitorRules: Sendable {
    /// Refresh when the server names no time.
    static let unnamedRefreshNanoseconds = 5 * Nanoseconds.perSecond
    /// Bounds of a refresh time that a server may tell.
    static let refreshNanoseconds = 200 * Nanoseconds.perMillisecond...300 * Nanoseconds.perSecond

    /// The advertised opening: when the eager press reload.
    let openingAt: Instant
    /// Of each class of visitors, by `Visitor.group`.
    private let manners: [Manners]
    /// A waiting room guards the site; without one, people refresh until the opening.
    let hasRoom: Bool
    /// Nothing is known of the site: whether a room guards it, and whether it is open, its answers tell.
    var isAnySite = false

    init(_ scenario: Scenario, startedAt: Instant, hasRoom: Bool = true) {
        self.hasRoom = hasRoom
        self.openingAt = startedAt.advanced(byNanoseconds: Int64(scenario.curve.openingSeconds * 1e9))
        self.manners = scenario.everyClass.map(\.manners)
    }

    init(anySite scenario: Scenario, startedAt: Instant) {
        self.init(scenario, startedAt: startedAt, hasRoom: false)
        self.isAnySite = true
    }

    func manners(of visitor: Visitor) -> Manners { self.manners[visitor.group] }

    /// Stands in line with a place of their own; who shows none is a stranger each time.
    func isInLine(_ machine: VisitorMachine) -> Bool {
        machine.isInLine && self.manners[machine.visitor.group].keepsPlace
    }

    /// Whose visit the answers to a visitor belong to, and what the room owes there.
    func book(of visitor: Visitor) -> (index: Int, conduct: VisitBooks.Conduct) {
        let manners = self.manners[visitor.group]
        guard manners.keepsPlace else { return (visitor.index, .breaksRules) }
        return manners.cookies == .shared ? (visitor.person, .sharesPlace) : (visitor.index, .keepsRules)
    }

    /// How long until an eager visitor presses reload; nil for the others, and when the opening is not near.
    func eagerRefreshNanoseconds(of visitor: Visitor, now: Instant) -> Int64? {
        guard let eager = visitor.eagerRefreshNanoseconds else { return nil }
        let window = Int64(self.manners[visitor.group].eagerWindowSeconds * 1e9)
        return abs(now.nanoseconds(since: self.openingAt)) <= window ? eager : nil
    }
}
