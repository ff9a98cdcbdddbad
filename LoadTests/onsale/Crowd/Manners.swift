/// How the people of a crowd behave, as shares and distributions.
///
/// Defaults are what is known of on-sales, squeezed into a run of a minute.
struct Manners: Codable, Equatable, Sendable {
    /// Requests of a visitor once let in, the first included; uniform.
    var fewestRequests = 3
    var mostRequests = 7
    /// Time between a response and the next request; log-normal, cut at `longestThinkSeconds`.
    var thinkMedianSeconds = 0.8
    var thinkSpread = 0.6
    var longestThinkSeconds = 5.0
    /// Four in five people wait at least this long, counted from the opening for those who came earlier.
    var toleratedWaitSeconds = 120.0
    /// Standard deviation of the logarithm of patience.
    var patienceSpread = 0.8
    /// Share of people who take a place and never ask again.
    var noShowShare = 0.06
    /// Share of people who refresh by hand around the opening instead of waiting as told.
    var eagerShare = 0.08
    /// Refreshes per second of an eager visitor; uniform.
    var fewestEagerRefreshesPerSecond = 1.0
    var mostEagerRefreshesPerSecond = 2.5
    /// How long before and after the opening the eager refresh by hand.
    var eagerWindowSeconds = 3.0
    /// Time between two looks at a page that has not opened, where no waiting room tells when to look; log-normal.
    var refreshMedianSeconds = 6.0
    var refreshSpread = 0.5
    /// Who watches the clock reloads within this time of the opening; uniform.
    var openingReactionSeconds = 2.0
    /// Share of people who end their visit on a page that frees the slot; the rest close the window.
    var leavePageShare = 0.9
    /// Tries after a failed request before a visitor gives up.
    var mostRetries = 3
    /// First pause of those who press reload at once: what a hand needs. It doubles with each try, or a site that answers
    /// with errors would be asked more by the crowd than one that works.
    var immediateRetrySeconds = 0.25
    /// Pause of those who retry after a fixed time.
    var fixedRetrySeconds = 1.0
    /// Longest first pause of those who retry with full jitter; it doubles with each try.
    var jitterRetrySeconds = 2.0
    /// Of all, those who press reload at once, and those who retry after a fixed time; the rest retry with full jitter.
    var immediateRetryShare = 0.33
    var fixedRetryShare = 0.33
    /// Tabs or devices with which a person stands in line at once; uniform. Each is a visitor of the crowd.
    var fewestPlaces = 1
    var mostPlaces = 1
    var cookies = CookieHabit.own
    /// Waits in line; else goes on to the next page, whatever the room says.
    var waitsInLine = true
    /// Time between two looks of those who do not care when they are told to come, nor for Retry-After; nil for the others.
    var ownPaceSeconds: Double?
    /// Before the last page, on top of the usual time to think: with the goods in the basket.
    var basketSeconds = 0.0
    /// Chance that the network is lost with a request on its way, for all requests but the first and the last.
    var lossShare = 0.0
    /// For how long then; log-normal, cut at `longestLossSeconds`.
    var lossMedianSeconds = 3.0
    var lossSpread = 0.5
    var longestLossSeconds = 8.0

    /// How much longer than a minute a run is: a curve that is squeezed or stretched needs people who are so, too.
    static func stretch(durationSeconds: Double) -> Double { durationSeconds / 60 }

    /// The same people for a run of that length: their patience, and the time that they think.
    func stretched(toSeconds durationSeconds: Double) -> Manners {
        self.stretched(by: Self.stretch(durationSeconds: durationSeconds))
    }

    /// The same people in another time. How often a hand reloads, and how soon after an error, stays as it is.
    func stretched(by factor: Double) -> Manners {
        var manners = self
        manners.thinkMedianSeconds *= factor
        manners.longestThinkSeconds *= factor
        manners.toleratedWaitSeconds = min(manners.toleratedWaitSeconds * factor, 86_400)
        manners.basketSeconds = min(manners.basketSeconds * factor, 86_400)
        manners.lossMedianSeconds *= factor
        manners.longestLossSeconds *= factor
        return manners
    }

