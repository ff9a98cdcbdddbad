import Primitives
import Testing

@testable import onsale

@Suite struct VisitBooksTests {
    let start = Instant(nanoseconds: 1_000_000_000_000)

    func at(_ seconds: Double) -> Instant { self.start.advanced(byNanoseconds: Int64(seconds * 1e9)) }

    func books(visitors: Int = 2) -> VisitBooks {
        VisitBooks(visitors: visitors, startedAt: self.start, openingAt: self.at(10))
    }

    static func page(_ number: Int64?, refresh: Int64 = 2, opensIn: Int64 = 0) -> Response {
        var response = Response(
            status: 200,
            standing: .waiting,
            page: WaitingPage(number: number, refreshSeconds: refresh, opensInSeconds: opensIn)
        )
        response.retryAfterSeconds = refresh
        return response
    }

    func hear(
        _ books: inout VisitBooks,
        _ heard: VisitorMachine.Heard,
        of index: Int = 0,
        _ seconds: Double,
        _ response: Response? = nil,
        isExit: Bool = false
    ) {
        books.heard(
            heard,
            of: index,
            isExit: isExit,
            response: response,
            sentAt: self.at(seconds),
            now: self.at(seconds + 0.5)
        )
    }

    @Test func wholeVisit_isBookedWithItsMoments() throws {
        var books = self.books()
        self.hear(&books, .waitingPage, 11, Self.page(nil))
        var told = Self.page(7)
        told.page?.estimateSeconds = 3...9
        self.hear(&books, .waitingPage, 12, told)
        told.page?.estimateSeconds = 1...2
        self.hear(&books, .doorPage, 14, told)
        #expect(books.visits[0].doorSinceMicros == 14_000_000)
        self.hear(&books, .exchange, 15)
        self.hear(&books, .inside, 16)
        self.hear(&books, .inside, 17, isExit: true)
        let visit = books.visits[0]
        #expect(visit.number == 7 && visit.numberChanges == 0 && visit.exchanges == 1 && visit.returns == 0)
        #expect(visit.joinedMicros == 12_500_000 && visit.lastLookSentMicros == 15_000_000)
        #expect(visit.doorSinceMicros == nil)
        #expect(books.looks.all.map(\.estimateSeconds) == [nil, 3...9, 1...2, nil])
        #expect(books.looks.all.map(\.refreshSeconds) == [2, 2, 2, 0])
        #expect(books.insideAnswers.all.map(\.answeredMicros) == [15_500_000, 16_500_000, 17_500_000])
        #expect(visit.letIn == .init(sentMicros: 15_000_000, answeredMicros: 15_500_000))
        #expect(visit.exit == visit.lastInside && visit.exit?.sentMicros == 17_000_000)
        #expect(books.looks.all.map(\.kind) == [.joining, .waiting, .atDoor, .letIn])
        #expect(books.looks.all.map(\.number) == [0, 7, 7, 7])
        #expect(books.visits[1] == Visit())
    }

    @Test func lostPlace_andSecondEntry_areBooked() {
        var books = self.books()
        self.hear(&books, .waitingPage, 11, Self.page(7))
        self.hear(&books, .waitingPage, 12, Self.page(9))
        self.hear(&books, .exchange, 13)
        self.hear(&books, .waitingPage, 14, Self.page(9))
        self.hear(&books, .exchange, 15)
        #expect(books.visits[0].numberChanges == 1)
        #expect(books.visits[0].exchanges == 2 && books.visits[0].returns == 1)
        #expect(books.visits[0].letIn?.sentMicros == 13_000_000)
    }

    /// Whose exit page was lost may be out: that they stand in line again is no fault.
    @Test(arguments: [VisitorMachine.Heard.error(.broken), .staleConnection])
    func exitThatWasLost_excusesWhatComesAfter(lost: VisitorMachine.Heard) {
        var books = self.books()
        self.hear(&books, .waitingPage, 11, Self.page(7))
        self.hear(&books, .exchange, 12)
        self.hear(&books, lost, 13, isExit: true)
        self.hear(&books, .waitingPage, 14, Self.page(9))
        self.hear(&books, .exchange, 15)
        self.hear(&books, .inside, 16, isExit: true)
        let visit = books.visits[0]
        #expect(visit.lastInside?.sentMicros == 12_000_000 && visit.exit == nil && books.looks.count == 2)
        #expect(visit.mayHaveLeft && visit.numberChanges == 0 && visit.returns == 0 && visit.exchanges == 1)
    }

    /// A page that was never asked for gives nothing back.
    @Test(arguments: [ErrorKind.refused, .connectTimedOut, .crowdedOut, .toolLimit])
    func exitThatWasNeverAskedFor_excusesNothing(kind: ErrorKind) {
        var books = self.books()
        self.hear(&books, .exchange, 12)
        self.hear(&books, .error(kind), 13, isExit: true)
        self.hear(&books, .waitingPage, 14, Self.page(9))
        #expect(!books.visits[0].mayHaveLeft && books.visits[0].returns == 1)
    }

