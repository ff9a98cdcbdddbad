import Primitives
import Testing

@testable import Pools

@Suite struct WorkerChoiceTests {
    private typealias Candidate = WorkerChoice.Candidate

    private func candidate(_ load: Int, hasRoom: Bool = true, isEjected: Bool = false, isAvoided: Bool = false)
        -> Candidate
    {
        Candidate(load: load, hasRoom: hasRoom, isEjected: isEjected, isAvoided: isAvoided)
    }

    private func picks(_ candidates: [Candidate], seed: UInt64 = 1) -> Set<Int?> {
        var random = SplitMix64(seed: seed)
        return Set(
            (0..<500).map { _ in WorkerChoice.pick(count: candidates.count, random: &random) { candidates[$0] } }
        )
    }

    @Test func noWorker_orNoRoom_nothing() {
        #expect(self.picks([]) == [nil])
        #expect(self.picks([self.candidate(0, hasRoom: false)]) == [nil])
        #expect(self.picks([self.candidate(0, hasRoom: false), self.candidate(0, hasRoom: false)]) == [nil])
    }

    @Test func oneWorker_isTakenWhateverItDid() {
        #expect(self.picks([self.candidate(9, isEjected: true, isAvoided: true)]) == [0])
    }

    @Test func twoWorkers_theLessLoadedOne() {
        #expect(self.picks([self.candidate(3), self.candidate(1)]) == [1])
    }

    @Test func manyWorkers_neverTheMostLoadedOne() {
        let picked = self.picks((0..<6).map { self.candidate($0) })
        #expect(!picked.contains(5) && picked.count == 5)
    }

    @Test func ejectedAvoidedAndFullOnes_arePassedBy() {
        let picked = self.picks([
            self.candidate(0, isEjected: true), self.candidate(0, isAvoided: true), self.candidate(0, hasRoom: false),
            self.candidate(7),
        ])
        #expect(picked == [3])
    }

    @Test func onlyEjectedOnesHaveRoom_theyAreTaken() {
        let picked = self.picks([
            self.candidate(5, isEjected: true), self.candidate(0, hasRoom: false), self.candidate(2, isEjected: true),
        ])
        #expect(picked == [2])
    }

    /// Workers that were started by other settings have other numbers of slots.
    @Test func workersOfUnequalSlots_theOneThatIsLessFull() {
        let small = Candidate(load: 6, slots: 8, hasRoom: true)
        let large = Candidate(load: 12, slots: 32, hasRoom: true)
        #expect(self.picks([small, large]) == [1] && self.picks([large, small]) == [0])
        let ejected = [small, large].map { Candidate(load: $0.load, slots: $0.slots, hasRoom: true, isEjected: true) }
        #expect(self.picks(ejected) == [1] && self.picks(ejected.reversed()) == [0])
    }
}