    func check() throws(ScenarioProblem) {
        guard self.fewestRequests >= 1, self.mostRequests >= self.fewestRequests, self.mostRequests <= 1000 else {
            throw ScenarioProblem(
                "requests a visitor",
                "\(self.fewestRequests) to \(self.mostRequests)",
                allowed: "must be a range within 1 to 1000"
            )
        }
        let shares = [
            ("no-show share", self.noShowShare), ("eager share", self.eagerShare),
            ("leave-page share", self.leavePageShare), ("share of lost requests", self.lossShare),
            ("share of retries at once", self.immediateRetryShare),
            ("share of retries after a fixed time", self.fixedRetryShare),
            ("share of both retries", self.immediateRetryShare + self.fixedRetryShare),
        ]
        for (name, share) in shares where !(0...1).contains(share) {
            throw ScenarioProblem(name, "\(share)", allowed: "must be between 0 and 1")
        }
        let times = [
            ("think time", self.thinkMedianSeconds), ("longest think time", self.longestThinkSeconds),
            ("tolerated wait", self.toleratedWaitSeconds), ("fixed retry", self.fixedRetrySeconds),
            ("immediate retry", self.immediateRetrySeconds),
            ("jitter retry", self.jitterRetrySeconds), ("refresh", self.refreshMedianSeconds),
            ("reaction to the opening", self.openingReactionSeconds), ("loss", self.lossMedianSeconds),
            ("longest loss", self.longestLossSeconds), ("own pace", self.ownPaceSeconds ?? 1),
        ]
        for (name, seconds) in times where !(seconds > 0 && seconds <= 86_400) {
            throw ScenarioProblem(name, "\(seconds) s", allowed: "must be above 0 s and at most a day")
        }
        for (name, seconds) in [("basket", self.basketSeconds), ("eager window", self.eagerWindowSeconds)]
        where !(0...86_400).contains(seconds) {
            throw ScenarioProblem(name, "\(seconds) s", allowed: "must be at most a day")
        }
        let spreads = [
            ("think spread", self.thinkSpread), ("patience spread", self.patienceSpread),
            ("refresh spread", self.refreshSpread), ("loss spread", self.lossSpread),
        ]
        for (name, spread) in spreads where !(0...10).contains(spread) {
            throw ScenarioProblem(name, "\(spread)", allowed: "must be between 0 and 10")
        }
        try self.checkPlaces()
        let rates = 0.0001...1_000_000
        guard rates.contains(self.fewestEagerRefreshesPerSecond), rates.contains(self.mostEagerRefreshesPerSecond),
            self.mostEagerRefreshesPerSecond >= self.fewestEagerRefreshesPerSecond
        else {
            throw ScenarioProblem(
                "eager refreshes",
                "\(self.fewestEagerRefreshesPerSecond) to \(self.mostEagerRefreshesPerSecond) a second",
                allowed: "must be a range within 0.0001 to 1,000,000"
            )
        }
        guard (0...20).contains(self.mostRetries) else {
            throw ScenarioProblem("retries", "\(self.mostRetries)", allowed: "must be between 0 and 20")
        }
    }

    private func checkPlaces() throws(ScenarioProblem) {
        guard self.fewestPlaces >= 1, self.mostPlaces >= self.fewestPlaces, self.mostPlaces <= 100 else {
            throw ScenarioProblem(
                "places of a person",
                "\(self.fewestPlaces) to \(self.mostPlaces)",
                allowed: "must be a range within 1 to 100"
            )
        }
        guard self.cookies != .shared || self.leavePageShare == 0 else {
            throw ScenarioProblem(
                "leave-page share",
                "\(self.leavePageShare)",
                allowed: "must be 0 where tabs share their cookies: one of them would give up the slot of all"
            )
        }
    }

    /// Keeps to the rules of a waiting room: keeps the place that is given, and waits with it. Only to such a visitor
    /// order, place and identity are owed.
    var keepsPlace: Bool { self.waitsInLine && (self.cookies == .own || self.cookies == .shared) }

    /// Asks more than anybody is asked to: a site may turn such a visitor away.
    var isRude: Bool { !self.keepsPlace || self.ownPaceSeconds != nil }
}

/// What a visitor does with cookies.
enum CookieHabit: String, CaseIterable, Codable, Sendable {
    /// A jar of the visitor's own, as a browser has it.
    case own
    /// One jar for all tabs of a person.
    case shared
    /// Shows none, and forgets what it is given.
    case none
    /// Shows those of somebody else, and forgets what it is given.
    case stolen
}