    /// Seen before: who was given the turn in a request that was lost, as by a gateway that was killed, was taken to be in
    /// from the next one on, and for a session from there: more than the slots, and faster than the rate.
    @Test(
        arguments: [
            .error(.broken), .error(.answerTimedOut), .error(.gatewayError), .error(.workerError), .error(.badAnswer),
            .staleConnection, .vanished,
        ] as [VisitorMachine.Heard]
    )
    func answerThatWasLost_mayHaveBeenTheTurn(lost: VisitorMachine.Heard) throws {
        var books = self.books()
        self.hear(&books, .waitingPage, 11, Self.page(7))
        self.hear(&books, lost, 12)
        self.hear(&books, .error(.refused), 13)
        self.hear(&books, lost, 14)
        self.hear(&books, .exchange, 20)
        #expect(books.visits[0].sentRoundMicros == 12_000_000)
        // The session may have begun with the first of them.
        let surely = Occupancy.surelyInside(books.visits, sessionMicros: 10_000_000)
        #expect(surely.times.last ?? 0 <= 29_000_000)
        let way = AnswerWay(books.looks.all, usualMicros: 1_000_000)
        let passages = Passages(books.visits, reentries: [], way)
        #expect(passages.surely(from: 19_000_000, to: 21_000_000) == 0)
        #expect(passages.surely(from: 12_000_000, to: 21_000_000) == 1)
    }

    @Test func errorsThatSayNothing_areNoTurn() {
        var books = self.books(visitors: 1)
        self.hear(&books, .waitingPage, 11, Self.page(7))
        self.hear(&books, .error(.refused), 12)
        #expect(books.visits[0].sentRoundMicros == nil)
        self.hear(&books, .error(.broken), 13)
        self.hear(&books, .waitingPage, 14, Self.page(7))
        #expect(books.visits[0].sentRoundMicros == nil, "a page took the visitor for not called")
    }

    /// Who is let in after having stood at the door waited since then, whatever requests that took.
    @Test func doorTime_countsFromTheFirstStand() {
        var books = self.books()
        func due(_ heard: VisitorMachine.Heard) -> Instant { books.due(heard, of: 0, requestDue: self.at(16)) }
        #expect(due(.exchange) == self.at(16))
        self.hear(&books, .doorPage, 11, Self.page(7))
        self.hear(&books, .doorPage, 14, Self.page(7))
        #expect(due(.exchange) == self.at(11) && due(.inside) == self.at(16))
        self.hear(&books, .waitingPage, 15, Self.page(7))
        #expect(due(.exchange) == self.at(16))
    }

    /// A page must name the number that was told before.
    @Test func numberThatIsGone_isCounted() {
        var books = self.books()
        self.hear(&books, .waitingPage, 11, Self.page(nil))
        self.hear(&books, .waitingPage, 12, Self.page(7))
        #expect(books.pagesWithoutNumber == 0)
        self.hear(&books, .waitingPage, 13, Self.page(nil))
        self.hear(&books, .waitingPage, 14, Self.page(0))
        #expect(books.pagesWithoutNumber == 2 && books.visits[0].number == 7 && books.visits[0].numberChanges == 0)
        #expect(books.looks.all.map(\.kind) == [.joining, .waiting, .waiting, .waiting])
    }

    @Test func sentRoundFromTheDoor_isBookedUntilAPageSaysOtherwise() {
        var books = self.books()
        self.hear(&books, .doorPage, 11, Self.page(7))
        #expect(books.visits[0].sentRoundMicros == 11_500_000)
        self.hear(&books, .waitingPage, 12, Self.page(7))
        #expect(books.visits[0].sentRoundMicros == nil)
    }

    /// Errors of those who are inside are not looks at the line.
    @Test func errors_areLooksOutsideOnly() {
        var books = self.books()
        self.hear(&books, .error(.broken), 11)
        self.hear(&books, .exchange, 12)
        self.hear(&books, .error(.broken), 13)
        self.hear(&books, .staleConnection, 14)
        #expect(books.looks.all.map(\.kind) == [.error, .letIn])
    }

    @Test func pages_withoutATimeOrWithAnotherOpening_areCounted() {
        var books = self.books()
        self.hear(&books, .waitingPage, 4, Self.page(1, opensIn: 6))
        self.hear(&books, .waitingPage, 4, Self.page(1, opensIn: 7))
        self.hear(&books, .waitingPage, 12, Self.page(1))
        #expect(books.pagesWithoutTime == 0 && books.pagesWithWrongCountdown == 0)
        self.hear(&books, .waitingPage, 12, Self.page(1, refresh: 0))
        self.hear(&books, .waitingPage, 12, Self.page(1, refresh: 3_600))
        var silent = Self.page(1)
        silent.retryAfterSeconds = nil
        self.hear(&books, .waitingPage, 12, silent)
        #expect(books.pagesWithoutTime == 3)
        self.hear(&books, .waitingPage, 4, Self.page(1, opensIn: 16))
        self.hear(&books, .waitingPage, 4, Self.page(1, opensIn: 0))
        self.hear(&books, .waitingPage, 12, Self.page(1, opensIn: 3))
        #expect(books.pagesWithWrongCountdown == 3 && books.pages == 9)
    }

