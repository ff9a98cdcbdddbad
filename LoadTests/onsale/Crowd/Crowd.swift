import Primitives

/// The people of a run in order of arrival, made one at a time: a crowd of ten million takes no memory. The same scenario
/// gives the same crowd, byte for byte, on any machine.
struct Crowd: Sequence, Sendable {
    let scenario: Scenario
    /// How a run is taken up in the middle: from that second on, who came earlier within so many seconds.
    private var takeUp: (fromSeconds: Double, withinSeconds: Double)?
    /// Makes each of people who are not drawn.
    private var make: (@Sendable (_ index: Int) -> Visitor)?
    private let makers: [VisitorMaker]

    init(_ scenario: Scenario) throws(ScenarioProblem) {
        try scenario.check()
        self.scenario = scenario
        self.makers = scenario.everyClass.map { VisitorMaker($0.manners) }
    }

    /// People who are not drawn: `make` is called with each index from 0 on, and again with that of one who is asked for
    /// anew; arrivals must not go back.
    init(_ scenario: Scenario, make: @escaping @Sendable (_ index: Int) -> Visitor) {
        self.scenario = scenario
        self.make = make
        self.makers = []
    }

    /// The same visitor again, but for the time of arrival.
    func visitor(_ kept: KeptVisitor) -> Visitor {
        if let make = self.make { return make(Int(kept.index)) }
        return self.makers[Int(kept.group)].make(
            index: Int(kept.index),
            person: Int(kept.person),
            group: Int(kept.group),
            arrivalNanoseconds: 0,
            root: kept.root
        )
    }

    /// How many visitors there are.
    var count: Int { self.scenario.visitors }

    /// All at once, for those who go through a small crowd again and again.
    var visitors: [Visitor] { Array(self) }

    var underestimatedCount: Int { self.count }

    /// The same people for a run that is taken up in the middle: who would be there by `seconds` comes within
    /// `withinSeconds` of it, one after the other.
    func takenUp(atSeconds seconds: Double, withinSeconds: Double) -> Crowd {
        var crowd = self
        crowd.takeUp = (seconds, withinSeconds)
        return crowd
    }

    func makeIterator() -> Iterator {
        let planned = PlannedVisitors(self.scenario, makers: self.makers, make: self.make)
        guard let takeUp = self.takeUp else { return Iterator(planned) }
        let from = Int64(takeUp.fromSeconds * 1e9)
        var all = planned
        var early = 0
        while let visitor = all.next(), visitor.arrivalNanoseconds < from { early += 1 }
        return Iterator(planned, early: early, fromNanoseconds: from, withinSeconds: takeUp.withinSeconds)
    }

    /// Goes through the plan; where a run is taken up in the middle, through its early part and its later part at once.
    struct Iterator: IteratorProtocol, Sendable {
        private var later: PlannedVisitors
        private var nextLater: Visitor?
        private var early: PlannedVisitors
        private var earlyCount: Int
        private var earlyGiven = 0
        private var nextEarly: Visitor?
        private var fromNanoseconds: Int64 = 0
        private var withinSeconds = 0.0

        fileprivate init(_ planned: PlannedVisitors) {
            self.later = planned
            self.early = planned
            self.earlyCount = 0
            self.nextLater = self.later.next()
        }

        fileprivate init(_ planned: PlannedVisitors, early: Int, fromNanoseconds: Int64, withinSeconds: Double) {
            self.init(planned)
            self.earlyCount = early
            self.fromNanoseconds = fromNanoseconds
            self.withinSeconds = withinSeconds
            for _ in 0..<early { self.nextLater = self.later.next() }
            self.takeEarly()
        }

        private mutating func takeEarly() {
            guard self.earlyGiven < self.earlyCount, var visitor = self.early.next() else {
                self.nextEarly = nil
                return
            }
            let share = (Double(self.earlyGiven) + 0.5) / Double(self.earlyCount)
            visitor.arrivalNanoseconds = self.fromNanoseconds + Int64(share * self.withinSeconds * 1e9)
            self.earlyGiven += 1
            self.nextEarly = visitor
        }

        mutating func next() -> Visitor? {
            if let early = self.nextEarly,
                early.arrivalNanoseconds <= self.nextLater?.arrivalNanoseconds ?? .max
            {
                self.takeEarly()
                return early
            }
            guard let visitor = self.nextLater else { return nil }
            self.nextLater = self.later.next()
            return visitor
        }
    }

    /// Arrivals in each second of the run.
    func arrivalsPerSecond() -> [Int] {
        var counts = [Int](repeating: 0, count: Int(self.scenario.durationSeconds.rounded(.up)) + 1)
        for visitor in self {
            counts[Swift.min(Int(visitor.arrivalNanoseconds / 1_000_000_000), counts.count - 1)] += 1
        }
        return counts
    }
}

