import TestKit
import Testing

@testable import onsale

/// The wall: the site of production broken in each way that we could think of, judged by the production judge. Each fault must break
/// exactly the promises that it should, and a site without one breaks none.
@Suite struct FaultWallTests {
    /// A sale of a minute and a half in which the rate binds, or the slots.
    static let scenario = Scenario(visitors: 900, durationSeconds: 90, seed: 5)

    static func plan(_ scenario: Scenario, tightSlots: Bool) -> SitePlan {
        var plan = SitePlan(scenario)
        plan.before = SitePlan.Limits(inflowPerSecond: 16, burst: 5)
        plan.changes = [
            SitePlan.Change(seconds: 39, limits: SitePlan.Limits(inflowPerSecond: 23, burst: 6)),
            SitePlan.Change(seconds: 54, limits: plan.before),
        ]
        plan.slots = tightSlots ? 55 : 400
        plan.sessionSeconds = 30
        // At the last ones the first passes that nobody gave back have run out.
        plan.probeSeconds = [25, 35, 45, 58, 62, 70]
        return plan
    }

    static func verdict(_ fault: Fault?, seed: UInt64 = 5, tightSlots: Bool = false) throws -> Verdict {
        var scenario = Self.scenario
        scenario.seed = seed
        return try ProxiedSale.verdict(scenario, plan: Self.plan(scenario, tightSlots: tightSlots), fault: fault)
    }

    /// Sites without a fault, with slots to spare and without.
    private static let controls = Result { try [false, true].map { try Self.verdict(nil, tightSlots: $0) } }

    static func judged(_ verdict: Verdict) -> Set<Check.Name> {
        Set(verdict.checks.filter { $0.outcome != .notJudged }.map(\.name))
    }

    /// What did not hold, and what could no longer be judged: a promise that vanishes must not pass for one that held.
    static func broken(_ verdict: Verdict, besides control: Verdict) -> Set<Check.Name> {
        Set(verdict.broken.map(\.name)).union(Self.judged(control).subtracting(Self.judged(verdict)))
    }

    static func words(_ verdict: Verdict) -> String {
        verdict.checks.filter { $0.outcome != .passed }
            .map { "\($0.name.rawValue): \($0.measured) (limit \($0.limit)); \($0.detail)" }.joined(separator: "\n")
    }

    /// Seeds by which sites without a fault are played.
    static let controlSeeds: UInt64 = LongRun.isOne ? 20 : 8

    /// Where the slots bind, waits are longest and hardest to tell.
    @Test(arguments: [false, true], 1...Self.controlSeeds)
    func site_withoutAFault_breaksNothing(tightSlots: Bool, seed: UInt64) throws {
        guard tightSlots || seed <= 5 else { return }
        let verdict = try Self.verdict(nil, seed: seed, tightSlots: tightSlots)
        #expect(verdict.broken.isEmpty, "\(Self.words(verdict))")
        #expect(verdict.exitCode == .good)
    }

    /// Where slots bind, a raise cannot show, and where they do not, they are not judged.
    @Test func sites_withoutAFault_judgeEveryPromise() throws {
        let judged = try Self.controls.get().map(Self.judged)
        #expect(judged[0] == Check.Name.ofOwnGateway.subtracting([.slots]))
        #expect(judged[0].union(judged[1]) == Check.Name.ofOwnGateway)
    }

    /// What is not tried would break nothing.
    @Test(arguments: [false, true])
    func site_withoutAFault_isShownEachTokenThatIsNoGood(tightSlots: Bool) throws {
        let plan = Self.plan(Self.scenario, tightSlots: tightSlots)
        var sale = try ProxiedSale(try Crowd(Self.scenario), plan: plan)
        sale.play()
        let results = sale.evidence.books?.probes.results ?? []
        #expect(Set(results.map(\.kind)) == Set(ProbeKind.allCases) && results.allSatisfy { $0.outcome == .refused })
    }