    /// More than a piece of the list.
    @Test func looks_keepTheirOrder() {
        var list = LookList()
        for index in 0..<150_000 {
            list.append(
                Look(
                    visitor: UInt32(index),
                    number: 0,
                    position: 0,
                    kind: .waiting,
                    sentMicros: 0,
                    answeredMicros: Int64(index)
                )
            )
        }
        #expect(list.count == 150_000)
        #expect(list.all.map(\.visitor).elementsEqual((0..<150_000).map(UInt32.init)))
        #expect(MemoryLayout<Look>.stride == 32)
    }
}

/// Marks and tokens, as they go over the wire.
@Suite struct TokenTests {
    static func jar(_ fields: [String]) -> CookieJar {
        var jar = CookieJar()
        for field in fields { Array(field.utf8).withUnsafeBytes { _ = jar.take(setCookie: $0) } }
        return jar
    }

    static func text(_ jar: CookieJar) -> String { String(decoding: jar.header, as: UTF8.self) }

    @Test func mark_isSixteenDigitsOfItsOwn() {
        func digits(_ mark: RequestMark) -> String {
            var bytes: [UInt8] = []
            mark.forEachDigit { bytes.append($0) }
            return String(decoding: bytes, as: UTF8.self)
        }
        #expect(digits(RequestMark(visitor: 0x1234, ordinal: 0xABC)) == "0000123400000abc")
        #expect(digits(RequestMark(visitor: .max, ordinal: .max)) == "ffffffffffffffff")
    }

    @Test func token_takenAlone_isTheSame() {
        let jar = Self.jar(["place=abcdef; Path=/", "pass=uvwxyz", "other=1"])
        #expect(Self.text(jar.taken(only: "pass")) == "pass=uvwxyz")
        #expect(jar.taken(only: "pas").header.isEmpty)
    }

    /// What was used a moment ago may still be good, and is not shown.
    @Test func usedTokens_areShownOnceTheyHaveSettled() {
        let start = Instant(nanoseconds: 1_000_000_000_000)
        func at(_ seconds: Double) -> Instant { start.advanced(byNanoseconds: Int64(seconds * 1e9)) }
        var stock = ProbeStock()
        stock.keep(Self.jar(["pass=a"]), of: 1, now: at(0))
        stock.keep(Self.jar(["pass=b"]), of: 2, now: at(0.5))
        stock.keep(Self.jar(["pass=c"]), of: 3, now: at(1.5))
        #expect(stock.settled(now: at(1.9)) == nil)
        #expect(stock.settled(now: at(2))?.index == 1)
        for second in 3...6 { stock.keep(Self.jar(["pass=d"]), of: second, now: at(Double(second))) }
        #expect(stock.settled(now: at(6))?.index == 3)
        #expect(stock.next() == 1 && stock.next() == 2)
    }

    /// When a worker fails the exit page and the visitor gives up, the pass stays good.
    @Test func usedTokens_ofAnExitThatFailed_areNotShown() {
        let start = Instant(nanoseconds: 1_000_000_000_000)
        var stock = ProbeStock()
        stock.keep(Self.jar(["pass=a"]), of: 1, now: start)
        stock.keep(Self.jar(["pass=b"]), of: 2, now: start.advanced(byNanoseconds: Nanoseconds.perSecond))
        stock.forget(1)
        let later = start.advanced(byNanoseconds: 2 * ProbeStock.settlingNanoseconds)
        #expect(stock.settled(now: later)?.index == 2)
    }

    /// Of those who gave nothing back the first are kept, and shown when their session is surely over.
    @Test func passesThatWereLeft_areShownOnceTheyHaveRunOut() {
        let start = Instant(nanoseconds: 1_000_000_000_000)
        func at(_ seconds: Double) -> Instant { start.advanced(byNanoseconds: Int64(seconds * 1e9)) }
        let session = 12 * Nanoseconds.perSecond
        var stock = ProbeStock()
        for second in 0...9 { stock.keepLeft(Self.jar(["pass=a"]), of: second, now: at(Double(second))) }
        #expect(stock.expired(sessionNanoseconds: session, now: at(13.9)) == nil)
        #expect(stock.expired(sessionNanoseconds: session, now: at(14))?.index == 0)
        #expect(stock.settled(now: at(14)) == nil)
        stock.forget()
        #expect(stock.expired(sessionNanoseconds: session, now: at(99)) == nil)
    }

    /// One character, in the middle of the value and nowhere else.
    @Test func token_forged_differsInOneCharacter() {
        let jar = Self.jar(["pass=uvwxyz", "place=AAAAAA"])
        #expect(Self.text(jar.forged(only: "pass")) == "pass=uvwAyz")
        #expect(Self.text(jar.forged(only: "place")) == "place=AAABAA")
        #expect(jar.forged(only: "none").header.isEmpty)
    }
}