/// Draws the visitors of a scenario in order of arrival.
struct PlannedVisitors: Sendable {
    private var waves: [Wave.Arrivals]
    /// When the next of each wave comes, in seconds.
    private var heads: [Double?]
    private let makers: [VisitorMaker]
    private let make: (@Sendable (_ index: Int) -> Visitor)?
    private let count: Int
    /// Weights of the classes, each added to those before.
    private let weights: [Double]
    private var draw: SplitMix64
    private var index = 0
    /// Who has more tabs or devices to come with.
    private var person = 0
    private var group = 0
    private var placesLeft = 0

    fileprivate init(
        _ scenario: Scenario,
        makers: [VisitorMaker],
        make: (@Sendable (_ index: Int) -> Visitor)?
    ) {
        self.makers = makers
        self.make = make
        self.count = scenario.visitors
        self.draw = SplitMix64(seed: scenario.seed)
        // Each wave has draws of its own: another one beside it changes nothing of when its people come.
        var seeds = SplitMix64(seed: scenario.seed ^ 0x5A1E_0F71_C4E7_5000)
        self.waves = scenario.curve.scaled(toVisitors: scenario.visitors).waves.map { wave in
            Wave.Arrivals(wave, seed: seeds.next())
        }
        self.heads = []
        let classes = scenario.everyClass
        var sum = 0.0
        self.weights = classes.map { group in
            sum += group.weight
            return sum
        }
        for index in self.waves.indices { self.heads.append(self.waves[index].next()) }
    }

    mutating func next() -> Visitor? {
        guard let make = self.make else { return self.drawNext() }
        guard self.index < self.count else { return nil }
        defer { self.index += 1 }
        return make(self.index)
    }

    private mutating func drawNext() -> Visitor? {
        var soonest: Int?
        for wave in self.heads.indices {
            guard let head = self.heads[wave] else { continue }
            if let known = soonest, self.heads[known]! <= head { continue }
            soonest = wave
        }
        guard let wave = soonest, let seconds = self.heads[wave] else { return nil }
        self.heads[wave] = self.waves[wave].next()
        if self.placesLeft == 0 { self.beginPerson() }
        self.placesLeft -= 1
        defer { self.index += 1 }
        return self.makers[self.group].make(
            index: self.index,
            person: self.person,
            group: self.group,
            arrivalNanoseconds: Int64(seconds * 1e9),
            root: self.draw.next()
        )
    }

    private mutating func beginPerson() {
        self.person = self.index
        self.group = 0
        if self.weights.count > 1 {
            let point = self.draw.nextUnit() * (self.weights.last ?? 1)
            self.group = self.weights.firstIndex { point < $0 } ?? self.weights.count - 1
        }
        let places = self.makers[self.group].places
        self.placesLeft = places.upperBound > 1 ? self.draw.drawInteger(places) : 1
    }
}

/// Draws what a visitor of one class is like.
private struct VisitorMaker: Sendable {
    let places: ClosedRange<Int>
    private let manners: Manners
    private let patienceMedian: Double
    private let eager: ClosedRange<Double>

    init(_ manners: Manners) {
        self.manners = manners
        self.places = manners.fewestPlaces...manners.mostPlaces
        // The 20th percentile of a log-normal lies 0.8416 spreads below its median.
        self.patienceMedian = manners.toleratedWaitSeconds * Elementary.exp(0.8416 * manners.patienceSpread)
        self.eager = manners.fewestEagerRefreshesPerSecond...manners.mostEagerRefreshesPerSecond
    }

    func make(index: Int, person: Int, group: Int, arrivalNanoseconds: Int64, root: UInt64) -> Visitor {
        var draw = SplitMix64(seed: root)
        let manners = self.manners
        let patienceSeconds = draw.drawLogNormal(median: self.patienceMedian, spread: manners.patienceSpread)
        let requestCount = draw.drawInteger(manners.fewestRequests...manners.mostRequests)
        let isNoShow = draw.drawFlag(share: manners.noShowShare)
        let isEager = draw.drawFlag(share: manners.eagerShare)
        let eagerSeconds = 1 / draw.drawUniform(self.eager)
        let leavesByPage = draw.drawFlag(share: manners.leavePageShare)
        let habit = draw.nextUnit()
        return Visitor(
            index: index,
            person: person,
            group: group,
            arrivalNanoseconds: arrivalNanoseconds,
            patienceNanoseconds: Int64(min(patienceSeconds, 1e9) * 1e9),
            requestCount: requestCount,
            isNoShow: isNoShow,
            eagerRefreshNanoseconds: isEager ? Int64(eagerSeconds * 1e9) : nil,
            leavesByPage: leavesByPage,
            retryHabit: habit < manners.immediateRetryShare
                ? .immediate
                : habit < manners.immediateRetryShare + manners.fixedRetryShare ? .fixed : .fullJitter,
            seed: draw.next(),
            root: root
        )
    }
}