    static func promises(brokenBy fault: Fault) -> Set<Check.Name> {
        switch fault {
        case .reversedOrder: [.order, .positions, .numbers]
        case .positionAlwaysFirst: [.positions]
        case .numbersKeptBack: [.numbers, .order]
        case .everybodyAtDoor: [.doorLatency]
        case .estimateTheSameToAll, .estimateFrozen: [.estimates]
        // So many have gone that nobody waits for what the raise brings.
        case .estimateScaresAway: [.estimates, .reload]
        case .positionMissing, .numberMissing: [.pages]
        case .atDoorBeforeOpening: [.pages, .doorLatency]
        case .raiseByAnEighth: [.shortfall, .reload]
        case .turnsBurnt, .tailHeldBack: [.shortfall]
        case .answersLostOnKept: [.otherErrors]
        case .tokensRenamed: [.passes]
        case .slowPagesNowAndThen, .workersStandStill, .newcomersAskTwice: []
        // Who is not shown the door is taken for a no-show, and others come the sooner.
        // And those who were kept back go in before people who were told to be next.
        case .lowestStarved, .starvedByRefresh: [.order, .positions, .estimates, .doorLatency]
        // Who was told no number is a newcomer, as far as anyone can see.
        case .lowestJoining: [.pages, .order, .positions, .estimates, .doorLatency]
        case .newcomersFirst: [.order]
        case .randomPositions, .risingPositions: [.positions]
        case .numberGivenTwice: [.numbers]
        case .placeForgotten, .placeRenewed: [.placeKept]
        case .letInTwice: [.letInOnce]
        case .estimateTooShort, .estimateSaysNothing, .estimateMissing: [.estimates]
        case .noTimeToLookAgain, .countdownWrong: [.pages]
        case .burstTooLarge: [.pace]
        // The line is gone before the raise.
        case .inflowDoubled: [.pace, .reload]
        case .inflowHalved: [.shortfall, .reload]
        case .stalledForTen: [.shortfall, .doorLatency, .estimates]
        case .openedEarly: [.opening]
        case .openedLate: [.shortfall]
        case .slotsExceeded, .slotsExceededByFew: [.slots]
        // Once nobody waits any more, who fell out is let in again at once, and sees nothing of it.
        case .sessionsCutShort: [.letInOnce, .books]
        // Those slots come free long after any that came free before.
        case .sessionsTooLong: [.shortfall, .passes, .estimates]
        // Both are let in at one turn; the first who leaves gives up the slot of both.
        case .placeFromACache: [.numbers, .letInOnce, .pace, .books]
        case .gatewaysDisagree, .positionHalved: [.positions]
        // Whose slot is kept has a pass that is still good.
        case .slotsNotGivenBack: [.shortfall, .reload, .passes]
        case .raiseIgnored: [.shortfall, .reload]
        case .cutIgnored: [.pace, .reload]
        // Who still waits for the page misses the call.
        case .waitingPagesLate: [.lineLatency, .order, .estimates, .doorLatency]
        case .answersInsideLate, .oneSlowSecond: [.latency]
        case .letInLate: [.doorLatency, .order]
        case .frozenForTwo: [.latency, .lineLatency]
        case .pagesSwapped, .errorPageAs200: [.identity]
        case .answersLost, .connectionsRefused: [.otherErrors]
        case .serverErrors, .workerErrors: [.serverErrors]
        case .unsignedErrors: [.serverErrors, .blame]
        case .visitorForgotten: [.accounted]
        case .turnsTheHonestAway: [.otherErrors, .accounted]
        case .pagesCutOff: [.otherErrors]
        case .forgedPlaceTaken, .forgedPassTaken, .stolenPassTaken, .usedPassTaken, .usedPlaceTaken, .expiredPassTaken:
            [.passes]
        case .journalLeavesOut, .journalInvents, .journalTwice, .journalLate: [.books]
        case .workersStay, .statusLies: [.workers]
        case .leavesProcess: [.ending]
        case .agentLost: [.agents]
        case .toolLate: [.tool]
        }
    }

    @Test(arguments: Fault.allCases)
    func site_broken_breaksWhatItShouldAndNothingElse(fault: Fault) async throws {
        let verdict = try await Self.verdicts.verdict(of: fault)
        let control = try Self.controls.get()[fault.needsTightSlots ? 1 : 0]
        let expected = Self.promises(brokenBy: fault)
        #expect(Self.broken(verdict, besides: control) == expected, "\(Self.words(verdict))")
        let isInvalid = fault == .toolLate || fault == .agentLost
        #expect(verdict.exitCode == (expected.isEmpty ? .good : isInvalid ? .toolTooSlow : .broken))
    }

    /// A promise that nothing can break would not be one.
    @Test func promises_areEachBrokenBySomeFault() {
        let broken = Fault.allCases.reduce(into: Set<Check.Name>()) { $0.formUnion(Self.promises(brokenBy: $1)) }
        #expect(broken == Check.Name.ofOwnGateway)
    }

    /// A promise may be several lines of the verdict: each of them is one that something breaks.
    @Test func lines_areEachBrokenBySomeFault() async throws {
        let lines = Set(try Self.controls.get().flatMap(\.checks).filter { $0.outcome != .notJudged }.map(\.title))
        var broken: Set<String> = []
        for fault in Fault.allCases { broken.formUnion(try await Self.verdicts.verdict(of: fault).broken.map(\.title)) }
        #expect(lines.subtracting(broken) == [])
    }

    /// Each fault is played once, for whichever test asks first.
    private actor Verdicts {
        private var tasks: [Fault: Task<Verdict, any Error>] = [:]

        func verdict(of fault: Fault) async throws -> Verdict {
            let task =
                self.tasks[fault]
                ?? Task.detached { try FaultWallTests.verdict(fault, tightSlots: fault.needsTightSlots) }
            self.tasks[fault] = task
            return try await task.value
        }
    }

    private static let verdicts = Verdicts()
}
