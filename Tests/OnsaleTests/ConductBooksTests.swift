import Primitives
import Testing

@testable import onsale

/// What is booked of visitors who share a place, break the rules, or vanish on the way.
@Suite struct ConductBooksTests {
    let helper = VisitBooksTests()

    private func hear(
        _ books: inout VisitBooks,
        _ heard: VisitorMachine.Heard,
        _ conduct: VisitBooks.Conduct = .keepsRules,
        sent: Double,
        answered: Double,
        number: Int64? = nil
    ) {
        books.heard(
            heard,
            of: 0,
            conduct,
            isExit: false,
            response: number.map { VisitBooksTests.page($0) },
            sentAt: self.helper.at(sent),
            now: self.helper.at(answered)
        )
    }

    private func verdict(_ books: VisitBooks, sessionSeconds: Int64 = 20) -> Judge {
        var evidence = Evidence(startedMicros: 0, timeline: Timeline())
        evidence.books = books
        evidence.sessionMicros = sessionSeconds * 1_000_000
        return Judge(objectives: Objectives(), evidence: evidence)
    }

    /// Two tabs that join at once are given two places, and the jar keeps the later one: nobody has lost a place.
    @Test func tabs_thatJoinAtOnce_loseNoPlace() {
        var books = self.helper.books()
        self.hear(&books, .waitingPage, .sharesPlace, sent: 11, answered: 11.2, number: 7)
        self.hear(&books, .waitingPage, .sharesPlace, sent: 11.1, answered: 11.3, number: 8)
        self.hear(&books, .waitingPage, .sharesPlace, sent: 12, answered: 12.1, number: 8)
        #expect(books.visits[0].numberChanges == 0)
        self.hear(&books, .waitingPage, .sharesPlace, sent: 13, answered: 13.1, number: 9)
        #expect(books.visits[0].numberChanges == 1)
    }

    @Test func tabs_afterTheFirstIsIn_areInTogether() {
        var books = self.helper.books()
        self.hear(&books, .waitingPage, .sharesPlace, sent: 11, answered: 11.1, number: 7)
        self.hear(&books, .exchange, .sharesPlace, sent: 12, answered: 14)
        // Asked before the first was in: was at the door beside it.
        self.hear(&books, .exchange, .sharesPlace, sent: 13, answered: 14.1)
        self.hear(&books, .waitingPage, .sharesPlace, sent: 13.5, answered: 14.2, number: 7)
        self.hear(&books, .exchange, .sharesPlace, sent: 15, answered: 15.1)
        #expect(books.visits[0].exchanges == 1 && books.visits[0].returns == 0)
        #expect(books.visits[0].doubleEntries == 0, "with one place for both")
        #expect(self.verdict(books).letInOnce().outcome == .passed)
        self.hear(&books, .waitingPage, .sharesPlace, sent: 16, answered: 16.1, number: 7)
        #expect(self.verdict(books).letInOnce().outcome == .failed)
    }

    /// Both came before either had a place: the room may have let in two.
    @Test func tabs_thatJoinTogetherAndAreLetIn_mayBeTwo() {
        var books = self.helper.books()
        self.hear(&books, .exchange, .sharesPlace, sent: 12, answered: 12.2)
        self.hear(&books, .exchange, .sharesPlace, sent: 12.1, answered: 12.3)
        self.hear(&books, .exchange, .sharesPlace, sent: 13, answered: 13.3)
        #expect(books.visits[0].exchanges == 1 && books.visits[0].doubleEntries == 1)
    }

    /// To the room a stranger with each page: no place can be lost, and each time it is let in counts.
    @Test func stranger_isOwedNoPlace_andCountsEachTime() {
        var books = self.helper.books()
        self.hear(&books, .waitingPage, .breaksRules, sent: 11, answered: 11.1, number: 7)
        self.hear(&books, .waitingPage, .breaksRules, sent: 12, answered: 12.1, number: 9)
        #expect(books.visits[0].joinedMicros == nil && books.visits[0].numberChanges == 0)
        for second in [13.0, 14, 15] {
            self.hear(&books, .exchange, .breaksRules, sent: second, answered: second + 0.1)
        }
        self.hear(&books, .waitingPage, .breaksRules, sent: 16, answered: 16.1, number: 30)
        let judge = self.verdict(books)
        #expect(judge.passages.count == 3 && books.reentries.count == 2)
        #expect(judge.placeKept().outcome == .passed && judge.letInOnce().outcome == .passed)
        #expect(books.looks.all.filter { $0.kind == .letIn }.map(\.number) == [0, 0, 0])
        // A pass of 20 s for each page.
        let inside = Occupancy.atMostInside(judge.visits, reentries: judge.reentries, sessionMicros: 20_000_000)
        #expect(inside.extremes(from: 16_000_000, to: 17_000_000).most == 3)
    }

