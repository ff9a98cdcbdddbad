import Primitives
import Testing

@testable import onsale

/// Who is let in with a page that a fault took away holds a slot that nobody has seen given.
@Suite struct UnheardStayTests {
    let helper = VisitBooksTests()

    private func judge(_ heard: [(VisitorMachine.Heard, Double)], faultAt seconds: Double = 30) throws -> Judge {
        var books = self.helper.books()
        for (heard, second) in heard {
            let isPage = heard == .waitingPage
            self.helper.hear(&books, heard, second, isPage ? VisitBooksTests.page(7) : nil)
        }
        let excuses = try ExcusesTests.excuses(.errors(permille: 50, seconds: 5), at: seconds)
        var evidence = Evidence(startedMicros: 0, timeline: Timeline(excuses: excuses))
        evidence.books = books
        evidence.sessionMicros = 60_000_000
        return Judge(objectives: Objectives(), evidence: evidence)
    }

    @Test func firstPage_thatAFaultTookAway_mayHaveGivenASlotForASession() throws {
        let error = VisitorMachine.Heard.error(.workerError)
        let judge = try self.judge([(.waitingPage, 20), (error, 31), (error, 33)])
        #expect(judge.unheardStays == [Visit.Span(sentMicros: 31_000_000, answeredMicros: 33_500_000)])
        let inside = Occupancy.atMostInside(
            judge.visits,
            reentries: judge.unheardStays,
            sessionMicros: judge.evidence.sessionMicros
        )
        #expect(inside.extremes(from: 90_000_000, to: 93_000_000).fewest == 1)
        #expect(inside.extremes(from: 95_000_000, to: 99_000_000).most == 0)
        #expect(inside.extremes(from: 20_000_000, to: 30_900_000).most == 0)
    }

    /// Let in or told to wait after it, nothing is unheard; and without a fault an error hides nothing.
    @Test func errors_thatGaveNoSlot_takeNone() throws {
        let error = VisitorMachine.Heard.error(.workerError)
        #expect(try self.judge([(error, 31), (.exchange, 33)]).unheardStays.isEmpty)
        #expect(try self.judge([(error, 31), (.waitingPage, 33)]).unheardStays.isEmpty)
        #expect(try self.judge([(error, 31)], faultAt: 90).unheardStays.isEmpty)
    }
}
