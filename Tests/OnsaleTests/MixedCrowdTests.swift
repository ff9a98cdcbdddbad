import TestKit
import Testing

@testable import onsale

/// A crowd of every kind of people, those who break the room's rules on purpose among them: a faultless site breaks no
/// promise to it, and each fault of the wall is still found.
@Suite struct MixedCrowdTests {
    /// More people than there, because those without a place leave the line shorter.
    static let scenario = {
        var scenario = FaultWallTests.scenario.withEveryKind()
        scenario.visitors = 1_050
        return scenario
    }()

    static func verdict(_ fault: Fault?, seed: UInt64 = 5, tightSlots: Bool = false) throws -> Verdict {
        var scenario = Self.scenario
        scenario.seed = seed
        let plan = FaultWallTests.plan(scenario, tightSlots: tightSlots)
        return try ProxiedSale.verdict(scenario, plan: plan, fault: fault)
    }

    @Test(arguments: 1...FaultWallTests.controlSeeds, [false, true])
    func site_withoutAFault_breaksNothing(seed: UInt64, tightSlots: Bool) throws {
        guard tightSlots || (5...7).contains(seed) else { return }
        let verdict = try Self.verdict(nil, seed: seed, tightSlots: tightSlots)
        #expect(verdict.broken.isEmpty, "\(FaultWallTests.words(verdict))")
    }

    /// What a fault must break here, too: among people who ask at their own pace and wait for several places, how long the
    /// others wait is a matter of the crowd, and a wrong estimate says less.
    static func promises(brokenBy fault: Fault) -> Set<Check.Name> {
        var promises = FaultWallTests.promises(brokenBy: fault)
        switch fault {
        // That it can no longer be judged breaks it there.
        case .estimateScaresAway, .inflowDoubled: promises.remove(.reload)
        // None of the places that are given away has been called before.
        case .numbersKeptBack: promises.remove(.order)
        // Those without a place are called in place of those who are kept back.
        case .starvedByRefresh: promises.remove(.positions)
        // Two who go in at one turn show in the pace only when the bucket is empty.
        case .placeFromACache: promises.remove(.pace)
        // The last numbers are those of strangers, with which nobody comes; and behind strangers all are told too much.
        case .tailHeldBack, .estimateTheSameToAll: return []
        default: break
        }
        return promises == [.estimates] ? promises : promises.subtracting([.estimates])
    }

    /// What may be broken besides: the estimate may suffer from what a fault does to the order, and a burst looks like a
    /// late change. A thief whom a fault lets in is past the line, or shares the slot of somebody who is in.
    static func mayBreak(_ fault: Fault) -> Set<Check.Name> {
        switch fault {
        // Of several tabs one may be given another place than the others have.
        case .newcomersFirst: [.estimates, .passes, .books, .positions]
        case .numbersKeptBack: [.estimates, .order, .books]
        // Who asks in the stall is told to come again late, and comes later than the line then moves.
        case .stalledForTen: [.estimates, .order]
        case .placeFromACache: [.estimates, .pace]
        case .lowestJoining: [.estimates, .numbers]
        // Who fell out takes a second turn.
        case .sessionsCutShort: [.estimates, .placeKept, .shortfall]
        // While nobody waits, both requests are let in, and one of them is nobody's.
        case .newcomersAskTwice: [.estimates, .books]
        case .stolenPassTaken: [.order, .pace, .books, .letInOnce, .estimates]
        // A hundred at once are many for one worker.
        case .burstTooLarge: [.estimates, .reload, .latency]
        case .waitingPagesLate: [.estimates, .reload]
        // A tab that is sent away while another is let in was told to wait when it was due.
        case .letInTwice: [.estimates, .order]
        case .numberGivenTwice: [.books, .estimates]
        // A stranger who was let in by an answer that was lost comes again as another one.
        case .answersLostOnKept: [.books, .estimates]
        default: [.estimates]
        }
    }

    /// The whole wall once more takes a minute, and is played with the long checks; else each fifth of it.
    static let wall =
        LongRun.isOne
        ? Fault.allCases : Fault.allCases.enumerated().filter { $0.offset.isMultiple(of: 5) }.map(\.element)

    @Test(arguments: Self.wall)
    func site_broken_isStillFound(fault: Fault) throws {
        let verdict = try Self.verdict(fault, tightSlots: fault.needsTightSlots)
        let broken = Set(verdict.broken.map(\.name))
        let promises = Self.promises(brokenBy: fault)
        #expect(broken.isSuperset(of: promises), "\(FaultWallTests.words(verdict))")
        #expect(broken.subtracting(promises).isSubset(of: Self.mayBreak(fault)), "\(FaultWallTests.words(verdict))")
    }
}
