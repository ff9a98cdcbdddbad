import Primitives
import Testing

@testable import Addresses

/// What becomes of answers of name servers, and when they are asked again.
@Suite struct HostBookTests {
    private static let second = Nanoseconds.perSecond
    private static let (one, two, three) = (IPAddress.v4(1), IPAddress.v4(2), IPAddress.v6(0, 1))

    /// A book of some names, and its clock.
    private struct Desk {
        var book = HostBook()
        var now = Instant(nanoseconds: UInt64(HostBookTests.second))

        init(_ names: String..., intervalSeconds: Int64 = 10) {
            self.follow(names, intervalSeconds: intervalSeconds)
        }

        mutating func follow(_ names: [String], intervalSeconds: Int64 = 10) {
            let intervals = names.map { ($0, intervalSeconds * HostBookTests.second) }
            self.book.follow(Dictionary(uniqueKeysWithValues: intervals), now: self.now)
        }

        mutating func pass(seconds: Double) {
            self.now = self.now.advanced(byNanoseconds: Int64(seconds * Double(HostBookTests.second)))
        }

        mutating func due() -> [String] { self.book.takeDue(now: self.now) }

        /// The name is due, and answered so.
        mutating func answer(_ name: String, _ addresses: IPAddress...) -> HostBook.Change {
            _ = self.due()
            return self.book.answered(name, .success(addresses), now: self.now)
        }

        mutating func fail(_ name: String, _ reason: String = "no such name") -> HostBook.Change {
            _ = self.due()
            return self.book.answered(name, .failure(HostFailure(reason)), now: self.now)
        }
    }

    @Test func answer_theFirst_isWhoThereIs() {
        var desk = Desk("a")
        #expect(desk.book.addresses == [:], "not answered for")
        #expect(desk.answer("a", Self.two, Self.one) == .moved(added: [Self.one, Self.two], removed: []))
        #expect(desk.book.addresses == ["a": [Self.one, Self.two]] && desk.book.problems == [])
    }

    /// Name servers turn their answers to spread who takes the first.
    @Test func answer_inAnotherOrderOrTwice_changesNothing() {
        var desk = Desk("a")
        _ = desk.answer("a", Self.one, Self.two, Self.three)
        desk.pass(seconds: 10)
        #expect(desk.answer("a", Self.three, Self.two, Self.one, Self.two) == .none)
        #expect(desk.book.addresses == ["a": [Self.one, Self.two, Self.three]], "IPv4 first")
    }

    @Test func answer_others_saysWhoCameAndWhoWent() {
        var desk = Desk("a")
        _ = desk.answer("a", Self.one, Self.two)
        desk.pass(seconds: 10)
        #expect(desk.answer("a", Self.two, Self.three) == .moved(added: [Self.three], removed: [Self.one]))
    }

    @Test func failure_ofAKnownName_keepsItsAddressesAndIsSaidOnce() {
        var desk = Desk("a")
        _ = desk.answer("a", Self.one)
        desk.pass(seconds: 10)
        #expect(desk.fail("a") == .lost("no such name"))
        #expect(desk.book.addresses == ["a": [Self.one]])
        #expect(desk.book.problems.count == 1 && desk.book.problems[0].contains("last addresses stay in use"))
        desk.pass(seconds: 10)
        #expect(desk.fail("a") == .none, "once")
        desk.pass(seconds: 10)
        #expect(desk.fail("a", "it took too long") == .lost("it took too long"), "something else is news")
        desk.pass(seconds: 10)
        #expect(desk.answer("a", Self.one) == .back && desk.book.problems == [])
        desk.pass(seconds: 10)
        _ = desk.fail("a")
        desk.pass(seconds: 10)
        #expect(desk.answer("a", Self.two) == .moved(added: [Self.two], removed: [Self.one]))
    }

    @Test func failure_fromTheBeginning_hasNoWorkersAndIsTriedSoon() {
        var desk = Desk("a")
        #expect(desk.fail("a") == .lost("no such name"))
        #expect(desk.book.addresses == ["a": []], "answered for")
        #expect(desk.book.problems.first?.contains("it has no workers") == true)
        desk.pass(seconds: 0.9)
        #expect(desk.due() == [])
        desk.pass(seconds: 0.1)
        #expect(desk.due() == ["a"])
        #expect(desk.book.answered("a", .success([]), now: desk.now) == .lost("it has no address"))
    }

    @Test func due_isAskedOnceAndAgainAfterItsInterval() {
        var desk = Desk("a")
        #expect(desk.book.nextDue == desk.now)
        #expect(desk.due() == ["a"] && desk.due() == [], "one question at a time")
        #expect(desk.book.nextDue == nil)
        _ = desk.book.answered("a", .success([Self.one]), now: desk.now)
        #expect(desk.book.nextDue == desk.now.advanced(byNanoseconds: 10 * Self.second))
        desk.pass(seconds: 9.9)
        #expect(desk.due() == [])
        desk.pass(seconds: 0.1)
        #expect(desk.due() == ["a"])
    }

    @Test func due_manyNames_fourAtATime() {
        var desk = Desk("a", "b", "c", "d", "e", "f")
        #expect(desk.due() == ["a", "b", "c", "d"] && desk.due() == [])
        #expect(desk.book.nextDue == nil, "an answer has to come first")
        _ = desk.book.answered("b", .success([Self.one]), now: desk.now)
        #expect(desk.due() == ["e"])
        // Names that are followed no more still have their thread.
        desk.follow(["f"])
        #expect(desk.due() == [])
        #expect(desk.book.answered("a", .success([Self.one]), now: desk.now) == .none)
        #expect(desk.due() == ["f"] && desk.book.addresses == [:])
    }

    @Test func follow_aShorterInterval_asksSooner_andKeepsWhatIsKnown() {
        var desk = Desk("a", intervalSeconds: 600)
        _ = desk.answer("a", Self.one)
        desk.follow(["a", "b"], intervalSeconds: 5)
        #expect(desk.book.addresses == ["a": [Self.one]])
        #expect(desk.due() == ["b"])
        desk.pass(seconds: 5)
        #expect(desk.due() == ["a"])
        desk.follow([])
        #expect(desk.book.isEmpty && desk.book.addresses == [:] && desk.book.problems == [])
    }

    @Test func answer_moreThanAreKept_isTold() {
        var desk = Desk("a")
        let many = (1...70).map { IPAddress.v4($0) }
        _ = desk.due()
        _ = desk.book.answered("a", .success(many.reversed()), now: desk.now)
        #expect(desk.book.addresses["a"] == Array(many.prefix(HostBook.mostAddresses)))
        #expect(desk.book.problems.first?.contains("has 70 addresses: 64 of them are used") == true)
    }
}
