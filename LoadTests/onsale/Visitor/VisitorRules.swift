import Primitives

/// What the visitors of one run have in common; kept once, handed to each machine as it is asked.
struct VisitorRules: Sendable {
    /// Refresh when the server names no time.
    static let unnamedRefreshNanoseconds = 5 * Nanoseconds.perSecond
    /// Bounds of a refresh time that a server may tell.
    static let refreshNanoseconds = 200 * Nanoseconds.perMillisecond...300 * Nanoseconds.perSecond

    /// The advertised opening: when the eager press reload.
    let openingAt: Instant
    let manners: Manners
    let eagerWindowNanoseconds: Int64
    /// A waiting room guards the site; without one, people refresh until the opening.
    let hasRoom: Bool
    /// Nothing is known of the site: whether a room guards it, and whether it is open, its answers tell.
    var isAnySite = false

    init(_ scenario: Scenario, startedAt: Instant, hasRoom: Bool = true) {
        self.hasRoom = hasRoom
        self.openingAt = startedAt.advanced(byNanoseconds: Int64(scenario.curve.openingSeconds * 1e9))
        self.manners = scenario.manners
        self.eagerWindowNanoseconds = Int64(scenario.manners.eagerWindowSeconds * 1e9)
    }

    init(anySite scenario: Scenario, startedAt: Instant) {
        self.init(scenario, startedAt: startedAt, hasRoom: false)
        self.isAnySite = true
    }

    func isNearOpening(_ now: Instant) -> Bool {
        abs(now.nanoseconds(since: self.openingAt)) <= self.eagerWindowNanoseconds
    }
}
