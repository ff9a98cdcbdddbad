import Rooms
import Testing

@Suite struct UnheardAdmissionsTests {
    private func key(_ number: Int64) -> LineKey { LineKey(epoch: 1, number: number) }

    private func hears(_ number: Int64, _ unheard: inout UnheardAdmissions) -> Bool { unheard.hears(self.key(number)) }

    @Test func hears_isTrueOnce() {
        var unheard = UnheardAdmissions()
        unheard.add(self.key(1))
        unheard.add(self.key(1))
        let answers = [2, 1, 1].map { self.hears($0, &unheard) }
        #expect(answers == [false, true, false])
    }

    @Test func add_beyondTheLimit_forgetsTheOldestWhoHasNotHeard() {
        var unheard = UnheardAdmissions(most: 3)
        for number in 1...3 as ClosedRange<Int64> { unheard.add(self.key(number)) }
        #expect(self.hears(1, &unheard))
        unheard.add(self.key(4))
        unheard.add(self.key(5))
        #expect(unheard.count == 3)
        #expect(!self.hears(2, &unheard) && self.hears(3, &unheard))
        // Who comes again after having heard is remembered anew, however many have come and heard between.
        for number in 10...99 as ClosedRange<Int64> {
            unheard.add(self.key(number))
            #expect(self.hears(number, &unheard))
        }
        #expect(self.hears(4, &unheard) && self.hears(5, &unheard) && unheard.count == 0)
    }
}
