import Primitives
import TestKit
import Testing

@testable import onsale

/// What visitors who share, lose, steal or forget their cookies send over real sockets.
@Suite struct CrowdConductTests {
    @Test func tabs_ofAPerson_showOneJarAndAreOneVisit() throws {
        let scenario = CrowdPlayerTests.scenario(visitors: 6) { manners in
            (manners.fewestPlaces, manners.mostPlaces) = (3, 3)
            manners.cookies = .shared
            manners.leavePageShare = 0
        }
        let outcome = try CrowdPlayerTests.play(scenario, reply: CrowdPlayerTests.room())
        let counts = outcome.counts
        #expect(counts.served == 6 && counts.errors.total == 0)
        let visits = outcome.books.visits
        #expect(visits.indices.filter { visits[$0].letIn != nil } == [0, 3])
        #expect([0, 3].allSatisfy { visits[$0].exchanges == 1 && visits[$0].numberChanges == 0 })
        // Only tabs that came before any had an answer show nothing.
        #expect(outcome.cookies.count { $0.isEmpty } <= 6)
        #expect(outcome.cookies.count { $0.contains("sluice-pass-onsale=") } >= counts.requests - 12)
    }

    @Test func cookieless_showsNothingAndIsAStrangerEachTime() throws {
        let scenario = CrowdPlayerTests.scenario(visitors: 5) { manners in
            manners.cookies = .none
            manners.toleratedWaitSeconds = 1.5
            manners.patienceSpread = 0
        }
        let outcome = try CrowdPlayerTests.play(scenario, reply: CrowdPlayerTests.room())
        #expect(outcome.counts.abandoned == 5 && outcome.counts.waitingPages > 5)
        #expect(outcome.cookies.allSatisfy { $0.isEmpty })
        #expect(outcome.books.strangerNumbers.count == outcome.counts.waitingPages)
        #expect(outcome.books.visits.allSatisfy { !$0.keepsRules && $0.numberChanges == 0 })
    }

    @Test func mobile_losesRequestsAndNothingElse() throws {
        let scenario = CrowdPlayerTests.scenario(visitors: 12) { manners in
            manners.lossShare = 1
            manners.lossMedianSeconds = 0.05
            manners.longestLossSeconds = 0.1
        }
        let outcome = try CrowdPlayerTests.play(scenario, reply: CrowdPlayerTests.room())
        let counts = outcome.counts
        #expect(counts.served == 12 && counts.errors.total == 0 && counts.vanished >= 12)
        #expect(counts.requests == counts.answered + counts.vanished)
        #expect(outcome.openConnections == 0)
        #expect(outcome.books.visits.allSatisfy { $0.letIn != nil && $0.numberChanges == 0 && $0.exchanges == 1 })
    }

    @Test func thief_showsThePassOfSomebodyInside() throws {
        var scenario = CrowdPlayerTests.scenario(visitors: 30)
        var own = scenario.manners
        own.thinkMedianSeconds = 1
        own.longestThinkSeconds = 1
        var thief = scenario.manners
        thief.cookies = .stolen
        thief.toleratedWaitSeconds = 3
        thief.patienceSpread = 0
        scenario.classes = [
            VisitorClass(name: "own", weight: 1, manners: own), VisitorClass(name: "thief", weight: 1, manners: thief),
        ]
        let outcome = try CrowdPlayerTests.play(scenario, reply: CrowdPlayerTests.room())
        // An own jar holds the place, too.
        #expect(outcome.cookies.contains("sluice-pass-onsale=p"))
        #expect(outcome.cookies.contains { $0.contains("sluice-place-onsale=") })
        #expect(outcome.counts.left == 30)
    }
}
