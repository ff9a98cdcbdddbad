import Testing

@testable import onsale

/// The wall: a site broken in each way that we could think of, judged by the production judge. Each fault must break
/// exactly the promises that it should, and a site without one breaks none.
@Suite struct FaultWallTests {
    /// A sale of a minute and a half in which the rate binds, or the slots.
    static let scenario = {
        var scenario = Scenario(visitors: 900, durationSeconds: 90, seed: 5)
        scenario.objectives.fewestAnswersOfASecond = 50
        return scenario
    }()

    static func room(tightSlots: Bool) -> VirtualRun.Room {
        var room = VirtualRun.Room(ratePerSecond: 16, burst: 5)
        room.ratePerWorker = 200
        room.sessionSeconds = 30
        room.slots = tightSlots ? 55 : 400
        room.changes = [(seconds: 39, ratePerSecond: 23, burst: 6), (seconds: 54, ratePerSecond: 16, burst: 5)]
        room.probeSeconds = [25, 35, 45]
        return room
    }

    static func verdict(_ fault: Fault?, tightSlots: Bool = false) throws -> Verdict {
        var run = VirtualRun(try Crowd(Self.scenario), room: Self.room(tightSlots: tightSlots), fault: fault)
        run.play()
        return Judge(objectives: Self.scenario.objectives, evidence: run.evidence).verdict()
    }

    static func broken(_ verdict: Verdict) -> Set<Check.Name> {
        Set(verdict.checks.filter { $0.outcome != .passed }.map(\.name))
    }

    static func words(_ verdict: Verdict) -> String {
        verdict.checks.filter { $0.outcome != .passed }
            .map { "\($0.name.rawValue): \($0.measured) (limit \($0.limit)); \($0.detail)" }.joined(separator: "\n")
    }

    @Test(arguments: [false, true])
    func site_withoutAFault_breaksNothing(tightSlots: Bool) throws {
        let verdict = try Self.verdict(nil, tightSlots: tightSlots)
        #expect(Self.broken(verdict) == [], "\(Self.words(verdict))")
        if !tightSlots { #expect(Set(verdict.checks.map(\.name)) == Check.Name.ofOwnGateway) }
    }

    static func promises(brokenBy fault: Fault) -> Set<Check.Name> {
        switch fault {
        case .reversedOrder: [.order, .positions]
        // Who is not shown the door is taken for a no-show, and others come the sooner.
        case .lowestStarved: [.order, .estimates, .doorLatency]
        case .newcomersFirst: [.order]
        case .randomPositions, .risingPositions: [.positions]
        case .numberGivenTwice: [.numbers]
        case .placeForgotten, .placeRenewed: [.placeKept]
        case .letInTwice: [.letInOnce]
        case .estimateTooShort, .estimateSaysNothing, .estimateMissing: [.estimates]
        case .noTimeToLookAgain, .countdownWrong: [.pages]
        case .inflowDoubled, .burstTooLarge: [.pace]
        case .inflowHalved: [.shortfall, .reload]
        case .stalledForTen: [.shortfall, .estimates]
        case .openedEarly: [.opening]
        case .slotsExceeded: [.slots]
        // Where slots bind nobody is called to spare, so nobody stands at the door for them.
        case .slotsNotGivenBack: [.shortfall]
        case .raiseIgnored: [.shortfall, .reload]
        case .cutIgnored: [.pace, .reload]
        // Who still waits for the page misses the call.
        case .waitingPagesLate: [.lineLatency, .order, .estimates, .doorLatency]
        case .answersInsideLate, .oneSlowSecond: [.latency]
        case .letInLate: [.doorLatency, .order]
        case .frozenForTwo: [.latency, .lineLatency]
        case .pagesSwapped, .errorPageAs200: [.identity]
        case .answersLost, .connectionsRefused: [.otherErrors]
        case .serverErrors: [.serverErrors]
        case .unsignedErrors: [.serverErrors, .blame]
        case .visitorForgotten: [.accounted]
        case .forgedPlaceTaken, .forgedPassTaken, .stolenPassTaken, .usedPassTaken, .usedPlaceTaken: [.passes]
        case .journalLeavesOut, .journalInvents, .journalTwice: [.books]
        case .workersStay: [.workers]
        case .leavesProcess: [.ending]
        case .agentLost: [.agents]
        case .toolLate: [.tool]
        }
    }

    @Test(arguments: Fault.allCases)
    func site_broken_breaksWhatItShouldAndNothingElse(fault: Fault) throws {
        let tightSlots = fault == .slotsExceeded
        let verdict = try Self.verdict(fault, tightSlots: tightSlots)
        #expect(Self.broken(verdict) == Self.promises(brokenBy: fault), "\(Self.words(verdict))")
        #expect(verdict.exitCode == (fault == .toolLate || fault == .agentLost ? .toolTooSlow : .broken))
    }

    /// A promise that nothing can break would not be one.
    @Test func promises_areEachBrokenBySomeFault() {
        let broken = Fault.allCases.reduce(into: Set<Check.Name>()) { $0.formUnion(Self.promises(brokenBy: $1)) }
        #expect(broken == Check.Name.ofOwnGateway)
    }
}
