/// The faults of a run as steps in time: pure, so that what will be done is known before anything runs.
struct FaultSchedule: Equatable, Sendable {
    /// A slow process is stopped and let go so often, and stands still for that share of each period.
    static let slowPeriodSeconds = 0.1
    static let stoppedShare = 0.9
    static let mostFaults = 50
    /// Two changes of limits that are closer together cannot be told apart by what visitors see.
    static let fewestSecondsBetweenLimits = 6.0

    enum Act: Equatable, Sendable {
        case kill(TimedFault.Victim)
        case start(TimedFault.Victim)
        /// SIGSTOP and SIGCONT, to one and the same process for each fault.
        case hold(TimedFault.Victim)
        case letGo(TimedFault.Victim)
        /// Of the requests to workers, so many thousandths from then on; 0: none any more.
        case fail(permille: Int)
        case reload
        case join
    }

    struct Step: Equatable, Sendable {
        var seconds: Double
        var act: Act
        /// The fault that it belongs to, by its index.
        var fault: Int
        /// The step that a person is told of: a slow process is stopped a hundred times.
        var isFirst: Bool
    }

    /// In order of time.
    let faults: [TimedFault]

    static let none = FaultSchedule()

    private init() { self.faults = [] }

    /// Throws the first that cannot be played within a run of that length.
    init(_ faults: [TimedFault], durationSeconds: Double) throws(FaultProblem) {
        if let problem = Self.problems(of: faults, durationSeconds: durationSeconds).first { throw problem }
        self.faults = faults.sorted { $0.seconds < $1.seconds }
    }

    /// All that cannot be played within a run of that length, in order of time; each by its index in `faults`.
    static func problems(of faults: [TimedFault], durationSeconds: Double) -> [FaultProblem] {
        guard faults.count <= Self.mostFaults else {
            return [FaultProblem("\(faults.count) faults", "at most \(Self.mostFaults) in a run")]
        }
        let inTime = faults.enumerated().sorted { ($0.element.seconds, $0.offset) < ($1.element.seconds, $1.offset) }
        var problems: [FaultProblem] = []
        func refuse(_ fault: (offset: Int, element: TimedFault), _ words: String) {
            problems.append(FaultProblem(fault.element.description, words, index: fault.offset))
        }
        for fault in inTime where fault.element.endSeconds > durationSeconds {
            refuse(fault, "ends after the run, which has \(Format.decimal(durationSeconds)) s; choose an earlier time")
        }
        for fault in inTime.filter({ $0.element.action == .joinGateway }).dropFirst() {
            refuse(fault, "there is one second gateway, which joins once")
        }
        for victim in TimedFault.Victim.allCases {
            let own = inTime.filter { $0.element.victim == victim }
            for (one, next) in zip(own, own.dropFirst()) where next.element.seconds < one.element.endSeconds {
                refuse(next, "begins before another one of \(victim.words) is over")
            }
        }
        let failing = inTime.filter(\.element.failsRequests)
        for (one, next) in zip(failing, failing.dropFirst()) where next.element.seconds < one.element.endSeconds {
            refuse(next, "begins before the errors before it are over")
        }
        let changes = inTime.filter(\.element.changesLimits)
        for (one, next) in zip(changes, changes.dropFirst())
        where next.element.seconds - one.element.seconds < Self.fewestSecondsBetweenLimits {
            let least = Format.decimal(Self.fewestSecondsBetweenLimits)
            refuse(next, "comes less than \(least) s after another change of limits")
        }
        return problems
    }

    var isEmpty: Bool { self.faults.isEmpty }
    var needsParts: Bool { self.faults.contains(where: \.needsParts) }

    /// What is done to processes. Limits are not in here: the configuration is the plan's to write.
    var steps: [Step] {
        var steps: [Step] = []
        for (index, fault) in self.faults.enumerated() {
            let acts = Self.acts(of: fault)
            for (place, step) in acts.enumerated() {
                steps.append(Step(seconds: step.seconds, act: step.act, fault: index, isFirst: place == 0))
            }
        }
        return steps.enumerated().sorted { ($0.element.seconds, $0.offset) < ($1.element.seconds, $1.offset) }
            .map(\.element)
    }

    private static func acts(of fault: TimedFault) -> [(seconds: Double, act: Act)] {
        switch fault.action {
        case .kill(.worker, _): return [(fault.seconds, .kill(.worker))]
        case .kill(let victim, _): return [(fault.seconds, .kill(victim)), (fault.endSeconds, .start(victim))]
        case .stop(let victim, _): return [(fault.seconds, .hold(victim)), (fault.endSeconds, .letGo(victim))]
        case .slow(let victim, let seconds):
            let periods = max(1, Int((seconds / Self.slowPeriodSeconds).rounded()))
            return (0..<periods).flatMap { period -> [(seconds: Double, act: Act)] in
                let begin = fault.seconds + Double(period) * Self.slowPeriodSeconds
                let end = begin + Self.slowPeriodSeconds * Self.stoppedShare
                return [(begin, .hold(victim)), (end, .letGo(victim))]
            }
        case .errors(let permille, _):
            return [(fault.seconds, .fail(permille: permille)), (fault.endSeconds, .fail(permille: 0))]
        case .reload: return [(fault.seconds, .reload)]
        case .joinGateway: return [(fault.seconds, .join)]
        case .limits: return []
        }
    }

    /// The limits after each change that is asked for; nil when none is.
    func changes(from before: SitePlan.Limits) -> [SitePlan.Change]? {
        var limits = before
        let changes = self.faults.compactMap { fault -> SitePlan.Change? in
            guard case .limits(let inflow, let burst, let slots) = fault.action else { return nil }
            limits.inflowMilli = inflow ?? limits.inflowMilli
            limits.burst = burst ?? limits.burst
            limits.slots = slots ?? limits.slots
            return SitePlan.Change(seconds: fault.seconds, limits: limits)
        }
        return changes.isEmpty ? nil : changes
    }
}