    /// Told to wait after having been in: the number on that page is not the one of the admission.
    @Test func stranger_inAndToldToWaitAgain_isNotMissedInTheJournal() {
        var books = self.helper.books()
        self.hear(&books, .exchange, .breaksRules, sent: 11, answered: 11.1)
        self.hear(&books, .waitingPage, .breaksRules, sent: 12, answered: 12.1, number: 30)
        let journal = [AdmissionJournal.Exchange(micros: 11_050_000, number: 7, doorWaitMicros: 0)]
        let comparison = JournalComparison(journal, books, startedMicros: 0, lost: 0)
        #expect(comparison.difference == 0)
    }

    /// Who fell out of a session has another number by then, and was let in under the first.
    @Test func sessionThatRanOut_isFoundInTheJournalByItsFirstNumber() {
        var books = self.helper.books()
        self.hear(&books, .waitingPage, sent: 10, answered: 10.1, number: 7)
        self.hear(&books, .exchange, sent: 11, answered: 11.1)
        self.hear(&books, .waitingPage, sent: 60, answered: 60.1, number: 30)
        let journal = [AdmissionJournal.Exchange(micros: 11_050_000, number: 7, doorWaitMicros: 0)]
        #expect(JournalComparison(journal, books, startedMicros: 0, lost: 0).difference == 0)
    }

    @Test func strangers_numberGivenToSomebodyElse_isFound() {
        var books = self.helper.books()
        self.hear(&books, .waitingPage, .breaksRules, sent: 11, answered: 11.1, number: 7)
        books.heard(
            .waitingPage,
            of: 1,
            isExit: false,
            response: VisitBooksTests.page(7),
            sentAt: self.helper.at(12),
            now: self.helper.at(12.1)
        )
        #expect(self.verdict(books).numbers().measured == "1")
    }

    /// A session ends where nothing is asked for so long; who asks sooner is owed the way in. Seen before: a gateway that
    /// stood still for three seconds read the request only then, and the session had run out.
    @Test(
        arguments: [
            (gap: 5.0, took: 0.1, isOwed: true), (gap: 30, took: 0.1, isOwed: false), (gap: 5, took: 13, isOwed: false),
            (gap: 5, took: 11, isOwed: true),
        ]
    )
    func sentBackToTheLine_afterTheSession_isNoFault(gap: Double, took: Double, isOwed: Bool) {
        var books = self.helper.books()
        self.hear(&books, .exchange, sent: 11, answered: 12)
        self.hear(&books, .waitingPage, sent: 12 + gap, answered: 12 + gap + took, number: 40)
        #expect(self.verdict(books).letInOnce().outcome == (isOwed ? .failed : .passed))
        #expect(books.visits[0].numberChanges == 0)
        #expect(self.verdict(books).placeKept().outcome == .passed)
    }

    /// The turn may come while the network is away: who is in after that may have been since.
    @Test func vanished_atTheDoor_mayHaveHadTheTurn() {
        var books = self.helper.books()
        self.hear(&books, .waitingPage, sent: 11, answered: 11.1, number: 7)
        self.hear(&books, .vanished, sent: 12, answered: 12)
        #expect(books.visits[0].sentRoundMicros == 12_000_000)
        #expect(books.looks.all.map(\.kind) == [.waiting, .error])
        self.hear(&books, .exchange, sent: 20, answered: 20.1)
        let passages = self.verdict(books).passages
        #expect(passages.surely(from: 19_000_000, to: 21_000_000) == 0)
        #expect(passages.atMost(from: 12_000_000, to: 13_000_000) == 1)
    }

    @Test func vanished_thenToldToWait_hadNoTurn() {
        var books = self.helper.books()
        self.hear(&books, .waitingPage, sent: 11, answered: 11.1, number: 7)
        self.hear(&books, .vanished, sent: 12, answered: 12)
        self.hear(&books, .waitingPage, sent: 18, answered: 18.1, number: 7)
        #expect(books.visits[0].sentRoundMicros == nil && books.visits[0].numberChanges == 0)
    }
}
